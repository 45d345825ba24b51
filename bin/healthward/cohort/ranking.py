"""Which scans are abnormal, where, and how sure that is: every scan beside the held-out controls."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from healthward.cohort.comparisons import IDENTITY
from healthward.cohort.summary import HEADLINE_SCORE, Cohort
from healthward.norms.calibration import FEWEST_CONTROLS
from healthward.wording import counted, listed

MOST_REGIONS = 2
UNUSUAL = 95.0
"""Percentile of the controls above which a scan is said to depart from them."""


class Region(NamedTuple):
    """A region of a scan and its mean z against controls."""

    name: str
    z: float


class Answer(NamedTuple):
    """A reader's first question and what the run says to it."""

    question: str
    text: str


def rank(cohort: Cohort) -> pd.DataFrame:
    """Rank the scans by the headline score, the most abnormal first.

    Returns:
        A row a scan: scan, subject, label, split, the headline score; `controls`, how many other held-out healthy
        subjects it is compared with; `percentile`, the share in % of them whose score is lower; `p`, the one-sided
        p-value of the rank among them, (1 + those as high) / (1 + all), which is exact for exchangeable subjects;
        `regions`, a list of the regions of most departure. Percentile and p are NaN beside fewer than
        `healthward.norms.calibration.FEWEST_CONTROLS` controls, and the list is empty without regions.
    """
    scans = cohort.scans
    table = scans[[*IDENTITY, HEADLINE_SCORE]].copy()
    controls = cohort.controls.groupby("subject")[HEADLINE_SCORE].mean().dropna()
    values = np.sort(controls.to_numpy())
    score = table[HEADLINE_SCORE].to_numpy(dtype=float)
    own = controls.reindex(table["subject"]).to_numpy()
    others = len(values) - np.isfinite(own)
    lower = np.searchsorted(values, score) - (own < score)
    known = np.isfinite(score) & (others >= FEWEST_CONTROLS)
    table["controls"] = others
    table["percentile"] = np.where(known, 100 * lower / np.maximum(others, 1), np.nan)
    table["p"] = np.where(known, (1 + others - lower) / (1 + others), np.nan)
    departing = _departing(cohort.regions)
    table["regions"] = pd.Series([departing.get(scan, []) for scan in table["scan"]], table.index, dtype=object)
    return table.sort_values([HEADLINE_SCORE, "scan"], ascending=[False, True], ignore_index=True)


def _departing(regions: pd.DataFrame) -> dict[str, list[Region]]:
    """Return the regions of each scan that lie farthest above controls."""
    above = regions[regions["mean_z"] > 0].sort_values("mean_z", ascending=False, kind="stable")
    first = above.groupby("scan").head(MOST_REGIONS)
    found: dict[str, list[Region]] = {}
    for scan, name, z in zip(first["scan"], first["region"], first["mean_z"], strict=True):
        found.setdefault(scan, []).append(Region(name, z))
    return found


def answers(cohort: Cohort, ranked: pd.DataFrame, separation: str) -> list[Answer]:
    """Answer what a reader asks first: which scans are abnormal, where, how sure that is.

    Args:
        cohort: the cohort.
        ranked: from `rank`.
        separation: how well the classes are distinguished, a clause.
    """
    return [
        Answer("Which scans are abnormal?", _which(cohort, ranked)),
        Answer("Where?", _where(cohort, ranked)),
        Answer("How sure is that?", _how_sure(ranked, separation)),
    ]


def _which(cohort: Cohort, ranked: pd.DataFrame) -> str:
    if ranked["percentile"].isna().all():
        first = listed(ranked["scan"], most=5)
        return (
            f"This cannot be determined: it takes {FEWEST_CONTROLS + 1} healthy subjects that were not trained on to"
            f" know what is usual. In the order of their log-odds of disease the first are {first}."
        )
    beyond = ranked[ranked["percentile"] >= UNUSUAL]
    if beyond.empty:
        return f"None has higher log-odds of disease than {UNUSUAL:.0f} % of held-out controls."
    classes = ", ".join(
        f"{(beyond['label'] == label).sum()} {label}" for label in cohort.classes.among(beyond["label"])
    )
    verb = "has" if len(beyond) == 1 else "have"
    return (
        f"{len(beyond)} of {counted(len(ranked), 'scan')} {verb} higher log-odds of disease than {UNUSUAL:.0f} % of"
        f" held-out controls ({classes}). The most: {listed(beyond['scan'], most=5)}."
    )


def _where(cohort: Cohort, ranked: pd.DataFrame) -> str:
    regions = cohort.regions
    if regions.empty:
        return (
            "No table of regions: it takes held-out controls and an atlas, or scans in MNI space. Open a scan below and"
            " look at its map."
        )
    # the most severe class is that whose regions say most
    label = cohort.classes.among(regions["label"])[-1]
    means = regions[regions["label"] == label].groupby("region", sort=False)["mean_z"].mean()
    most = means.sort_values(ascending=False, kind="stable").head(3)
    named = listed([f"{region} ({z:+.1f})" for region, z in most.items()])
    text = f"In {label} farthest above controls: {named}, as mean z."
    first = ranked[ranked["regions"].astype(bool)].head(1)
    for row in first.to_dict("records"):
        places = listed([f"{region.name} ({region.z:+.1f})" for region in row["regions"]])
        text += f" In {row['scan']}, which ranks first: {places}."
    return text


def _how_sure(ranked: pd.DataFrame, separation: str) -> str:
    text = f"{separation[0].upper()}{separation[1:]}."
    known = ranked[ranked["p"].notna()]
    if known.empty:
        return f"{text} No single scan can be judged: there are too few controls."
    most = int(known["controls"].max())
    return (
        f"{text} A single scan is judged against {counted(most, 'held-out control')}, so no p-value can be below"
        f" {1 / (1 + most):.2g}, and none is corrected for the {counted(len(ranked), 'scan')} ranked."
    )
