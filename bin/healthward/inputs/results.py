"""Reading what an earlier tool wrote: whole, with what it must have, or one line that says how to get it anew."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from healthward.errors import InputError, reading

SCORE_AGAIN = "score the scan again"
COPY_AGAIN = "copy the model afresh"
SKIPPED_COLUMNS = ("scan", "subject", "label", "reason")
"""Of skipped.csv, in which a check says which scans it left out."""


def read_object(file: Path, mend: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InputError: the file holds none; `mend` says how to get a whole one.
    """
    with reading(file, mend):
        found = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("no JSON object")
        return found


def read_table(file: Path, mend: str, text: Iterable[str] = (), numbers: Iterable[str] = ()) -> pd.DataFrame:
    """Read a CSV table; only the empty field is missing, since a scan may be called NA.

    Args:
        file: UTF-8, with a header.
        mend: how to get a whole one.
        text: columns that it must have, read as they are written.
        numbers: columns that it must have, numeric wherever they are not empty.

    Raises:
        InputError: the file is damaged, or lacks one of them.
    """
    text, numbers = list(text), list(numbers)
    with reading(file, mend):
        table = pd.read_csv(file, dtype=dict.fromkeys(text, str), keep_default_na=False, na_values=[""])
        lacking = [column for column in (*text, *numbers) if column not in table]
        if lacking:
            raise InputError(f"{file}: lacks the column {', '.join(lacking)}; {mend}")
        for column in numbers:
            pd.to_numeric(table[column])
        return table


def read_arrays(file: Path, mend: str, names: Iterable[str] = ()) -> dict[str, NDArray[Any]]:
    """Read the arrays of an .npz file, `names` among them.

    Raises:
        InputError: the file is not there (an older version named it otherwise), is damaged, or lacks one of them.
    """
    if not file.is_file():
        raise InputError(f"{file}: not there; {mend}")
    with reading(file, mend), np.load(file) as stored:
        lacking = sorted({*names} - {*stored.files})
        if lacking:
            raise InputError(f"{file}: lacks {', '.join(lacking)}; {mend}")
        return {name: stored[name] for name in stored.files}


def read_lowest(folder: Path) -> dict[str, NDArray[Any]]:
    """Read the least similar slices of a scan's folder of scores: axis and index (n,), input and healthy (n, S, S)."""
    file = folder / "lowest.npz"
    stored = read_arrays(file, SCORE_AGAIN, ("axis", "index", "input", "healthy"))
    with reading(file, SCORE_AGAIN):
        pictures = [stored["input"], stored["healthy"]]
        size = stored["input"].shape[-1]
        if any(picture.shape != (len(stored["axis"]), size, size) for picture in pictures):
            raise ValueError("no square slices")
        if not all(np.isfinite(picture).all() for picture in pictures):
            raise ValueError("slices that are not finite")
    return stored
