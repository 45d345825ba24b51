#!/usr/bin/env python3
"""Score the pseudo-healthy reconstructions of scans."""

from pathlib import Path

import click

from cli import NameList, existing_directory, output_directory, tool
from healthward.names import METRICS, SLICE_METRICS
from options.device import device_option


@tool
@click.argument("slices", type=existing_directory, nargs=-1, required=True)
@click.option(
    "--reconstructions",
    type=existing_directory,
    required=True,
    help="Folder that holds the folder of reconstruct.py of each of these scans, under its name.",
)
@click.option("--maps", type=existing_directory, required=True, help="The same of map.py.")
@click.option("--weights", type=existing_directory, help="Folder with the weights behind LPIPS and FID.")
@click.option(
    "--metrics",
    type=NameList(tuple(METRICS)),
    help=f"Comma-separated metrics to compute, of {', '.join(METRICS)}; weights that one of them lacks "
    "are then an error. Without it: all that can be computed. ssim is always computed: the lowest slices go by it.",
)
@click.option("--lowest", type=click.IntRange(0), default=12, help="How many slices of lowest SSIM to keep.")
@device_option
@click.option("--out", type=output_directory, required=True, help="Folder that gets a folder for each scan.")
def score(
    slices: tuple[Path, ...],
    reconstructions: Path,
    maps: Path,
    weights: Path | None,
    metrics: tuple[str, ...] | None,
    lowest: int,
    device: str,
    out: Path,
) -> None:
    """Compare scans with their pseudo-healthy reconstructions, slice by slice and as a whole.

    SLICES are folders of slice.py; networks are loaded once for all. OUT gets a folder for each scan with slices.csv (a
    row per slice), scan.csv (one row), lowest.npz (the slices of lowest SSIM), viewer/ (volumes for the report's
    viewer), origin.json (what the scores were made of) and, where FID is computed, features.npz.

    \b
    The weights behind LPIPS and FID are searched for in --weights, then in torch hub's cache; never downloaded:
      alexnet-owt-7be5be79.pth                     AlexNet, for lpips
      weights-inception-2015-12-05-6726825d.pth    Inception v3, for fid
    Without them these columns are absent.

    \b
    Example:
      score.py slices/* --reconstructions reconstructions --maps maps --out scores
    """
    import logging

    import numpy as np

    from healthward.diffusion.devices import select_device
    from healthward.errors import InputError
    from healthward.evaluation.perceptual import Inception, Lpips
    from healthward.evaluation.weights import BACKBONES, describe_absence, find_weights
    from healthward.imaging.slices import by_scan, load_scan
    from healthward.inputs.results import read_table
    from healthward.maps.fused import AGAIN, ERRORS, STACK, read_stack
    from healthward.maps.origin import read_origin, renew, save_origin
    from healthward.maps.scores import AGAIN as MAP_AGAIN
    from healthward.maps.scores import FILE, read_scores
    from healthward.maps.scoring import lowest_slices, pair, scan_table, slice_features, slice_table
    from healthward.maps.viewer import scan_volumes, write_volumes

    folders = by_scan(slices)
    for name in folders:
        made = reconstructions / name
        for path in (made / STACK, made / ERRORS, maps / name / FILE):
            if not path.is_file():
                raise InputError(f"{path}: not there; let reconstruct.py, then map.py make it")
    wanted = tuple(METRICS) if metrics is None else metrics
    files = find_weights(weights)
    missing = [name for name in wanted if name in BACKBONES and name not in files]
    if missing and metrics is not None:
        raise InputError(describe_absence(missing, weights))
    if missing:
        logging.getLogger(__name__).warning("not computed for want of weights:\n%s", describe_absence(missing, weights))
    computed = tuple(name for name in wanted if name not in missing)
    measures = tuple(name for name in SLICE_METRICS if name in {*computed, "ssim"})

    where = select_device(device)
    lpips = Lpips(files["lpips"], where) if "lpips" in measures else None
    inception = Inception(files["fid"], where) if "fid" in computed else None
    for name, folder in folders.items():
        scan = load_scan(folder)
        origin = read_origin(reconstructions / name, scan.record)
        if origin != read_origin(maps / name, scan.record):
            raise InputError(f"{maps / name}: made of another reconstruction of {name}; {MAP_AGAIN}")
        pairs = pair(scan, **read_stack(reconstructions / name, scan))
        errors = read_table(reconstructions / name / ERRORS, AGAIN, ["scan", "axis"], ["index", "log_odds"])
        cubes = read_scores(maps / name / FILE)
        if any(len(cube) != scan.record.size for cube in cubes.values()):
            raise InputError(f"{maps / name / FILE}: no cubes of the size of the slices; {MAP_AGAIN}")
        table = slice_table(pairs, errors, measures, lpips, where)
        features = slice_features(pairs, inception, where) if inception is not None else None
        row = scan_table(pairs, table, cubes, features)

        scored = out / name
        renew(scored, name)
        table.to_csv(scored / "slices.csv", index=False, float_format="%.6g")
        row.to_csv(scored / "scan.csv", index=False, float_format="%.6g")
        np.savez(scored / "lowest.npz", **lowest_slices(pairs, table, lowest))
        (scored / "features.npz").unlink(missing_ok=True)
        if features is not None:
            np.savez(scored / "features.npz", **features)
        write_volumes(scored / "viewer", name, scan_volumes(scan, pairs.healthy, cubes), scan.geometry.cube_affine)
        save_origin(scored, origin)


if __name__ == "__main__":
    score()
