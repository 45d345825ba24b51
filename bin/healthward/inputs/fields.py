"""What each column of a sheet may hold, and the row that its values make."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from healthward.labels import ADNI, Classes
from healthward.wording import shown

REQUIRED_COLUMNS = ("scan", "subject", "image", "label")
OPTIONAL_COLUMNS = ("split", "mask", "brain", "age", "sex", "site", "control")
COLUMNS = REQUIRED_COLUMNS + OPTIONAL_COLUMNS
SPLITS = ("train", "val", "test")
SEXES = ("M", "F")
SEX_WORDS = {"male": "M", "female": "F"}
ANSWERS = ("yes", "no")
OLDEST_YEARS = 120

# Values end up in file names and in the command lines of tasks: what a shell or a glob would interpret is refused, and
# halves of characters, which no file can hold.
UNSAFE_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff'\"$`\\*?\[\]{}]")
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
LONGEST_ID = 128
IDS_THAT_MEAN_MISSING = {"na", "nan", "none", "null"}
# A table is often opened in a spreadsheet, which would compute such a cell
FORMULA_MARKS = "=+-@"
MISSING = {"", "n/a", "na", "nan"}
MISSING_SITES = MISSING | {"#n/a", "unknown", "none", "null", ".", "-", "?"}
AGE = re.compile(r"[0-9]{1,3}(\.[0-9]*)?")


@dataclass(frozen=True)
class Row:
    """One scan: a text field is empty, and `age` None, where the sheet gives nothing or nothing valid.

    `number` is the line of the file or the entry of the list, `image`, `mask` (of an anomaly) and `brain` (a mask, too)
    are absolute paths, `label` is one of the run's classes or UNKNOWN, `split` one of SPLITS, `age` is in years,
    `control` one of ANSWERS: whether others are held against it. `others` are the columns that we do not know, by name,
    as they are written.
    """

    number: int
    scan: str
    subject: str
    image: str
    label: str
    split: str
    mask: str
    age: float | None
    sex: str
    site: str
    control: str = ""
    brain: str = ""
    others: tuple[tuple[str, str], ...] = ()


def unsafe_path_problem(text: str) -> str | None:
    """Return why a path or name must not reach a shell, with the mend; None when it may."""
    found = UNSAFE_CHARACTERS.search(text)
    if not found:
        return None
    mend = "write / between folders" if found.group() == "\\" else "rename it without that character"
    return f"{shown(text)} contains {shown(found.group())}, which a shell could interpret; {mend}"


def field_value(column: str, text: str | None, base: Path, classes: Classes = ADNI) -> str | float | None:
    """Return the value of one column of `Row` from the text of a sheet; None stands for a column that is not there.

    `base` is the folder that relative paths start from, `classes` are what a label may be.

    Raises:
        ValueError: the text is not valid; the message gives the value and the mend.
    """
    missing = MISSING_SITES if column == "site" else MISSING
    if text is None or (column in OPTIONAL_COLUMNS and text.lower() in missing):
        return None if column == "age" else ""
    if not text:
        raise ValueError(f"is empty; every row needs its {column}")
    if column in ("image", "mask", "brain"):
        return os.path.abspath(base / _safe(text))
    return _label(text, classes) if column == "label" else PARSERS[column](text)


def _safe(text: str) -> str:
    problem = unsafe_path_problem(text)
    if problem:
        raise ValueError(problem)
    return text


def parsed_id(text: str) -> str:
    """Return the id of a scan or subject, or raise a ValueError that says what is wrong with it."""
    if not ID.fullmatch(text):
        raise ValueError(f"{shown(text)} is no id; write letters, digits, _ . and - only, a letter or digit first")
    if len(text) > LONGEST_ID:
        raise ValueError(f"{shown(text)} has {len(text)} characters; write an id of at most {LONGEST_ID}")
    if text.lower() in IDS_THAT_MEAN_MISSING:
        raise ValueError(f"{shown(text)} means a missing value to most programs; write the id itself")
    return text


def _label(text: str, classes: Classes) -> str:
    if text.lower() in MISSING:
        raise ValueError(f"{shown(text)} tells no class; every row needs its label")
    try:
        return classes.named(text)
    except ValueError as error:
        raise ValueError(f"{error}, or say what it stands for, as in --label_codes {classes.codes_example}") from None


def _split(text: str) -> str:
    return _choice(text, SPLITS)


def _control(text: str) -> str:
    return _choice(text, ANSWERS)


def _sex(text: str) -> str:
    return SEX_WORDS.get(text.lower()) or _choice(text, SEXES)


def _choice(text: str, choices: tuple[str, ...]) -> str:
    for choice in choices:
        if text.lower() == choice.lower():
            return choice
    raise ValueError(f"{shown(text)} is none of {', '.join(choices)}; write one of these or leave it empty")


def _site(text: str) -> str:
    if text[0] in FORMULA_MARKS:
        raise ValueError(f"{shown(text)} begins with {shown(text[0])}, as a formula does; write the name of the site")
    return _safe(text)


def _age(text: str) -> float:
    if AGE.fullmatch(text) and float(text) <= OLDEST_YEARS:
        return float(text)
    raise ValueError(f"{shown(text)} is no age in years; write a number from 0 to {OLDEST_YEARS}, or leave it empty")


PARSERS: dict[str, Callable[[str], str | float]] = {
    "scan": parsed_id,
    "subject": parsed_id,
    "split": _split,
    "age": _age,
    "sex": _sex,
    "site": _site,
    "control": _control,
}
