#!/usr/bin/env python3
"""Translate scans to health."""

from pathlib import Path
from typing import Any

import click

from cli import NameList, existing_directory, existing_file, output_directory, tool
from healthward.labels import Classes
from options.classes import disease_option, healthy_option
from options.device import device_option, precision_option
from options.model import model_options
from options.seed import seed_option
from options.translation import inversion_iterations_option, steps_option

# As healthward.maps.fused has them, whose import would make --help slow
CUBES = ("health_direction", "ensemble", "perceptual")


@tool
@click.argument("slices", type=existing_directory, nargs=-1, required=True)
@model_options
@healthy_option
@disease_option
@click.option("--guidance-scale", type=click.FloatRange(0, 50), default=3.0, help="Guidance toward the healthy class.")
@click.option("--noise-depth", type=click.IntRange(0, 999), default=249, help="Deepest timestep of the inversion.")
@steps_option
@inversion_iterations_option
@click.option("--settings", "settings_path", type=existing_file, help="settings.json of choose.py, which comes first.")
@click.option(
    "--cubes",
    type=NameList(CUBES),
    help="Fused cubes to make beside those that are always made, for scores that take them: health_direction (for "
    "forward), ensemble (for mahalanobis), perceptual (for perceptual_anomaly).",
)
@click.option("--weights", type=existing_directory, help="For perceptual: folder with the weights of LPIPS.")
@click.option("--batch", type=click.IntRange(1), help="Slices at once; by device if not given.")
@click.option(
    "--debug",
    type=output_directory,
    help="Folder for figures of every step, for a few slices of each scan.",
)
@seed_option
@device_option
@precision_option
@click.option("--out", type=output_directory, required=True, help="Folder that gets a folder for each scan.")
def reconstruct_scans(
    slices: tuple[Path, ...],
    model: Path,
    embedding: Path | None,
    classes: Classes | None,
    head_channels: int,
    healthy: str | None,
    disease: str | None,
    guidance_scale: float,
    noise_depth: int,
    ddim_steps: int,
    inversion_iterations: int,
    settings_path: Path | None,
    cubes: tuple[str, ...] | None,
    weights: Path | None,
    batch: int | None,
    debug: Path | None,
    seed: int,
    device: str,
    precision: str,
    out: Path,
) -> None:
    """Translate scans to health, slice by slice.

    SLICES are the folders that slice.py made of them; the network is loaded once for all. Every slice is inverted by
    DDIM and denoised twice: under guidance toward the healthy class, and unguided. It is also noised, and denoised in
    one step, as healthy and as diseased. OUT gets a folder for each scan with the translated slices (stack.npz), the
    fused cubes that scores are made of beside them (fused.npz), the error of each slice (reconstruction.csv), and what
    all that was made of (origin.json): what map.py needs.

    \b
    Example:
      reconstruct.py slices/ad0 slices/ad1 --model model --out reconstructions
    With figures of input, latent, decodings and the way between them (steps.png, trajectory.png):
      reconstruct.py slices/ad0 --model model --debug debug --out reconstructions
    """
    from dataclasses import asdict

    import numpy as np

    from healthward.diffusion.devices import select_device, select_precision
    from healthward.diffusion.model import load_model
    from healthward.diffusion.trained import check_use, classes_of_model, compared_classes
    from healthward.diffusion.translation import Settings
    from healthward.errors import InputError
    from healthward.imaging.slices import by_scan, load_scan, read_record
    from healthward.maps.chosen_settings import check_chosen, read_settings
    from healthward.maps.fused import ERRORS, FILE, STACK, save_cubes
    from healthward.maps.learned import learned_scans, warn_of_learned
    from healthward.maps.origin import origin_of, renew, save_origin
    from healthward.maps.reconstruction import Translator, slice_table

    context = click.get_current_context()
    for name in ("guidance_scale", "noise_depth") if settings_path else ():
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            raise click.UsageError(
                f"--{name.replace('_', '-')} beside --settings, which says it, too; give one of them."
            )
    settings = Settings(guidance_scale, noise_depth, ddim_steps, inversion_iterations)
    chosen_for = ""
    if settings_path is not None:
        settings, chosen_for = read_settings(settings_path, settings)
    if ddim_steps > settings.noise_depth + 1:
        raise InputError(
            f"--ddim-steps {ddim_steps}: at most {settings.noise_depth + 1} fit above depth {settings.noise_depth}"
        )
    folders = by_scan(slices)
    place, wanted = select_device(device), cubes or ()
    network = load_model(model, embedding, head_channels)
    for folder in folders.values():
        check_use(model, read_record(folder), settings.noise_depth)
    learned = learned_scans(model, folders)
    warn_of_learned(learned, folders)
    known, trained = classes_of_model(model, network.architecture.conditions, classes)
    healthy, disease = compared_classes(healthy, disease, known, trained)
    digest = network.digest()
    if settings_path is not None:
        check_chosen(settings_path, chosen_for, model, digest)
    network.compute_in(select_precision(precision, place))
    translator = Translator(
        model=network,
        healthy=known.condition(healthy),
        disease=known.condition(disease),
        settings=settings,
        device=place,
        batch=batch,
        seed=seed,
        lpips=_lpips(weights, place) if "perceptual" in wanted else None,
    )
    for name, folder in folders.items():
        scan = load_scan(folder)
        translation = translator.translate(scan, f"reconstructing {name}")
        one_step = translator.one_step(scan, wanted)
        fused = translator.fuse(scan, translation, one_step, wanted)
        stack = {kind: getattr(translation, kind).reshape(scan.stack.shape) for kind in ("healthy", "unguided")}
        table = slice_table(scan, translation, one_step).assign(log_odds_of=disease)

        made = out / name
        # First to go and last to come: a kill between must not leave it beside what another call made
        renew(made, name)
        np.savez(made / STACK, **stack)
        save_cubes(made / FILE, fused)
        table.to_csv(made / ERRORS, index=False, float_format="%.6g")
        save_origin(made, origin_of(scan.record, digest, healthy, disease, asdict(settings), learned[name]))
        if debug is not None:
            _draw_steps(scan, translator, debug / name)


def _draw_steps(scan: Any, translator: Any, folder: Path) -> None:
    from healthward.report.debug_figures import chosen_slices, plot_steps, plot_trajectory

    slices, names = chosen_slices(scan)
    trace = translator.trace(slices)
    plot_steps(trace, names, scan.record.scan, folder / "steps.png")
    plot_trajectory(trace, names, scan.record.scan, folder / "trajectory.png")


def _lpips(weights: Path | None, device: Any) -> Any:
    from healthward.errors import InputError
    from healthward.evaluation.perceptual import Lpips
    from healthward.evaluation.weights import describe_absence, find_weights

    files = find_weights(weights)
    if "lpips" not in files:
        raise InputError(describe_absence(["lpips"], weights))
    return Lpips(files["lpips"], device)


if __name__ == "__main__":
    reconstruct_scans()
