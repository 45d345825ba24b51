#!/usr/bin/env python3
"""Try settings of the translation on validation scans."""

from pathlib import Path

import click

from cli import DecimalList, NumberList, existing_directory, output_directory, tool
from healthward.labels import Classes
from options.classes import healthy_option
from options.device import device_option, precision_option
from options.model import model_options
from options.translation import inversion_iterations_option, steps_option


@tool
@click.argument("slices", type=existing_directory, nargs=-1, required=True)
@model_options
@healthy_option
@click.option("--guidance-scales", type=DecimalList(), default="1,2,3,5", help="Guidance scales to try.")
@click.option("--noise-depths", type=NumberList(), default="149,249,349", help="Depths to try.")
@steps_option
@inversion_iterations_option
@click.option("--every", type=click.IntRange(1), default=4, help="Which slices of each axis: each so-manieth.")
@device_option
@precision_option
@click.option("--out", type=output_directory, required=True, help="Folder that gets a CSV file for each scan.")
def tune(
    slices: tuple[Path, ...],
    model: Path,
    embedding: Path | None,
    classes: Classes | None,
    head_channels: int,
    healthy: str | None,
    guidance_scales: tuple[float, ...],
    noise_depths: tuple[int, ...],
    ddim_steps: int,
    inversion_iterations: int,
    every: int,
    device: str,
    precision: str,
    out: Path,
) -> None:
    """Translate some slices of validation scans under every pair of a guidance scale and a depth.

    SLICES are folders of slice.py; the network is loaded once for all. OUT gets a table for each scan with a row for
    each pair, from which choose.py chooses.

    \b
    Example:
      tune.py slices/ad3 slices/cn4 --model model --out tuning
    """
    from healthward.diffusion.devices import select_device, select_precision
    from healthward.diffusion.model import load_model
    from healthward.diffusion.trained import check_use, classes_of_model, compared_classes
    from healthward.diffusion.translation import Settings
    from healthward.imaging.slices import by_scan, load_scan, read_record
    from healthward.maps.chosen_settings import MADE
    from healthward.maps.learned import learned_scans, refuse_learned
    from healthward.maps.tuning import candidates, measure_scan

    base = Settings(ddim_steps=ddim_steps, inversion_iterations=inversion_iterations)
    settings = candidates(base, guidance_scales, noise_depths)
    folders = by_scan(slices)
    for folder in folders.values():
        check_use(model, read_record(folder), max(noise_depths))
    network = load_model(model, embedding, head_channels)
    known, trained = classes_of_model(model, network.architecture.conditions, classes)
    healthy, _ = compared_classes(healthy, None, known, trained)
    refuse_learned(learned_scans(model, folders), folders)
    made = dict(zip(MADE, (network.digest(), ddim_steps, inversion_iterations, every), strict=True))
    place = select_device(device)
    network.compute_in(select_precision(precision, place))
    for name, folder in folders.items():
        table = measure_scan(
            network, load_scan(folder), known.condition(healthy), settings, every, place, f"tuning on {name}"
        ).assign(healthy=healthy, **made)
        out.mkdir(parents=True, exist_ok=True)
        table.to_csv(out / f"{name}.csv", index=False, float_format="%.6g")


if __name__ == "__main__":
    tune()
