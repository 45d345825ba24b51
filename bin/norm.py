#!/usr/bin/env python3
"""Fit the norm of scores to held-out controls."""

from pathlib import Path

import click

from cli import existing_directory, output_directory, tool
from options.scores import score_option


@tool
@click.argument("slices", type=existing_directory, nargs=-1, required=True)
@click.option(
    "--maps",
    type=existing_directory,
    required=True,
    help="Folder that holds the folder of map.py of each of these scans, under its name.",
)
@score_option
@click.option("--out", type=output_directory, required=True, help="Folder to write.")
def norm_of(slices: tuple[Path, ...], maps: Path, score: str, out: Path) -> None:
    """Fit the norm, what health shows voxel by voxel, to SLICES, the slice.py folders of held-out healthy scans.

    OUT gets two norms, which calibrate.py compares scans with: of the score, which guidance makes, and of the unguided
    round trip; and in method.json how the scores were made, and who the controls are. Those of an earlier call go. With
    fewer subjects than it takes, that is said, and nothing is written.

    \b
    Example:
      norm.py slices/cn* --maps maps --out norm
    """
    import logging

    from tqdm import tqdm

    from healthward.imaging.slices import load_scan, read_record
    from healthward.maps.scores import FILE, read_scores
    from healthward.norms.calibration import FEWEST_CONTROLS, fit_norm, prepare
    from healthward.norms.control_scans import ROUND_TRIP, record_of_controls, remove_norms, save_record

    folders = sorted(slices, key=lambda folder: (read_record(folder).subject, read_record(folder).scan))
    records = [read_record(folder) for folder in folders]
    scans = [(folder, record, maps / record.scan) for folder, record in zip(folders, records, strict=True)]
    record = record_of_controls(score, scans)
    remove_norms(out)
    subjects = {record.subject for record in records}
    if len(subjects) <= FEWEST_CONTROLS:
        logging.getLogger(__name__).warning(
            "%d held-out control subjects; it takes %d to calibrate maps", len(subjects), FEWEST_CONTROLS + 1
        )
        return
    for name in (score, ROUND_TRIP):
        progress = tqdm(folders, desc=name, unit="scan", disable=None)
        prepared = (
            (scan.record.subject, prepare(read_scores(maps / scan.record.scan / FILE, [name])[name], scan))
            for scan in map(load_scan, progress)
        )
        fit_norm(prepared, records[0].spacing, out / name)
    save_record(out, record)


if __name__ == "__main__":
    norm_of()
