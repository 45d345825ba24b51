"""The report of a run: what was found, in a page and in three lines."""

import base64
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from healthward import __version__
from healthward.cohort.comparisons import scopes
from healthward.cohort.ranking import answers, rank
from healthward.cohort.summary import HEADLINE_SCORE, MINIMUM_SCANS, Cohort
from healthward.inputs.provenance import versions
from healthward.inputs.results import COPY_AGAIN, read_object
from healthward.names import LOCALISED, METRICS
from healthward.report import tables as report_tables
from healthward.report.figures import SCORE_NAMES
from healthward.report.interactive import libraries, page_data
from healthward.report.methods import methods_text
from healthward.report.tables import SCOPE_NAMES, auroc, found_voxels, interval, main_scope, number
from healthward.wording import counted, listed

FEW_SUBJECTS = 20
WORTH_TELLING = 0.01  # of the slices: with fewer unreliable ones no map is read otherwise
FEW_CONTROLS = 20
MOST_PICTURES = 12
SCRIPTS = ("page.js", "tables.js", "plots.js", "viewer.js")
"""Of the page, in the order in which they build on each other."""


class Caution(NamedTuple):
    """A reason to doubt: in a few words for the terminal, and in full for the report."""

    short: str
    text: str


LOW_SSIM = "SSIM follows anatomy along an axis and is flattered by black background, so a low SSIM alone is no anomaly."


def _scan_sentence(cohort: Cohort) -> str:
    scans = cohort.scans
    classes = ", ".join(f"{(scans['label'] == label).sum()} {label}" for label in cohort.classes.among(scans["label"]))
    subjects = counted(scans["subject"].nunique(), "subject")
    return f"{counted(len(scans), 'scan')} of {subjects} mapped ({classes})"


def _outlier_sentence(cohort: Cohort) -> str:
    if len(cohort.scans) < MINIMUM_SCANS:
        return f"too few scans to tell outliers (it takes {MINIMUM_SCANS})"
    if cohort.outliers.empty:
        return "no scan departs from the cohort"
    departs = "scan departs" if len(cohort.outliers) == 1 else "scans depart"
    return f"{len(cohort.outliers)} {departs} from the cohort: {listed(cohort.outliers['scan'], most=3)}"


def _separation_sentence(cohort: Cohort) -> str:
    table, scope = cohort.comparisons, main_scope(cohort)
    rows = table[(table["scope"] == scope) & (table["test"] == "mann_whitney") & (table["score"] == HEADLINE_SCORE)]
    if rows.empty:
        return f"no class could be compared with {cohort.healthy}: that takes two subjects of it and of another class"
    row = rows.iloc[rows["group"].map(cohort.classes.index).to_numpy().argmax()]
    verdict = "is not distinguished from" if row["low"] <= 0.5 <= row["high"] else "is distinguished from"
    verdict = "scores lower than" if row["high"] < 0.5 else verdict
    return (
        f"{row['group']} {verdict} {cohort.healthy} by log-odds: AUROC {auroc(row)}, chance"
        f" 0.5 ({row['n']:.0f} against {row['n_reference']:.0f} subjects, {SCOPE_NAMES[scope]})"
    )


def _localisation_sentences(cohort: Cohort) -> list[str]:
    table = found_voxels(cohort)
    sentences = []
    for name, title in LOCALISED.items():
        rows = table[(table["label"] == "all") & (table["map"] == name)]
        if rows.empty:
            continue
        precision, ranking = (rows[rows["measure"] == measure].iloc[0] for measure in ("auprc", "auroc"))
        verdict = "above chance" if precision["low"] > precision["chance"] else "not shown to beat chance"
        sentences.append(
            f"the {title[0].lower()}{title[1:]} finds the true voxels with AUPRC {interval(precision, 'mean')},"
            f" {verdict} ({number(precision['chance'])}), and AUROC {interval(ranking, 'mean')}, chance 0.5"
        )
    return sentences


def _abnormal_sentences(cohort: Cohort) -> list[str]:
    """Say which scans have the most abnormal tissue, where they could be compared with controls."""
    if "abnormal_ml" not in cohort.scans:
        return []
    scans = cohort.scans[cohort.scans["abnormal_ml"] > 0].sort_values("abnormal_ml", ascending=False)
    if scans.empty:
        return ["no scan has a voxel that departs from controls at a false discovery rate of 5 %"]
    volumes = zip(scans["scan"], scans["abnormal_ml"], strict=True)
    first = listed([f"{scan} ({number(volume)} ml)" for scan, volume in volumes], most=3)
    return [f"{counted(len(scans), 'scan')} with abnormal voxels at a false discovery rate of 5 %, the most in {first}"]


