"""The classes compared: what of a table of scans is a score, over whom it is compared, and the tests."""

import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, stats
from statsmodels.stats.multitest import multipletests

from healthward.cohort.covariates import COVARIATES, SUFFIX
from healthward.inputs.controls import has_other_label, held_out_controls
from healthward.labels import Classes

IDENTITY = ("scan", "subject", "label", "split")
VOXEL_METRIC = re.compile("prevalence|.*_(auprc|auroc)|dice_.*")
CURVE_COLUMNS = ("distance", "robust_z", "outlier")
COMPARED_COLUMNS = "scope score test group reference n n_reference estimate low high p"
NORMAL_95 = 1.959964


def score_names(scans: pd.DataFrame) -> list[str]:
    """Return the columns that score a scan: not identity, covariates, the class tested for, voxel metrics, curve."""
    others = (*IDENTITY, "control", *COVARIATES, "log_odds_of", *CURVE_COLUMNS)
    return [name for name in map(str, scans) if name not in others and not VOXEL_METRIC.fullmatch(name)]


def scopes(scans: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return what to compare classes over: "test", the held-out scans if two classes have two subjects, and "all"."""
    held_out = scans[scans["split"] == "test"]
    subjects = held_out.groupby("label")["subject"].nunique()
    result = {"test": held_out} if (subjects > 1).sum() > 1 else {}
    if not result or len(held_out) < len(scans):
        result["all"] = scans
    return result


def subject_scores(scans: pd.DataFrame) -> pd.DataFrame:
    """Average the scans of a subject within a class, since they are not independent; infinite scores are missing."""
    scores = scans[["label", "subject", *score_names(scans)]].replace([np.inf, -np.inf], np.nan)
    return scores.groupby(["label", "subject"], as_index=False).mean()


def compare_classes(scans: pd.DataFrame, classes: Classes, healthy: str) -> pd.DataFrame:
    """Compare the classes by every score, over subjects.

    Tests, all two-sided:
        `kruskal_wallis`: whether any class differs, from three classes on; the estimate is H.
        `jonckheere`: whether the score goes with the order of the classes, from three classes on; the estimate is
            Kendall's tau-b of score and order, -1 to 1. The statistic of Jonckheere (Biometrika 1954) and Terpstra
            (Indagationes Mathematicae 1952) is J = (S + the pairs of different classes) / 2 with Kendall's S, so
            that Kendall's test is theirs, and corrects for equal scores (Kendall, Rank Correlation Methods, 1970).
        `mann_whitney`: each class against the healthy one; the estimate is the AUROC, the probability that a subject
            of the class scores above a healthy one, with its 95 % interval.

    Healthy scans of people who have another label elsewhere are left out: they may show already what comes later. So
    are classes of one subject. `p_holm` is corrected over all rows of the same scope and test, scores too;
    adjusted scores are a family of their own.
    """
    rows: list[dict[str, Any]] = []
    for scope, chosen in scopes(_comparable(scans, healthy)).items():
        subjects = subject_scores(chosen)
        for score in score_names(scans):
            table = subjects[["label", score]].dropna()
            values = {label: table.loc[table["label"] == label, score].to_numpy() for label in classes}
            values = {label: found for label, found in values.items() if len(found) > 1}
            if table[score].nunique() > 1:
                common = {"scope": scope, "score": score}
                rows += [{**common, **row} for row in _tests(values, healthy)]
    result = pd.DataFrame(rows, columns=COMPARED_COLUMNS.split())
    family = ["scope", "test", result["score"].astype(str).str.endswith(SUFFIX)]
    result["p_holm"] = result.groupby(family)["p"].transform(lambda p: multipletests(p, method="holm")[1])
    return result


def _comparable(scans: pd.DataFrame, healthy: str) -> pd.DataFrame:
    denied = (scans["split"] != "train") & ~held_out_controls(scans, healthy)
    return scans[(scans["label"] != healthy) | ~(denied | has_other_label(scans, healthy))]


def _tests(values: dict[str, NDArray[Any]], healthy: str) -> list[dict[str, Any]]:
    """Return a row for each test of the values of classes in order of severity."""
    rows: list[dict[str, Any]] = []
    if len(values) > 2:
        everyone = np.concatenate(list(values.values()))
        order = np.repeat(range(len(values)), [len(found) for found in values.values()])
        whole = {"group": " ".join(values), "n": len(everyone)}
        result: Any = stats.kruskal(*values.values())
        rows.append({"test": "kruskal_wallis", **whole, "estimate": result.statistic, "p": result.pvalue})
        result = stats.kendalltau(order, everyone)
        rows.append({"test": "jonckheere", **whole, "estimate": result.statistic, "p": result.pvalue})
    for label, found in values.items():
        if healthy in values and label != healthy:
            reference = values[healthy]
            result = stats.mannwhitneyu(found, reference)
            estimate = result.statistic / (len(found) * len(reference))
            low, high = auroc_interval(estimate, len(found), len(reference))
            sizes = {"group": label, "reference": healthy, "n": len(found), "n_reference": len(reference)}
            interval = {"estimate": estimate, "low": low, "high": high, "p": result.pvalue}
            rows.append({"test": "mann_whitney", **sizes, **interval})
    return rows


def auroc_interval(auroc: float, n: int, m: int) -> tuple[float, float]:
    """Return the 95 % score interval of an AUROC of n against m (Newcombe 2006, method 5): sound at 0 and 1 too."""

    def excess(area: float, estimate: float) -> float:
        spread = 1 + ((n + m) / 2 - 1) * ((1 - area) / (2 - area) + area / (1 + area))
        return (estimate - area) ** 2 - NORMAL_95**2 * area * (1 - area) / (n * m) * spread

    def lower(estimate: float) -> float:
        return float(optimize.brentq(excess, 0, estimate - 1e-9, args=(estimate,))) if estimate > 0 else 0.0

    return lower(auroc), 1 - lower(1 - auroc)
