"""What is odd about the people of a sheet, their labels and sites, though every cell is valid: a line for each kind."""

import re
import statistics
import unicodedata
from collections import Counter
from pathlib import PurePosixPath

from healthward.inputs.fields import Row
from healthward.inputs.samplesheet import Sheet
from healthward.inputs.subjects import bare, common_folder, subject_in_path
from healthward.labels import plain_code
from healthward.wording import counted, listed, shown

VISIT = re.compile(
    r"([_.-](ses(sion)?[_-]?[a-z0-9]+|(visit|scan|run|tp|mr)[_-]?[0-9]+|(m|month|w|d|y|t|v)[0-9]{1,5}|mr|fu[0-9]*"
    r"|bl|baseline|sc|screening|pre|post|(19|20)[0-9]{2}[_-]?[01][0-9][_-]?[0-3][0-9]))+$",
    re.IGNORECASE,
)
"""002_S_0413_m12, sub-01_ses-M00, OAS2_0001_MR1, OAS30001_MR_d0129, p7_bl."""

MOST_VISITS = 20
"""Of a longer series, such as site1_m01 to site1_m40, each is rather a person."""

SHIFTED = "see that no column was sorted or shifted by itself"
FEWEST_SCANS_TO_SHARE = 4
ADULT_YEARS, INFANT_YEARS = 18, 5


def doubts(sheet: Sheet) -> list[str]:
    """Return a line for each kind of thing that looks like a mistake of many rows, or of the sheet's columns."""
    audits = (audit_visits, audit_shared_subject, audit_subjects_of_paths, audit_folders, audit_ages, audit_sites)
    return [f"{sheet.name}, {line}" for audit in audits for line in audit(sheet)]


def audit_visits(sheet: Sheet) -> list[str]:
    """Warn of subjects that are equal up to a visit at their end; report those that are in different splits."""
    people: dict[tuple[str, ...], dict[tuple[str, ...], Row]] = {}
    for row in sheet.rows:
        person = VISIT.sub("", row.subject)
        if any(letter.isdigit() for letter in person):
            people.setdefault(bare(person), {}).setdefault(bare(row.subject), row)
    several = [list(visits.values()) for visits in people.values() if 1 < len(visits) <= MOST_VISITS]
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


def audit_shared_subject(sheet: Sheet) -> list[str]:
    """Warn of a column of subjects that holds the labels, or one subject for most scans."""
    rows = sheet.rows
    classes = [_class(sheet, sheet.codes.get(plain_code(row.subject), row.subject)) for row in rows]
    if len(rows) > 1 and classes == [row.label for row in rows]:
        return ["subject: the column says of every scan what the label says: give each person an id of their own"]
    [(subject, scans)] = Counter(row.subject for row in rows).most_common(1) or [("", 0)]
    if not subject or len(rows) < FEWEST_SCANS_TO_SHARE or scans <= len(rows) / 2:
        return []
    return [f"subject: {shown(subject)} has {scans} of the {len(rows)} scans: one person? Give each an id of their own"]


def audit_subjects_of_paths(sheet: Sheet) -> list[str]:
    """Warn of scans whose image is, by its path, of another subject of the sheet."""
    common = common_folder(row.image for row in sheet.rows if row.image)
    known = {bare(row.subject) for row in sheet.rows}
    found = []
    for row in sheet.rows:
        named = subject_in_path(row.image, common)
        if named and bare(named) in known - {bare(row.subject)}:
            found.append(f"{shown(row.subject)} ({sheet.place(row.number)}, with an image of {shown(named)})")
    text = "with an image that is another subject's by its path"
    return [f"subject: {counted(len(found), 'scan')} {text}: {listed(found)}; {SHIFTED}"] if found else []


def audit_folders(sheet: Sheet) -> list[str]:
    """Warn of scans whose image is in a folder that is called as another class, MCI being for EMCI and LMCI, too."""
    if len(sheet.rows) < 2:
        return []  # any folder above a single image might be one of a user's
    above = PurePosixPath(common_folder(row.image for row in sheet.rows if row.image))
    found = []
    for row in sheet.rows:
        folders = PurePosixPath(row.image).parts[len(above.parts) : -1]
        named = next(filter(None, (_class(sheet, folder) for folder in reversed(folders))), None)
        if named and row.label and not row.label.endswith(named):
            found.append(f"{row.label} ({sheet.place(row.number)}, in a folder of {named})")
    text = "in a folder that is called as another class"
    return [f"label: {counted(len(found), 'scan')} {text}: {listed(found)}; {SHIFTED}"] if found else []


def audit_ages(sheet: Sheet) -> list[str]:
    """Warn of ages of infants among adults."""
    aged = [(row.age, row) for row in sheet.rows if row.age is not None]
    if not aged or statistics.median(age for age, _ in aged) < ADULT_YEARS:
        return []
    found = [f"{age:g} ({sheet.place(row.number)})" for age, row in aged if age < INFANT_YEARS]
    text = "among adults: age is in years, and empty where it is not known"
    return [f"age: {listed(found)} {text}"] if found else []


def audit_sites(sheet: Sheet) -> list[str]:
    """Warn of sites that differ in what nobody sees, or in case: each would be adjusted for by itself."""
    spellings: dict[str, dict[str, Row]] = {}
    for row in sheet.rows:
        if row.site:
            spellings.setdefault(_visible(row.site), {}).setdefault(row.site, row)
    found = [
        " and ".join(f"{shown(site)} ({sheet.place(row.number)})" for site, row in each.items())
        for each in spellings.values()
        if len(each) > 1
    ]
    text = "differ only in case, blanks, invisible letters or how accents are stored: write one site one way"
    return [f"site: {listed(found)} {text}"] if found else []


def _class(sheet: Sheet, text: str) -> str:
    """Return the class that `text` names, "" where it names none."""
    try:
        return sheet.classes.named(text)
    except ValueError:
        return ""


def _visible(site: str) -> str:
    """Return a site without blanks and invisible letters, in one case and one Unicode form."""
    letters = unicodedata.normalize("NFKC", site)
    return "".join(letter for letter in letters if unicodedata.category(letter)[0] not in "ZC").casefold()
