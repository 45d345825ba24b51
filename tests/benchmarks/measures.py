"""What the maps of the validity bench are worth, and how that is written down."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
from scipy import stats
from skimage.metrics import structural_similarity
from sklearn.linear_model import RidgeCV
from statsmodels.stats.multitest import multipletests

from healthward.cohort.comparisons import auroc_interval
from healthward.cohort.summary import describe
from healthward.evaluation.localisation import dice, voxel_scores
from healthward.imaging.slices import ScanSlices, load_scan
from healthward.labels import ADNI
from healthward.maps.fusion import coverage
from healthward.norms.calibration import fit_norm, prepare

DEFAULT = "likeness"
RATES = {"fpr1": 0.01, "fpr5": 0.05}
NORM_SHARE = 0.5
"""Share of the healthy subjects that norms and thresholds come from, and no figure."""

START, END = "<!-- measured: {} -->", "<!-- end -->"
RESAMPLES = 2000


class Subject:
    """A translated scan: its maps, and what is known of it.

    Attributes:
        scan: its slices, with brain and truth.
        maps: cubes by `kind/score`.
        facts: dose, kind of disease, log-odds and others.
    """

    def __init__(self, file: Path, scan: ScanSlices) -> None:
        self.scan, self.label = scan, scan.record.label
        with np.load(file) as stored:
            self.facts: dict[str, Any] = json.loads(str(stored["facts"]))
            self.maps = {name: stored[name] for name in stored.files if "/" in name}
            self.images = {name: stored[name] for name in ("unguided", "healthy", "counterfactual")}
        self.region = scan.brain & (coverage(scan.record) > 0)
        assert scan.truth is not None
        self.truth = scan.truth & self.region
        self.kind = self.facts["kind"]


def measure(tasks: Sequence[tuple[Path, ScanSlices]], training: Path) -> dict[str, Any]:
    """Return the rows of every score, and what the translation itself does."""
    subjects = [Subject(*task) for task in tasks]
    healthy = [subject for subject in subjects if subject.label == "CN"]
    controls = round(NORM_SHARE * len(healthy))
    norm, held_out = healthy[:controls], healthy[controls:]
    tested = held_out + [subject for subject in subjects if subject.label != "CN"]
    calibrate(norm, tested, training.parent / "norm")
    names = sorted({name for subject in tested for name in subject.maps}, key=lambda name: name.split("/"))
    log_odds = pd.DataFrame(
        [{"kind": s.kind, "label": s.label, "dose": s.facts["dose"], "scan_score": s.facts["log_odds"]} for s in tested]
    )
    return {
        "rows": [score_row(name, norm, tested) for name in names],
        "log_odds": _subject_figures(log_odds[log_odds["kind"] == "atrophy"]),
        "translation": translation_row(tested, training),
    }


def calibrate(norm: Sequence[Subject], tested: Sequence[Subject], folder: Path) -> None:
    """Add the z map of the default score to every subject, against the norm's subjects."""
    name = f"ours/{DEFAULT}"
    prepared = ((s.scan.record.subject, prepare(s.maps[name], s.scan)) for s in norm)
    measured = fit_norm(prepared, norm[0].scan.record.spacing, folder)
    for subject in (*norm, *tested):
        z = measured.z(prepare(subject.maps[name], subject.scan), subject.scan.record.subject)
        # The surface that calibration leaves out counts as found normal, so that all maps are scored on one region
        subject.maps[f"{name}_z"] = np.nan_to_num(z, nan=-10.0)


