"""Age, sex and site: scores adjusted for them by a model of the controls, and where false positives cluster.

Controls are the scans of the healthy class whose split is not `train`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from healthward.inputs.controls import held_out_controls

COVARIATES = ("age", "sex", "site")
SUFFIX = "_adjusted"
FEWEST_CONTROLS = 10
CONTROLS_PER_PARAMETER = 5
FEWEST_IN_GROUP = 3
CONTROLS_FOR_DECILES = 50


@dataclass(frozen=True)
class Adjustment:
    """The table of scans with the adjusted scores as last columns, and what they are adjusted for (may be nothing)."""

    table: pd.DataFrame
    covariates: tuple[str, ...]


def adjust(scans: pd.DataFrame, scores: Sequence[str], healthy: str) -> Adjustment:
    """Adjust scores for age, sex and site by what these explain among controls (Dukart et al., PLoS ONE 2011).

    Least squares over the control subjects, each the mean of its scans: score ~ 1 + age + sex + site. The adjusted
    score is score - prediction + mean of the controls. A subject that the fit has seen is predicted by the fit without
    it, in closed form (Cook and Weisberg, Residuals and Influence in Regression, 1982): its own prediction would
    flatter it, and with it the difference from patients.

    A covariate is used if it varies among the controls; a sex or site of fewer than 3 control subjects is unknown to
    the fit. Every parameter takes 5 control subjects, and the fit 10: with fewer it follows their noise and hands it
    on to every patient. Where these are not there, or covariates cannot be distinguished, site goes first, since each
    further site is a parameter, then sex, since MRI follows age more.

    Args:
        scans: a row a scan, by a unique index: scan, subject, label, split, the scores, and age (years), sex, site
            where there are any, each missing where unknown.
        scores: the columns to adjust, to `<score>_adjusted`; one that does not vary among the controls is left out.
        healthy: the class of the controls.

    Returns:
        The adjusted scores are NaN where the score or a covariate that is used is missing, infinite or unknown to the
        fit. There is no such column where nothing can be fitted.
    """
    controls = held_out_controls(scans, healthy)
    covariates, design = _design(scans, scans[controls])
    adjusted = {f"{score}{SUFFIX}": _adjusted(scans, design, score, controls) for score in scores if covariates}
    adjusted = {name: values for name, values in adjusted.items() if values is not None}
    return Adjustment(scans.assign(**adjusted), covariates if adjusted else ())


def _known(scans: pd.DataFrame, name: str) -> list[Any]:
    """Return the values of a covariate that enough subjects have."""
    subjects = scans.groupby(name)["subject"].nunique()
    return list(subjects.index[subjects >= (1 if name == "age" else FEWEST_IN_GROUP)])


def _design(scans: pd.DataFrame, controls: pd.DataFrame) -> tuple[tuple[str, ...], pd.DataFrame]:
    """Return the covariates that can be used and the design matrix, a row a scan, NaN where it is unknown."""
    names = tuple(name for name in COVARIATES if name in scans and len(_known(controls, name)) > 1)
    while names:
        complete = controls.dropna(subset=list(names))
        columns = {"constant": pd.Series(1.0, scans.index)}
        for name in names:
            if name == "age":
                columns[name] = scans[name] - complete[name].mean()
                continue
            values = _known(complete, name)
            # a single value makes a column like the constant, which no fit can tell apart
            for value in values[1:] or values or [None]:
                columns[f"{name} {value}"] = (scans[name] == value).astype(float).where(scans[name].isin(values))
        design = pd.DataFrame(columns)
        subjects = design.loc[complete.index].dropna().groupby(complete["subject"]).mean()
        if _pseudo_inverse(subjects.to_numpy()) is not None:
            return names, design
        names = names[:-1]
    return (), pd.DataFrame()


def _pseudo_inverse(design: NDArray[Any]) -> NDArray[Any] | None:
    """Return (X'X)^-1 X'; None for too few subjects, or if without any one of them the fit is not unique."""
    subjects, parameters = design.shape
    enough = subjects >= max(FEWEST_CONTROLS, CONTROLS_PER_PARAMETER * parameters)
    if not enough or np.linalg.matrix_rank(design) < parameters:
        return None
    inverse = np.linalg.pinv(design)
    leverage = (design * inverse.T).sum(axis=1)
    return inverse if leverage.max() < 1 - 1e-9 else None


def _adjusted(scans: pd.DataFrame, design: pd.DataFrame, score: str, controls: pd.Series) -> pd.Series | None:
    values = scans[score].astype(float).replace([np.inf, -np.inf], np.nan)
    fitted = controls & design.notna().all(axis=1) & values.notna()
    rows = design[fitted].groupby(scans["subject"]).mean()
    x, y = rows.to_numpy(), values[fitted].groupby(scans["subject"]).mean().to_numpy()
    inverse = _pseudo_inverse(x)
    if inverse is None or values[fitted].nunique() == 1:
        return None
    fit = inverse @ y
    left_out = (y - x @ fit) / (1 - (x * inverse.T).sum(axis=1))
    # a column for the fit without each subject; the last, that of subjects not found (-1), is the fit with all
    fits = np.column_stack([fit[:, None] - inverse * left_out, fit])
    own = fits[:, rows.index.get_indexer(pd.Index(scans["subject"]))]
    return values - (design.to_numpy() * own.T).sum(axis=1) + y.mean()


def false_positives(scans: pd.DataFrame, score: str, healthy: str, rate: float = 0.05) -> pd.DataFrame:
    """Count the controls above the (1 - `rate`) quantile of `score` over all of them, by age, sex and site.

    Subjects count once, with the mean of their scans. Were a covariate without influence, `rate` of each of its groups
    would be positive. Ages are grouped by decade of life, from 50 control subjects on by decile.

    Returns:
        A row a group, none without covariates or with fewer than 1 / `rate` control subjects, of which the highest
        would be positive whatever it is: covariate, group, subjects, positives, rate, low, high (the 95 % interval of
        Wilson 1927).
    """
    controls = scans[held_out_controls(scans, healthy)].reindex(columns=["subject", score, *COVARIATES])
    controls = controls[np.isfinite(controls[score].astype(float))]
    subjects = controls.groupby("subject").agg({score: "mean", "age": "mean", "sex": "first", "site": "first"})
    positive = subjects[score] > subjects[score].quantile(1 - rate)
    rows = []
    for name in COVARIATES if len(subjects) >= 1 / rate else ():
        values = subjects[name].dropna().sort_values()
        groups = _age_groups(values) if name == "age" else values
        for group, found in positive[values.index].groupby(groups, sort=False):
            count, positives = len(found), int(found.sum())
            interval = stats.binomtest(positives, count).proportion_ci(method="wilson")
            rows.append((name, group, count, positives, positives / count, interval.low, interval.high))
    return pd.DataFrame(rows, columns=["covariate", "group", "subjects", "positives", "rate", "low", "high"])


def _age_groups(ages: pd.Series) -> pd.Series:
    if len(ages) < CONTROLS_FOR_DECILES:
        return (ages // 10 * 10).map(lambda first: f"{first:.0f}–{first + 9:.0f}")
    deciles = np.searchsorted(ages.quantile(np.arange(0.1, 1, 0.1)), ages)
    return ages.groupby(deciles).transform(lambda tenth: f"{tenth.min():.1f}–{tenth.max():.1f}")
