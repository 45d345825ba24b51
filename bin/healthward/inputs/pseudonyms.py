"""Other names for scans and subjects, so that results can be shown without saying whose they are."""

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from healthward.inputs.fields import Row
from healthward.inputs.subjects import bare, person_of

DIGITS = 10
SECRET_PARAMETERS = ("pseudonym_salt", "input", "scan")
"""The parameters that would undo pseudonyms: the salt, and the files that the scans came from."""


def pseudonym(kind: str, identity: str, salt: str) -> str:
    """Return the first letter of `kind` and ten hexadecimal digits of the HMAC-SHA256 of kind and id under the salt.

    The letter keeps programs from reading 12345e6789 as a number.
    """
    digest = hmac.new(salt.encode(), f"{kind}/{identity}".encode(), hashlib.sha256).hexdigest()
    return f"{kind[0]}{digest[:DIGITS]}"


def _identities(subjects: Iterable[str]) -> dict[str, str]:
    """Return what the pseudonym of each subject is made of: the same for a person in every spelling, at every visit.

    Where a sheet tells apart what says the same, it is the id with its visit, or as it is written.
    """
    known = set(subjects)
    found = {subject: subject for subject in known}
    for said in (bare, person_of):
        times = Counter(map(said, known))
        found |= {subject: "_".join(said(subject)) for subject in known if times[said(subject)] == 1}
    return found


def is_pseudonym(name: str) -> bool:
    """Return whether a name is written as the pseudonym of a person is."""
    return re.fullmatch(f"p[0-9a-f]{{{DIGITS}}}", name) is not None


def pseudonymised(rows: Sequence[Row], salt: str) -> list[Row]:
    """Return the rows with other ids, s… for scans and p… (person) for subjects, and only with columns that we know.

    Raises:
        ValueError: two ids came to the same, which another salt would mend.
    """
    people = _identities(row.subject for row in rows)
    renamed = [
        replace(
            row,
            scan=pseudonym("scan", row.scan, salt),
            subject=pseudonym("person", people[row.subject], salt),
            others=(),
        )
        for row in rows
    ]
    for column in ("scan", "subject"):
        before, after = ({getattr(row, column) for row in each} for each in (rows, renamed))
        if len(before) != len(after):
            raise ValueError(f"two ids of a {column} have the same pseudonym; give another pseudonym_salt")
    return renamed


def write_key(path: Path, pairs: Iterable[tuple[Row, Row]]) -> None:
    """Write which pseudonyms are whose, and the scan's file, to a file that only its owner can read.

    `pairs` are each row with the ids of the sheet and with its pseudonyms.
    """
    lines = [(other.scan, other.subject, row.scan, row.subject, row.image) for row, other in pairs]
    table = pd.DataFrame(lines, columns=["scan", "subject", "original_scan", "original_subject", "image"])
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    table.sort_values("scan").to_csv(path, index=False)


def without_secrets(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a run as they may be published beside its pseudonyms."""
    if not parameters.get("pseudonymise"):
        return {name: value for name, value in parameters.items() if name != "pseudonym_salt"}
    return {name: value for name, value in parameters.items() if name not in SECRET_PARAMETERS}