def score_row(name: str, norm: Sequence[Subject], tested: Sequence[Subject]) -> dict[str, Any]:
    """Return all that is known of one score."""
    kind, score = name.split("/")
    have = [subject for subject in tested if name in subject.maps]
    pooled = np.concatenate([s.maps[name][s.region] for s in norm if name in s.maps] or [np.zeros(0)])
    table = pd.DataFrame([_voxel_row(subject, name, pooled) for subject in have])
    row: dict[str, Any] = {"score": score, "kind": kind, "default": name == f"ours/{DEFAULT}"}
    for group, chosen in (("", table["kind"] == "atrophy"), ("lesion_", table["kind"] == "lesion")):
        columns = ["auprc", "prevalence", "auroc", *(f"dice_{rate}" for rate in RATES)]
        described = describe(table.loc[chosen & table["auprc"].notna(), columns])
        for column, found in described.iterrows():
            label = f"voxel_{column}" if column in ("auprc", "auroc") else column
            row[f"{group}{label}"] = _interval(found["mean"], found["low"], found["high"])
        row[f"{group}subjects"] = int((chosen & table["auprc"].notna()).sum())
    row["voxel_auprc_by"] = {
        place: _rounded(members["auprc"].mean())
        for place, members in table.dropna(subset="auprc")
        .assign(place=lambda t: np.where(t["kind"] == "atrophy", t["label"], t["kind"]))
        .groupby("place")
    }
    row["control_positives"] = (
        {
            rate: _interval(
                *describe(table.loc[table["label"] == "CN", [f"positive_{rate}"]]).iloc[0][["mean", "low", "high"]]
            )
            for rate in RATES
        }
        if pooled.size and (table["label"] == "CN").any()
        else None
    )
    row |= _subject_figures(table[table["kind"] == "atrophy"])
    return row


def _voxel_row(subject: Subject, name: str, pooled: np.ndarray) -> dict[str, Any]:
    values, truth = subject.maps[name], subject.truth
    found = voxel_scores(values, truth, subject.region) if truth.any() else None
    inside = values[subject.region]
    row: dict[str, Any] = {
        "kind": subject.kind,
        "label": subject.label,
        "dose": subject.facts["dose"],
        "auprc": found.auprc if found else np.nan,
        "auroc": found.auroc if found else np.nan,
        "prevalence": found.prevalence if found else np.nan,
        "scan_score": np.percentile(inside, 99),
    }
    for rate, share in RATES.items():
        threshold = np.quantile(pooled, 1 - share) if pooled.size else np.inf
        row[f"positive_{rate}"] = float((inside > threshold).mean())
        row[f"dice_{rate}"] = dice(inside > threshold, truth[subject.region]) if truth.any() and pooled.size else np.nan
    return row


def _subject_figures(table: pd.DataFrame) -> dict[str, Any]:
    """Return how the scan scores tell classes apart and follow the dose, and what their trend is."""
    values = {label: table.loc[table["label"] == label, "scan_score"].to_numpy() for label in ADNI}
    aurocs = {}
    for label in ADNI[1:]:
        if min(len(values[label]), len(values["CN"])) > 1:
            area = stats.mannwhitneyu(values[label], values["CN"]).statistic / len(values[label]) / len(values["CN"])
            aurocs[label] = _interval(area, *auroc_interval(area, len(values[label]), len(values["CN"])))
    if table["label"].nunique() < len(ADNI):
        return {"subject_auroc": aurocs, "dose_spearman": None, "dose_slope": None, "trend_tau": None, "trend_p": None}
    dose, scores = table["dose"].to_numpy(), table["scan_score"].to_numpy()
    rng = np.random.default_rng(0)
    draws = [rng.integers(len(table), size=len(table)) for _ in range(RESAMPLES)]
    spearman = [stats.spearmanr(dose[draw], scores[draw]).statistic for draw in draws if np.ptp(dose[draw])]
    trend = stats.kendalltau(table["label"].map(ADNI.index), scores)
    return {
        "subject_auroc": aurocs,
        "dose_spearman": _interval(stats.spearmanr(dose, scores).statistic, *np.nanquantile(spearman, [0.025, 0.975])),
        # In standard deviations of controls for a whole dose
        "dose_slope": _rounded(stats.linregress(dose, scores).slope / max(values["CN"].std(ddof=1), 1e-12)),
        "trend_tau": _rounded(trend.statistic),
        "trend_p": float(trend.pvalue),
    }


