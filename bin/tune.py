#!/usr/bin/env python3
"""Try settings of the translation on one validation scan."""

from pathlib import Path

import click

from cli import (
    DecimalList,
    NumberList,
    device_option,
    existing_directory,
    healthy_option,
    inversion_iterations_option,
    model_options,
    precision_option,
    steps_option,
    tool,
)


@tool
@click.argument("slices", type=existing_directory)
@model_options
@healthy_option
@click.option("--guidance-scales", type=DecimalList(), default="1,2,3,5", help="Guidance scales to try.")
@click.option("--noise-depths", type=NumberList(), default="149,249,349", help="Depths to try.")
@steps_option
@inversion_iterations_option
@click.option("--every", type=click.IntRange(1), default=4, help="Which slices of each axis: each so-manieth.")
@device_option
@precision_option
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="CSV file to write.")
def tune(
    slices: Path,
    model: Path,
    embedding: Path | None,
    head_channels: int,
    healthy: str,
    guidance_scales: tuple[float, ...],
    noise_depths: tuple[int, ...],
    ddim_steps: int,
    inversion_iterations: int,
    every: int,
    device: str,
    precision: str,
    out: Path,
) -> None:
    """Translate some of the SLICES of a validation scan under every pair of a guidance scale and a depth.

    OUT gets a row for each pair, from which choose.py chooses.

    \b
    Example:
      tune.py slices/ad3 --model model --out tuning/ad3.csv
    """
    from healthward.diffusion.devices import select_device, select_precision
    from healthward.diffusion.model import load_model
    from healthward.diffusion.trained import check_use, classes_of_model, compared_classes
    from healthward.diffusion.translation import Settings
    from healthward.imaging.slices import load_scan
    from healthward.labels import condition_number
    from healthward.maps.tuning import candidates, measure_scan

    base = Settings(ddim_steps=ddim_steps, inversion_iterations=inversion_iterations)
    settings = candidates(base, guidance_scales, noise_depths)
    network, scan = load_model(model, embedding, head_channels), load_scan(slices)
    check_use(model, scan.record, max(noise_depths))
    healthy, _ = compared_classes(healthy, None, classes_of_model(model, network.architecture.conditions))
    place = select_device(device)
    network.compute_in(select_precision(precision, place))
    table = measure_scan(
        network,
        scan,
        condition_number(healthy),
        settings,
        every,
        place,
        f"tuning on {scan.record.scan}",
    ).assign(healthy=healthy)
    out.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(out, index=False, float_format="%.6g")


if __name__ == "__main__":
    tune()
