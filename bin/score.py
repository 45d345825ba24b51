#!/usr/bin/env python3
"""Score the pseudo-healthy reconstruction of one scan."""

from pathlib import Path

import click

from cli import NameList, device_option, existing_directory, output_directory, tool
from healthward.names import METRICS, SLICE_METRICS


@tool
@click.argument("slices", type=existing_directory)
@click.argument("reconstruction", type=existing_directory)
@click.option("--weights", type=existing_directory, help="Folder with the weights behind LPIPS and FID.")
@click.option(
    "--metrics",
    type=NameList(tuple(METRICS)),
    help=f"Comma-separated metrics to compute, of {', '.join(METRICS)}; weights that one of them lacks "
    "are then an error. Without it: all that can be computed. ssim is always computed: the lowest slices go by it.",
)
@click.option("--lowest", type=click.IntRange(0), default=12, help="How many slices of lowest SSIM to keep.")
@device_option
@click.option("--out", type=output_directory, required=True, help="Folder to write.")
def score(
    slices: Path,
    reconstruction: Path,
    weights: Path | None,
    metrics: tuple[str, ...] | None,
    lowest: int,
    device: str,
    out: Path,
) -> None:
    """Compare a scan with its pseudo-healthy reconstruction, slice by slice and as a whole.

    SLICES is a folder of slice.py, RECONSTRUCTION one of reconstruct.py. OUT gets slices.csv (a row per slice),
    scan.csv (one row), lowest.npz (the slices of lowest SSIM), viewer/ (volumes for the report's viewer) and, where FID
    is computed, features.npz.

    \b
    The weights behind LPIPS and FID are looked for in --weights, then in torch hub's cache; never downloaded:
      alexnet-owt-7be5be79.pth                     AlexNet, for lpips
      weights-inception-2015-12-05-6726825d.pth    Inception v3, for fid
    Without them these columns are absent.

    \b
    Example:
      score.py slices/ad0 maps/ad0 --out scores/ad0
    """
    import logging

    import numpy as np

    from healthward.diffusion.devices import select_device
    from healthward.errors import InputError, reading
    from healthward.evaluation.perceptual import Inception, Lpips
    from healthward.evaluation.weights import BACKBONES, describe_absence, find_weights
    from healthward.imaging.slices import load_scan
    from healthward.inputs.results import read_table
    from healthward.maps.origin import read_origin
    from healthward.maps.scores import FILE, read_scores
    from healthward.maps.scoring import lowest_slices, pair, scan_table, slice_features, slice_table
    from healthward.maps.viewer import scan_volumes, write_volumes

    for path in (slices / "scan.json", *(reconstruction / name for name in ("stack.npz", FILE, "reconstruction.csv"))):
        if not path.is_file():
            raise InputError(f"{path}: not there; give the folder of slice.py first, then that of reconstruct.py")
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
    again = "reconstruct the scan again"
    with reading(reconstruction / "stack.npz", again), np.load(reconstruction / "stack.npz") as stack:
        if lacking := sorted({"healthy", "unguided"} - set(stack.files)):
            raise InputError(f"{reconstruction / 'stack.npz'}: lacks {', '.join(lacking)}; {again}")
        pairs = pair(load_scan(slices), stack["healthy"], stack["unguided"])
    read_origin(reconstruction, pairs.scan.record)
    reconstructed = read_table(reconstruction / "reconstruction.csv", again, ["scan", "axis"], ["index"])
    cubes = read_scores(reconstruction / FILE)
    if any(len(cube) != pairs.scan.record.size for cube in cubes.values()):
        raise InputError(f"{reconstruction / FILE}: no cubes of the size of the slices; {again}")
    lpips = Lpips(files["lpips"], where) if "lpips" in measures else None
    table = slice_table(pairs, reconstructed, measures, lpips, where)
    features = slice_features(pairs, Inception(files["fid"], where), where) if "fid" in computed else None

    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "slices.csv", index=False, float_format="%.6g")
    row = scan_table(pairs, table, cubes, features)
    row.to_csv(out / "scan.csv", index=False, float_format="%.6g")
    np.savez(out / "lowest.npz", **lowest_slices(pairs, table, lowest))
    (out / "features.npz").unlink(missing_ok=True)
    if features is not None:
        np.savez(out / "features.npz", **features)
    scan = pairs.scan
    volumes = scan_volumes(scan, pairs.healthy, cubes)
    write_volumes(out / "viewer", scan.record.scan, volumes, scan.geometry.cube_affine)


if __name__ == "__main__":
    score()