def translation_row(tested: Sequence[Subject], training: Path) -> dict[str, Any]:
    """Return how near pseudo-healthy images come to true counterfactuals, and the axioms of counterfactuals."""
    estimate = dose_estimator(training)
    rows = []
    for subject in tested:
        x, images = subject.scan.cube, subject.images
        true, made, inside = images["counterfactual"], images["healthy"], subject.region & ~subject.truth
        error, similarity = np.abs(made - true), structural_similarity(made, true, data_range=1, full=True)[1]
        before = np.abs(x - true)
        row: dict[str, Any] = {
            "kind": subject.kind if subject.kind != "atrophy" else subject.label,
            "round_trip_error": np.abs(images["unguided"] - x)[subject.region].mean(),
            "disease_effect": before[subject.region].mean(),
            "ssim_outside": similarity[inside].mean(),
            "psnr_outside": -10 * np.log10(np.maximum((error[inside] ** 2).mean(), 1e-10)),
            "minimality": np.abs(made - x)[inside].mean(),
            "reversibility": subject.facts["reversed"],
            "dose_before": estimate(x),
            "dose_after": estimate(made),
            "dose_true": subject.facts["dose"],
        }
        if subject.truth.any():
            where = subject.truth
            row |= {
                "ssim_inside": similarity[where].mean(),
                "psnr_inside": -10 * np.log10(np.maximum((error[where] ** 2).mean(), 1e-10)),
                "psnr_inside_of_input": -10 * np.log10(np.maximum((before[where] ** 2).mean(), 1e-10)),
                "healthiness": np.abs(x - made)[where].mean() / np.abs(x - made)[inside].mean(),
            }
        rows.append(row)
    table = pd.DataFrame(rows)
    table["reversibility"] = table["reversibility"].astype(float)
    means = table.groupby("kind").mean()
    return {
        kind: {name: _rounded(value) for name, value in row.items()} for kind, row in means.to_dict("index").items()
    }


def dose_estimator(training: Path) -> Any:
    """Return a judge of the dose that shares nothing with the diffusion model but the training subjects.

    Ridge regression of the class' rank on the cube at a quarter of the resolution.
    """
    scans = [load_scan(folder) for folder in sorted(training.iterdir())]
    features = np.stack([_coarse(scan.cube) for scan in scans])
    doses = np.array([ADNI.index(scan.record.label) / (len(ADNI) - 1) for scan in scans])
    fitted = RidgeCV(alphas=np.logspace(0, 4, 9)).fit(features, doses)
    return lambda cube: float(fitted.predict(_coarse(cube)[None])[0])


def _coarse(cube: np.ndarray) -> np.ndarray:
    edge = cube.shape[0] // 4 * 4
    return cube[:edge, :edge, :edge].reshape(edge // 4, 4, edge // 4, 4, edge // 4, 4).mean(axis=(1, 3, 5)).ravel()


def _rounded(value: float) -> float | None:
    return None if value is None or np.isnan(value) else float(f"{value:.4g}")


def _interval(value: float, low: float, high: float) -> dict[str, float | None]:
    return {"mean": _rounded(value), "low": _rounded(low), "high": _rounded(high)}


def write_results(results: Mapping[str, Any], described: Mapping[str, Any], folder: Path, page: Path) -> None:
    """Write validity.json and its figures, and put the tables into the page between their marks."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = results["rows"]
    for row in rows:
        if row["default"]:
            # The scan score of the default is the one that was chosen for it on validation subjects
            row |= results["log_odds"]
    _, adjusted, *_ = multipletests(pd.Series([row["trend_p"] for row in rows], dtype=float).fillna(1), method="holm")
    for row, p in zip(rows, adjusted, strict=True):
        row["trend_p_holm"] = None if row["trend_p"] is None else float(f"{p:.3g}")
    content = {**described, "rows": rows, "translation": results["translation"]}
    (folder / "validity.json").write_text(json.dumps(content, indent=2) + "\n")
    draw_scores(rows, folder / "scores.png")
    draw_places(rows, folder / "places.png")
    put_table(page, "scores", scores_table(rows))
    put_table(page, "translation", translation_table(results["translation"]))


def put_table(page: Path, name: str, table: str) -> None:
    """Put a table into a page, between the marks of its name."""
    start = START.format(name)
    before, rest = page.read_text().split(start, 1)
    page.write_text(f"{before}{start}\n{table}{END}{rest.split(END, 1)[1]}")


def scores_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the scores as a table in Markdown, the best first."""
    header = (
        "| score | | voxel AUPRC | lesion AUPRC | voxel AUROC | Dice at 1 % | at 5 % | AD against CN | EMCI against CN"
        " | dose ρ |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
    )
    lines = []
    for row in sorted(rows, key=lambda row: -(row["voxel_auprc"]["mean"] or 0)):
        score = f"**{row['score']}**" if row["default"] else row["score"]
        aurocs = (row["subject_auroc"].get(label) for label in ("AD", "EMCI"))
        voxels = (row[name] for name in ("voxel_auprc", "lesion_voxel_auprc", "voxel_auroc", "dice_fpr1", "dice_fpr5"))
        cells = [*voxels, *aurocs, row["dose_spearman"]]
        lines.append(f"| {score} | {row['kind']} | {' | '.join(map(_cell, cells))} |")
    prevalence = (rows[0]["prevalence"]["mean"], rows[0]["lesion_prevalence"]["mean"])
    chance = f"| *chance* | | {prevalence[0]:.3f} | {prevalence[1]:.4f} | 0.5 | | | 0.5 | 0.5 | 0 |"
    return header + "\n".join([*lines, chance]) + "\n"


def translation_table(translation: Mapping[str, Mapping[str, float | None]]) -> str:
    """Return what translation does to each class as a table in Markdown."""
    order = [kind for kind in (*ADNI, *sorted(set(translation) - set(ADNI))) if kind in translation]
    measures = dict.fromkeys(name for kind in order for name in translation[kind])
    lines = [f"| | {' | '.join(order)} |", f"| --- |{' --- |' * len(order)}"]
    for name in measures:
        cells = (translation[kind].get(name) for kind in order)
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join('–' if c is None else f'{c:.3g}' for c in cells)} |")
    return "\n".join(lines) + "\n"


