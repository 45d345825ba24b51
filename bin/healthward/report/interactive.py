"""What the report's page draws from: numbers of every slice, scan and region, packed for the browser.

A thousand scans have a million and a half numbers. They go into the page as base64 of little-endian float32, each kind
as one array on a grid of scans and positions, so that no position is written more than once and no point has a text.
"""

import base64
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from plotly.offline import get_plotlyjs

from healthward.cohort.comparisons import score_names
from healthward.cohort.covariates import SUFFIX
from healthward.cohort.summary import HEADLINE_SCORE, Cohort
from healthward.imaging.slices import AXES
from healthward.names import MAPS, SCAN_VALUES, SCORES, SLICE_METRICS
from healthward.norms.calibration import FEWEST_CONTROLS
from healthward.report.class_styles import MARKERS, colours, markers
from healthward.report.figures import SCORE_NAMES
from healthward.report.tables import auroc, main_scope, number

SYMBOLS = dict(zip(MARKERS, ("circle", "square", "triangle-up", "diamond", "triangle-down"), strict=True))
"""Plotly's names of matplotlib's markers."""

SLICE_NAMES = {
    **{name: SCORE_NAMES[name] for metric in SLICE_METRICS for name in (metric, f"{metric}_brain")},
    "log_odds": SCAN_VALUES["log_odds"],
    "guided_change": "Guided change (scaled intensity)",
    "round_trip_error": "Round-trip error (scaled intensity)",
    "round_trip_psnr": SCAN_VALUES["round_trip_psnr"],
}
"""What can be drawn over slices, and how it is called."""

BEYOND_NORM = {"beyond_5": 0.05, "beyond_1": 0.01}
"""What calibration promises of controls: the expected share of their voxels beyond a rate is that rate."""


def libraries() -> dict[str, str]:
    """Return the scripts of Plotly and of NiiVue, which nilearn brings along, fit to stand in a page."""
    niivue = files("nilearn").joinpath("_assets", "js", "niivue.umd.js").read_text(encoding="utf-8")
    return {
        name: text.replace("</script", "<\\/script") for name, text in (("plotly", get_plotlyjs()), ("niivue", niivue))
    }


def page_data(cohort: Cohort, ranked: pd.DataFrame) -> dict[str, Any]:
    """Return what the page draws from, of JSON's types only.

    Args:
        cohort: the cohort.
        ranked: from `healthward.cohort.ranking.rank`; its order is that of the scans here.
    """
    scans = cohort.scans.set_index("scan").loc[ranked["scan"]].reset_index()
    controls = scans["scan"].isin(cohort.controls["scan"])
    return {
        "healthy": cohort.healthy,
        "threshold": cohort.threshold,
        "classes": _classes(cohort),
        "scans": {name: scans[name].tolist() for name in ("scan", "subject", "label", "split", "outlier")},
        "controls": int(cohort.controls["subject"].nunique()),
        "curves": _curves(cohort, list(scans["scan"]), set(cohort.controls["scan"])),
        "scores": _scores(cohort, scans, controls),
        "norm": [{"key": key, "expected": rate} for key, rate in BEYOND_NORM.items() if key in scans],
        "regions": _regions(cohort, list(scans["scan"])),
        "volumes": _volumes(cohort),
        "maps": _maps(cohort),
    }


def _classes(cohort: Cohort) -> list[dict[str, str]]:
    colour, marker = colours(cohort.classes), markers(cohort.classes)
    return [
        {"name": name, "colour": colour[name], "symbol": SYMBOLS[marker[name]]}
        for name in cohort.classes.among(cohort.scans["label"])
    ]


def _packed(values: ArrayLike) -> str:
    numbers = np.asarray(values, dtype=float)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan).astype("<f4")
    return base64.b64encode(numbers.tobytes()).decode()


