"""The table of scans: a CSV sheet, the prototype's dataset.json, or one scan as JSON.

Reading never stops at the first mistake: a `Sheet` holds the rows with what could be understood of them, and every
problem found, each with its place, the value and the mend. No image is opened here.
"""

import csv
import io
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from healthward.inputs.fields import COLUMNS, ID, MISSING, REQUIRED_COLUMNS, Row, field_value, unsafe_path_problem
from healthward.inputs.other_columns import meant, name_problem, text_problem
from healthward.inputs.subjects import VOLUME_SUFFIX, common_folder, subject_in_path
from healthward.labels import ADNI, PROTOTYPE_CODES, Classes, plain_code
from healthward.wording import condensed, kind_of, listed, printable, shown, value_in

SHEET_SUFFIXES = (".csv", ".json")
SEPARATOR_LINE = re.compile(r"sep=.?", re.IGNORECASE)
"""What Excel writes above a header to tell itself the separator."""

INDEX_NAMES = ("", "Unnamed: 0")
"""What pandas calls the numbers of rows, from 0, that it writes before the first column."""

END_OF_FILE = "\x1a"
"""Ctrl-Z, with which DOS ended a text."""

NEEDED_OF_A_SCAN = ("image", "label")
"""Columns without which a row is of a person who has not been scanned or diagnosed, and no mistake."""

JSON_MEND = "a comma, a quote or a bracket is often missing just before that place"


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
    stand for, as `plain_code` calls these. `lacking` tells which rows cannot be used, `labels` which further ones a
    subject has where it was not scanned, `warnings` what was left out or taken for something, a line each.
    """

    name: str
    unit: str
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    codes: Mapping[str, str] = field(default_factory=dict)
    classes: Classes = ADNI
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


def read_sheet(
    path: Path, base: Path | None = None, codes: Mapping[str, str] | None = None, classes: Classes = ADNI
) -> Sheet:
    """Read a CSV sheet, or a dataset.json when the name of the file ends in .json.

    `base` is the folder that relative paths start from: by default the folder of the sheet. `codes` are the `classes`
    that values of a label stand for: by default the prototype's numbers in its slice_label, and nothing elsewhere.
    """
    base = path.parent if base is None else base
    codes = codes or {}
    if path.suffix.lower() not in SHEET_SUFFIXES:
        sheet = Sheet(path.name, "row")
        sheet.report(0, "", "is neither .csv nor .json, nor the folder of a BIDS dataset; save the sheet as CSV")
        return sheet
    is_json = path.suffix.lower() == ".json"
    sheet = Sheet(path.name, "entry" if is_json else "row", codes=codes, classes=classes)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        sheet.report(0, "", f"cannot be read ({error.strerror}); see to its permissions")
        return sheet
    except UnicodeDecodeError as error:
        sheet.report(0, "", f"is not UTF-8 text (byte {error.start + 1}); save the sheet as 'CSV UTF-8'")
        return sheet
    entries = _json_entries(text, sheet) if is_json else _csv_entries(text, sheet)
    fill(sheet, entries, base)
    if not sheet.rows and not sheet.problems:
        sheet.report(0, "", "holds no scan; add a row for each scan")
    return sheet


def read_scan(text: str, base: Path, codes: Mapping[str, str] | None = None, classes: Classes = ADNI) -> Sheet:
    """Read a single scan from JSON such as {"image": "ad0.nii.gz", "label": 5}, as the prototype has it.

    Relative paths start from `base`; `codes` and `classes` as for `read_sheet`, with the prototype's numbers in label,
    too.
    """
    sheet = Sheet("--scan", "", codes=codes or {}, classes=classes)
    value = _parsed_json(text, sheet)
    if isinstance(value, _Object):
        fill(sheet, [(0, _fields(sheet, 0, value, "", ("label", "slice_label")))], base)
    elif not sheet.problems:
        sheet.report(0, "", f'{shown(text)} is no object; write it like {{"image": "ad0.nii.gz", "label": 5}}')
    return sheet


Entries = list[tuple[int, dict[str, str]]]


def _csv_entries(text: str, sheet: Sheet) -> Entries:
    rows = _csv_rows(text.rstrip().removesuffix(END_OF_FILE), sheet)
    first, header = next(rows, (0, []))
    if header and SEPARATOR_LINE.fullmatch(",".join(header)):
        first, header = next(rows, (0, []))
    if not header:
        return []
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            sheet.report(first, "", f"the columns are separated by {name}; save the sheet with commas")
            return []
    if not {name.lower() for name in header} & set(COLUMNS):
        mend = f"let the sheet begin with a line such as {','.join(REQUIRED_COLUMNS)}"
        sheet.report(first, "", f"{shown(','.join(header))} names no column of a sheet; {mend}")
        return []
    lines = list(rows)
    if header[0] in INDEX_NAMES and [cells[0] for _, cells in lines] == [str(number) for number in range(len(lines))]:
        header = ["", *header[1:]]
        lines = [(number, ["", *cells[1:]]) for number, cells in lines]
    names = _columns(header, first, sheet)
    # Spreadsheets leave empty columns at the right, and not in every row
    width = max(index for index, name in enumerate(header, start=1) if name)
    entries: Entries = []
    for number, cells in lines:
        if cells[0].startswith("#"):
            sheet.report(number, "", "begins with #, and a sheet has no comments; remove the line")
            continue
        if any(cells[len(header) :]) or len(cells) < width:
            counts = f"has {len(cells)} fields where the header has {len(header)}"
            sheet.report(number, "", f"{counts}; write one for each column, in double quotes if it contains a comma")
            continue
        entries.append((number, {name: cell for name, cell in zip(names, cells, strict=False) if name}))
        for name, cell in zip(header, cells, strict=False):
            if cell and not name:
                sheet.report(number, "", f"{shown(cell)} stands in a column without a name; name it in the header")
    return entries


def _csv_rows(text: str, sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """Yield (line in the file, stripped cells) of each row that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield line, stripped
            line = reader.line_num + 1
    except csv.Error as error:
        sheet.report(line, "", f"is not valid CSV ({error}); see that every double quote has its partner")