def _cell(value: Mapping[str, float | None] | None) -> str:
    if value is None or value["mean"] is None:
        return "–"
    bounds = "" if value["low"] is None else f" [{value['low']:.2f}, {value['high']:.2f}]"
    return f"{value['mean']:.3f}{bounds}"


def draw_scores(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw voxel AUPRC with its interval for every score, beside that on the unseen lesion."""
    colours = {"ours": "#0072B2", "baseline": "#8a929c", "tutorial": "#D55E00"}
    ordered = sorted(rows, key=lambda row: row["voxel_auprc"]["mean"] or 0)
    figure = matplotlib.figure.Figure(figsize=(8.5, 0.6 + 0.27 * len(ordered)), dpi=110, layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, prefix, title in zip(
        panels, ("", "lesion_"), ("graded atrophy", "lesion unseen in training"), strict=True
    ):
        for height, row in enumerate(ordered):
            value = row[f"{prefix}voxel_auprc"]
            if value["mean"] is not None:
                low, high = value["low"] or value["mean"], value["high"] or value["mean"]
                panel.plot([low, high], [height, height], color=colours[row["kind"]], linewidth=2)
                panel.plot(value["mean"], height, "D" if row["default"] else "o", color=colours[row["kind"]])
        panel.axvline(rows[0][f"{prefix}prevalence"]["mean"], color="#20262e", linestyle=(0, (4, 2)), linewidth=1)
        panel.set(title=title, xlabel="voxel AUPRC in the brain", xlim=(0, None))
        panel.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("bars: 95 % intervals by subject; dashed: chance", fontsize=9)
    panels[0].set_yticks(range(len(ordered)), [f"{row['score']} ({row['kind']})" for row in ordered])
    figure.savefig(path, metadata={"Software": None})


def draw_places(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw voxel AUPRC by class and place of the disease: our two maps, the best baseline, the tutorial's loop."""
    best = {
        **{row["score"]: row for row in rows if row["default"] or row["score"] == "residual"},
        "best baseline": max(
            (row for row in rows if row["kind"] == "baseline"), key=lambda row: row["voxel_auprc"]["mean"] or 0
        ),
        **{row["score"]: row for row in rows if row["kind"] == "tutorial"},
    }
    places = list(best[DEFAULT]["voxel_auprc_by"])
    order = [place for place in (*ADNI, *places) if place in places]
    order = list(dict.fromkeys(order))
    figure = matplotlib.figure.Figure(figsize=(8.5, 3), dpi=110, layout="constrained")
    panel = figure.subplots()
    for number, (name, colour) in enumerate(zip(best, ("#0072B2", "#56B4E9", "#8a929c", "#D55E00"), strict=False)):
        heights = [best[name]["voxel_auprc_by"].get(place) or 0 for place in order]
        label = name if name != "best baseline" else f"{name}: {best[name]['score']}"
        panel.bar(np.arange(len(order)) + 0.21 * (number - 1.5), heights, 0.19, color=colour, label=label)
    panel.set_xticks(range(len(order)), [place.replace(" ", "\n") for place in order])
    panel.set_ylabel("voxel AUPRC")
    panel.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=len(best), frameon=False)
    figure.savefig(path, metadata={"Software": None})
