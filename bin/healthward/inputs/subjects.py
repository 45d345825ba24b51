"""Whose image a file is, as far as its path says it, and which ids say the same."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, groupby
from pathlib import PurePosixPath
from typing import Generic, TypeVar

from healthward.inputs.volume_names import without_suffix
from healthward.labels import ADNI
from healthward.wording import plain

STUDY = re.compile(
    "(?<![0-9])[0-9]{3}[_-]S[_-][0-9]{4,5}(?![0-9])|(?<![A-Z0-9])(OAS[12]_[0-9]{4}|OAS[34][0-9]{4})(?![0-9])",
    re.IGNORECASE,
)
"""002_S_0413 of ADNI; OAS1_0001 and OAS30001 of OASIS."""

ENTITY = "_[A-Z]+-[A-Z0-9]"
SUFFIX = "_(?![A-Z](_|$))[A-Z]+[0-9]{0,2}[A-Z]*(_|$)"
BIDS = re.compile(f"sub-([A-Z0-9]+)(?=$|{ENTITY}|{SUFFIX})", re.IGNORECASE)
"""sub-01 before an entity (_ses-1), a suffix (_T1w) or nothing; in sub-CN_001 the number is of the id."""

PREFIXES = ("sub", "subj", "subject")
COMMON = {"patient", "pat", "participant", "person", "case", "control", "ctrl", "con", "ctl", "volunteer", "vol"} | {
    *("scan", "brain", "img", "image", *(name.lower() for name in ADNI)),
}
"""Words before a number that say nothing of the study."""

WHOLE_NUMBER = re.compile(r"([0-9]+)\.0+")
"""What a spreadsheet makes of 7 in a column of numbers with gaps: 7.0."""

TIMES = (
    *("ses(sion)?[_-]?[a-z0-9]+", "(visit|scan|run|tp|time(point)?|wave|year|exam|follow(_?up)?)[_-]?[0-9]+"),
    *("(m|month|w|d|y|t|v)[0-9]{1,5}", "[0-9]{1,3}(d|w|m|mo|mths?|months?|y|yr|yrs|years?)", "fu[0-9]*"),
    *("mr([_-]?[0-9]{1,2})?", "follow(_?up)?", "bl", "base(line)?", "sc", "screening", "pre", "post"),
    *("(19|20)[0-9]{2}[_-]?[01][0-9][_-]?[0-3][0-9]", "[0-9]{5}_[0-9]_[0-9]"),
)
GLUED = ("v[1-9]", "m[0-9]{1,3}", "t[0-9]{1,2}", "ses[0-9]{1,3}", "bl")
PROCESSED = "([_.-](brain|bet|ss|stripped|skullstripped|n4|t1w?|mprage|reg|mni|warped|defaced))*"
LAST_VISIT = re.compile(f"(([_.-]({'|'.join(TIMES)}))+|(?<=[0-9])({'|'.join(GLUED)})){PROCESSED}$", re.IGNORECASE)
"""002_S_0413_m12, sub-01_ses-M00, OAS2_0001_MR1, OAS30001_MR_d0129, p7_bl, p7_12mo, P07V1, 01M12, p7_m12_brain.

And 1000012_20252_2_0 of UK Biobank; not 2021_MR001, which counts the scans of a year, nor 3T001.
"""

FIRST_VISIT = re.compile(r"((visit|ses|tp|v)[_-]?[0-9]{1,2}|bl|baseline|fu[0-9]*|screening)[_.-](?=.)", re.IGNORECASE)
"""V1_p7, bl_p7."""

IDS = {"ptid", "rid"} | {f"{who}{end}" for who in ("participant", "subject", "patient", "person") for end in ("", "id")}
"""What columns that hold ids of people are called."""

SEPARATED_ID, GLUED_ID = "separated", "glued"
LEAST_GLUED = 6
"""Letters and digits of an id from which one without separators is taken for another's that has them."""

WITH_STUDY, OF_STUDY, ALONE = 1, 4, 6
"""Digits, without leading zeros, that say who it is with the name of a study, of one that others name, and alone."""

T = TypeVar("T")

