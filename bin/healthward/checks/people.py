"""Who the people of a sheet are, as far as its subjects, the paths of its images and the ids of its scans agree."""

import re
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from pathlib import PurePosixPath

from healthward.checks.label_doubts import SHIFTED
from healthward.checks.visits import FEWEST_TO_COUNT
from healthward.inputs.fields import MISSING, Row
from healthward.inputs.sheet import Sheet
from healthward.inputs.subjects import (
    STUDY,
    bare,
    common_folder,
    is_column_of_ids,
    person_of,
    subjects_by_path,
)
from healthward.wording import counted, listed, shown

SITE = re.compile(
    "site|scanner|cent(er|re)|batch|group|cohort|part(?!icipant)|wave|study|week|day|month|(19|20)[0-9]{2}[_-]?[01][0-9]",
    re.IGNORECASE,
)
"""What folders are called that hold several people: those of a site or a time."""

MOST_IN_A_FOLDER = 4
"""Scans of a folder that is perhaps one person's."""

SESSION_OF = re.compile("(sub-[A-Z0-9]+)_ses-", re.IGNORECASE)


def audit_subjects_of_paths(sheet: Sheet) -> list[str]:
    """Warn of scans whose image or mask is, by its path, of another subject of the sheet."""
    known = {bare(row.subject) for row in sheet.rows}
    lines = []
    for column, what in (("image", "an image"), ("brain", "a brain mask"), ("mask", "a mask")):
        rows = [replace(row, image=path) for row in sheet.rows if (path := getattr(row, column))]
        found = [
            f"{shown(row.subject)} ({sheet.place(row.number)}, with {what} of {shown(named)})"
            for row, named in _of_paths(rows)
            if bare(named) in known - {bare(row.subject)}
        ]
        text = f"with {what} that is another subject's by its path"
        lines += [f"subject: {counted(len(found), 'scan')} {text}: {listed(found)}; {SHIFTED}"] if found else []
    return lines


def audit_shared_masks(sheet: Sheet) -> list[str]:
    """Warn of a mask that is that of several subjects."""
    lines = []
    for column in ("brain", "mask"):
        owners: dict[str, dict[str, Row]] = {}
        for row in sheet.rows:
            if path := getattr(row, column):
                owners.setdefault(path, {}).setdefault(row.subject, row)
        shared = [(path, list(rows.values())) for path, rows in owners.items() if len(rows) > 1]
        for path, (first, second, *_) in shared[:1]:
            where = f"{sheet.place(first.number)} and {sheet.place(second.number)}"
            text = f"{counted(len(shared), 'mask')} of several subjects, such as {shown(path)} ({where})"
            lines.append(f"{column}: {text}: see that each scan has its own")
    return lines


def audit_divided_people(sheet: Sheet) -> list[str]:
    """Warn of people who are several subjects by paths or ids of scans; report those in different splits.

    Ids of ADNI and OASIS are of one person anywhere, sub-01 within one dataset alone.
    """
    known = {bare(row.subject) for row in sheet.rows}
    people: dict[Hashable, dict[tuple[str, ...], tuple[str, Row]]] = {}
    for row, person, named in chain(_people_of_paths(sheet.rows), _people_of_scans(sheet.rows)):
        people.setdefault(person, {}).setdefault(person_of(row.subject), (named, row))
    told: set[tuple[int, int]] = set()
    within = []
    for (named, first), *others in (list(subjects.values()) for subjects in people.values()):
        for _, row in others:
            if (first.number, row.number) in told:
                continue
            told.add((first.number, row.number))
            two = f"{shown(first.subject)} ({sheet.place(first.number)}) and {shown(row.subject)}"
            if first.split != row.split:
                text = f"{two} are both {shown(named)} by paths or scans, in {shown(first.split)} and"
                mend = "give all scans of a person one subject"
                sheet.report(row.number, "subject", f"{text} {shown(row.split)}; {mend}")
            elif bare(named) not in known:  # else audit_subjects_of_paths tells it
                within.append(f"{two} ({sheet.place(row.number)}), both {shown(named)}")
    text = "of one person by paths of images or ids of scans, lest one counts as several"
    return [f"subject: {counted(len(within), 'more subject')} {text}: {listed(within)}"] if within else []


def audit_columns_of_ids(sheet: Sheet) -> list[str]:
    """Warn of subjects that have one id in a column such as PTID.

    Plain numbers are ids within a site and a class alone. A column of fewer ids than half of the subjects holds
    something else.
    """
    lines = []
    for column in sorted({name for row in sheet.rows for name, _ in row.others if is_column_of_ids(name)}):
        people: dict[Hashable, dict[tuple[str, ...], Row]] = {}
        for row in sheet.rows:
            text = dict(row.others).get(column, "")
            if any(letter.isdigit() for letter in text) and not text.startswith("-") and text.lower() not in MISSING:
                scope = (row.site, row.label) if text.isdigit() else ()
                people.setdefault((person_of(text), scope), {}).setdefault(person_of(row.subject), row)
        several = [list(subjects.values()) for subjects in people.values() if len(subjects) > 1]
        if several and 2 * len(people) >= len({row.subject for row in sheet.rows}):
            first, second, *_ = several[0]
            example = f"{shown(first.subject)} ({sheet.place(first.number)}) and {shown(second.subject)}"
            text = f"{counted(len(several), 'id')} of several subjects, such as that of {example}"
            mend = "give all scans of a person one subject, or call the column otherwise"
            lines.append(f"{column}: {text} ({sheet.place(second.number)}); {mend}")
    return lines


