"""The table of an atlas' names: comma- or tab-separated, such as a BIDS `dseg.tsv`."""

import csv
from pathlib import Path

from healthward.errors import InputError
from healthward.wording import listed, plain, shown

INDEX_COLUMNS = ("index", "label", "value")
"""Headers of the column of label numbers in a table of names; the first is that of BIDS."""

BACKGROUND = {
    "background",
    "unknown",
    "outside",
    "none",
    "nothing",
    "clearlabel",
    "unlabeled",
    "unlabelled",
    "air",
    "???",
}
"""What 0, which is outside of all regions, may be called, as `plain` writes it."""


def read_names(path: Path) -> dict[int, str]:
    """Return the names of regions by label.

    Raises:
        InputError: the file cannot be read, has no column of labels or of names, or several of labels that disagree; a
            label or name is wrong, empty or there twice; or 0, the outside, is called as a region.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a table of names ({error}); save it as UTF-8 text") from error
    tabs = bool(lines) and "\t" in lines[0]
    rows = csv.reader(lines, delimiter="\t" if tabs else ",")
    header = [cell.strip().lower() for cell in next(rows, [])]
    columns = [name for name in INDEX_COLUMNS if name in header]
    column = columns[0] if columns else None
    if column is None or "name" not in header:
        wanted = f"{', '.join(INDEX_COLUMNS[:-1])} or {INDEX_COLUMNS[-1]}"
        raise InputError(f"{path}: has the columns {shown(header)}; call that of the labels {wanted}, the other name")
    names: dict[int, str] = {}
    for cells in rows:
        if not any(cells):
            continue
        place = f"{path} row {rows.line_num}"
        if len(cells) != len(header):
            mend = "write one for each column, in double quotes if it contains a comma"
            raise InputError(f"{place}: has {len(cells)} fields where the header has {len(header)}; {mend}")
        if len(numbers := {cells[header.index(each)].strip() for each in columns}) > 1:
            mend = "keep the one that holds the volume's labels"
            raise InputError(f"{place}: {' and '.join(columns)} are {listed(sorted(numbers))}; {mend}")
        number, name = cells[header.index(column)].strip(), cells[header.index("name")].strip()
        if not number.isdecimal():
            raise InputError(f"{place}: {column} {shown(number)} is no whole number from 0; write the label")
        if int(number) in names:
            raise InputError(f"{place}: {column} {number} is there twice; keep one row of that label")
        if not name:
            raise InputError(f"{place}: the name of {number} is empty; write one")
        if name in names.values():
            raise InputError(f"{place}: the name {shown(name)} is there twice; give each label its own")
        names[int(number)] = name
    if plain(names.get(0, "background")) not in BACKGROUND:
        mend = "where names count from 0 and labels from 1, add 1 to each number"
        raise InputError(f"{path}: 0, which is outside of all regions, is called {shown(names[0])}; {mend}")
    return names
