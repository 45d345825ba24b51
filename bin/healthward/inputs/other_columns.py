"""Columns of a sheet that we do not know: which pass through to tables and report, as text, and which are mistakes."""

import re
from collections.abc import Collection, Sequence

import pandas as pd

from healthward.inputs.fields import COLUMNS, FORMULA_MARKS, Row
from healthward.names import METRICS, PREPARED, SCAN_VALUES, SCORES
from healthward.wording import nearest, plain, shown

NEAR = 0.8
"""Likeness from which a name is taken for a slip of the pen: lable is label, but side is not site, nor stage age."""

ADDITIONS = (
    *("id", "name", "no", "nr", "number", "code", "path", "file", "years", "year", "yrs", "yr", "inyears", "y"),
    *("bl", "baseline", "atbaseline", "atscan", "atmri", "atvisit", "atbirth", "scan"),
)
SYNONYMS = {"centre": "site", "center": "site", "ageatentry": "age"} | {
    **dict.fromkeys(("gender", "ptgender", "biologicalsex", "patientsex", "mf"), "sex")
}

_OF_A_MAP = [f"{name}_{measure}" for name in (*SCORES, "z") for measure in ("mean", "p99", "auprc", "auroc")]
_OF_A_SCAN = [
    *(*SCAN_VALUES, "prevalence", "dice_1", "dice_5", *_OF_A_MAP),
    *(*METRICS, *(f"{metric}_brain" for metric in METRICS)),
]
WRITTEN = {
    *(*COLUMNS, "log_odds_of", "distance", "robust_z", "outlier", *PREPARED),
    *(*_OF_A_SCAN, *(f"{name}_adjusted" for name in _OF_A_SCAN)),
}
"""The columns that tables/scans.csv may have of its own."""

NUMBER = re.compile(r"[+-]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)([eE][+-]?[0-9]+)?%?")
DASHES = re.compile("-+")
UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def meant(name: str, absent: Collection[str], needed: Collection[str]) -> str | None:
    """Return the column that a name is a slip of, among the known ones that are `absent`; None where it is of none.

    Where one is `needed`, less likeness will do.
    """
    word = re.sub(r"\W", "", plain(name))
    for known, column in [*((column, column) for column in absent), *SYNONYMS.items()]:
        if column in absent and word in (known, *(f"{known}{addition}" for addition in ADDITIONS)):
            return column
    return nearest(name, needed) or nearest(name, absent, NEAR)


def name_problem(name: str) -> str | None:
    """Return why a column that we do not know may not be called so, with the mend; None when it may."""
    if not name.strip():
        return "a column without a name; give it one"
    if name.lower() in WRITTEN:
        return f"{shown(name)} is what tables/scans.csv calls a column of its own; call it otherwise"
    return text_problem(name)


def text_problem(text: str) -> str | None:
    """Return why such a text must not come into a table, with the mend; None when it may."""
    found = UNWRITABLE.search(text)
    if found:
        return f"{shown(text)} contains {shown(found.group())}, which no table can show; remove it"
    if text and text[0] in FORMULA_MARKS and not (NUMBER.fullmatch(text) or DASHES.fullmatch(text)):
        return f"{shown(text)} begins with {shown(text[0])}, as a formula does; write it otherwise"
    return None


def other_columns(rows: Sequence[Row]) -> pd.DataFrame:
    """Return what the columns that we do not know say of each scan: the column scan, and these, text or empty."""
    names = dict.fromkeys(name for row in rows for name, _ in row.others)
    table = pd.DataFrame([{"scan": row.scan, **dict(row.others)} for row in rows], columns=["scan", *names], dtype=str)
    return table.fillna("")
