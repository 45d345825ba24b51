"""The classes that a model was trained on, of which a run compares two: an embedding never trained says nothing."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from healthward.errors import InputError
from healthward.imaging.slices import ScanRecord, slice_bounds
from healthward.labels import CLASSES
from healthward.wording import listed


def trained_classes(config: Mapping[str, Any] | None, conditions: int) -> tuple[str, ...]:
    """Return the classes that a model's training saw, in order of severity.

    Args:
        config: its config.json, of which older ones tell scans by class and no people; None for a pair of .pt files.
        conditions: rows of its embedding, the null token's included. Where nothing tells, all of them count as trained.
    """
    known = CLASSES[: max(0, conditions - 1)]
    training = config.get("training") if config else None
    if not isinstance(training, Mapping):
        return known
    seen = training.get("people") or training.get("scans")
    return tuple(label for label in known if seen.get(label)) if isinstance(seen, Mapping) else known


def classes_of_model(model: Path, conditions: int) -> tuple[str, ...]:
    """Return the classes that a model was trained on, which is a folder that could be loaded, or a .pt file."""
    config = json.loads((model / "config.json").read_text(encoding="utf-8")) if model.is_dir() else None
    return trained_classes(config, conditions)


def check_use(model: Path, record: ScanRecord, depth: int) -> None:
    """Raise an InputError where a model of ours was trained on other slices than these, or on no such depth.

    A .pt file, and a folder that does not say, are taken on trust.
    """
    config = json.loads((model / "config.json").read_text(encoding="utf-8")) if model.is_dir() else {}
    try:
        size, (low, high), fov = config["size"], config["slice_range"], config["fov"]
        known, limit = (size, *slice_bounds(size, low, high), fov), config["max_timestep"]
    except (KeyError, TypeError, ValueError):
        return
    if (record.size, record.first, record.count, record.fov) != known:
        text = f"scan {record.scan} is sliced otherwise than what the model {model} was trained on"
        raise InputError(f"{text}; slice it with --size {size} --slice-range {low:g} {high:g} --fov {fov:g}")
    if depth >= limit:
        raise InputError(f"noise depth {depth} is not below {limit}, the model's max_timestep; give a lower one")


def most_severe(trained: Sequence[str], healthy: str) -> str | None:
    """Return the most severe class that was trained on, but for the healthy one; None where there is no other."""
    return next((label for label in reversed(trained) if label != healthy), None)


def class_complaints(healthy: str, disease: str | None, trained: Sequence[str]) -> list[tuple[str, str]]:
    """Return what is wrong with the classes that are to be compared, each time with the option that is at fault."""
    mend = f"one of {listed(trained)}" if trained else "another model"
    untrained = [
        (name, f"{label!r} was not trained on; give {mend}")
        for name, label in (("healthy", healthy), ("disease", disease))
        if label is not None and label not in trained
    ]
    if not untrained and most_severe(trained, healthy) is None:
        return [("healthy", f"{healthy!r} is the only class that was trained on; give a model that knows another one")]
    return untrained


def compared_classes(healthy: str, disease: str | None, trained: Sequence[str]) -> tuple[str, str]:
    """Return the healthy class, and the one whose signs are looked for: the most severe one where none is named.

    Raises:
        InputError: a class was not trained on, or both are the same.
    """
    complaints = class_complaints(healthy, disease, trained)
    if disease == healthy:
        complaints = [("disease", f"{disease!r} is the healthy class, too; give another one")]
    if complaints:
        raise InputError("\n".join(f"--{name}: {text}" for name, text in complaints))
    return healthy, disease or str(most_severe(trained, healthy))
