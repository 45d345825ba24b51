#!/usr/bin/env python3
"""Translate one scan to health and map the difference."""

from pathlib import Path

import click

from cli import device_option, existing_directory, existing_file, healthy_option, output_directory, tool


@tool
@click.argument("slices", type=existing_directory)
@click.argument("image", type=existing_file)
@click.option(
    "--model", type=click.Path(exists=True, path_type=Path), required=True, help="Model folder, or a UNet's .pt."
)
@click.option("--embedding", type=existing_file, help="With a UNet's .pt: the embedding's .pt.")
@click.option("--head-channels", type=click.IntRange(1), default=16, help="With a .pt: channels an attention head.")
@healthy_option
@click.option("--guidance-scale", type=click.FloatRange(0, 50), default=3.0, help="Guidance toward the healthy class.")
@click.option("--noise-depth", type=click.IntRange(0, 999), default=249, help="Deepest timestep of the inversion.")
@click.option("--ddim-steps", type=click.IntRange(1, 1000), default=25, help="Steps to that depth, the same back.")
@click.option("--inversion-iterations", type=click.IntRange(0, 50), default=3, help="Fixed-point iterations a step.")
@click.option("--batch", type=click.IntRange(1), help="Slices at once; by device if not given.")
@device_option
@click.option("--out", type=output_directory, required=True, help="Folder to write.")
def reconstruct_scan(
    slices: Path,
    image: Path,
    model: Path,
    embedding: Path | None,
    head_channels: int,
    healthy: str,
    guidance_scale: float,
    noise_depth: int,
    ddim_steps: int,
    inversion_iterations: int,
    batch: int | None,
    device: str,
    out: Path,
) -> None:
    """Make the pseudo-healthy image of one scan and its anomaly maps.

    SLICES is the folder that slice.py made of IMAGE. Every slice is inverted by DDIM and denoised twice: under guidance
    toward the healthy class, and unguided. OUT gets four NIfTI maps on IMAGE's own grid (pseudo-healthy, anomaly,
    contrast, confidence), the translated slices (stack.npz), and the error of each slice (reconstruction.csv).

    \b
    Example:
      reconstruct.py slices/ad0 ad0.nii.gz --model model --out maps/ad0
    """
    import numpy as np

    from healthward.devices import select_device
    from healthward.errors import InputError
    from healthward.labels import condition_number
    from healthward.model import load_model
    from healthward.reconstruction import native_maps, slice_table
    from healthward.slices import load_scan
    from healthward.translation import Settings, translate
    from healthward.volumes import load_volume, save_like

    if ddim_steps > noise_depth + 1:
        raise InputError(f"--ddim-steps {ddim_steps}: at most {noise_depth + 1} fit above --noise-depth {noise_depth}")
    scan = load_scan(slices)
    voxels, _ = load_volume(image)
    network = load_model(model, embedding, head_channels)
    settings = Settings(guidance_scale, noise_depth, ddim_steps, inversion_iterations)
    size, name = scan.record.size, scan.record.scan
    flat = scan.stack.reshape(-1, size, size)
    translation = translate(
        network, flat, condition_number(healthy), settings, select_device(device), batch, f"reconstructing {name}"
    )
    healthy_stack, unguided_stack = (
        part.reshape(scan.stack.shape) for part in (translation.healthy, translation.unguided)
    )
    maps = native_maps(scan, voxels, healthy_stack, unguided_stack)

    out.mkdir(parents=True, exist_ok=True)
    for kind, volume in vars(maps).items():
        save_like(out / f"{name}_{kind}.nii.gz", volume, image)
    np.savez(out / "stack.npz", healthy=healthy_stack, unguided=unguided_stack)
    table = slice_table(scan, translation)
    table.to_csv(out / "reconstruction.csv", index=False, float_format="%.6g")


if __name__ == "__main__":
    reconstruct_scan()
