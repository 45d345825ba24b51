"""Figures of a cohort: curves over slices, scores by class, the lowest slices, localisation.

Every function writes a PNG and an SVG of the same name, whose bytes depend on its arguments only, whatever the user's
matplotlibrc says.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from healthward.cohort.summary import Cohort
from healthward.imaging.slices import AXES
from healthward.inputs.results import read_lowest
from healthward.names import LOCALISED, METRICS, SCAN_VALUES, SCORES
from healthward.report.class_styles import colours, markers
from healthward.report.figure_files import save_figure

INK = "#20262e"
QUIET = "#8a929c"
BAND = "#dfe4ea"
DASHED = (0, (4, 2))
DOT = {"marker": "o", "linestyle": "none"}
MOST_NAMES = 12
MOST_KEYS = 8
MOST_LETTERS = 20
MOST_CURVES = 100
"""More of them, like the points of slices, are a picture in an SVG too: no program would open the lines."""

STYLE = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "image.interpolation": "nearest",
    "axes.axisbelow": True,
    "grid.color": "#eceff3",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.facecolor": "white",
}

SCORE_NAMES = {
    **{name: f"{metric.title} ({metric.unit})" if metric.unit else metric.title for name, metric in METRICS.items()},
    **{
        f"{name}_brain": f"{metric.title}, brain ({metric.unit})" if metric.unit else f"{metric.title}, brain"
        for name, metric in METRICS.items()
    },
    "log_odds": SCAN_VALUES["log_odds"],
    **{
        f"{name}_{measure}": f"{title}, {words}"
        for name, title in ({name: score.title for name, score in SCORES.items()} | LOCALISED).items()
        for measure, words in (("mean", "mean"), ("p99", "99th pct."))
    },
    **SCAN_VALUES,
}
"""How a score is called in figures and report; map scores are in units of scaled intensity, 0 to 1."""


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches."""
    return Figure(figsize=(width, height), dpi=110, layout="constrained")


def styled() -> Any:
    """Return a context in which figures look as ours do."""
    return matplotlib.style.context(["default", STYLE])


def legend_key(label: str, **style: Any) -> Line2D:
    """Return what stands for a kind of line or point in a legend."""
    return Line2D([], [], **{"color": INK, "label": label, **style})


def add_legend(figure: Figure, keys: Sequence[Line2D]) -> None:
    """Put a legend below a figure, in a row where it fits."""
    figure.legend(handles=keys, loc="outside lower center", ncols=min(len(keys), MOST_KEYS))


def labels_of(cohort: Cohort) -> list[str]:
    """Return the classes of the cohort's scans, in order of severity."""
    return cohort.classes.among(cohort.scans["label"])


def _name_classes(panel: Axes, labels: list[str]) -> None:
    """Write the classes below a panel, at a slant where they are many or long."""
    panel.set_xticks(range(len(labels)), labels)
    if sum(map(len, labels)) > MOST_LETTERS:
        panel.tick_params("x", labelrotation=40)


def ssim_curves(cohort: Cohort, path: Path) -> None:
    """Draw SSIM over slices of all scans, a panel an axis, coloured by class, outliers thick, a dozen of them named."""
    outliers, by_class = cohort.outliers, colours(cohort.classes)
    strength = float(np.clip(25 / len(cohort.scans), 0.1, 0.8))
    with styled():
        figure = new_figure(10, 4.2)
        panels = figure.subplots(1, len(AXES), sharey=True)
        for axis, panel in zip(AXES, panels, strict=True):
            curves = cohort.slices[cohort.slices["axis"] == axis].pivot(index="scan", columns="index", values="ssim")
            usual = cohort.scans[~cohort.scans["outlier"]].sort_values("scan")
            lines = [np.column_stack([curves.columns, curves.loc[scan]]) for scan in usual["scan"]]
            lines_colours = [by_class[label] for label in usual["label"]]
            bundle = LineCollection(
                lines, colors=lines_colours, linewidths=1, alpha=strength, rasterized=len(lines) > MOST_CURVES
            )
            panel.add_collection(bundle)
            for outlier in outliers.to_dict("records"):
                curve, colour = curves.loc[outlier["scan"]], by_class[outlier["label"]]
                panel.plot(curve.index, curve, color=colour, linewidth=2.2)
                if outlier["worst_axis"] == axis and len(outliers) <= MOST_NAMES:
                    _name_lowest(panel, curve, colour)
            panel.axhline(cohort.threshold, color=INK, linewidth=0.9, linestyle=DASHED)
            panel.set(title=axis, xlabel="slice")
            panel.margins(y=0.09)
            panel.autoscale_view()
        panels[0].set_ylabel("SSIM of input and pseudo-healthy slice")
        keys = [legend_key(label, color=by_class[label], linewidth=2) for label in labels_of(cohort)]
        keys.append(legend_key(f"threshold {cohort.threshold:g}", linewidth=0.9, linestyle=DASHED))
        if len(outliers):
            keys.append(legend_key("thick: outlier", color=QUIET, linewidth=2.6))
        add_legend(figure, keys)
        save_figure(figure, path)


