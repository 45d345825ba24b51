"""The settings of the translation that tuning chose, as a file hands them on."""

from dataclasses import replace
from pathlib import Path
from types import UnionType

from healthward.diffusion.translation import Settings
from healthward.errors import InputError
from healthward.inputs.results import read_object
from healthward.maps.origin import LONGEST_SAID
from healthward.wording import shown

SETTINGS = ["guidance_scale", "noise_depth"]
MODEL = "model"
MADE = [MODEL, "ddim_steps", "inversion_iterations", "every"]
"""What else a table of tune.py says of how it was measured: digest of the model, steps, and which slices."""

AGAIN = "give the settings.json that choose.py wrote"
RANGES: dict[str, tuple[type[int] | UnionType, int]] = {"guidance_scale": (int | float, 50), "noise_depth": (int, 999)}
"""Their types and highest values; 0 is the lowest."""


def read_settings(file: Path, base: Settings) -> tuple[Settings, str]:
    """Return `base` with what a settings.json of choose.py says of `SETTINGS`, and the digest of its model.

    Raises:
        InputError: the file holds another thing, lacks a number, or has one out of range.
    """
    found = read_object(file, AGAIN)
    if strangers := sorted(found.keys() - {*SETTINGS, *MADE}):
        raise InputError(f"{file}: {shown(strangers[0])} is none of {', '.join((*SETTINGS, *MADE))}; {AGAIN}")
    if lacking := [name for name in (*SETTINGS, MODEL) if name not in found]:
        raise InputError(f"{file}: lacks {', '.join(lacking)}; {AGAIN}")
    for name, (kind, highest) in RANGES.items():
        value = found[name]
        if not isinstance(value, kind) or isinstance(value, bool) or not 0 <= value <= highest:
            raise InputError(f"{file}: {name} {shown(value)} is no number from 0 to {highest}; {AGAIN}")
    return replace(base, **{name: found[name] for name in SETTINGS}), str(found[MODEL])


def check_chosen(file: Path, chosen: str, model: Path, digest: str) -> None:
    """Raise an InputError where settings were chosen for another model than the one of this digest."""
    if chosen != digest:
        text = f"chosen for model {chosen[:LONGEST_SAID]}, and {model} is {digest[:LONGEST_SAID]}"
        raise InputError(f"{file}: {text}; tune and choose for this one")
