"""A figure for each scan: its metrics over slices, over what is usual in the cohort."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import KDTree

from healthward.cohort.summary import Cohort
from healthward.imaging.slices import AXES
from healthward.names import SLICE_METRICS
from healthward.report.class_styles import colours
from healthward.report.figures import (
    BAND,
    DASHED,
    QUIET,
    SCORE_NAMES,
    add_legend,
    legend_key,
    new_figure,
    styled,
)

Picture = NDArray[np.uint8]
"""Of red, green, blue and opacity, (height, width, 4)."""

SHADES = 128
"""Colours of a file: they hold line drawings at a quarter of the size."""

LEVELS = 32
"""Steps of each of red, green and blue that are distinguished when a picture's colours are looked up."""


def scan_figures(cohort: Cohort, folder: Path) -> Iterator[Path]:
    """Draw each scan's metrics over its slices into `folder`/<scan>.png, one at a time; yields what was written.

    A panel for each metric and axis: the scan's curve over the cohort's median and its 5th to 95th percentile, on the
    same scales for every scan. All but the curves is drawn once, and the file's colours are chosen once: at a second a
    figure, large cohorts would wait. Figures of scans that an earlier cohort had in the folder go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.png"):
        if path.stem not in cohort.places:
            path.unlink()
    metrics = [metric for metric in SLICE_METRICS if metric in cohort.slices]
    table = cohort.slices.replace([np.inf, -np.inf], np.nan)
    with styled():
        figure = new_figure(9, 0.6 + 1.55 * len(metrics))
        canvas = FigureCanvasAgg(figure)
        panels = figure.subplots(len(metrics), len(AXES), sharex="col", sharey="row", squeeze=False)
        for column, axis in enumerate(AXES):
            here = table[table["axis"] == axis].groupby("index")[metrics]
            low, median, high = here.quantile(0.05), here.median(), here.quantile(0.95)
            for panel, metric in zip(panels[:, column], metrics, strict=True):
                panel.fill_between(low.index, low[metric], high[metric], color=BAND, linewidth=0)
                panel.plot(median.index, median[metric], color=QUIET, linewidth=1, linestyle=DASHED)
                panel.update_datalim(table.loc[table["axis"] == axis, ["index", metric]].dropna().to_numpy())
                panel.autoscale_view()
            panels[0, column].set_title(axis)
            panels[-1, column].set_xlabel("slice")
        for panel, metric in zip(panels[:, 0], metrics, strict=True):
            panel.set_ylabel(SCORE_NAMES[metric])
        figure.align_ylabels(panels[:, 0])
        usual = legend_key("median of the cohort", color=QUIET, linewidth=1, linestyle=DASHED)
        band = legend_key("5th to 95th percentile", color=BAND, linewidth=7)
        add_legend(figure, [legend_key("this scan", linewidth=1.6), usual, band])
        heading = figure.suptitle(" ", x=0.01, ha="left", fontsize=11, fontweight="bold")
        canvas.draw()  # type: ignore[no-untyped-call]
        background = canvas.copy_from_bbox(figure.bbox)  # type: ignore[no-untyped-call]
        curves = [[panel.plot([], [], linewidth=1.6)[0] for panel in row] for row in panels]

        def drawn(title: str, rows: Any, colour: str) -> Picture:
            canvas.restore_region(background)  # type: ignore[no-untyped-call]
            heading.set_text(title)
            figure.draw_artist(heading)
            axes, index, values = rows["axis"].to_numpy(), rows["index"].to_numpy(), rows[metrics].to_numpy()
            for column, axis in enumerate(AXES):
                here = axes == axis
                for curve, heights in zip((row[column] for row in curves), values[here].T, strict=True):
                    curve.set_data(index[here], heights)
                    curve.set_color(colour)
                    curve.axes.draw_artist(curve)
            return np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]

        first = table[table["scan"] == table["scan"].iloc[0]]
        by_class = colours(cohort.classes)
        palette = _Palette([drawn("scan", first, colour).copy() for colour in dict.fromkeys(by_class.values())])
        for (scan, label, split), rows in table.groupby(["scan", "label", "split"]):
            path = folder / f"{scan}.png"
            palette.save(drawn(f"{scan} · {label} · {split}", rows, by_class[str(label)]), path)
            yield path


class _Palette:
    """The few colours of pictures that are alike: choosing them anew for each would take longer than to draw it."""

    def __init__(self, examples: list[Picture]) -> None:
        chosen = Image.fromarray(np.concatenate(examples)).convert("RGB").quantize(SHADES)
        self.colours = chosen.getpalette() or []
        centres = (np.indices((LEVELS,) * 3).reshape(3, -1).T + 0.5) * (256 / LEVELS)
        # a colour at the end of the scale, as white, is that of its whole step
        centres = np.where(centres > 255 - 256 / LEVELS, 255, centres)
        nearest = KDTree(np.reshape(self.colours, (-1, 3))).query(centres)[1]
        self.nearest = nearest.astype(np.uint8).reshape((LEVELS,) * 3)
        self.usual = examples[0]
        self.indices = self._look_up(self.usual)

    def _look_up(self, colours: Picture) -> Picture:
        red, green, blue, _ = np.moveaxis(colours // (256 // LEVELS), -1, 0)
        return self.nearest[red, green, blue]

    def save(self, picture: Picture, path: Path) -> None:
        # pixels as one number each: only those that differ are looked up
        other = picture.view(np.uint32)[..., 0] != self.usual.view(np.uint32)[..., 0]
        indices = self.indices.copy()
        indices[other] = self._look_up(picture[other])
        image = Image.fromarray(indices)
        image.putpalette(self.colours)
        # a level up saves a tenth of the size and doubles the time
        image.save(path, compress_level=4)
