"""The report of a run: what was found, in a page and in three lines."""

import base64
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from healthward import __version__
from healthward.cohort import METRICS, MINIMUM_SCANS, Cohort, present, scopes
from healthward.figures import SCORE_NAMES
from healthward.labels import CLASSES
from healthward.wording import listed

# one score, named beforehand, sums up the classes: the best of many would flatter
HEADLINE_SCORE = "contrast_p99"
FEW_SUBJECTS = 20
LISTED_SLICES = 24
SCAN_SCORES = ("ssim", "ssim_brain", "psnr", "lpips", "fid", "anomaly_p99", "contrast_p99", "unreliable_fraction")
SCOPE_NAMES = {"test": "held-out scans", "all": "all scans, those of training included"}
MAPS = ("anomaly", "contrast", "pseudohealthy")
MAP_NAMES = {"anomaly": "anomaly map", "contrast": "contrast map"}


class Link(NamedTuple):
    """A cell of a table that leads to a file beside the report."""

    text: str
    target: str


Row = list[str | Link | list[Link]]


class Table(NamedTuple):
    """A table to show; the first `texts` columns are words, the others numbers."""

    caption: str
    header: list[str]
    rows: list[Row]
    texts: int = 1


class Caution(NamedTuple):
    """A reason to doubt: in a few words for the terminal, and in full for the report."""

    short: str
    text: str


UNCALIBRATED = Caution(
    "the maps are not calibrated against controls",
    "The maps are raw: not yet measured against what controls show at the same place. SSIM follows anatomy along an"
    " axis and is flattered by black background, so a low SSIM alone is no anomaly. For research, not for diagnosis.",
)


def number(value: float) -> str:
    """Return a value with three significant digits, a dash where it is missing."""
    return "–" if pd.isna(value) else f"{value:#.3g}".rstrip(".")


def _interval(row: Mapping[Any, Any] | pd.Series, centre: str) -> str:
    bounds = "" if pd.isna(row["low"]) else f" ({number(row['low'])}–{number(row['high'])})"
    return f"{number(row[centre])}{bounds}"


def _auroc(row: Mapping[Any, Any] | pd.Series) -> str:
    return f"{row['estimate']:.2f} ({row['low']:.2f}–{row['high']:.2f})"


def _count(many: int, one: str) -> str:
    return f"{many} {one}" if many == 1 else f"{many} {one}s"


def _main_scope(cohort: Cohort) -> str:
    return next(iter(scopes(cohort.scans)))


def _scan_sentence(cohort: Cohort) -> str:
    scans = cohort.scans
    classes = ", ".join(f"{(scans['label'] == label).sum()} {label}" for label in present(scans))
    subjects = _count(scans["subject"].nunique(), "subject")
    return f"{_count(len(scans), 'scan')} of {subjects} mapped ({classes})"


def _outlier_sentence(cohort: Cohort) -> str:
    if len(cohort.scans) < MINIMUM_SCANS:
        return f"too few scans to tell outliers (it takes {MINIMUM_SCANS})"
    if cohort.outliers.empty:
        return "no scan departs from the cohort"
    departs = "scan departs" if len(cohort.outliers) == 1 else "scans depart"
    return f"{len(cohort.outliers)} {departs} from the cohort: {listed(cohort.outliers['scan'], most=3)}"


def _separation_sentence(cohort: Cohort) -> str:
    table, scope = cohort.comparisons, _main_scope(cohort)
    rows = table[(table["scope"] == scope) & (table["test"] == "mann_whitney") & (table["score"] == HEADLINE_SCORE)]
    if rows.empty:
        return f"no class could be compared with {cohort.healthy}: that takes two subjects of it and of another class"
    row = rows.iloc[rows["group"].map(CLASSES.index).to_numpy().argmax()]
    verdict = "is not told apart from" if row["low"] <= 0.5 <= row["high"] else "is told apart from"
    verdict = "scores lower than" if row["high"] < 0.5 else verdict
    return (
        f"{row['group']} {verdict} {cohort.healthy} by the contrast map's 99th percentile: AUROC {_auroc(row)}, chance"
        f" 0.5 ({row['n']:.0f} against {row['n_reference']:.0f} subjects, {SCOPE_NAMES[scope]})"
    )


