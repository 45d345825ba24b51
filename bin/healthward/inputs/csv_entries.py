"""Rows of a sheet in CSV, as spreadsheets and pandas write it."""

import csv
import io
import re
from collections.abc import Iterator

from healthward.inputs.fields import COLUMNS, REQUIRED_COLUMNS
from healthward.inputs.other_columns import meant, name_problem
from healthward.inputs.sheet import Entries, Sheet
from healthward.wording import shown

SEPARATOR_LINE = re.compile(r"sep=.?", re.IGNORECASE)
"""What Excel writes above a header to tell itself the separator."""

INDEX_NAMES = ("", "Unnamed: 0")
"""What pandas calls the numbers of rows, from 0, that it writes before the first column."""

END_OF_FILE = "\x1a"
"""Ctrl-Z, with which DOS ended a text."""


def csv_entries(text: str, sheet: Sheet) -> Entries:
    """Return the rows of a text in CSV; what is wrong with it is reported."""
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