def _name_lowest(panel: Axes, curve: pd.Series, colour: str) -> None:
    at = int(curve.to_numpy().argmin())
    side = ("left", "center", "right")[3 * at // len(curve)]
    place = (float(curve.index[at]), float(curve.iloc[at]))
    frame = {"facecolor": "white", "edgecolor": colour, "pad": 1.5, "alpha": 0.85}
    panel.annotate(
        str(curve.name), place, (0, -6), textcoords="offset points", ha=side, va="top", fontsize=8, bbox=frame
    )


def scores_by_class(cohort: Cohort, path: Path) -> None:
    """Draw each scan-level score as a strip over a box for every class, held-out scans filled, others hollow."""
    hidden = {"round_trip_psnr", "unreliable_fraction"} | {f"{name}_brain" for name in METRICS if name != "ssim"}
    scores = [name for name in SCORE_NAMES if name not in hidden and cohort.scans.get(name, pd.Series()).notna().any()]
    labels, colour, marker = labels_of(cohort), colours(cohort.classes), markers(cohort.classes)
    table = cohort.scans.replace([np.inf, -np.inf], np.nan)
    columns = 4
    rows = -(-len(scores) // columns)
    with styled():
        figure = new_figure(10, 0.5 + 2.3 * rows)
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for panel in panels[len(scores) :]:
            panel.set_axis_off()
        for score, panel in zip(scores, panels, strict=False):
            for place, label in enumerate(labels):
                members = table[(table["label"] == label) & table[score].notna()]
                style = {"marker": marker[label], "color": colour[label]}
                _strip(panel, place, members[score].to_numpy(), (members["split"] == "test").to_numpy(), style)
            _name_classes(panel, labels)
            panel.set_xlim(-0.6, len(labels) - 0.4)
            panel.set_title(SCORE_NAMES[score])
            panel.grid(visible=False, axis="x")
        add_legend(figure, [legend_key("held-out scan", **DOT), legend_key("other scan", fillstyle="none", **DOT)])
        save_figure(figure, path)


def _strip(panel: Axes, place: float, values: NDArray[Any], held_out: NDArray[Any], style: dict[str, str]) -> None:
    if len(values) > 4:
        panel.boxplot(
            values, positions=[place], widths=0.62, showfliers=False, manage_ticks=False,
            boxprops={"color": QUIET}, whiskerprops={"color": QUIET}, capprops={"color": QUIET},
            medianprops={"color": INK, "linewidth": 1.6},
        )  # fmt: skip
    spread = place + np.random.default_rng(0).uniform(-0.2, 0.2, len(values))
    size = 4.5 if len(values) < 100 else 2.5
    common: dict[str, Any] = {"ls": "none", "ms": size, "alpha": 0.85, **style}
    panel.plot(spread[held_out], values[held_out], **common)
    panel.plot(spread[~held_out], values[~held_out], **common, fillstyle="none")


def lowest_triptychs(cohort: Cohort, count: int, path: Path) -> None:
    """Draw the slices of lowest SSIM as input, pseudo-healthy and difference, in neurological orientation.

    Neighbours look alike: each scan and axis shows its lowest slice before any shows a second one. All differences
    share one scale, so that a strong one looks strong: the 99.9th percentile of all that are drawn.
    """
    pictures = _load_lowest(cohort, count)
    blocks = min(2, len(pictures))
    rows = -(-len(pictures) // blocks)
    limit = max(float(np.percentile([np.abs(given - healthy) for _, given, healthy in pictures], 99.9)), 1e-6)
    with styled():
        figure = new_figure(5 * blocks, 1.95 * rows + 0.7)
        # a narrow empty column parts the blocks
        grid = figure.subplots(rows, 4 * blocks - 1, squeeze=False, width_ratios=([1, 1, 1, 0.12] * blocks)[:-1])
        for panel in grid.ravel():
            panel.set_axis_off()
        panels = np.stack([grid[:, 4 * block : 4 * block + 3] for block in range(blocks)], axis=1).reshape(-1, 3)
        for row, (slice_, given, healthy) in zip(panels, pictures, strict=False):
            row[0].imshow(given.T, origin="lower", cmap="gray", vmin=0, vmax=1)
            row[1].imshow(healthy.T, origin="lower", cmap="gray", vmin=0, vmax=1)
            shown = row[2].imshow((given - healthy).T, origin="lower", cmap="RdBu_r", vmin=-limit, vmax=limit)
            row[0].set_title(f"{slice_['scan']} ({slice_['label']})", fontweight="bold")
            row[1].set_title(f"{slice_['axis']} {slice_['index']}")
            row[2].set_title(f"SSIM {slice_['ssim']:.3f}")
        for row in panels[:blocks]:
            for panel, name, ink in zip(row, ("input", "pseudo-healthy", "difference"), ("w", "w", INK), strict=True):
                panel.text(0.03, 0.03, name, transform=panel.transAxes, color=ink, fontsize=8)
        bar = figure.colorbar(shown, ax=list(grid.flat), location="bottom", shrink=0.5, aspect=50, pad=0.01)
        bar.set_label("input − pseudo-healthy, scaled intensity; red: the input is brighter")
        save_figure(figure, path)


def _load_lowest(cohort: Cohort, count: int) -> list[tuple[dict[Any, Any], NDArray[Any], NDArray[Any]]]:
    """Return up to `count` rows of the table of slices with input and pseudo-healthy slice, lowest SSIM first."""
    ordered = cohort.slices.sort_values("ssim", kind="stable")
    again = ordered.duplicated(["scan", "axis"])
    pictures: list[tuple[dict[Any, Any], NDArray[Any], NDArray[Any]]] = []
    for slice_ in pd.concat([ordered[~again], ordered[again]]).to_dict("records"):
        stored = read_lowest(cohort.places[slice_["scan"]])
        for kept in np.flatnonzero((stored["axis"] == slice_["axis"]) & (stored["index"] == slice_["index"])):
            pictures.append((slice_, stored["input"][kept], stored["healthy"][kept]))
        if len(pictures) == count:
            break
    return sorted(pictures, key=lambda picture: float(picture[0]["ssim"]))


def round_trip(cohort: Cohort, path: Path) -> None:
    """Draw each slice's round-trip error against its guided change; above the diagonal it is unreliable."""
    by_class = colours(cohort.classes)
    table = cohort.slices[["label", "guided_change", "round_trip_error"]]
    table = table[(table["guided_change"] > 0) & (table["round_trip_error"] > 0)]
    # drawn in random order: otherwise the last class would hide the others
    table = table.sample(frac=1, random_state=0)
    with styled():
        figure = new_figure(5.6, 5)
        panel = figure.subplots()
        size, strength = (7, 0.7) if len(table) < 5000 else (3, 0.35)
        change, error = table["guided_change"], table["round_trip_error"]
        panel.scatter(
            change, error, s=size, c=table["label"].map(by_class), alpha=strength, linewidths=0, rasterized=True
        )
        panel.set(xscale="log", yscale="log", xlabel="guided change: mean |unguided − pseudo-healthy|")
        panel.set_ylabel("round-trip error: mean |input − unguided|")
        low = min(panel.get_xlim()[0], panel.get_ylim()[0])
        high = max(panel.get_xlim()[1], panel.get_ylim()[1])
        panel.fill_between([low, high], [low, high], high, color=BAND, alpha=0.6, linewidth=0, zorder=0)
        panel.plot([low, high], [low, high], color=QUIET, linewidth=1)
        panel.set(xlim=(low, high), ylim=(low, high), aspect="equal")
        for side in (panel.xaxis, panel.yaxis):
            side.set_major_locator(LogLocator(subs=(1, 2, 5)))
            side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            side.set_minor_formatter(NullFormatter())
        panel.text(0.03, 0.96, "unreliable: the error is larger", transform=panel.transAxes, va="top")
        add_legend(figure, [legend_key(label, color=by_class[label], **DOT) for label in labels_of(cohort)])
        save_figure(figure, path)


def localisation(cohort: Cohort, path: Path) -> None:
    """Draw voxel AUPRC and AUROC of two maps for every scan with truth, by class, with what chance would give."""
    names = [name for name in ("anomaly", "likeness") if f"{name}_auprc" in cohort.scans]
    table = cohort.scans[cohort.scans["prevalence"].notna()]
    labels, by_class = cohort.classes.among(table["label"]), colours(cohort.classes)
    with styled():
        figure = new_figure(9, 4)
        for panel, measure in zip(figure.subplots(1, 2), ("auprc", "auroc"), strict=True):
            for place, label in enumerate(labels):
                members = table[table["label"] == label]
                held_out = (members["split"] == "test").to_numpy()
                averaged = held_out if held_out.any() else ~held_out
                for offset, name in zip((-0.21, 0.21), names, strict=False):
                    values = members[f"{name}_{measure}"].to_numpy()
                    spread = place + offset + np.random.default_rng(0).uniform(-0.11, 0.11, len(values))
                    common: dict[str, Any] = {"ls": "none", "marker": "o" if name == "likeness" else "x", "ms": 5}
                    panel.plot(spread[held_out], values[held_out], color=by_class[label], **common)
                    panel.plot(spread[~held_out], values[~held_out], color=by_class[label], alpha=0.35, **common)
                    mean = values[averaged].mean()
                    panel.hlines(mean, place + offset - 0.17, place + offset + 0.17, color=INK, linewidth=2)
                chance = members["prevalence"].mean() if measure == "auprc" else 0.5
                panel.hlines(chance, place - 0.42, place + 0.42, color=QUIET, linewidth=1.6, linestyle=DASHED)
            _name_classes(panel, labels)
            panel.set_ylabel(f"voxel {measure.upper()} in the brain")
            panel.grid(visible=False, axis="x")
        chance_key = legend_key("chance", color=QUIET, linewidth=1.6, linestyle=DASHED)
        pale = legend_key("pale: not held out", alpha=0.35, **DOT)
        cross = legend_key("anomaly map", marker="x", linestyle="none")
        add_legend(
            figure,
            [
                cross,
                legend_key("likeness map", **DOT),
                legend_key("mean of held-out, if any", linewidth=2),
                chance_key,
                pale,
            ],
        )
        save_figure(figure, path)


def cohort_figures(cohort: Cohort, count: int, folder: Path) -> dict[str, Path]:
    """Draw every figure of the cohort that its tables allow, with the `count` lowest slices; return them by name.

    Those of an earlier cohort in the folder that this one does not allow go.
    """
    paths = {name: folder / f"{name}.png" for name in ("ssim_curves", "round_trip", "lowest_slices")}
    ssim_curves(cohort, paths["ssim_curves"])
    round_trip(cohort, paths["round_trip"])
    lowest_triptychs(cohort, count, paths["lowest_slices"])
    if len(cohort.scans) > 1:
        paths["scores_by_class"] = folder / "scores_by_class.png"
        scores_by_class(cohort, paths["scores_by_class"])
    if len(cohort.localisation):
        paths["localisation"] = folder / "localisation.png"
        localisation(cohort, paths["localisation"])
    for name in {"scores_by_class", "localisation"} - paths.keys():
        for ending in (".png", ".svg"):
            (folder / f"{name}{ending}").unlink(missing_ok=True)
    return paths
