"""The tables of a BIDS dataset: rows of participants.tsv and sessions.tsv in the words of a samplesheet."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from healthward.inputs.fields import MISSING, field_value
from healthward.inputs.other_columns import meant
from healthward.inputs.sheet import Sheet
from healthward.labels import plain_code
from healthward.wording import listed, printable, shown

PARTICIPANTS = "participants.tsv"
PARTICIPANT = "participant_id"
SESSION = "session_id"
NAMES = {
    "label": ("label", "diagnosis", "dx", "group", "research_group", "diagnosis_bl", "diagnosis_sc"),
    "age": ("age", "age_bl"),
    "sex": ("sex", "gender"),
    "site": ("site",),
}
"""What each column of a samplesheet may be called in a dataset, in any case; the first that is there is taken."""

READ = {PARTICIPANT, SESSION, *(name for names in NAMES.values() for name in names)}
OTHER_SEXES = {"o", "other"}
"""Values that BIDS allows and no score is adjusted for."""

QUOTED = re.compile('"[^"]*"')

Cells = dict[str, str]
"""A row by the names of its columns in lower case."""


@dataclass(frozen=True)
class Table:
    """A TSV file: its columns as they are written, by their names in lower case, and its rows by line number."""

    columns: dict[str, str]
    rows: list[tuple[int, Cells]]

    def is_empty(self, name: str) -> bool:
        """Return whether a column, by its name in lower case, holds nothing in any row."""
        return all(row[name].lower() in MISSING for _, row in self.rows)

    def name(self, column: str) -> str | None:
        """Return what a column of a samplesheet is called here, in lower case."""
        return next((name for name in NAMES[column] if name in self.columns), None)


@dataclass(frozen=True)
class Place:
    """Where a problem of a table is reported: at row `number` of participants.tsv, as one `within` a file of visits."""

    number: int
    within: str = ""

    def row(self, line: int) -> "Place":
        """Return the place of a line of the table."""
        return Place(self.number, f"{self.within} row {line}") if self.within else Place(line)

    @property
    def start(self) -> str:
        """How the text of a problem begins."""
        return f"{self.within}: " if self.within else ""

    def __str__(self) -> str:
        return self.within or f"{PARTICIPANTS} row {self.number}"


def read_table(path: Path, key: str, sheet: Sheet, place: Place) -> Table | None:
    """Read a TSV file with a column `key`; what is wrong with it is reported at `place`, and None returned."""
    number, start = place.number, place.start

    def refuse(reason: str) -> None:
        reason = " ".join(reason.split())
        sheet.report(number, "", f"{start}is no table ({reason}); save it as UTF-8 text with tabs between the columns")

    try:
        text = path.read_bytes().decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE))
    except OSError as error:
        sheet.report(number, "", f"{start}{shown(str(path))} cannot be read ({error.strerror}); add one row a {key}")
        return None
    except (UnicodeDecodeError, csv.Error) as error:
        refuse(str(error))
        return None
    cells = [[_unquoted(cell.strip()) for cell in line] for line in lines]
    header = cells[0] if cells else []
    if not header:
        refuse("its first line is empty")
        return None
    names = [name.lower() for name in header]
    if key not in names:
        found = listed(map(printable, header))
        sheet.report(number, key, f"{start}the column is missing among {found}; add it, with tabs between the columns")
        return None
    too_long = [line for line, row in enumerate(cells, start=1) if any(row[len(header) :])]
    if too_long:
        refuse(f"row {too_long[0]} has more fields than the header")
        return None
    rows = [(line, row + [""] * (len(header) - len(row))) for line, row in enumerate(cells[1:], start=2)]
    _report_twice(names, header, rows, sheet, place)
    # Of two columns with the same content either will do
    named = [(line, dict(zip(reversed(names), reversed(row[: len(names)]), strict=True))) for line, row in rows]
    columns = dict(zip(reversed(names), reversed(header), strict=True))
    table = Table(columns, [(line, row) for line, row in named if row[key]])
    _report_rivals(table, sheet, place)
    return table


def near_names(table: Table, file: str) -> dict[str, str]:
    """Return a line for each column of covariates that a table has not, and nearly has under another name."""
    absent = [column for column in NAMES if column != "label" and not table.name(column)]
    found = ((meant(name, absent, ()), header) for name, header in table.columns.items() if name not in READ)
    return {
        column: f"{file}: {shown(header)} is not read; call it {column} if it holds that"
        for column, header in found
        if column
    }


def _unquoted(cell: str) -> str:
    """Return a cell without quotes around the whole of it: BIDS has none, and some programs write them."""
    return cell[1:-1] if QUOTED.fullmatch(cell) else cell


def _report_twice(
    names: list[str], header: list[str], rows: list[tuple[int, list[str]]], sheet: Sheet, place: Place
) -> None:
    """Report columns of one name that differ."""
    for index, name in enumerate(names):
        first = names.index(name)
        if name in READ and first != index and any(row[first] != row[index] for _, row in rows):
            number = place.number or 1
            text = f"{place.start}{shown(header[index])} is there twice; keep one column of that name"
            sheet.report(number, header[first], text)


def _report_rivals(table: Table, sheet: Sheet, place: Place) -> None:
    """Report the first row in which two columns that may hold the label name different classes.

    Of a column in other words, warn where these contradict the label.
    """
    label, *rivals = [name for name in NAMES["label"] if name in table.columns] or [""]
    for rival in rivals:
        labelled = [(line, _class(row[label], sheet), row[rival]) for line, row in table.rows]
        other = [line for line, known, text in labelled if known and known != (_class(text, sheet) or known)]
        if other:
            row, at = dict(table.rows)[other[0]], place.row(other[0])
            text = f"{shown(row[label])} here is {shown(row[rival])} in {shown(table.columns[rival])}"
            mend = "keep the column of the label, and call the other one by another name"
            sheet.report(at.number, table.columns[label], f"{at.start}{text}; {mend}")
        elif crossing := _crossing([(line, known, text) for line, known, text in labelled if known]):
            text = f"{crossing}; the label is that of {shown(table.columns[label])}: see that it is the right column"
            sheet.warnings.append(f"{place.within or PARTICIPANTS}, {printable(table.columns[rival])}: {text}")


def _crossing(labelled: list[tuple[int, str, str]]) -> str:
    """Return how values of another column contradict the label, from (line, class, value); empty where they do not.

    A coarser column (patient for MCI and AD) and a finer one (two words for AD) agree with it. Where a value stands
    beside two classes, and one of these beside another value, too, one of the columns is wrong in some row.
    """
    written: dict[str, str] = {}
    lines: dict[str, dict[str, int]] = {}
    values: dict[str, set[str]] = {}
    for line, label, text in labelled:
        value = plain_code(text)
        if value not in MISSING:
            written.setdefault(value, text)
            lines.setdefault(value, {}).setdefault(label, line)
            values.setdefault(label, set()).add(value)
    for value, beside in lines.items():
        if len(beside) > 1 and any(len(values[label]) > 1 for label in beside):
            classes = listed(f"{label} (row {line})" for label, line in beside.items())
            return f"{shown(written[value])} stands beside {classes}"
    return ""


def _class(text: str, sheet: Sheet) -> str | None:
    try:
        return sheet.classes.named(sheet.codes.get(plain_code(text), text))
    except ValueError:
        return None


def values_of(row: Cells, table: Table, root: Path, sheet: Sheet, place: Place) -> dict[str, str]:
    """Return what a row gives, in a samplesheet's words; of a value that is not valid, reported, the empty text."""
    values = {}
    for column in NAMES:
        name = table.name(column)
        text = row[name] if name else ""
        if column == "sex":
            text = "" if text.lower() in OTHER_SEXES else text
        elif column == "age":
            text = text.removesuffix("+")  # 89+ is how BIDS asks to write the ages of the oldest
        elif column == "label":
            text = sheet.codes.get(plain_code(text), text)
        if not name or text.lower() in MISSING:
            continue
        try:
            values[column] = str(field_value(column, text, root, sheet.classes))
        except ValueError as error:
            sheet.report(place.number, table.columns[name], f"{place.start}{error}")
            values[column] = ""
    return values
