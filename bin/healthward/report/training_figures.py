"""Figures of a training: losses over steps, and a grid of translated slices."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from healthward.imaging.volumes import Array
from healthward.report.figure_files import save_figure

RESOLUTION = 130


def plot_losses(history: pd.DataFrame, file: Path) -> None:
    """Draw training loss, validation loss by timestep band, and round-trip error over steps.

    Args:
        history: columns step, loss, loss_LOW_HIGH…, round_trip_psnr; a row for each validation.
        file: PNG to write, with an SVG beside it.
    """
    figure = Figure(figsize=(9, 3.4), dpi=RESOLUTION, layout="constrained")
    losses, round_trip = figure.subplots(1, 2)
    losses.plot(history["step"], history["loss"], color="black", marker=".", label="training")
    bands = [column for column in history.columns.astype(str) if column.startswith("loss_")]
    for band, shade in zip(bands, np.linspace(0.15, 0.85, len(bands)), strict=True):
        low, high = band.split("_")[1:]
        colour = (0.1, 0.25 + 0.5 * shade, 0.75 - 0.4 * shade)
        losses.plot(history["step"], history[band], color=colour, marker=".", label=f"validation, t {low}–{high}")
    losses.set(yscale="log", xlabel="step", ylabel="mean squared error of the noise", title="Loss")
    figure.legend(loc="outside lower left", ncols=len(bands) + 1, frameon=False, fontsize=8)
    round_trip.plot(history["step"], history["round_trip_psnr"], color="black", marker=".")
    round_trip.set(xlabel="step", ylabel="PSNR, dB", title="Unguided round trip, validation slices")
    for axes in (losses, round_trip):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    save_figure(figure, file)


def plot_samples(images: Array, headings: Sequence[str], file: Path) -> None:
    """Draw a grid of slices in [0, 1].

    Args:
        images: (rows, columns, size, size), of RAS cubes.
        headings: of the columns.
        file: PNG to write.
    """
    rows, columns = images.shape[:2]
    figure = Figure(figsize=(1.5 * columns, 1.5 * rows + 0.3), layout="constrained", facecolor="black")
    for row, line in enumerate(figure.subplots(rows, columns, squeeze=False)):
        for column, axes in enumerate(line):
            # Rotated so that superior, or anterior on axial slices, is up.
            axes.imshow(np.rot90(images[row, column]), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axes.set_axis_off()
            if row == 0:
                axes.set_title(headings[column], fontsize=9, color="white")
    figure.savefig(file, dpi=RESOLUTION, metadata={"Software": None})
