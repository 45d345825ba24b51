"""Subjects that are rather visits, or no people at all, by how they are called."""

import re
from collections import Counter
from collections.abc import Iterable

from healthward.checks.label_doubts import class_in
from healthward.inputs.fields import Row
from healthward.inputs.sheet import Sheet
from healthward.inputs.subjects import STUDY, bare, person_of, without_visit
from healthward.labels import plain_code
from healthward.wording import counted, shown

MOST_VISITS = 20
"""Of a longer series, such as site1_m01 to site1_m40, each is rather a person."""

COUNTED = re.compile("(.*[0-9].*[_.-])([0-9]{1,8})|(.*[0-9])[_.-]?([a-z])", re.IGNORECASE)
"""p07_1 and p07_02, p07_190312, 07a and 07b."""

MOST_COUNTED = 4
"""Of a longer series that is counted or lettered, such as site 1's people, each is rather a person."""

FEWEST_TO_COUNT = 3

LETTERED = re.compile("(.*?)[_.-]?([A-Z])[0-9]{1,5}", re.IGNORECASE)
"""Of s1_F01 beside s1_M02, or C01 beside D01, the letter is a sex or a group, and no month or day."""

MOST_YEARS = 10
"""Between scans of ids that may be one person's."""

LONGEST_STUDY_YEARS = 25
"""... of ids that are equal up to a visit, which a label may have changed between."""

FEWEST_SCANS_TO_SHARE = 4


def audit_visits(sheet: Sheet) -> list[str]:
    """Warn of subjects that are equal up to a visit at their end; report those that are in different splits.

    Those of both sexes, or decades apart, are people.
    """
    people: dict[tuple[str, ...], dict[tuple[str, ...], Row]] = {}
    letters: dict[tuple[str, ...], set[str]] = {}
    for row in sheet.rows:
        if found := LETTERED.fullmatch(row.subject):
            letters.setdefault(bare(found[1]), set()).add(found[2].lower())
    for row in sheet.rows:
        person = person_of(row.subject)
        if any(word.isdigit() for word in person) and len(letters.get(person, ())) < 2:
            people.setdefault(person, {}).setdefault(bare(row.subject), row)
    groups = [list(visits.values()) for visits in people.values() if 1 < len(visits) <= MOST_VISITS]
    several = [rows for rows in groups if _is_one_sex(rows) and _years_apart(rows) <= LONGEST_STUDY_YEARS]
    if not several:
        return []
    mend = "give all visits of a person one subject"
    divided = [(row, first) for first, *others in several for row in others if row.split != first.split]
    for row, first in divided:
        text = f"{shown(row.subject)} in {shown(row.split)} and {shown(first.subject)} in {shown(first.split)}"
        sheet.report(row.number, "subject", f"{text} ({sheet.place(first.number)}) are equal up to a visit; {mend}")
    if divided:
        return []
    many = counted(sum(map(len, several)), "subject")
    example = " and ".join(f"{shown(row.subject)} ({sheet.place(row.number)})" for row in several[0][:2])
    return [f"subject: {many} equal to another one up to a visit, such as {example}: {mend}, lest they count as people"]


def audit_counted(sheet: Sheet) -> list[str]:
    """Warn where most subjects come in short series such as p7_1 and p7_2, or 7a and 7b, that may be one person's."""
    series: dict[str, dict[str, Row]] = {}
    for row in sheet.rows:
        if (found := COUNTED.fullmatch(without_visit(row.subject))) and not STUDY.fullmatch(row.subject):
            stem, end = (found[1], found[2]) if found[1] else (f"{found[3]} ", found[4].lower())
            series.setdefault(stem.lower(), {}).setdefault(end, row)
    several = [
        list(each.values())
        for each in series.values()
        if 1 < len(each) <= MOST_COUNTED and _in_turn(each) and _may_be_one(each.values())
    ]
    subjects = {row.subject for row in sheet.rows}
    if len(several) < FEWEST_TO_COUNT or 2 * sum(map(len, several)) <= len(subjects):
        return []
    example = " and ".join(f"{shown(row.subject)} ({sheet.place(row.number)})" for row in several[0][:2])
    text = f"{sum(map(len, several))} of {len(subjects)} subjects come in short series, such as {example}"
    return [f"subject: {text}: if these are visits of one person, give all of them one subject"]


def audit_shared_subject(sheet: Sheet) -> list[str]:
    """Warn of a column of subjects that holds the labels, or one subject for most scans."""
    rows = sheet.rows
    classes = [class_in(sheet, sheet.codes.get(plain_code(row.subject), row.subject)) for row in rows]
    if len(rows) > 1 and classes == [row.label for row in rows]:
        return ["subject: the column says of every scan what the label says: give each person an id of their own"]
    [(subject, scans)] = Counter(row.subject for row in rows).most_common(1) or [("", 0)]
    if not subject or len(rows) < FEWEST_SCANS_TO_SHARE or scans <= len(rows) / 2:
        return []
    if scans == len(rows) and _may_be_one(rows):
        return []  # the visits of one patient
    return [f"subject: {shown(subject)} has {scans} of the {len(rows)} scans: one person? Give each an id of their own"]


def _in_turn(ends: Iterable[str]) -> bool:
    """Return whether these are numbers, or the first letters of the alphabet."""
    text = "".join(sorted(ends))
    return text.isdigit() or "abcd".startswith(text)


def _may_be_one(rows: Iterable[Row]) -> bool:
    """Return whether rows are of one sex, of ages not far apart, and of one label, as the visits of most people are."""
    rows = list(rows)
    return _is_one_sex(rows) and len({row.label for row in rows} - {""}) < 2 and _years_apart(rows) <= MOST_YEARS


def _is_one_sex(rows: Iterable[Row]) -> bool:
    return len({row.sex for row in rows} - {""}) < 2


def _years_apart(rows: Iterable[Row]) -> float:
    ages = [row.age for row in rows if row.age is not None]
    return max(ages, default=0) - min(ages, default=0)
