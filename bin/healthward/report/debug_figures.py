"""Figures of every step of a translation, for a few slices of a scan."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from healthward.diffusion.translation import Trace
from healthward.imaging.slices import AXES, ScanSlices
from healthward.imaging.volumes import Array

RESOLUTION = 110
SHARES = (0.35, 0.65)
"""Where on each axis the slices lie that are drawn, as shares of those that were cut."""

MOST_STEPS = 8
"""Columns of the trajectory: more would be too small to see."""

GREY = {"cmap": "gray", "vmin": 0, "vmax": 1}
NOISE = {"cmap": "gray", "vmin": -3, "vmax": 3}
SMALLEST_CHANGE = 0.02
"""The colours of a difference span at least this: of one that is smaller, noise would look like a finding."""


def chosen_slices(scan: ScanSlices) -> tuple[Array, list[str]]:
    """Return a few slices of every axis, (N, size, size), with the name of each, as "axial 63"."""
    record = scan.record
    positions = sorted({int(share * record.count) for share in SHARES})
    images = [scan.stack[axis, position] for axis in range(len(AXES)) for position in positions]
    names = [f"{axis} {record.first + position}" for axis in AXES for position in positions]
    return np.stack(images), names


def plot_steps(trace: Trace, names: Sequence[str], title: str, file: Path) -> None:
    """Draw a row for each slice: input, latent, both decodings, and what guidance and the round trip changed.

    Args:
        trace: of N slices.
        names: of the slices.
        title: of the figure.
        file: PNG to write.
    """
    changes = trace.healthy - trace.input, trace.healthy - trace.unguided, trace.unguided - trace.input
    largest = max(SMALLEST_CHANGE, float(np.percentile(np.abs(changes), 99.5)))
    change = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}
    columns: list[tuple[str, Array, dict[str, Any]]] = [
        ("input", trace.input, GREY),
        (f"latent, t = {trace.timesteps[0]}", trace.latent, NOISE),
        ("unguided", trace.unguided, GREY),
        ("pseudo-healthy", trace.healthy, GREY),
        ("pseudo-healthy\n− input", changes[0], change),
        ("pseudo-healthy\n− unguided", changes[1], change),
        ("unguided − input\n(round-trip error)", changes[2], change),
    ]
    _grid(columns, names, f"{title}: steps; differences span ±{largest:.2g}, red brighter", file)


def plot_trajectory(trace: Trace, names: Sequence[str], title: str, file: Path) -> None:
    """Draw a row for each slice: x̂₀ along the decoding toward health, from the deepest timestep, beside the input.

    Args:
        trace: of N slices.
        names: of the slices.
        title: of the figure.
        file: PNG to write.
    """
    steps = np.unique(np.linspace(0, len(trace.timesteps) - 1, MOST_STEPS).round().astype(int))
    columns = [
        ("input", trace.input, GREY),
        *((f"x̂₀, t = {trace.timesteps[step]}", trace.clean[step], GREY) for step in steps),
    ]
    _grid(columns, names, f"{title}: x̂₀ along the decoding toward health", file)


def _grid(columns: Sequence[tuple[str, Array, dict[str, Any]]], names: Sequence[str], title: str, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(1.5 * len(columns) + 0.4, 1.5 * len(names) + 0.7), layout="constrained")
    figure.suptitle(title, fontsize=10)
    panels = figure.subplots(len(names), len(columns), squeeze=False)
    for column, (heading, images, style) in enumerate(columns):
        panels[0, column].set_title(heading, fontsize=8)
        for panel, image in zip(panels[:, column], images, strict=True):
            # Rotated so that superior, or anterior on axial slices, is up.
            panel.imshow(np.rot90(image), interpolation="nearest", **style)
            panel.set(xticks=[], yticks=[])
    for panel, name in zip(panels[:, 0], names, strict=True):
        panel.set_ylabel(name, fontsize=8)
    figure.savefig(file, dpi=RESOLUTION, metadata={"Software": None})