def _calibration_caution(cohort: Cohort) -> Caution:
    controls = cohort.controls["subject"].nunique()
    known = counted(controls, "held-out control subject")
    if "abnormal_ml" not in cohort.scans:
        return Caution(
            "the maps are not calibrated against controls",
            f"The maps are raw: with {known} nobody can say what health shows at each place, so neither how unusual a"
            " voxel is nor how many would be found in health can be determined."
            f" {LOW_SSIM} For research, not for diagnosis.",
        )
    few = (
        " They are few: a p-value below a few in a hundred rests on a handful of brains."
        if controls < FEW_CONTROLS
        else ""
    )
    return Caution(
        f"calibrated against {known}",
        f"z maps and abnormal volumes are against {known}.{few} Scanners and ages that they lack are no part of what"
        f" counts as health. {LOW_SSIM} For research, not for diagnosis.",
    )


def findings(cohort: Cohort) -> list[str]:
    """Return what was found, a sentence each, the most general first."""
    lowest = cohort.lowest.iloc[0]
    below = int(cohort.lowest["below_threshold"].sum())
    slices = (
        f"{counted(below, 'slice')} of {len(cohort.slices)} below SSIM {cohort.threshold:g}; the lowest,"
        f" {lowest['ssim']:.3f}, is {lowest['axis']} slice {lowest['index']} of {lowest['scan']} ({lowest['position']})"
    )
    found = [
        _scan_sentence(cohort),
        _outlier_sentence(cohort),
        slices,
        _separation_sentence(cohort),
        *_abnormal_sentences(cohort),
    ]
    return [f"{sentence[0].upper()}{sentence[1:]}." for sentence in (*found, *_localisation_sentences(cohort))]


def cautions(cohort: Cohort, parameters: Mapping[str, Any]) -> list[Caution]:
    """Return what to distrust in these results and why, the gravest first."""
    scans = cohort.scans
    chosen = scopes(scans)[main_scope(cohort)]
    found = []
    if len(cohort.skipped):
        many = f"{counted(len(cohort.skipped), 'scan')} of {len(cohort.skipped) + len(scans)} left out"
        each = [f"{scan} ({reason})" for scan, reason in cohort.skipped[["scan", "reason"]].to_numpy()]
        text = f"{many}; all are in tables/skipped.csv, and nothing here speaks of them: {listed(each, most=20)}."
        found.append(Caution(many, text))
    if cohort.doubted:
        many = f"{counted(len(cohort.doubted), 'scan')} of {len(scans)} doubtfully prepared"
        each = [f"{scan} ({reasons})" for scan, reasons in cohort.doubted.items()]
        text = (
            f"{many}: {listed(each, most=20)}. Their maps may show the preparation rather than the brain; prepared/ has"
            " a picture of each, and the first are below."
        )
        found.append(Caution(many, text))
    unreliable = float(cohort.slices["unreliable"].mean())
    if unreliable >= WORTH_TELLING:
        short = f"{unreliable:.0%} of slices are unreliable (longer training or more inversion iterations help)"
        text = (
            f"{unreliable:.1%} of slices are unreliable: decoding them without guidance errs more than guidance changes"
            " them. The anomaly map shows the network's own error there; the contrast map cancels much of it. Longer"
            " training and more inversion iterations help."
        )
        found.append(Caution(short, text))
    sizes = chosen.groupby("label")["subject"].nunique()
    few = ", ".join(f"{sizes[label]} {label}" for label in cohort.classes.among(sizes.index[sizes < FEW_SUBJECTS]))
    if few:
        text = (
            f"Few subjects in a class ({few}): intervals are wide, and a difference that shows here may not show in the"
            " next cohort. Take it as a direction, not as a result."
        )
        found.append(Caution(f"few subjects ({few}): a direction, not a result", text))
    seen = int((scans["split"] != "test").sum())
    if seen:
        usable = main_scope(cohort) == "test"
        advice = "believe the comparisons over held-out scans" if usable else "too few scans are held out to compare"
        text = (
            f"{counted(seen, 'scan')} of {len(scans)} served for training or for choosing the model, which says little"
            f" about new scans. Figures show them hollow or pale; {advice}."
        )
        found.append(Caution(f"{seen} of {counted(len(scans), 'scan')} not held out; {advice}", text))
    if cohort.healthy not in set(scans["label"]):
        text = (
            f"The cohort has no {cohort.healthy} scan. Guidance moves healthy brains too, so without them nothing tells"
            " which part of a map is disease."
        )
        found.append(Caution(f"no {cohort.healthy} scan: what the maps show in health is unknown", text))
    absent = [name for name in METRICS if name not in scans or scans[name].isna().all()]
    if absent:
        asked = parameters.get("metrics")
        why = f"only {asked} were asked for" if asked else "no weights of their networks were found; give --weights"
        names = listed([SCORE_NAMES[name].split(" ")[0] for name in absent], most=6)
        found.append(Caution(f"{names} absent ({why})", f"Absent: {names} ({why})."))
    return [*found, _calibration_caution(cohort)]