def audit_shared_folders(sheet: Sheet) -> list[str]:
    """Warn where folders with a number, as those of single people are, hold few images and several subjects.

    Folders of sites hold people of both sexes, or are called so.
    """
    above = len(PurePosixPath(common_folder(row.image for row in sheet.rows if row.image)).parts)
    named = {row.number for row, _ in _of_paths(sheet.rows)}
    folders: dict[tuple[str, ...], list[Row]] = {}
    for row in sheet.rows:
        parts = PurePosixPath(row.image).parts[:-1]
        for depth in range(above + 1, len(parts) + 1):
            name = parts[depth - 1]
            if any(letter.isdigit() for letter in name) and not SITE.match(name) and row.number not in named:
                folders.setdefault(parts[:depth], []).append(row)
    shared = [
        (folder[-1], rows)
        for folder, rows in folders.items()
        if len({row.subject for row in rows} - {""}) > 1 and len({row.sex for row in rows} - {""}) < 2
    ]
    if len(shared) < FEWEST_TO_COUNT or any(len(rows) > MOST_IN_A_FOLDER for _, rows in shared):
        return []
    folder, (first, *_) = shared[0]
    second = next(row for row in shared[0][1] if row.subject != first.subject)
    example = f"{shown(folder)} ({shown(first.subject)} and {shown(second.subject)}, {sheet.place(first.number)} and"
    text = f"{counted(len(shared), 'folder')} with images of several subjects, such as {example}"
    return [f"subject: {text} {sheet.place(second.number)}): if each is one person's, give all its scans one subject"]


def audit_joined_people(sheet: Sheet) -> list[str]:
    """Warn of subjects whose images are, by their paths, of several people; p7v1 and p7v2 are both of p7.

    Where such a person is another subject of the sheet, audit_subjects_of_paths tells it.
    """
    known = {bare(row.subject) for row in sheet.rows}
    people: dict[str, dict[tuple[str, ...], tuple[str, Row]]] = {}
    for row, named in _of_paths(sheet.rows):
        own = bare(row.subject)
        if bare(named) in known - {own}:
            continue
        person = own if bare(named)[: len(own)] == own else person_of(named)
        people.setdefault(row.subject, {}).setdefault(person, (named, row))
    found = []
    for subject, of_paths in people.items():
        if subject and len(of_paths) > 1:
            places = [f"{shown(name)} in {sheet.place(row.number)}" for name, row in of_paths.values()]
            found.append(f"{shown(subject)} ({' and '.join(places[:2])})")
    text = "with images of several people by their paths"
    return [f"subject: {counted(len(found), 'subject')} {text}: {listed(found)}; {SHIFTED}"] if found else []


def audit_numbering(sheet: Sheet) -> list[str]:
    """Warn where most subjects are at several sites, as if each site numbered its people from 1."""
    sites: dict[str, dict[str, Row]] = {}
    for row in sheet.rows:
        if row.subject and row.site:
            sites.setdefault(row.subject, {}).setdefault(row.site.casefold(), row)
    several = {subject: list(rows.values()) for subject, rows in sites.items() if len(rows) > 1}
    if len(several) < FEWEST_TO_COUNT or 2 * len(several) <= len(sites):
        return []
    subject, (first, second, *_) = next(iter(several.items()))
    example = f"{shown(subject)} ({sheet.place(first.number)} and {sheet.place(second.number)})"
    text = f"{len(several)} of {len(sites)} subjects are at several sites, such as {example}"
    return [f"subject: {text}: if each site numbers its people by itself, put the site into the ids"]


def _of_paths(rows: Iterable[Row]) -> Iterator[tuple[Row, str]]:
    """Yield the rows whose image is of a subject by its path, with that subject."""
    rows = list(rows)
    named = _by_path(tuple((row.image, row.subject) for row in rows if row.image))
    for row in rows:
        if row.image in named:
            yield row, named[row.image]


@lru_cache(maxsize=1)
def _by_path(images: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Read the paths of a sheet once for all audits."""
    return subjects_by_path(dict(images))


def _people_of_paths(rows: Iterable[Row]) -> Iterator[tuple[Row, Hashable, str]]:
    for row, named in _of_paths(rows):
        dataset = None if STUDY.fullmatch(named) else _dataset_of(row.image)
        yield row, person_of(named) if dataset is None else (dataset, person_of(named)), named


def _dataset_of(image: str) -> tuple[str, ...] | None:
    """Return the folders above the first part of a path that is called sub-…, None where none is."""
    parts = PurePosixPath(image).parts
    return next((parts[:depth] for depth, part in enumerate(parts) if part.lower().startswith("sub-")), None)


def _people_of_scans(rows: Iterable[Row]) -> Iterator[tuple[Row, Hashable, str]]:
    for row in rows:
        if study := STUDY.search(row.scan):
            yield row, person_of(study.group()), study.group()
        elif found := SESSION_OF.match(row.scan):
            yield row, (_dataset_of(row.image) or (), person_of(found[1])), found[1]