def _found_voxels(cohort: Cohort) -> pd.DataFrame:
    """Return the localisation of the held-out scans, or of all where none is held out."""
    table = cohort.localisation
    return table[table["split"] == ("test" if "test" in set(table["split"]) else "all")]


def _localisation_sentences(cohort: Cohort) -> list[str]:
    table = _found_voxels(cohort)
    sentences = []
    for name, rows in table[table["label"] == "all"].groupby("map"):
        auprc, auroc = (rows[rows["measure"] == measure].iloc[0] for measure in ("auprc", "auroc"))
        verdict = "above chance" if auprc["low"] > auprc["chance"] else "not shown to beat chance"
        sentences.append(
            f"the {MAP_NAMES[str(name)]} finds the true voxels with AUPRC {_interval(auprc, 'mean')}, {verdict}"
            f" ({number(auprc['chance'])}), and AUROC {_interval(auroc, 'mean')}, chance 0.5"
        )
    return sentences


def findings(cohort: Cohort) -> list[str]:
    """Return what was found, a sentence each, the most general first."""
    lowest = cohort.lowest.iloc[0]
    below = int(cohort.lowest["below_threshold"].sum())
    slices = (
        f"{_count(below, 'slice')} of {len(cohort.slices)} below SSIM {cohort.threshold:g}; the lowest,"
        f" {lowest['ssim']:.3f}, is {lowest['axis']} slice {lowest['index']} of {lowest['scan']} ({lowest['position']})"
    )
    found = [_scan_sentence(cohort), _outlier_sentence(cohort), slices, _separation_sentence(cohort)]
    return [f"{sentence[0].upper()}{sentence[1:]}." for sentence in (*found, *_localisation_sentences(cohort))]


def cautions(cohort: Cohort, parameters: Mapping[str, Any]) -> list[Caution]:
    """Return what to distrust in these results and why, the gravest first."""
    scans = cohort.scans
    chosen = scopes(scans)[_main_scope(cohort)]
    found = []
    unreliable = float(cohort.slices["unreliable"].mean())
    if unreliable > 0:
        short = f"{unreliable:.0%} of slices are unreliable (longer training or more inversion iterations help)"
        text = (
            f"{unreliable:.1%} of slices are unreliable: decoding them without guidance errs more than guidance changes"
            " them. The anomaly map shows the network's own error there; the contrast map cancels much of it. Longer"
            " training and more inversion iterations help."
        )
        found.append(Caution(short, text))
    sizes = {label: chosen.loc[chosen["label"] == label, "subject"].nunique() for label in present(chosen)}
    few = ", ".join(f"{size} {label}" for label, size in sizes.items() if size < FEW_SUBJECTS)
    if few:
        text = (
            f"Few subjects in a class ({few}): intervals are wide, and a difference that shows here may not show in the"
            " next cohort. Take it as a direction, not as a result."
        )
        found.append(Caution(f"few subjects ({few}): a direction, not a result", text))
    seen = int((scans["split"] != "test").sum())
    if seen:
        usable = _main_scope(cohort) == "test"
        advice = "believe the comparisons over held-out scans" if usable else "too few scans are held out to compare"
        text = (
            f"{_count(seen, 'scan')} of {len(scans)} served for training or for choosing the model, which says little"
            f" about new scans. Figures show them hollow or pale; {advice}."
        )
        found.append(Caution(f"{seen} of {_count(len(scans), 'scan')} not held out; {advice}", text))
    if cohort.healthy not in set(scans["label"]):
        text = (
            f"The cohort has no {cohort.healthy} scan. Guidance moves healthy brains too, so without them nothing tells"
            " which part of a map is disease."
        )
        found.append(Caution(f"no {cohort.healthy} scan: what the maps show in health is unknown", text))
    absent = [name for name in (*METRICS, "fid") if name not in scans or scans[name].isna().all()]
    if absent:
        asked = parameters.get("metrics")
        why = f"only {asked} were asked for" if asked else "no weights of their networks were found; give --weights"
        names = listed([SCORE_NAMES[name].split(" ")[0] for name in absent], most=6)
        found.append(Caution(f"{names} absent ({why})", f"Absent: {names} ({why})."))
    return [*found, UNCALIBRATED]