def summary_lines(cohort: Cohort, parameters: Mapping[str, Any] | None = None) -> list[str]:
    """Return the three lines that a user wants to know: what was mapped, what it shows, what to distrust."""
    scans = [_scan_sentence(cohort), _outlier_sentence(cohort)]
    shown = [_separation_sentence(cohort), *_abnormal_sentences(cohort), *_localisation_sentences(cohort)[:1]]
    doubts = [caution.short for caution in cautions(cohort, parameters or {})[:2]]
    return [f"Scans: {'; '.join(scans)}.", f"Shown: {'; '.join(shown)}.", f"Distrust: {'; '.join(doubts)}."]


def _embedded(paths: Iterable[tuple[str, Path]]) -> dict[str, str]:
    encoded = ((name, base64.b64encode(path.read_bytes()).decode()) for name, path in paths if path.is_file())
    return {name: f"data:image/png;base64,{text}" for name, text in encoded}


def render(
    cohort: Cohort,
    figures: Mapping[str, Path],
    model: Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    pictures: Mapping[str, Path] | None = None,
) -> str:
    """Return the report as one HTML page that needs no other file to be read; the viewer takes the volumes beside it.

    Args:
        cohort: the cohort.
        figures: PNG files by the names of `healthward.report.figures.cohort_figures`.
        model: a model folder: its config.json, loss.png and samples.png are shown where they exist.
        parameters: the run's parameters, shown as they are and stated in the methods.
        pictures: of the preparation of each scan that is to be looked at; the first `MOST_PICTURES` are shown.
    """
    training: dict[str, str] = {}
    described: dict[str, Any] = {}
    if model is not None:
        training = _embedded((name, model / f"{name}.png") for name in ("loss", "samples"))
        config = model / "config.json"
        described = read_object(config, COPY_AGAIN) if config.is_file() else {}
    settings = parameters or {}
    ranked = rank(cohort)
    folder = Path(__file__).parent / "assets"
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.j2").render(
        version=__version__,
        style=(folder / "page.css").read_text(encoding="utf-8"),
        scripts=[(folder / name).read_text(encoding="utf-8") for name in SCRIPTS],
        libraries=libraries(),
        data=page_data(cohort, ranked),
        bids=bool(settings.get("bids")),
        cohort=cohort,
        answers=answers(cohort, ranked, _separation_sentence(cohort)),
        findings=findings(cohort),
        cautions=cautions(cohort, settings),
        methods=methods_text(cohort, settings, described),
        minimum_scans=MINIMUM_SCANS,
        cohort_table=report_tables.cohort_table(cohort),
        localisation_table=report_tables.localisation_table(cohort) if len(cohort.localisation) else None,
        class_tables=[
            (report_tables.score_table(cohort, scope), report_tables.comparison_table(cohort, scope))
            for scope in scopes(cohort.scans)
        ],
        false_positive_table=report_tables.false_positive_table(cohort) if len(cohort.false_positives) else None,
        region_table=report_tables.region_table(cohort) if len(cohort.regions) else None,
        outlier_table=report_tables.outlier_table(cohort),
        outlier_sentence=_outlier_sentence(cohort),
        outlier_names=listed(cohort.outliers["scan"], most=3),
        lowest_table=report_tables.lowest_table(cohort),
        scan_table=report_tables.scan_table(cohort, ranked),
        images=_embedded(figures.items()),
        pictures=_embedded(islice((pictures or {}).items(), MOST_PICTURES)),
        training=training,
        setting_tables=[
            report_tables.settings_table("Parameters of this run", settings),
            report_tables.settings_table("Model: what it expects and what it was made with", described),
            report_tables.settings_table("Versions that wrote this report", versions()),
        ],
    )
