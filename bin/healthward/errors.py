"""The error that a user can mend."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from zipfile import BadZipFile

DAMAGE = (ValueError, LookupError, TypeError, EOFError, struct.error, zlib.error, BadZipFile, UnpicklingError)
"""What parsers raise on a file that is truncated, damaged or another one."""


class InputError(ValueError):
    """A user's mistake: the message names the file or row, the value and the mend, a line each."""


@contextmanager
def reading(file: Path, mend: str) -> Iterator[None]:
    """Make an InputError of what a parser raises on a damaged file; `mend` says how to get a whole one."""
    try:
        yield
    except InputError:
        raise
    except DAMAGE as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{file}: damaged ({type(error).__name__}: {reason}); {mend}") from error