def _columns(header: list[str], number: int, sheet: Sheet) -> list[str]:
    """Return the column that each name of the header stands for, empty for one to leave out."""
    given = [name.lower() for name in header]
    absent = [column for column in COLUMNS if column not in given]
    missing = [column for column in REQUIRED_COLUMNS if column in absent]
    columns: list[str] = []
    for place, name in enumerate(header):
        column = name.lower()
        if column and column in given[:place]:
            sheet.report(number, column, f"{shown(name)} is there twice; keep one column of that name")
            columns.append("")
        elif column in COLUMNS or not column:
            columns.append(column)
        elif near := meant(name, absent, missing):
            sheet.report(number, name, f"{shown(name)} is no column of a sheet; did you mean {near!r}?")
            columns.append("")
        else:
            if problem := name_problem(name):
                sheet.report(number, name, problem)
            columns.append(name)
    for column in missing:
        sheet.report(number, column, f"the column is missing; add it (needed are {', '.join(REQUIRED_COLUMNS)})")
    return columns


class _Object(dict[str, Any]):
    """A JSON object that knows which of its keys it was given more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]


def _parsed_json(text: str, sheet: Sheet) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_Object)
    except json.JSONDecodeError as error:
        sheet.report(0, "", f"line {error.lineno}, column {error.colno}: is not valid JSON ({error.msg}); {JSON_MEND}")
    except (RecursionError, ValueError) as error:
        sheet.report(0, "", f"cannot be read as a list of scans ({error}); write a flat list of objects")
    return None


def _json_entries(text: str, sheet: Sheet) -> Entries:
    values = _parsed_json(text, sheet)
    if sheet.problems:
        return []
    if not isinstance(values, list):
        sheet.report(0, "", 'holds no list; write a list such as [{"image": "cn/cn0.nii.gz", "slice_label": 1}]')
        return []
    entries: Entries = []
    objects = [value for value in values if isinstance(value, _Object)]
    common = common_folder(str(value.get("image") or "").strip() for value in objects)
    for number, value in enumerate(values, start=1):
        if isinstance(value, _Object):
            entries.append((number, _fields(sheet, number, value, common)))
        else:
            sheet.report(number, "", f'{shown(value)} is no object; write {{"image": …, "slice_label": …}}')
    nameless = [value for value in objects if value.get("subject") in (None, "")]
    unnamed = sum(subject_in_path(str(value.get("image")), common) is None for value in nameless)
    if unnamed and len(objects) > 1:
        mend = 'each file counts as a person of its own: add "subject" where one person has several'
        sheet.warnings.append(f"{sheet.name}: {unnamed} of {len(objects)} entries name no subject; {mend}")
    return entries


def _fields(
    sheet: Sheet, number: int, value: _Object, common: str, numbered: tuple[str, ...] = ("slice_label",)
) -> dict[str, str]:
    """Return the fields of a JSON entry as the text of a sheet's cells, scan and subject completed.

    `common` is a folder above all images; `numbered` are the keys whose numbers are the prototype's, unless the sheet
    has codes or classes of its own.
    """
    numbers = PROTOTYPE_CODES if sheet.classes == ADNI and not sheet.codes else {}
    fields: dict[str, str] = {}
    for key in value.repeated:
        sheet.report(number, key, f"{shown(key)} is there twice; keep one")
    keys = ["label" if key == "slice_label" else key for key in value]
    absent = [column for column in COLUMNS if column not in keys]
    missing = [column for column in NEEDED_OF_A_SCAN if column in absent]
    for column, (key, item) in zip(keys, value.items(), strict=True):
        is_other = column not in COLUMNS
        if is_other and (near := meant(key, absent, missing)):
            sheet.report(number, key, f"{shown(key)} is no key of a scan; did you mean {near!r}?")
        elif is_other and (problem := name_problem(key)):
            sheet.report(number, key, problem)
        elif column in fields:
            sheet.report(number, key, "both 'label' and 'slice_label' are given; keep one")
        elif isinstance(item, bool | list | dict):
            sheet.report(number, key, f"{shown(item)} is neither text nor number; write one")
        elif item is not None:
            text = str(item).strip()
            fields[column] = numbers.get(plain_code(text), text) if key in numbered else text
    for column in ("image", "label"):
        fields.setdefault(column, "")
    if fields["image"]:
        _complete_ids(sheet, number, fields, common)
    return fields


def _complete_ids(sheet: Sheet, number: int, fields: dict[str, str], common: str) -> None:
    """Take scan and subject from the path of the image, where they are not given."""
    stem = VOLUME_SUFFIX.sub("", os.path.basename(fields["image"]))
    if not fields.get("scan"):
        if ID.fullmatch(stem):
            fields["scan"] = stem
        else:
            fields.pop("scan", None)
            mend = 'add a "scan" of letters, digits, _ . and - to the entry'
            sheet.report(number, "scan", f"the file name {shown(stem)} is no id; {mend}")
    if not fields.get("subject"):
        known = subject_in_path(fields["image"], common)
        named = known or (stem if ID.fullmatch(stem) else fields.get("scan"))
        if named:
            fields["subject"] = named


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
