#!/usr/bin/env python3
"""Translate one scan to health and map the difference."""

from pathlib import Path
from typing import Any

import click

from cli import (
    SCORES,
    NameList,
    device_option,
    disease_option,
    existing_directory,
    existing_file,
    healthy_option,
    inversion_iterations_option,
    model_options,
    output_directory,
    precision_option,
    seed_option,
    steps_option,
    tool,
)


@tool
@click.argument("slices", type=existing_directory)
@click.argument("image", type=existing_file)
@model_options
@healthy_option
@disease_option
@click.option("--guidance-scale", type=click.FloatRange(0, 50), default=3.0, help="Guidance toward the healthy class.")
@click.option("--noise-depth", type=click.IntRange(0, 999), default=249, help="Deepest timestep of the inversion.")
@steps_option
@inversion_iterations_option
@click.option("--settings", "settings_path", type=existing_file, help="settings.json of choose.py, which comes first.")
@click.option(
    "--scores",
    type=NameList(SCORES),
    default="round_trip,anomaly,contrast,class_contrast,disease,residual",
    help=f"Scores to make of the reconstructions, of {', '.join(SCORES)}.",
)
@click.option("--weights", type=existing_directory, help="For perceptual_residual: folder with the weights of LPIPS.")
@click.option("--batch", type=click.IntRange(1), help="Slices at once; by device if not given.")
@click.option("--debug", type=output_directory, help="Folder for figures of every step, for a few slices.")
@seed_option
@device_option
@precision_option
@click.option("--out", type=output_directory, required=True, help="Folder to write.")
def reconstruct_scan(
    slices: Path,
    image: Path,
    model: Path,
    embedding: Path | None,
    head_channels: int,
    healthy: str,
    disease: str | None,
    guidance_scale: float,
    noise_depth: int,
    ddim_steps: int,
    inversion_iterations: int,
    settings_path: Path | None,
    scores: tuple[str, ...],
    weights: Path | None,
    batch: int | None,
    debug: Path | None,
    seed: int,
    device: str,
    precision: str,
    out: Path,
) -> None:
    """Make the pseudo-healthy image of one scan and its anomaly maps.

    SLICES is the folder that slice.py made of IMAGE. Every slice is inverted by DDIM and denoised twice: under
    guidance toward the healthy class, and unguided. It is also noised and looked at in one step, as healthy and as
    diseased. OUT gets NIfTI maps on IMAGE's own grid (pseudo-healthy, anomaly, contrast, confidence, disease,
    residual), the translated slices (stack.npz), the error of each slice (reconstruction.csv), the scores of each voxel
    of the conformed cube (scores.npz), and what all that was made of (origin.json).

    \b
    Example:
      reconstruct.py slices/ad0 ad0.nii.gz --model model --out maps/ad0
    With figures of input, latent, decodings and the way between them (steps.png, trajectory.png):
      reconstruct.py slices/ad0 ad0.nii.gz --model model --debug debug/ad0 --out maps/ad0
    """
    from dataclasses import asdict

    import numpy as np

    from healthward.diffusion.devices import select_device, select_precision
    from healthward.diffusion.model import load_model
    from healthward.diffusion.trained import check_use, classes_of_model, compared_classes
    from healthward.diffusion.translation import Settings
    from healthward.errors import InputError
    from healthward.imaging.slices import load_scan
    from healthward.imaging.volumes import read_image_of, save_like, to_native
    from healthward.labels import condition_number
    from healthward.maps.chosen_settings import read_settings
    from healthward.maps.origin import origin_of, save_origin
    from healthward.maps.reconstruction import SCORE_MAPS, Translator, native_maps, remove_maps, slice_table
    from healthward.maps.scores import FILE, make_scores, needs, save_scores

    context = click.get_current_context()
    for name in ("guidance_scale", "noise_depth") if settings_path else ():
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            raise click.UsageError(
                f"--{name.replace('_', '-')} beside --settings, which says it, too; give one of them."
            )
    settings = Settings(guidance_scale, noise_depth, ddim_steps, inversion_iterations)
    if settings_path is not None:
        settings = read_settings(settings_path, settings)
    if ddim_steps > settings.noise_depth + 1:
        raise InputError(
            f"--ddim-steps {ddim_steps}: at most {settings.noise_depth + 1} fit above depth {settings.noise_depth}"
        )
    scan = load_scan(slices)
    voxels = read_image_of(image, scan.geometry, scan.cube)
    place, wanted = select_device(device), needs(scores)
    network = load_model(model, embedding, head_channels)
    check_use(model, scan.record, settings.noise_depth)
    healthy, disease = compared_classes(healthy, disease, classes_of_model(model, network.architecture.conditions))
    origin = origin_of(scan.record, network.digest(), healthy, disease, asdict(settings))
    network.compute_in(select_precision(precision, place))
    translator = Translator(
        model=network,
        healthy=condition_number(healthy),
        disease=condition_number(disease),
        settings=settings,
        device=place,
        batch=batch,
        seed=seed,
        lpips=_lpips(weights, place) if "perceptual" in wanted else None,
    )
    name = scan.record.scan
    translation = translator.translate(scan, f"reconstructing {name}")
    looked = translator.look(scan, wanted)
    evidence = translator.gather(scan, translation, looked, wanted)
    stack = {kind: getattr(translation, kind).reshape(scan.stack.shape) for kind in ("healthy", "unguided")}
    cubes = make_scores(evidence, scores)
    maps = native_maps(scan, voxels, stack["healthy"], stack["unguided"])

    out.mkdir(parents=True, exist_ok=True)
    remove_maps(out, image)
    save_origin(out, origin)
    scored = {kind: to_native(cubes[kind], scan.geometry) for kind in SCORE_MAPS if kind in cubes}
    for kind, volume in (vars(maps) | scored).items():
        save_like(out / f"{name}_{kind}.nii.gz", volume, image)
    np.savez(out / "stack.npz", **stack)
    save_scores(out / FILE, cubes)
    table = slice_table(scan, translation, looked).assign(evidence_of=disease)
    table.to_csv(out / "reconstruction.csv", index=False, float_format="%.6g")
    if debug is not None:
        _draw_steps(scan, translator, debug)


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
    reconstruct_scan()