def summary_lines(cohort: Cohort, parameters: Mapping[str, Any] | None = None) -> list[str]:
    """Return the three lines that a user wants to know: what was mapped, what it shows, what to distrust."""
    scans = [_scan_sentence(cohort), _outlier_sentence(cohort)]
    shown = [_separation_sentence(cohort), *_localisation_sentences(cohort)[-1:]]
    doubts = [caution.short for caution in cautions(cohort, parameters or {})[:2]]
    return [f"Scans: {'; '.join(scans)}.", f"Shown: {'; '.join(shown)}.", f"Distrust: {'; '.join(doubts)}."]


def _cohort_table(cohort: Cohort) -> Table:
    rows: list[Row] = []
    for label in present(cohort.scans):
        members = cohort.scans[cohort.scans["label"] == label]
        counts = [(members["split"] == split).sum() for split in ("train", "val", "test")]
        counts = [members["subject"].nunique(), len(members), *counts, int(members["outlier"].sum())]
        rows.append([label, *map(str, counts)])
    header = ["class", "subjects", "scans", "training", "validation", "held out", "outliers"]
    return Table("Scans and subjects by class and split.", header, rows)


def _localisation_table(cohort: Cohort) -> Table:
    table = _found_voxels(cohort)
    rows: list[Row] = []
    for (label, name), found in table.groupby(["label", "map"], sort=False):
        auprc, auroc = (found[found["measure"] == measure].iloc[0] for measure in ("auprc", "auroc"))
        scores = [_interval(auprc, "mean"), number(auprc["chance"]), _interval(auroc, "mean")]
        rows.append([str(label), MAP_NAMES[str(name)], f"{auprc['scans']:.0f}", *scores, "0.5"])
    which = "held-out scans" if "test" in set(table["split"]) else "all scans, none being held out"
    caption = (
        f"Voxels found, against the true masks, inside the brain: means and 95 % bootstrap intervals over {which}."
    )
    return Table(caption, ["class", "map", "scans", "AUPRC", "chance", "AUROC", "chance"], rows, texts=2)


def _score_table(cohort: Cohort, scope: str) -> Table:
    table = cohort.groups[cohort.groups["scope"] == scope]
    labels = list(table["label"].unique())
    rows: list[Row] = []
    for score in table["score"].unique():
        cells = table[table["score"] == score].set_index("label")
        rows.append([SCORE_NAMES.get(score, score), *(_interval(cells.loc[label], "mean") for label in labels)])
    caption = f"Mean score of the subjects of each class (95 % bootstrap interval), {SCOPE_NAMES[scope]}."
    return Table(caption, ["score", *labels], rows)


def _comparison_table(cohort: Cohort, scope: str) -> Table:
    table = cohort.comparisons[cohort.comparisons["scope"] == scope]
    pairs = table[table["test"] == "mann_whitney"]
    labels = [label for label in CLASSES if label in set(pairs["group"])]
    rows: list[Row] = []
    for score, found in table.groupby("score", sort=False):
        cells = {(row["test"], row["group"]): row for row in found.to_dict("records")}
        whole = {test: row for (test, _), row in cells.items()}
        line = [_starred(cells.get(("mann_whitney", label)), interval=True) for label in labels]
        line += [_starred(whole.get("spearman")), _starred(whole.get("kruskal_wallis"))]
        rows.append([SCORE_NAMES.get(str(score), str(score)), *line])
    caption = (
        f"Classes compared over {SCOPE_NAMES[scope]}. AUROC: the chance that a subject of the class scores above one of"
        f" {cohort.healthy}, with its 95 % interval; 0.5 is no difference. * p < 0.05 after Holm's correction over all"
        " comparisons of the same kind in this table."
    )
    return Table(caption, ["score", *(f"AUROC {label}" for label in labels), "trend ρ", "Kruskal–Wallis H"], rows)


def _starred(row: Mapping[Any, Any] | None, interval: bool = False) -> str:
    if row is None:
        return "–"
    shown = _auroc(row) if interval else f"{row['estimate']:.2f}"
    return f"{shown} *" if row["p_holm"] < 0.05 else shown


