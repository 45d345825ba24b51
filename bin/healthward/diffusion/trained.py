"""The classes that a model was trained on, of which a run compares two: an embedding never trained says nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from healthward.errors import InputError
from healthward.imaging.slices import ScanRecord, slice_bounds
from healthward.inputs.class_parameters import other_classes
from healthward.inputs.results import COPY_AGAIN, read_object
from healthward.inputs.spaces import MNI, SCANNER
from healthward.labels import ADNI, Classes, are_classes
from healthward.wording import listed


def known_classes(config: Mapping[str, Any] | None, conditions: int, stated: Classes) -> Classes:
    """Return the classes that a model knows, in the order of its condition numbers.

    Args:
        config: its config.json, which names them; None for a pair of .pt files.
        conditions: rows of its embedding, the null token's included.
        stated: what the classes of a pair are.

    Raises:
        InputError: the embedding has more or fewer rows.
    """
    classes, names = (stated, "--classes") if config is None else (Classes(config["classes"]), "its config.json")
    if len(classes) != conditions - 1:
        held = f"its embedding holds {max(0, conditions - 1)} classes and {names} names {len(classes)}"
        mend = "name them all with --classes, in order" if config is None else "give files of one training"
        raise InputError(f"model: {held}, {','.join(classes)}; {mend}")
    return classes


def trained_classes(config: Mapping[str, Any] | None, classes: Classes) -> tuple[str, ...]:
    """Return those of a model's classes that its training saw, in order of severity; where nothing says it, all.

    `config` is its config.json, of which older ones give scans by class and no people; None for a pair of .pt files.
    """
    training = config.get("training") if config else None
    if not isinstance(training, Mapping):
        return classes
    seen = training.get("people") or training.get("scans")
    return tuple(label for label in classes if seen.get(label)) if isinstance(seen, Mapping) else classes


def classes_of_model(model: Path, conditions: int, stated: Classes | None) -> tuple[Classes, tuple[str, ...]]:
    """Return the classes that a model knows, and those that it was trained on.

    Args:
        model: a folder that could be loaded, or a .pt file.
        conditions: rows of its embedding.
        stated: what the user says of the classes; of a pair whose are not stated they are ADNI's.

    Raises:
        InputError: what is stated is not what the model says.
    """
    config = read_object(model / "config.json", COPY_AGAIN) if model.is_dir() else None
    if config is not None and not are_classes(config.get("classes")):
        raise InputError(f"{model / 'config.json'}: names no classes; {COPY_AGAIN}")
    classes = known_classes(config, conditions, stated or ADNI)
    if stated is not None and stated != classes:
        raise InputError(f"--classes: {other_classes(stated, classes)}")
    return classes, trained_classes(config, classes)


def check_use(model: Path, record: ScanRecord, depth: int) -> None:
    """Raise an InputError where a model of ours was trained on other slices than these, or on no such depth.

    A .pt file, and a folder that does not say, are taken on trust.
    """
    config = read_object(model / "config.json", COPY_AGAIN) if model.is_dir() else {}
    try:
        size, (low, high), fov = config["size"], config["slice_range"], config["fov"]
        known, limit = (size, *slice_bounds(size, low, high), fov), config["max_timestep"]
    except (KeyError, TypeError, ValueError):
        return
    if (record.size, record.first, record.count, record.fov) != known:
        text = f"scan {record.scan} is sliced otherwise than what the model {model} was trained on"
        # As they are written: rounded, another slice may be the first
        raise InputError(f"{text}; slice it with --size {size} --slice-range {low!r} {high!r} --fov {fov!r}")
    if record.space != (space := config.get("space", SCANNER)):
        text = f"scan {record.scan} lies in the space {record.space}, and the model {model} was trained in {space}"
        mend = "prepare.py --register" if space == MNI else "prepare.py --no-register, or none"
        raise InputError(f"{text}; slice it with the folder of {mend}")
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


def compared_classes(
    healthy: str | None, disease: str | None, classes: Classes, trained: Sequence[str]
) -> tuple[str, str]:
    """Return the healthy class and the one whose signs are tested for, named in any case.

    Where none is named they are the first of a model's `classes` and the most severe one that was `trained`.

    Raises:
        InputError: a class is none, was not trained on, or both are the same.
    """
    healthy = _named("healthy", healthy, classes) or classes.healthy
    disease = _named("disease", disease, classes)
    complaints = class_complaints(healthy, disease, trained)
    if disease == healthy:
        complaints = [("disease", f"{disease!r} is the healthy class, too; give another one")]
    if complaints:
        raise InputError("\n".join(f"--{name}: {text}" for name, text in complaints))
    return healthy, disease or str(most_severe(trained, healthy))


def _named(option: str, label: str | None, classes: Classes) -> str | None:
    try:
        return None if label is None else classes.named(label)
    except ValueError as error:
        raise InputError(f"--{option}: {error}") from error
