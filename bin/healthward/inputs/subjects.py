"""Whose image a file is, as far as its path says it, and which ids say the same."""

import os
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from healthward.labels import ADNI

VOLUME_SUFFIX = re.compile(r"\.nii(\.gz)?$", re.IGNORECASE)
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
COMMON = {"patient", "participant", "person", "case", "control", "ctrl", "scan", *(name.lower() for name in ADNI)}
"""Words before a number that say nothing of the study."""

WHOLE_NUMBER = re.compile(r"([0-9]+)\.0+")
"""What a spreadsheet makes of 7 in a column of numbers with gaps: 7.0."""

FOLDER = re.compile("sub-([A-Z0-9][A-Z0-9_.-]*)", re.IGNORECASE)


def subject_in_path(image: str, common: str = "") -> str | None:
    """Return the subject that the name of an image's file gives, or else the nearest folder; None where none does.

    `common` is a folder above the images of all subjects, which with those above it names none.
    """
    path = PurePosixPath(image)
    folders = path.parts[len(PurePosixPath(common).parts) : -1]
    stem = VOLUME_SUFFIX.sub("", path.name)
    for name in (stem, *reversed(folders)):
        if found := STUDY.search(name):
            return found.group().upper().replace("-", "_")
        if found := BIDS.match(name) or (FOLDER.fullmatch(name) if name is not stem else None):
            return f"sub-{found[1]}"
    return None


def common_folder(images: Iterable[str]) -> str:
    """Return the folder that the paths of several images share; empty for none, and for a single image."""
    folders = [str(PurePosixPath(image).parent) for image in images]
    try:
        return os.path.commonpath(folders) if len(folders) > 1 else ""
    except ValueError:  # relative and absolute paths
        return ""


def only_counts(name: str) -> bool:
    """Return whether people of other studies are likely to be called so: sub-01, 7, P012 and cn000, not 002_S_0413."""
    parts = bare(name)
    numbers = [part for part in parts if part.isdigit()]
    words = [part for part in parts if not part.isdigit()]
    return len("".join(numbers)) <= 4 and len(numbers) <= 1 and all(len(word) < 3 or word in COMMON for word in words)


def bare(name: str) -> tuple[str, ...]:
    """Return what an id says: its numbers without leading zeros, its words in lower case, without a prefix sub-.

    sub-01, 001, 1 and 1.0 say the same; so do 002_S_0413, 002-S-0413, 2_s_413 and, as BIDS has to write it,
    ADNI002S0413. 1 and 10 do not, nor 1_23 and 12_3.
    """
    whole = WHOLE_NUMBER.fullmatch(name)
    parts = re.findall(r"[0-9]+|[a-z]+", whole[1] if whole else name.lower())
    if len(parts) > 1 and parts[0] in PREFIXES:
        parts = parts[1:]
    if len(parts) == 4 and parts[0] == "adni" and parts[2] == "s":
        parts = parts[1:]
    return tuple(part.lstrip("0") or "0" if part.isdigit() else part for part in parts)
