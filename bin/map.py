#!/usr/bin/env python3
"""Map what is unusual in one scan."""

from pathlib import Path

import click

from cli import existing_directory, existing_path, output_directory, tool
from healthward.names import SCORES
from options.scan import prepared_option
from options.scores import scores_option


@tool
@click.argument("slices", type=existing_directory)
@click.argument("reconstruction", type=existing_directory)
@click.argument("image", type=existing_path)
@prepared_option
@scores_option
@click.option("--out", type=output_directory, required=True, help="Folder to write.")
def map_scan(
    slices: Path, reconstruction: Path, image: Path, prepared: Path | None, scores: tuple[str, ...], out: Path
) -> None:
    """Make the pseudo-healthy image of one scan and its anomaly maps, of what reconstruct.py made.

    SLICES is the folder that slice.py made of IMAGE (by the same --prepared), RECONSTRUCTION that of reconstruct.py. No
    network is needed. OUT gets NIfTI maps on IMAGE's own grid (pseudo-healthy, anomaly, contrast, confidence, and
    likeness and residual where these are among the scores), the scores of each voxel of the conformed cube
    (scores.npz), and what they were made of (origin.json).

    \b
    Example:
      map.py slices/ad0 reconstructions/ad0 ad0.nii.gz --out maps/ad0
    """
    from healthward.imaging.slices import load_scan
    from healthward.imaging.volumes import save_like, to_native
    from healthward.maps.fused import read_cubes, read_stack
    from healthward.maps.native import native_maps, read_native, remove_maps
    from healthward.maps.origin import read_origin, renew, save_origin
    from healthward.maps.scores import FILE, make_scores, save_scores
    from healthward.names import cubes_for

    scan = load_scan(slices)
    voxels, gain = read_native(image, scan, prepared)
    origin = read_origin(reconstruction, scan.record)
    stack = read_stack(reconstruction, scan)
    made = make_scores(read_cubes(reconstruction, scan, stack, cubes_for(scores)), scores)
    maps = native_maps(scan, voxels, stack["healthy"], stack["unguided"], gain)
    scored = {kind: to_native(made[kind], scan.geometry) for kind in made if SCORES[kind].native}

    renew(out, scan.record.scan)
    remove_maps(out, image)
    for kind, volume in (vars(maps) | scored).items():
        save_like(out / f"{scan.record.scan}_{kind}.nii.gz", volume, image)
    save_scores(out / FILE, made)
    save_origin(out, origin)


if __name__ == "__main__":
    map_scan()
