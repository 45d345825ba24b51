"""The preparations of a cohort in one table, and who of it may stay."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pandas as pd

from healthward.errors import InputError, reading
from healthward.imaging.prepared_files import AGAIN, RECORD, read_preparation
from healthward.inputs.fields import ID
from healthward.preparation.appearance import Appearance, appearance_of
from healthward.preparation.gate import BAD, LOOK, VERDICTS, Quality, judge
from healthward.wording import condensed, counted, kind_of

FIGURES = tuple(field.name for field in fields(Quality) if field.name != "appearance")
COLUMNS = ("scan", "verdict", "reasons", "stripped", *FIGURES)
"""Of preparation.csv: a row a scan; reasons are empty for one that is good."""


def preparation_table(
    folders: Iterable[Path], training: Collection[str], usual: Appearance | None = None
) -> pd.DataFrame:
    """Return a row for each folder of prepare.py, by scan: `COLUMNS`.

    Args:
        folders: of prepare.py.
        training: the scans to be trained on, which the others are held against.
        usual: how the scans of a given model's training look, instead.

    Raises:
        InputError: a folder is none, or two are of one scan.
    """
    found: dict[str, Quality] = {}
    stripped: dict[str, bool] = {}
    for folder in folders:
        record = read_preparation(folder)
        with reading(folder / RECORD, AGAIN):
            scan = str(record["scan"])
            if not ID.fullmatch(scan) or record["verdict"] not in VERDICTS:
                raise ValueError("no preparation of a scan")
            figures = {name: record[name] for name in FIGURES}
            quality = Quality(**figures, appearance=tuple(map(float, record["appearance"])))
            stripped_off = bool(record["stripped"])
        if scan in found:
            raise InputError(f"{folder}: of scan {scan}, as another one is; give each scan once")
        found[scan], stripped[scan] = quality, stripped_off
    if usual is None:
        sound = [scan for scan in sorted(found) if scan in training and judge(found[scan]).verdict != BAD]
        usual = appearance_of([found[scan].appearance for scan in sound])
    rows = []
    for scan, quality in sorted(found.items()):
        judged = replace(quality, unlike=usual.distance(quality.appearance)) if usual else quality
        verdict, reasons = judge(judged)
        values = [getattr(judged, name) for name in FIGURES]
        rows.append([scan, verdict, "; ".join(reasons), stripped[scan], *values])
    return pd.DataFrame(rows, columns=list(COLUMNS))


@dataclass(frozen=True)
class Gate:
    """What the gate says of a cohort.

    Attributes:
        bad: (scan, reasons) of those that must not be used.
        problems: a line for each of them, where they end the run.
        warnings: a line for each kind of doubt.
    """

    bad: dict[str, str]
    problems: list[str]
    warnings: list[str]


def judge_all(table: pd.DataFrame, skip_bad: bool) -> Gate:
    """Return what becomes of a cohort by its table of preparations.

    Args:
        table: of `preparation_table`.
        skip_bad: whether bad scans are left out, unless all are bad, and do not end the run.
    """
    bad = {str(scan): str(reasons) for scan, verdict, reasons, *_ in table.to_numpy() if verdict == BAD}
    lines = [f"scan {scan}: cannot be prepared: has {reasons}" for scan, reasons in bad.items()]
    doubts = condensed(
        (kind_of(reasons.split(";")[0]), f"scan {scan}: look at its preparation: has {reasons}", scan)
        for scan, verdict, reasons, *_ in table.to_numpy()
        if verdict == LOOK
    )
    if bad and skip_bad and len(bad) < len(table):
        heading = f"left out by --skip_bad_scans: {counted(len(bad), 'scan')} of {len(table)} that were prepared"
        return Gate(bad, [], [heading, *(f"left out: {line}" for line in lines), *doubts])
    if bad:
        mend = (
            "look at prepared/<scan>/picture.png, give a brain mask of your own, or leave them out by --skip_bad_scans"
        )
        lines[-1] += f"; {mend}"
    return Gate(bad, lines, doubts)