def _curves(cohort: Cohort, scans: list[str], controls: set[str]) -> dict[str, Any]:
    """Return each axis's positions, and each metric's values by axis: scan after scan, position after position."""
    table = cohort.slices
    places = {axis: np.unique(table.loc[table["axis"] == axis, "index"]) for axis in AXES}
    usual = controls if len(controls) > FEWEST_CONTROLS else set(scans)
    metrics = []
    for name in (name for name in SLICE_NAMES if name in table and table[name].notna().any()):
        values, bands = [], []
        for axis in AXES:
            rows = table[table["axis"] == axis]
            grid = rows.pivot(index="scan", columns="index", values=name).reindex(index=scans, columns=places[axis])
            grid = grid.replace([np.inf, -np.inf], np.nan)
            values.append(_packed(grid))
            band = grid.loc[[scan for scan in scans if scan in usual]].quantile([0.05, 0.5, 0.95])
            bands.append([_packed(line) for line in band.to_numpy()])
        metrics.append({"key": name, "name": SLICE_NAMES[name], "values": values, "bands": bands})
    return {
        "axes": [{"name": axis, "index": places[axis].tolist()} for axis in AXES],
        "usual": f"{len(usual)} scans of held-out controls" if usual is controls else "the cohort",
        "metrics": metrics,
    }


def _scores(cohort: Cohort, scans: pd.DataFrame, controls: pd.Series) -> list[dict[str, Any]]:
    """Return each score of the scans, what held-out controls show of it, its means by class, and its tests."""
    scope = main_scope(cohort)
    means = cohort.groups[cohort.groups["scope"] == scope]
    tests = cohort.comparisons[cohort.comparisons["scope"] == scope]
    found = []
    # the score named beforehand is the one to look at first
    for key in sorted(score_names(scans), key=lambda name: name != HEADLINE_SCORE):
        if key.endswith(SUFFIX) or key not in SCORE_NAMES or scans[key].isna().all():
            continue
        values = scans[key].astype(float).replace([np.inf, -np.inf], np.nan)
        usual = values[controls].dropna()
        band = np.quantile(usual, [0.05, 0.95]).tolist() if len(usual) > FEWEST_CONTROLS else None
        shown = [
            {"label": label, "mean": _plain(mean), "low": _plain(low), "high": _plain(high)}
            for label, mean, low, high in means.loc[means["score"] == key, ["label", "mean", "low", "high"]].to_numpy()
        ]
        statistics = [_statistic(row) for row in tests[tests["score"] == key].to_dict("records")]
        found.append(
            {"key": key, "name": SCORE_NAMES[key], "values": _packed(values), "band": band, "means": shown}
            | {"statistics": statistics}
        )
    return found


def _statistic(row: dict[Any, Any]) -> str:
    p = f"p = {row['p']:.2g}, corrected {row['p_holm']:.2g}"
    if row["test"] == "mann_whitney":
        sizes = f"{row['n']:.0f} and {row['n_reference']:.0f} subjects"
        return f"{row['group']} against {row['reference']}: AUROC {auroc(row)}, {p}; {sizes}"
    name = {"jonckheere": "Trend with the order of classes: τ", "kruskal_wallis": "Any difference: H"}[row["test"]]
    return f"{name} = {number(row['estimate'])}, {p}"


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _regions(cohort: Cohort, scans: list[str]) -> dict[str, Any] | None:
    """Return the mean z of each region, region after region, scan after scan."""
    if cohort.regions.empty:
        return None
    names = list(cohort.regions["region"].unique())
    grid = cohort.regions.pivot(index="region", columns="scan", values="mean_z").reindex(index=names, columns=scans)
    return {"names": names, "z": _packed(grid)}


def _volumes(cohort: Cohort) -> list[dict[str, str]]:
    calibrated = "abnormal_ml" in cohort.scans
    shown = [
        name
        for name, kind in MAPS.items()
        if kind.viewed and (calibrated if kind.calibrated else f"{name}_mean" in cohort.scans)
    ]
    titles = {"scan": "Scan"} | {name: MAPS[name].title for name in ("pseudohealthy", *shown)}
    return [{"key": name, "name": title} for name, title in titles.items()]


def _maps(cohort: Cohort) -> list[str]:
    """Return the names of the maps that every scan has as a file."""
    lacking = {name for name, score in SCORES.items() if score.native and f"{name}_mean" not in cohort.scans}
    if "abnormal_ml" not in cohort.scans:
        lacking |= {name for name, kind in MAPS.items() if kind.calibrated}
    return [name for name, kind in MAPS.items() if kind.linked and name not in lacking]
