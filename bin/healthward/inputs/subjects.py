"""Whose image a file is, as far as the path says it: ids as BIDS, ADNI and OASIS write them."""

import re
from pathlib import PurePosixPath

VOLUME_SUFFIX = re.compile(r"\.nii(\.gz)?$", re.IGNORECASE)
BIDS = re.compile("sub-([A-Za-z0-9]+)(?=_|$)", re.IGNORECASE)
STUDY = re.compile(
    "(?<![0-9])[0-9]{3}[_-]S[_-][0-9]{4,5}(?![0-9])|(?<![A-Z0-9])(OAS[12]_[0-9]{4}|OAS[34][0-9]{4})(?![0-9])",
    re.IGNORECASE,
)
"""002_S_0413 of ADNI; OAS1_0001 and OAS30001 of OASIS."""


def subject_in_path(image: str) -> str | None:
    """Return the subject that the name of an image's file gives, or else the nearest folder; None where none does."""
    path = PurePosixPath(image)
    for name in (VOLUME_SUFFIX.sub("", path.name), *reversed(path.parts[:-1])):
        if found := BIDS.match(name):
            return f"sub-{found[1]}"
        if found := STUDY.search(name):
            return found.group().upper().replace("-", "_")
    return None
