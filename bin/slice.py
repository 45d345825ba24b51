#!/usr/bin/env python3
"""Conform one scan and cut its slices."""

from pathlib import Path

import click

from cli import existing_file, existing_path, output_directory, tool
from healthward.labels import Classes
from options.classes import classes_option, parse_label
from options.cube import fov_option, size_option, slice_range_option
from options.scan import parse_id, prepared_option


@tool
@click.argument("image", type=existing_path)
@click.option("--scan", required=True, callback=parse_id, help="Name of the scan.")
@click.option("--subject", required=True, callback=parse_id, help="Name of its subject.")
@click.option("--label", required=True, callback=parse_label, help="Its class, in any case, or unknown.")
@classes_option
@click.option("--split", type=click.Choice(["train", "val", "test"]), default="test", help="What the scan is for.")
@click.option("--mask", type=existing_file, help="Ground-truth anomaly on the scan's own grid.")
@prepared_option
@size_option
@slice_range_option
@fov_option
@click.option("--out", type=output_directory, required=True, help="Folder to write.")
def slice_scan(
    image: Path,
    scan: str,
    subject: str,
    label: str,
    classes: Classes,
    split: str,
    mask: Path | None,
    prepared: Path | None,
    size: int,
    slice_range: tuple[float, float],
    fov: float,
    out: Path,
) -> None:
    """Conform IMAGE, a T1 volume, and cut it into slices along three axes.

    The volume is resampled into a cube of SIZE³ voxels and scaled to [0, 1]: in MNI space by --prepared; without it
    along the world's axes and centred on the brain, whose skull must be off then. OUT gets the slices (slices.npy), the
    cube, a brain mask, in scan.json the geometry that takes a map back to the scan's own grid, and what the scan is
    recognised by (signature.safetensors).

    \b
    Example:
      slice.py ad0.nii.gz --prepared prepared/ad0 --scan ad0 --subject ad0 --label AD --out slices/ad0
    """
    import logging

    from healthward.checks.inspection import load_scan_volume, read_mask
    from healthward.errors import InputError
    from healthward.imaging.formats import open_volume
    from healthward.imaging.prepared_files import load_prepared, read_preparation
    from healthward.imaging.signatures import SIGNATURE, save_signatures, signature
    from healthward.imaging.slices import ScanRecord, cut, fingerprint, save_scan, slice_bounds
    from healthward.imaging.volumes import conform, to_cube
    from healthward.inputs.spaces import MNI, SCANNER
    from healthward.wording import shown

    first, count = slice_bounds(size, *slice_range)
    # What is odd about a scan that was prepared was said then
    volume, voxels, oddities = load_scan_volume(image, None if prepared else fov)
    for oddity in () if prepared else oddities:
        logging.getLogger(__name__).warning(oddity.text)
    ready = load_prepared(prepared, str(image), voxels) if prepared else None
    try:
        conformed = conform(voxels, volume.affine, size, fov, ready)
    except InputError as error:
        raise InputError(f"{shown(str(image))} {error}") from error
    truth = None
    if mask is not None:
        anomaly = read_mask(open_volume(str(mask)), volume, voxels)
        truth = to_cube(anomaly, conformed.geometry, size)
        if anomaly.any() and not truth.any():
            text = "%s leaves nothing in the cube of %d voxels and %g mm; give a larger --size or --fov"
            logging.getLogger(__name__).warning(text, shown(str(mask)), size, fov)
    stack = cut(conformed.cube, first, count)
    space = MNI if ready is not None and ready.matrix is not None else SCANNER
    appearance = tuple(read_preparation(prepared).get("appearance", ())) if prepared else ()
    record = ScanRecord(scan, subject, label, split, size, first, count, fov, fingerprint(stack), space, appearance)
    save_scan(out, conformed, stack, truth, record)
    save_signatures(out / SIGNATURE, [signature(voxels)])


if __name__ == "__main__":
    slice_scan()