def _outlier_table(cohort: Cohort) -> Table:
    rows: list[Row] = [
        [
            _figure_link(row["scan"]), row["label"], row["split"], f"{row['worst_axis']} {row['worst_index']}",
            f"{row['worst_ssim']:.3f}", f"{row['median_ssim']:.3f}", number(row["distance"]), number(row["robust_z"]),
        ]
        for row in cohort.outliers.to_dict("records")
    ]  # fmt: skip
    header = ["scan", "class", "split", "departs most at", "SSIM there", "cohort's median", "distance", "robust z"]
    return Table("Scans whose SSIM curve departs from the cohort's, farthest first.", header, rows, texts=4)


def _lowest_table(cohort: Cohort) -> Table:
    rows: list[Row] = [
        [
            _figure_link(row["scan"]), row["label"], row["axis"], row["position"], "yes" if row["unreliable"] else "no",
            str(row["index"]), f"{row['ssim']:.3f}",
        ]
        for row in cohort.lowest.head(LISTED_SLICES).to_dict("records")
    ]  # fmt: skip
    caption = f"The lowest {len(rows)} of the {_count(len(cohort.lowest), 'slice')} in tables/lowest_slices.csv."
    return Table(caption, ["scan", "class", "axis", "position", "unreliable", "slice", "SSIM"], rows, texts=5)


def _scan_table(cohort: Cohort) -> Table:
    scores = [name for name in SCAN_SCORES if name in cohort.scans]
    rows: list[Row] = []
    for row in cohort.scans.to_dict("records"):
        links = [Link(name, f"maps/{row['scan']}/{row['scan']}_{name}.nii.gz") for name in MAPS]
        words = [row["subject"], row["label"], row["split"], links, "yes" if row["outlier"] else ""]
        rows.append([_figure_link(row["scan"]), *words, *(number(row[name]) for name in scores)])
    header = ["scan", "subject", "class", "split", "maps", "outlier", *(SCORE_NAMES[name] for name in scores)]
    return Table("Every scan; its name leads to its metrics over slices.", header, rows, texts=6)


def _figure_link(scan: str) -> Link:
    return Link(scan, f"figures/scans/{scan}.png")


def _settings_table(caption: str, settings: Mapping[str, Any]) -> Table:
    rows: list[Row] = [
        [name, value if isinstance(value, str) else json.dumps(value)] for name, value in settings.items()
    ]
    return Table(caption, ["name", "value"], rows, texts=2)


def _embedded(paths: Iterable[tuple[str, Path]]) -> dict[str, str]:
    encoded = ((name, base64.b64encode(path.read_bytes()).decode()) for name, path in paths if path.is_file())
    return {name: f"data:image/png;base64,{text}" for name, text in encoded}


def render(
    cohort: Cohort, figures: Mapping[str, Path], model: Path | None = None, parameters: Mapping[str, Any] | None = None
) -> str:
    """Return the report as one HTML page that needs no other file to be read.

    Args:
        cohort: the cohort.
        figures: PNG files by the names of `healthward.figures.cohort_figures`.
        model: a model folder: its config.json, loss.png and samples.png are shown where they exist.
        parameters: the run's parameters, shown as they are.
    """
    training: dict[str, str] = {}
    described: dict[str, Any] = {}
    if model is not None:
        training = _embedded((name, model / f"{name}.png") for name in ("loss", "samples"))
        config = model / "config.json"
        described = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("report.html.j2").render(
        version=__version__,
        cohort=cohort,
        findings=findings(cohort),
        cautions=cautions(cohort, parameters or {}),
        minimum_scans=MINIMUM_SCANS,
        cohort_table=_cohort_table(cohort),
        localisation_table=_localisation_table(cohort) if len(cohort.localisation) else None,
        class_tables=[
            (_score_table(cohort, scope), _comparison_table(cohort, scope)) for scope in scopes(cohort.scans)
        ],
        outlier_table=_outlier_table(cohort),
        outlier_sentence=_outlier_sentence(cohort),
        outlier_names=listed(cohort.outliers["scan"], most=3),
        lowest_table=_lowest_table(cohort),
        scan_table=_scan_table(cohort),
        images=_embedded(figures.items()),
        training=training,
        config_table=_settings_table("What the model expects and what it was made with.", described),
        parameter_table=_settings_table("Parameters of this run.", parameters or {}),
    )
