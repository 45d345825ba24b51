"""What is odd about the people of a sheet, their labels and sites, though every cell is valid: a line for each kind."""

import re
import statistics
import unicodedata

from healthward.checks.label_doubts import (
    audit_folders,
    audit_labels_of_people,
    audit_names,
    audit_other_labels,
    audit_sides,
)
from healthward.checks.people import (
    audit_columns_of_ids,
    audit_divided_people,
    audit_joined_people,
    audit_numbering,
    audit_shared_folders,
    audit_shared_masks,
    audit_subjects_of_paths,
)
from healthward.checks.visits import audit_counted, audit_shared_subject, audit_visits
from healthward.inputs.fields import MISSING, SPLITS, Row
from healthward.inputs.sheet import Sheet
from healthward.wording import listed, shown

SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "development"), "val"),
    **dict.fromkeys(("test", "testing", "holdout", "held-out"), "test"),
}
BETWEEN_LETTERS = re.compile(r"(?<=[^\W\d_])[\W_]+(?=[^\W\d_])")
WHOLE_NUMBER = re.compile(r"^([0-9]+)\.0+$")
UNKNOWN_SITES = {"missing", "n.a.", "n.a", "not available", "not known", "unbekannt", "inconnu", "undefined", "unk"} | {
    *("tbd", "nd", "n.d.", "999", "9999", "-9", "-99", "-999")
}

ADULT_YEARS, INFANT_YEARS = 18, 5


AUDITS = (
    *(audit_visits, audit_counted, audit_shared_subject, audit_subjects_of_paths, audit_divided_people),
    *(audit_shared_masks,),
    *(audit_columns_of_ids, audit_shared_folders, audit_joined_people, audit_numbering),
    *(audit_folders, audit_names, audit_sides, audit_other_labels, audit_labels_of_people),
)


def doubts(sheet: Sheet) -> list[str]:
    """Return a line for each kind of thing that looks like a mistake of many rows, or of the sheet's columns."""
    audits = (*AUDITS, audit_splits, audit_ages, audit_sites)
    return [f"{sheet.name}, {line}" for audit in audits for line in audit(sheet)]


def audit_splits(sheet: Sheet) -> list[str]:
    """Warn of a column under another name that holds a split, where the sheet prescribes none."""
    if any(row.split for row in sheet.rows):
        return []
    columns: dict[str, set[str]] = {}
    for row in sheet.rows:
        for name, text in row.others:
            columns.setdefault(name, set()).add(text.lower())
    text = (
        "the column holds words of a split alone and is not read, so that subjects are divided anew: "
        "rename it to split, with the words"
    )
    return [
        f"{name}: {text} {', '.join(SPLITS)}"
        for name, words in columns.items()
        if words - MISSING <= SPLIT_WORDS.keys() and len({SPLIT_WORDS[word] for word in words - MISSING}) > 1
    ]


def audit_ages(sheet: Sheet) -> list[str]:
    """Warn of ages of infants among adults."""
    aged = [(row.age, row) for row in sheet.rows if row.age is not None]
    if not aged or statistics.median(age for age, _ in aged) < ADULT_YEARS:
        return []
    found = [f"{age:g} ({sheet.place(row.number)})" for age, row in aged if age < INFANT_YEARS]
    text = "among adults: age is in years, and empty where it is not known"
    return [f"age: {listed(found)} {text}"] if found else []


def audit_sites(sheet: Sheet) -> list[str]:
    """Warn of sites that differ in what nobody sees or means, and of words for none: each would be adjusted for."""
    spellings: dict[tuple[str, ...], dict[str, Row]] = {}
    for row in sheet.rows:
        if row.site and row.site.casefold() not in UNKNOWN_SITES:
            spellings.setdefault(_said(row.site), {}).setdefault(row.site, row)
    found = [
        " and ".join(f"{shown(site)} ({sheet.place(row.number)})" for site, row in each.items())
        for each in spellings.values()
        if len(each) > 1
    ]
    text = (
        "differ only in case, blanks, punctuation, zeros, invisible letters or how accents are stored: "
        "write one site one way"
    )
    lines = [f"site: {listed(found)} {text}"] if found else []
    first = {row.site: row for row in reversed(sheet.rows) if row.site.casefold() in UNKNOWN_SITES}
    if first and len({row.site for row in sheet.rows}) > 1:
        unknown = listed(f"{shown(site)} ({sheet.place(row.number)})" for site, row in first.items())
        lines.append(f"site: {unknown} would be a site of its own: empty the cell where the site is not known")
    return lines


def _said(site: str) -> tuple[str, ...]:
    """Return the numbers without leading zeros and the words of a site, in one case and one Unicode form.

    Blanks and invisible letters are no part of it; what is all punctuation says itself.
    """
    letters = unicodedata.normalize("NFKC", site)
    visible = "".join(letter for letter in letters if unicodedata.category(letter)[0] not in "ZC").casefold()
    joined = BETWEEN_LETTERS.sub("", WHOLE_NUMBER.sub(r"\1", visible))
    parts = re.findall(r"[0-9]+|[^\W\d_]+", joined)
    return tuple(part.lstrip("0") or "0" if part.isdigit() else part for part in parts) or (visible,)
