"""The tables of the report, as texts."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from healthward.cohort.comparisons import scopes
from healthward.cohort.covariates import SUFFIX
from healthward.cohort.summary import HEADLINE_SCORE, Cohort
from healthward.names import LOCALISED
from healthward.report.figures import SCORE_NAMES
from healthward.wording import counted, listed

LISTED_SLICES = 24
SCAN_SCORES = (
    *("log_odds", "abnormal_ml", "z_p99", "ssim", "ssim_brain", "psnr", "lpips", "fid", "anomaly_p99"),
    "unreliable_fraction",
)
SCOPE_NAMES = {"test": "held-out scans", "all": "all scans, those of training included"}


class Opener(NamedTuple):
    """A cell of a table that opens the panel of a scan."""

    scan: str


Row = list[str | Opener]


class Table(NamedTuple):
    """A table to show; the first `texts` columns are words, the others numbers."""

    caption: str
    header: list[str]
    rows: list[Row]
    texts: int = 1


def number(value: float) -> str:
    """Return a value with three significant digits, a dash where it is missing."""
    return "–" if pd.isna(value) else f"{value:#.3g}".rstrip(".")


def interval(row: Mapping[Any, Any] | pd.Series, centre: str) -> str:
    """Return a figure with its 95 % interval, where there is one."""
    bounds = "" if pd.isna(row["low"]) else f" ({number(row['low'])}–{number(row['high'])})"
    return f"{number(row[centre])}{bounds}"


def auroc(row: Mapping[Any, Any] | pd.Series) -> str:
    """Return an AUROC with its 95 % interval."""
    return f"{row['estimate']:.2f} ({row['low']:.2f}–{row['high']:.2f})"


def main_scope(cohort: Cohort) -> str:
    """Return the scope that conclusions are drawn over: held-out scans, if two classes have two subjects there."""
    return next(iter(scopes(cohort.scans)))


def found_voxels(cohort: Cohort) -> pd.DataFrame:
    """Return the localisation of the held-out scans, or of all where none is held out."""
    table = cohort.localisation
    return table[table["split"] == ("test" if "test" in set(table["split"]) else "all")]


def cohort_table(cohort: Cohort) -> Table:
    """Count scans and subjects by class and split."""
    rows: list[Row] = []
    for label in cohort.classes.among(cohort.scans["label"]):
        members = cohort.scans[cohort.scans["label"] == label]
        counts = [(members["split"] == split).sum() for split in ("train", "val", "test")]
        counts = [members["subject"].nunique(), len(members), *counts, int(members["outlier"].sum())]
        rows.append([label, *map(str, counts)])
    header = ["class", "subjects", "scans", "training", "validation", "held out", "outliers"]
    return Table("Scans and subjects by class and split.", header, rows)


def localisation_table(cohort: Cohort) -> Table:
    """Say how well the maps find true voxels, by class."""
    table = found_voxels(cohort)
    table = table[table["map"].isin(list(LOCALISED))]
    rows: list[Row] = []
    for (label, name), found in table.groupby(["label", "map"], sort=False):
        auprc, auroc = (found[found["measure"] == measure].iloc[0] for measure in ("auprc", "auroc"))
        scores = [interval(auprc, "mean"), number(auprc["chance"]), interval(auroc, "mean")]
        rows.append([str(label), LOCALISED[str(name)], f"{auprc['scans']:.0f}", *scores, "0.5"])
    which = "held-out scans" if "test" in set(table["split"]) else "all scans, none being held out"
    caption = (
        f"Voxels found, against the true masks, inside the brain: means and 95 % bootstrap intervals over {which}."
    )
    return Table(caption, ["class", "map", "scans", "AUPRC", "chance", "AUROC", "chance"], rows, texts=2)


def score_table(cohort: Cohort, scope: str) -> Table:
    """Give the mean of every score in every class."""
    table = cohort.groups[cohort.groups["scope"] == scope]
    labels = list(table["label"].unique())
    rows: list[Row] = []
    # adjusted scores are shown where classes are compared; here they would double the table
    for score in table.loc[~table["score"].str.endswith(SUFFIX), "score"].unique():
        cells = table[table["score"] == score].set_index("label")
        rows.append([SCORE_NAMES.get(score, score), *(interval(cells.loc[label], "mean") for label in labels)])
    caption = f"Mean score of the subjects of each class (95 % bootstrap interval), {SCOPE_NAMES[scope]}."
    return Table(caption, ["score", *labels], rows)


def comparison_table(cohort: Cohort, scope: str) -> Table:
    """Compare the classes by every score."""
    table = cohort.comparisons[cohort.comparisons["scope"] == scope]
    pairs = table[table["test"] == "mann_whitney"]
    labels = cohort.classes.among(pairs["group"])
    rows: list[Row] = []
    for score, found in table.groupby("score", sort=False):
        cells = {(row["test"], row["group"]): row for row in found.to_dict("records")}
        whole = {test: row for (test, _), row in cells.items()}
        line = [_starred(cells.get(("mann_whitney", label)), interval=True) for label in labels]
        line += [_starred(whole.get("jonckheere")), _starred(whole.get("kruskal_wallis"))]
        rows.append([_score_name(str(score), cohort.covariates), *line])
    caption = (
        f"Classes compared over {SCOPE_NAMES[scope]}. AUROC: the chance that a subject of the class scores above one of"
        f" {cohort.healthy}, with its 95 % interval; 0.5 is no difference. Trend: Kendall's τ-b of score and order of"
        " the classes (test of Jonckheere and Terpstra). * p < 0.05 after Holm's correction over all comparisons of the"
        " same kind in this table."
    )
    return Table(caption, ["score", *(f"AUROC {label}" for label in labels), "trend τ", "Kruskal–Wallis H"], rows)


def _score_name(score: str, covariates: tuple[str, ...]) -> str:
    raw = score.removesuffix(SUFFIX)
    name = SCORE_NAMES.get(raw, raw)
    return name if raw == score else f"{name}, adjusted for {listed(covariates)}"


def false_positive_table(cohort: Cohort) -> Table:
    """Say in which controls the headline score is high."""
    rows: list[Row] = [
        [row["covariate"], row["group"], f"{row['subjects']}", f"{row['positives']}", interval(row, "rate")]
        for row in cohort.false_positives.to_dict("records")
    ]
    caption = (
        f"False positives: {cohort.healthy} subjects not trained on whose {SCORE_NAMES[HEADLINE_SCORE].lower()} are"
        " among the highest 5 % of theirs. The score may be unfair to a group whose 95 % interval leaves out 0.05; one"
        " in twenty does by chance."
    )
    return Table(caption, ["by", "group", "subjects", "positives", "rate"], rows, texts=2)


def region_table(cohort: Cohort) -> Table:
    """Return the mean z of each region in each class, over held-out subjects where there are any."""
    table = cohort.regions[cohort.regions["split"] == "test"]
    table = cohort.regions if table.empty else table
    subjects = table.groupby(["region", "label", "subject"], sort=False)["mean_z"].mean()
    means = subjects.groupby(["region", "label"], sort=False).mean().unstack("label")
    labels = cohort.classes.among(map(str, means))
    rows: list[Row] = [
        [str(region), *("–" if pd.isna(row[label]) else f"{row[label]:.2f}" for label in labels)]
        for region, row in means.iterrows()
    ]
    caption = (
        "Mean z of each region against held-out controls, over the subjects of each class that were not trained on."
        " Volumes, asymmetries and percentiles of every scan are in tables/regions.csv."
    )
    return Table(caption, ["region", *labels], rows)


def _starred(row: Mapping[Any, Any] | None, interval: bool = False) -> str:
    if row is None:
        return "–"
    shown = auroc(row) if interval else f"{row['estimate']:.2f}"
    return f"{shown} *" if row["p_holm"] < 0.05 else shown


def outlier_table(cohort: Cohort) -> Table:
    """List the outlier scans."""
    rows: list[Row] = [
        [
            Opener(row["scan"]), row["label"], row["split"], f"{row['worst_axis']} {row['worst_index']}",
            f"{row['worst_ssim']:.3f}", f"{row['median_ssim']:.3f}", number(row["distance"]), number(row["robust_z"]),
        ]
        for row in cohort.outliers.to_dict("records")
    ]  # fmt: skip
    header = ["scan", "class", "split", "departs most at", "SSIM there", "cohort's median", "distance", "robust z"]
    return Table("Scans whose SSIM curve departs from the cohort's, farthest first.", header, rows, texts=4)


def lowest_table(cohort: Cohort) -> Table:
    """List the lowest slices."""
    rows: list[Row] = [
        [
            Opener(row["scan"]), row["label"], row["axis"], row["position"], "yes" if row["unreliable"] else "no",
            str(row["index"]), f"{row['ssim']:.3f}",
        ]
        for row in cohort.lowest.head(LISTED_SLICES).to_dict("records")
    ]  # fmt: skip
    caption = f"The lowest {len(rows)} of the {counted(len(cohort.lowest), 'slice')} in tables/lowest_slices.csv."
    return Table(caption, ["scan", "class", "axis", "position", "unreliable", "slice", "SSIM"], rows, texts=5)


def scan_table(cohort: Cohort, ranked: pd.DataFrame) -> Table:
    """List every scan, the most abnormal first, with where it departs and how sure that is.

    `ranked` is of `healthward.cohort.ranking.rank`.
    """
    scans, others = cohort.scans.set_index("scan"), cohort.others.set_index("scan")
    scores = [name for name in SCAN_SCORES if name in scans]
    rows: list[Row] = []
    for row in ranked.to_dict("records"):
        own = scans.loc[row["scan"]]
        where = ", ".join(f"{region.name} ({region.z:+.1f})" for region in row["regions"]) or "–"
        words = [row["subject"], row["label"], row["split"], "yes" if own["outlier"] else "", where]
        words += [text or "–" for text in others.loc[row["scan"]]]
        percentile = "–" if pd.isna(row["percentile"]) else f"{row['percentile']:.0f}"
        numbers = [percentile, number(row["p"]), *(number(own[name]) for name in scores)]
        rows.append([Opener(row["scan"]), *words, *numbers])
    judged = ["percentile among controls", "p"]
    texts = ["scan", "subject", "class", "split", "outlier", "departs most in (z)", *map(str, others)]
    caption = (
        f"Every scan by its {SCORE_NAMES[HEADLINE_SCORE].lower()}. Percentile and one-sided p say where they lie"
        f" among the held-out {cohort.healthy} subjects, the scan's own left out; p is not corrected for the number of"
        " scans."
    )
    return Table(caption, [*texts, *judged, *(SCORE_NAMES[name] for name in scores)], rows, len(texts))


def settings_table(caption: str, settings: Mapping[str, Any]) -> Table:
    """List settings by name."""
    rows: list[Row] = [
        [name, value if isinstance(value, str) else json.dumps(value)] for name, value in settings.items()
    ]
    return Table(caption, ["name", "value"], rows, texts=2)
