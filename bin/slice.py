#!/usr/bin/env python3
"""Conform one scan and cut its slices."""

from pathlib import Path

import click

from cli import existing_file, output_directory, tool
from healthward.inputs.fields import parsed_id
from healthward.labels import Classes
from options.classes import classes_option, parse_class
from options.cube import fov_option, size_option, slice_range_option


def parse_id(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Return an id that may become a file's name, as a samplesheet may have it."""
    try:
        return parsed_id(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@tool
@click.argument("image", type=existing_file)
@click.option("--scan", required=True, callback=parse_id, help="Name of the scan.")
@click.option("--subject", required=True, callback=parse_id, help="Name of its subject.")
@click.option("--label", required=True, callback=parse_class, help="Its class, in any case.")
@classes_option
@click.option("--split", type=click.Choice(["train", "val", "test"]), default="test", help="What the scan is for.")
@click.option("--mask", type=existing_file, help="Ground-truth anomaly on the scan's own grid.")
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
    size: int,
    slice_range: tuple[float, float],
    fov: float,
    out: Path,
) -> None:
    """Conform IMAGE, a T1 volume in NIfTI, and cut it into slices along three axes.

    The volume is resampled into a cube of SIZE³ voxels along the world's axes, centred on the brain, and scaled to
    [0, 1]. The skull should be stripped. OUT gets the slices (slices.npy), the cube, a brain mask, in scan.json the
    geometry that takes a map back to the scan's own grid, and what the scan is recognised by (signature.safetensors).

    \b
    Example:
      slice.py ad0.nii.gz --scan ad0 --subject ad0 --label AD --out slices/ad0
    """
    import logging

    from healthward.checks.inspection import load_scan_volume, read_mask
    from healthward.errors import InputError
    from healthward.imaging.nifti import open_volume
    from healthward.imaging.signatures import SIGNATURE, save_signatures, signature
    from healthward.imaging.slices import ScanRecord, cut, fingerprint, save_scan, slice_bounds
    from healthward.imaging.volumes import conform, to_cube
    from healthward.wording import shown

    first, count = slice_bounds(size, *slice_range)
    volume, voxels, oddities = load_scan_volume(image, fov)
    for oddity in oddities:
        logging.getLogger(__name__).warning(oddity.text)
    try:
        conformed = conform(voxels, volume.affine, size, fov)
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
    record = ScanRecord(scan, subject, label, split, size, first, count, fov, fingerprint(stack))
    save_scan(out, conformed, stack, truth, record)
    save_signatures(out / SIGNATURE, [signature(voxels)])


if __name__ == "__main__":
    slice_scan()