FOLDER = re.compile("sub-([A-Z0-9][A-Z0-9_.-]*)", re.IGNORECASE)


def subject_in_path(image: str, common: str = "") -> str | None:
    """Return the subject that the name of an image's file gives, or else the nearest folder; None where none does.

    `common` is a folder above the images of all subjects, which with those above it names none.
    """
    path = PurePosixPath(image)
    folders = path.parts[len(PurePosixPath(common).parts) : -1]
    stem = without_suffix(path.name)
    for name in (stem, *reversed(folders)):
        if found := STUDY.search(name):
            return found.group().upper().replace("-", "_")
        if found := BIDS.match(name) or (FOLDER.fullmatch(name) if name is not stem else None):
            return f"sub-{found[1]}"
    return None


def subjects_by_path(images: Mapping[str, str]) -> dict[str, str]:
    """Return of each image that its path says is of someone, by the names of studies or the subjects given, of whom.

    Args:
        images: the subject of each image. Its path says another one's id where a folder, or what the name of its file
            begins with, reads as that id and nothing reads as its own, if paths of most images hold an id.
    """
    common = common_folder(images)
    known = {bare(subject): subject for subject in images.values() if subject}
    named: dict[str, str] = {}
    by_id: dict[str, str] = {}
    for image, subject in images.items():
        if found := subject_in_path(image, common):
            named[image] = found
            continue
        if _holds(image, common, bare(subject)):
            by_id[image] = subject
        elif words := next((words for words in _words_in_path(image, common) if words in known), None):
            by_id[image] = known[words]
    others = len(images) - len(named)
    numbers = any(len(name) < 3 and name.isdigit() for name in by_id.values())
    enough = others if numbers else others / 2  # what numbers some files may count anything
    return named | by_id if len(by_id) >= max(enough, 1) else named


def _holds(image: str, common: str, own: tuple[str, ...]) -> bool:
    """Return whether a folder or the name of an image's file has words, one after another, that say `own`."""
    path = PurePosixPath(image)
    for part in (without_suffix(path.name), *path.parts[len(PurePosixPath(common).parts) : -1]):
        words = re.split("[_.-]+", part)
        if any(bare("_".join(words[start:end])) == own for start, end in combinations(range(len(words) + 1), 2)):
            return True
    return False


def _words_in_path(image: str, common: str) -> Iterator[tuple[str, ...]]:
    """Yield what the beginnings of a file's name say, the longest first, then each folder from the nearest one."""
    path = PurePosixPath(image)
    words = re.split("([_.-])", without_suffix(path.name))
    for end in range(len(words), 0, -2):
        yield bare("".join(words[:end]))
    for folder in reversed(path.parts[len(PurePosixPath(common).parts) : -1]):
        yield bare(folder)


def common_folder(images: Iterable[str]) -> str:
    """Return the folder that the paths of several images share; empty for none, and for a single image."""
    folders = [str(PurePosixPath(image).parent) for image in images]
    try:
        return os.path.commonpath(folders) if len(folders) > 1 else ""
    except ValueError:  # relative and absolute paths
        return ""


def is_column_of_ids(name: str) -> bool:
    """Return whether a column is called as those that hold ids of people are."""
    return plain(name) in IDS


def only_counts(name: str) -> bool:
    """Return whether people of other studies are likely to be called so: sub-01, 7, P012 and cn000, not 002_S_0413."""
    parts = bare(name)
    numbers = [part for part in parts if part.isdigit()]
    words = [part for part in parts if not part.isdigit()]
    return len("".join(numbers)) <= 4 and len(numbers) <= 1 and all(len(word) < 3 or word in COMMON for word in words)


def without_visit(name: str) -> str:
    """Return an id without a visit at its end or start, and without what processing adds to it."""
    found = LAST_VISIT.search(name)
    stem = name[: found.start()] if found else FIRST_VISIT.sub("", name, count=1) if FIRST_VISIT.match(name) else name
    return stem if any(letter.isdigit() for letter in stem) else name


def person_of(name: str) -> tuple[str, ...]:
    """Return what an id says of the person, as `bare` does, without a visit."""
    return bare(without_visit(name))


