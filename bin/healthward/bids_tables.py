"""The tables of a BIDS dataset: rows of participants.tsv and sessions.tsv in the words of a samplesheet."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from healthward.fields import MISSING, field_value
from healthward.labels import parse_label, plain_code
from healthward.samplesheet import Sheet
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
SEXES = {"male": "M", "female": "F"}
OTHER_SEXES = {"o", "other"}
"""Values that BIDS allows and no score is adjusted for."""

Cells = dict[str, str]
"""A row by the names of its columns in lower case."""


@dataclass(frozen=True)
class Table:
    """A TSV file: its columns as they are written, by their names in lower case, and its rows by line number."""

    columns: dict[str, str]
    rows: list[tuple[int, Cells]]

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
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True))
    except OSError as error:
        sheet.report(number, "", f"{start}{shown(str(path))} cannot be read ({error.strerror}); add one row a {key}")
        return None
    except (UnicodeDecodeError, csv.Error) as error:
        refuse(str(error))
        return None
    cells = [[cell.strip() for cell in line] for line in lines]
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
    """Report the first row in which two columns that may hold the label name different classes."""
    label, *rivals = [name for name in NAMES["label"] if name in table.columns] or [""]
    for rival in rivals:
        for line, row in table.rows:
            classes = [_class(row[name], sheet) for name in (label, rival)]
            if None not in classes and classes[0] != classes[1]:
                at = place.row(line)
                text = f"{shown(row[label])} here is {shown(row[rival])} in {shown(table.columns[rival])}"
                mend = "keep the column of the label, and call the other one by another name"
                sheet.report(at.number, table.columns[label], f"{at.start}{text}; {mend}")
                break


def _class(text: str, sheet: Sheet) -> str | None:
    try:
        return parse_label(sheet.codes.get(plain_code(text), text))
    except ValueError:
        return None


def values_of(row: Cells, table: Table, root: Path, sheet: Sheet, place: Place) -> dict[str, str]:
    """Return what a row gives, in a samplesheet's words; of a value that is not valid, reported, the empty text."""
    values = {}
    for column in NAMES:
        name = table.name(column)
        text = row[name] if name else ""
        if column == "sex":
            text = "" if text.lower() in OTHER_SEXES else SEXES.get(text.lower(), text)
        elif column == "age":
            text = text.removesuffix("+")  # 89+ is how BIDS asks to write the ages of the oldest
        elif column == "label":
            text = sheet.codes.get(plain_code(text), text)
        if not name or text.lower() in MISSING:
            continue
        try:
            values[column] = str(field_value(column, text, root))
        except ValueError as error:
            sheet.report(place.number, table.columns[name], f"{place.start}{error}")
            values[column] = ""
    return values
