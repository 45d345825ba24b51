#!/usr/bin/env python3
"""Make one scan ready: its brain, its bias field, and its place in MNI space."""

from pathlib import Path

import click

from cli import existing_file, existing_path, output_directory, tool
from options.device import device_option
from options.scan import parse_id

STRIP = {"auto": None, "always": True, "never": False}
"""What `healthward.preparation.preparing.Steps` calls them."""


@tool
@click.argument("image", type=existing_path)
@click.option("--scan", required=True, callback=parse_id, help="Name of the scan.")
@click.option("--brain", type=existing_file, help="The user's own brain mask on the scan's grid, instead of --strip.")
@click.option(
    "--strip",
    type=click.Choice(list(STRIP)),
    default="auto",
    help="Find the brain by a network: where the skull is on, always, or never (it is what stands out from air).",
)
@click.option("--bias/--no-bias", default=True, help="Correct the bias field.")
@click.option("--register/--no-register", default=True, help="Bring the scan into MNI space.")
@device_option
@click.option("--out", type=output_directory, required=True, help="Folder to write.")
def prepare_scan(
    image: Path, scan: str, brain: Path | None, strip: str, bias: bool, register: bool, device: str, out: Path
) -> None:
    """Find the brain in IMAGE, a T1 volume with its skull or without, its bias field, and its place in MNI space.

    Nothing is resampled: OUT gets the brain mask on the scan's own grid (brain.nii.gz), the logarithm of the bias field
    (log_bias.nii.gz), the matrix, how good all this is with a verdict (preparation.json: good, look or bad, with the
    reasons), and a picture to look at (picture.png). slice.py takes OUT by --prepared.

    \b
    Example:
      prepare.py head.nii.gz --scan ad0 --out prepared/ad0
    """
    import logging
    from dataclasses import asdict

    from healthward.checks.inspection import load_scan_volume, read_brain
    from healthward.diffusion.devices import select_device
    from healthward.errors import InputError
    from healthward.imaging.formats import open_volume
    from healthward.imaging.prepared_files import save_prepared
    from healthward.preparation.gate import judge
    from healthward.preparation.preparing import Steps, prepare
    from healthward.preparation.quality import measure
    from healthward.report.preparation_figures import save_picture
    from healthward.wording import shown

    volume, voxels, oddities = load_scan_volume(image, fov=None)
    mask = read_brain(open_volume(str(brain)), volume) if brain else None
    # Convolutions of volumes are not had on an Apple GPU
    where = "cuda" if select_device(device).type == "cuda" else "cpu"
    try:
        preparation = prepare(voxels, volume.affine, Steps(STRIP[strip], bias, register), mask, where)
    except InputError as error:
        raise InputError(f"{shown(str(image))} {error}") from error
    quality = measure(voxels, volume.affine, preparation)
    verdict, reasons = judge(quality)
    for text in [*(oddity.text for oddity in oddities), *(f"{shown(str(image))} has {reason}" for reason in reasons)]:
        logging.getLogger(__name__).warning(text)
    record = {"scan": scan, "verdict": verdict, "reasons": reasons, "stripped": preparation.stripped, **asdict(quality)}
    save_prepared(out, preparation.prepared, volume, voxels, record)
    save_picture(out / "picture.png", voxels, volume.affine, preparation.prepared)


if __name__ == "__main__":
    prepare_scan()