def bare(name: str) -> tuple[str, ...]:
    """Return what an id says: its numbers without leading zeros, its words in lower case, without a prefix sub-.

    sub-01, 001, 1 and 1.0 say the same; so do 002_S_0413, 002-S-0413, 2_s_413 and, as BIDS has to write it,
    ADNI002S0413, or OAS1_0010 and OASIS10010. 1 and 10 do not, nor 1_23 and 12_3.
    """
    whole = WHOLE_NUMBER.fullmatch(name)
    parts = re.findall(r"[0-9]+|[a-z]+", whole[1] if whole else name.lower())
    if len(parts) > 1 and parts[0] in PREFIXES:
        parts = parts[1:]
    if len(parts) == 4 and parts[0] == "adni" and parts[2] == "s":
        parts = parts[1:]
    if len(parts) == 2 and parts[0] == "oasis" and len(parts[1]) == 5:
        parts = ["oas", parts[1][0], parts[1][1:]]
    return tuple(part.lstrip("0") or "0" if part.isdigit() else part for part in parts)


class Namesakes(Generic[T]):
    """What is known by ids, found by any id that says the same as `bare` has it.

    So does one that lost its separators, as a label of BIDS must: 101-021 and sub-101021, TUM_MS_021 and sub-TUMMS021.
    Two that have them where the other has not do not: 11-2345 and 112-345.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], T] = {}
        self._ends: set[tuple[str, ...]] = set()

    def get(self, name: str) -> T | None:
        """Return what was added first under an id that says the same, None where nothing was."""
        own, joined, apart = _said(name)
        return self._known.get(own) or self._known.get((GLUED_ID if apart else SEPARATED_ID, *joined))

    def add(self, name: str, value: T) -> None:
        """Keep what an id stands for, unless one that says the same does already."""
        own, joined, apart = _said(name)
        self._known.setdefault(own, value)
        self._ends.update(_ends(own))
        if len("".join(joined)) >= LEAST_GLUED:
            self._known.setdefault((SEPARATED_ID if apart else GLUED_ID, *joined), value)

    def resembles(self, name: str) -> bool:
        """Return whether an id is a known one with more at one end: IXI012-HH-1211 and IXI012, PPMI_3000 and 3000."""
        own = bare(name)
        return own in self._ends or not self._known.keys().isdisjoint(_ends(own))


def spellings(name: str) -> set[tuple[str, ...]]:
    """Return what an id would say, as `bare` does, with its separators, without any, and with one where none is.

    Of any two that `Namesakes` takes for the same, one's are among the other's, but for letters that several of them
    part.
    """
    own, joined, _ = _said(name)
    found = {own}
    if len("".join(joined)) < LEAST_GLUED:
        return found
    found.add(bare("_".join(joined)))
    for place, part in enumerate(joined):
        for cut in range(1, len(part)):
            found.add(bare("_".join([*joined[:place], part[:cut], part[cut:], *joined[place + 1 :]])))
    return found


def _ends(parts: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield what an id begins and ends with, where the rest is likely to name no other person.

    What names a study (IXI012) may go on with anything, a long number (100307_3T), too; a short one needs a study.
    """
    for cut in range(1, len(parts)):
        for end, rest in ((parts[:cut], parts[cut:]), (parts[cut:], parts[:cut])):
            digits = len("".join(filter(str.isdigit, end)))
            if digits >= (WITH_STUDY if _names_study(end) else OF_STUDY if _names_study(rest) else ALONE):
                yield end


def _names_study(parts: tuple[str, ...]) -> bool:
    return any(len(part) >= 3 and part.isalpha() and part not in COMMON for part in parts)


def _said(name: str) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Return `bare`, the parts that are left without separators, and whether there were any between these."""
    parts = re.findall("[0-9]+|[a-z]+", name.lower())
    if len(parts) > 1 and parts[0] in PREFIXES:
        parts = parts[1:]
    joined = tuple("".join(each) for _, each in groupby(parts, str.isdigit))
    return bare(name), joined, len(joined) < len(parts)
