"""Checkpoints of trainings: written whole or not at all, and what sets one training apart from another."""

import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from healthward.errors import InputError, reading
from healthward.wording import listed

PATTERN = "*.pt"
DEFINITION = "definition"
"""Under which a checkpoint holds what defines its training."""

ABSENT = "absent"


def write_checkpoint(file: Path, state: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
    """Write a checkpoint atomically.

    Raises:
        OSError: the disk is full, for one; what was written is removed, and an earlier checkpoint is as it was.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    # Not straight to the disk, of whose failures PyTorch tells by a RuntimeError without the reason
    content = io.BytesIO()
    torch.save({**state, DEFINITION: definition}, content)
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        partial.write_bytes(content.getbuffer())
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(file)) from error


def read_checkpoint(file: Path, device: torch.device, mapped: bool = False) -> dict[str, Any]:
    """Read a checkpoint; `mapped` leaves its tensors on the disk.

    Raises:
        InputError: it is damaged.
    """
    with reading(file, "remove it, and the training starts from the beginning"):
        try:
            return torch.load(str(file), map_location=device, mmap=mapped, weights_only=True)  # type: ignore[no-any-return]
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise ValueError(error) from error


def why_from_the_start(checkpoint: Path, definition: Mapping[str, Any]) -> str | None:
    """Return in a line why a training does not go on from the latest checkpoint in its folder.

    Args:
        checkpoint: where the training has its own; its name tells trainings apart.
        definition: of the training.

    Returns:
        None where it goes on from its own, or where there is none at all.
    """
    others = sorted(checkpoint.parent.glob(PATTERN), key=lambda file: file.stat().st_mtime_ns)
    if checkpoint in others or not others:
        return None
    latest = others[-1]
    found = f"training from the start: {latest}, the latest checkpoint there,"
    try:
        theirs = read_checkpoint(latest, torch.device("cpu"), mapped=True).get(DEFINITION, {})
    except (InputError, OSError):
        return f"{found} is damaged or cannot be opened"
    known = differences(theirs, definition) if theirs.keys() == definition.keys() else []
    if not known:
        return f"{found} is of another training and does not tell in what it differs"
    return f"{found} is of a training with {listed(known, most=8)}"


def differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    """Return in what the definition of another training differs from ours, such as "iterations 500 (now 900)"."""
    changes = [*_changed(_flat(theirs["recipe"]), _flat(ours["recipe"]))]
    changes += [change for change in _changed(theirs, ours) if change[0] in ("device", "PyTorch")]
    values = [f"{name} {_said(before)} (now {_said(now)})" for name, before, now in changes]
    if theirs["data"] != ours["data"]:
        values.append("other scans, or other voxels, labels or subjects of them")
    edited = [f"{name}.py" for name, _, _ in _changed(theirs["code"], ours["code"])]
    return values + ([f"another version of the code ({listed(edited)})"] if edited else [])


def _changed(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in dict.fromkeys([*ours, *theirs]):
        before, now = theirs.get(name, ABSENT), ours.get(name, ABSENT)
        if before != now:
            yield name, before, now


def _flat(recipe: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in recipe.items() if name != "architecture"} | recipe["architecture"]


def _said(value: Any) -> str:
    """Return a value of a recipe as train.py takes it."""
    return ",".join(str(int(part)) for part in value) if isinstance(value, tuple) else str(value)
