"""A table of scans as it was understood: rows, and every problem found, each with its place, the value and the mend."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from healthward.inputs.fields import COLUMNS, MISSING, Row, field_value, unsafe_path_problem
from healthward.inputs.other_columns import text_problem
from healthward.labels import ADNI, UNKNOWN, Classes, plain_code
from healthward.wording import condensed, kind_of, listed, printable, shown, value_in

NEEDED_OF_A_SCAN = ("image", "label")
"""Columns without which a row is of a person who has not been scanned or diagnosed, and no mistake."""

Entries = list[tuple[int, dict[str, str]]]
"""Numbers of rows with the text of their cells by column."""


@dataclass(frozen=True)
class Problem:
    """A mistake in a sheet: `number` is the line or entry (0: the whole sheet), `column` may be empty."""

    number: int
    column: str
    text: str


@dataclass(frozen=True)
class Lack:
    """A row without an image or a label: what to say where that is a problem, and why it else is left out."""

    row: Row
    column: str
    text: str
    reason: str


@dataclass
class Sheet:
    """The rows of a sheet in the order of the file, and what is wrong with them.

    `unit` is what a row is called in a problem: "row" (a line of a CSV file, the header being line 1), "entry" (of a
    JSON list, from 1), or empty for a single scan. `classes` are what a label may be, `codes` which of them its values
    stand for, as `plain_code` calls these; where it `may_lack_label`, a missing one is UNKNOWN. `lacking` tells which
    rows cannot be used, `labels` which further ones a subject has where it was not scanned, `warnings` what was left
    out or taken for something, a line each.
    """

    name: str
    unit: str
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    codes: Mapping[str, str] = field(default_factory=dict)
    classes: Classes = ADNI
    may_lack_label: bool = False
    lacking: list[Lack] = field(default_factory=list)
    labels: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    warnings: list[str] = field(default_factory=list)

    def report(self, number: int, column: str, text: str) -> None:
        self.problems.append(Problem(number, printable(column), text))

    def place(self, number: int) -> str:
        """Return how a row is called within a problem's text, as "row 3"."""
        return f"{self.unit} {number}" if self.unit else "it"

    def problem_lines(self) -> list[str]:
        """Return every problem as one line, "sheet.csv row 3, label: …", in the order of the rows.

        What is the same in several rows is said once, and so is what is alike in many.
        """
        numbers: dict[tuple[str, str], list[int]] = {}
        for problem in sorted(self.problems, key=lambda problem: problem.number):
            numbers.setdefault((problem.column, problem.text), []).append(problem.number)
        complaints = []
        for (column, text), (number, *others) in numbers.items():
            row = f" {self.place(number)}" if self.unit and number else ""
            start = f"{self.name}{row}, {column}" if column else f"{self.name}{row}"
            again = f"; the same in {self.unit} {listed(others)}" if others else ""
            about = f"{value_in(text)} ({row.strip()})" if row and value_in(text) else value_in(text) or row.strip()
            complaints.append(((column, kind_of(text)), f"{start}: {text}{again}", about))
        return condensed(complaints)


def fill(sheet: Sheet, entries: Entries, base: Path) -> None:
    """Turn entries into rows; report every value that is not valid, and every id that is there twice."""
    unsafe_base = unsafe_path_problem(str(base.absolute()))
    if unsafe_base:
        sheet.report(0, "", f"the folder of the images, {unsafe_base}")
    for number, fields in entries:
        values: dict[str, Any] = {}
        lacks = {}
        for column in COLUMNS:
            text = fields.get(column)
            if column == "label" and text is not None:
                text = sheet.codes.get(plain_code(text), text)
                if sheet.may_lack_label and text.lower() in {*MISSING, UNKNOWN}:
                    values[column] = UNKNOWN
                    continue
            try:
                values[column] = field_value(column, text, base, sheet.classes)
            except ValueError as error:
                values[column] = field_value(column, None, base)
                if column in NEEDED_OF_A_SCAN and text is not None and text.lower() in MISSING:
                    lacks[column] = str(error)
                else:
                    sheet.report(number, column, str(error))
        others = [(name, text) for name, text in fields.items() if name not in COLUMNS]
        for name, text in others:
            if problem := text_problem(text):
                sheet.report(number, name, problem)
        sheet.rows.append(Row(number, **values, others=tuple(others)))
        sheet.lacking += [Lack(sheet.rows[-1], column, text, f"no {column}") for column, text in lacks.items()]
    _report_twins(sheet)


def _report_twins(sheet: Sheet) -> None:
    """Report scans of one id, and subjects that only case tells apart: file systems and people would confuse them."""
    scans: dict[str, Row] = {}
    subjects: dict[str, Row] = {}
    for row in sheet.rows:
        first = scans.setdefault(row.scan.lower(), row)
        if row.scan and first is not row:
            where = sheet.place(first.number)
            sheet.report(row.number, "scan", f"{shown(row.scan)} is also the id of {where}; give each scan its own")
        first = subjects.setdefault(row.subject.lower(), row)
        if first.subject != row.subject:
            other = f"{shown(first.subject)} of {sheet.place(first.number)}"
            text = f"{shown(row.subject)} and {other} differ in case only; write one subject's id one way"
            sheet.report(row.number, "subject", text)
