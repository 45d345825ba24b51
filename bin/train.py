#!/usr/bin/env python3
"""Train the conditional diffusion model."""

from pathlib import Path

import click

from cli import NumberList, existing_directory, output_directory, tool
from healthward.labels import Classes
from options.classes import classes_option
from options.device import device_option
from options.seed import seed_option


@tool
@click.argument("slices", type=existing_directory, nargs=-1, required=True)
@classes_option
@click.option("--channels", type=NumberList(), default="64,64,64", help="Channels of each level, from the finest.")
@click.option("--attention-levels", type=NumberList(), default="0,1,1", help="1 where a level has attention, else 0.")
@click.option("--res-blocks", type=click.IntRange(1), default=1, help="Residual blocks a level.")
@click.option("--head-channels", type=click.IntRange(1), default=16, help="Channels an attention head.")
@click.option("--conditioning-dim", type=click.IntRange(1), default=64, help="Length of a class's embedding.")
@click.option(
    "--time-conditioning/--no-time-conditioning",
    default=True,
    help="Condition every residual block on the class, with the timestep, or attention alone.",
)
@click.option("--iterations", type=click.IntRange(1), default=20000, help="Optimiser steps.")
@click.option("--batch-size", type=click.IntRange(1), default=64, help="Slices a step.")
@click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=1e-4, help="Peak, of AdamW.")
@click.option("--warmup", type=click.IntRange(0), default=500, help="Steps until the peak.")
@click.option("--weight-decay", type=click.FloatRange(0), default=0.01, help="Of AdamW.")
@click.option("--ema-decay", type=click.FloatRange(0, 1, max_open=True), default=0.999, help="Of the averaged weights.")
@click.option("--condition-dropout", type=click.FloatRange(0, 1), default=0.15, help="Share of slices of hidden class.")
@click.option("--max-timestep", type=click.IntRange(1, 1000), default=400, help="Timesteps are drawn below this.")
@click.option("--validate-every", type=click.IntRange(1), default=1000, help="Steps between validations.")
@click.option("--max-train-hours", type=click.FloatRange(0, min_open=True), help="Stop after so long.")
@click.option("--checkpoints", type=output_directory, required=True, help="Folder that survives an interruption.")
@click.option("--tensorboard", is_flag=True, help="Write curves for TensorBoard, to CHECKPOINTS/tensorboard.")
@seed_option
@device_option
@click.option("--out", type=output_directory, required=True, help="Folder for the model.")
def train_model(
    slices: tuple[Path, ...],
    classes: Classes,
    channels: tuple[int, ...],
    attention_levels: tuple[int, ...],
    res_blocks: int,
    head_channels: int,
    conditioning_dim: int,
    time_conditioning: bool,
    iterations: int,
    batch_size: int,
    learning_rate: float,
    warmup: int,
    weight_decay: float,
    ema_decay: float,
    condition_dropout: float,
    max_timestep: int,
    validate_every: int,
    max_train_hours: float | None,
    checkpoints: Path,
    tensorboard: bool,
    seed: int,
    device: str,
    out: Path,
) -> None:
    """Train the class-conditional denoiser on SLICES, the folders that slice.py makes.

    Scans whose split is train are learned from, those of split val are validated on. Run the same line again after an
    interruption: the training continues from its last checkpoint and ends as if nothing had happened. SIGTERM saves and
    ends, SIGUSR2 saves and goes on. OUT gets diffusion.safetensors, embedding.safetensors, config.json,
    training_scans.safetensors (what the scans that it learned from are recognised by), loss.csv, loss.png, samples.png.

    \b
    Example:
      train.py slices/* --iterations 20000 --checkpoints checkpoints --out model
    To watch the curves while it runs (tensorboard --logdir checkpoints/tensorboard):
      train.py slices/* --tensorboard --checkpoints checkpoints --out model
    On the four GPUs of a node, which share each step's slices:
      torchrun --standalone --nproc-per-node 4 bin/train.py slices/* --checkpoints checkpoints --out model
    """
    import contextlib
    import logging
    import sys

    import pandas as pd

    from healthward.diffusion.devices import select_device
    from healthward.diffusion.model import Architecture, save_model
    from healthward.diffusion.model_files import CONFIG, TRAINING_SCANS
    from healthward.imaging.signatures import SIGNATURE, load_signatures, save_signatures
    from healthward.imaging.slices import SLICE_AGAIN
    from healthward.inputs.provenance import versions
    from healthward.preparation.appearance import appearance_of
    from healthward.report.training_figures import plot_losses, plot_samples
    from healthward.training.batches import Recipe
    from healthward.training.checkpoints import why_from_the_start
    from healthward.training.cohort import Cohort
    from healthward.training.group import joined, local_rank
    from healthward.training.interruption import Interrupted, Interruption
    from healthward.training.log import TensorBoardLog, TrainingLog
    from healthward.training.trainer import Trainer, train
    from healthward.training.validation import Validation, sample_grid, validation_settings

    if len(channels) != len(attention_levels):
        raise click.UsageError("--channels and --attention-levels are of the same levels; give as many of both.")
    architecture = Architecture(
        channels,
        tuple(map(bool, attention_levels)),
        res_blocks,
        head_channels,
        conditioning_dim,
        conditions=len(classes) + 1,
        time_conditioning=time_conditioning,
    )
    recipe = Recipe(
        architecture=architecture,
        iterations=iterations,
        batch_size=batch_size,
        learning_rate=learning_rate,
        warmup=warmup,
        weight_decay=weight_decay,
        ema_decay=ema_decay,
        condition_dropout=condition_dropout,
        max_timestep=max_timestep,
        seed=seed,
    )
    place = select_device(device, local_rank())
    cohort = Cohort.read(slices, classes)
    # Before the training, so that a missing one does not end it
    trained = [
        each for folder in cohort.split("train").folders for each in load_signatures(folder / SIGNATURE, SLICE_AGAIN)
    ]
    cohort.check()
    # A cohort too small to hold anyone out is validated on what it learned, and config.json says so.
    held_out = cohort.split("val") if cohort.split("val").records else cohort.split("train")
    settings = validation_settings(max_timestep)
    seconds = max_train_hours * 3600 if max_train_hours else None
    with joined(place) as group:
        trainer = Trainer(cohort, recipe, place, group)
        validate = Validation(held_out, max_timestep, settings, seed, place)
        checkpoint = checkpoints / f"{trainer.key()}.pt"
        with contextlib.ExitStack() as open_logs, Interruption() as interruption:
            log_file = TrainingLog(checkpoints / "training.log", trainer)
            if reason := why_from_the_start(checkpoint, trainer.definition):
                log_file.warn(reason)
            logs: list[TrainingLog | TensorBoardLog] = [log_file]
            if tensorboard:
                logs.append(TensorBoardLog(checkpoints / "tensorboard" / trainer.key(), trainer))
            for log in logs:
                open_logs.enter_context(log)

            def report(trainer: Trainer) -> None:
                for log in logs:
                    log.report(trainer)

            try:
                train(trainer, checkpoint, validate_every, validate, seconds, report, interruption)
            except Interrupted as interrupted:
                logging.getLogger(__name__).warning("%s", interrupted)
                sys.exit(interrupted.status)
    if not group.leads:
        return

    # By which check.py knows these people again at another visit
    subjects = sorted({record.subject for record in trainer.cohort.records})
    # ... and gate.py what its scans look like
    looks = [record.appearance for record in trainer.cohort.records if record.appearance]
    usual = appearance_of(looks)
    told = {"training_subjects": subjects, "appearance": usual.plain() if usual else None}
    config = {**trainer.describe(), **told, "versions": versions()}
    out.mkdir(parents=True, exist_ok=True)
    # Without it the folder is refused until the model is whole
    (out / CONFIG).unlink(missing_ok=True)
    save_signatures(out / TRAINING_SCANS, trained)
    save_model(out, trainer.model(), config)
    history = pd.DataFrame(trainer.history).astype({"step": int})
    history.to_csv(out / "loss.csv", index=False, float_format="%.6g")
    plot_losses(history, out / "loss.png")
    plot_samples(*sample_grid(trainer.model(), held_out, settings, place), out / "samples.png")


if __name__ == "__main__":
    train_model()
