"""The settings of the translation that tuning chose, as a file hands them on."""

from dataclasses import replace
from pathlib import Path
from types import UnionType

from healthward.diffusion.translation import Settings
from healthward.errors import InputError
from healthward.inputs.results import read_object
from healthward.wording import shown

SETTINGS = ["guidance_scale", "noise_depth"]
RANGES: dict[str, tuple[type[int] | UnionType, int]] = {"guidance_scale": (int | float, 50), "noise_depth": (int, 999)}
"""Their types and highest values; 0 is the lowest."""


def read_settings(file: Path, base: Settings) -> Settings:
    """Return `base` with what a settings.json of choose.py says of `SETTINGS`.

    Raises:
        InputError: the file holds another thing, lacks a number, or has one out of range.
    """
    mend = "give the settings.json that choose.py wrote"
    found = read_object(file, mend)
    if strangers := sorted(found.keys() - {*SETTINGS}):
        raise InputError(f"{file}: {shown(strangers[0])} is none of {', '.join(SETTINGS)}; {mend}")
    if lacking := [name for name in SETTINGS if name not in found]:
        raise InputError(f"{file}: lacks {', '.join(lacking)}; {mend}")
    for name, value in found.items():
        kind, highest = RANGES[name]
        if not isinstance(value, kind) or isinstance(value, bool) or not 0 <= value <= highest:
            raise InputError(f"{file}: {name} {shown(value)} is no number from 0 to {highest}; {mend}")
    return replace(base, **found)
