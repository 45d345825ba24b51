"""Whether the model that a user names is all there, and what its config.json says."""

import hashlib
import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from healthward.errors import InputError
from healthward.imaging.signatures import Signature, load_signatures
from healthward.inputs.spaces import SPACES
from healthward.labels import are_classes
from healthward.wording import shown

WEIGHTS = ("diffusion.safetensors", "embedding.safetensors")
CONFIG = "config.json"
TRAINING_SCANS = "training_scans.safetensors"
"""The signatures of the scans that a model was trained on. Older models lack it."""


FILES = "files"
"""What of a config.json holds the SHA-256 of the files beside it, by name. Older models lack it."""


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of the weights in a folder, and of the signatures of the training scans, as far as there."""
    files = [folder / name for name in (*WEIGHTS, TRAINING_SCANS)]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()}


def check_files(folder: Path) -> None:
    """Raise an InputError where a file of a model folder is not the one that its config.json tells of, if it does."""
    told, found = json.loads((folder / CONFIG).read_text(encoding="utf-8")).get(FILES), digests(folder)
    for name in (*WEIGHTS, TRAINING_SCANS) if isinstance(told, dict) else ():
        if told.get(name) != found.get(name):
            raise InputError(f"{folder / name}: not what its {CONFIG} tells of; copy all files of one training afresh")


def _is_number(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _is_whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and _is_number(value, low, high)


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_number(part, 0, 1) for part in value)


# Some of these values end up in the command lines of tasks
CONFIG_KEYS: dict[str, Callable[[Any], bool]] = {
    "size": lambda value: _is_whole(value, 8, 512),
    "slice_range": lambda value: _is_range(value) and value[0] < value[1],
    "fov": lambda value: _is_number(value, 32, 1024),
    "max_timestep": lambda value: _is_whole(value, 1, 1000),
    "classes": are_classes,
    # Models of before there was a choice do not say
    "space": lambda value: value is None or value in SPACES,
}
"""What a config.json must say, and whether a value is what it can be."""


def inspect_model(model: Path, embedding: Path | None) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the configuration of a model folder (None for a pair of .pt files), and a line for each problem."""
    if model.is_dir():
        return _inspect_folder(model)
    named = [("model", model)] + ([("embedding", embedding)] if embedding else [])
    problems = [problem for name, path in named for problem in _weights_problems(name, path)]
    return None, problems


def try_to_load(model: Path, embedding: Path | None, head_channels: int) -> tuple[int, list[str]]:
    """Load a model whose files are all there.

    Returns:
        The rows of its embedding; and why it cannot be loaded, as a list of one line or none.
    """
    from healthward.diffusion.model import load_model  # slow, and only needed with a model

    try:
        return load_model(model, embedding, head_channels).architecture.conditions, []
    except InputError as error:
        return 0, [f"model: {error}"]


def training_scans(model: Path, listed: Collection[str] = ()) -> tuple[list[Signature] | None, list[str]]:
    """Return what the model's training scans are recognised by (None where it does not say), and a line for a problem.

    `listed` are the scans that its config.json names. Scans that it was validated on are not among them: they decided
    nothing about its weights.
    """
    file = model / TRAINING_SCANS
    if not file.is_file():
        return None, []
    try:
        found = load_signatures(file, "copy it afresh")
    except InputError as error:
        return None, [f"model: {error}"]
    if len(found) < len(listed):
        text = f"tells of {len(found)} scans, and {CONFIG} of {len(listed)}"
        return None, [f"model: {shown(str(file))} {text} that it was trained on; copy both afresh"]
    return found, []


def training_ids(config: dict[str, Any] | None) -> set[str]:
    """Return the ids of the scans that a model was trained on, as far as its configuration tells."""
    training = (config or {}).get("training")
    scans = training.get("scans") if isinstance(training, dict) else None
    if not isinstance(scans, dict):
        return set()
    return {str(scan) for ids in scans.values() if isinstance(ids, list) for scan in ids}


def training_subjects(config: dict[str, Any] | None) -> set[str]:
    """Return the ids of the subjects that a model was trained on; older models do not tell."""
    subjects = (config or {}).get("training_subjects")
    return {str(subject) for subject in subjects} if isinstance(subjects, list) else set()


def _weights_problems(name: str, path: Path) -> list[str]:
    if not path.is_file():
        what = "a model's folder, or a .pt file" if name == "model" else "a .pt file"
        return [f"{name}: {shown(str(path))} does not exist; give {what}"]
    if path.stat().st_size == 0:
        return [f"{name}: {shown(str(path))} is an empty file; copy it afresh"]
    return []


def _inspect_folder(model: Path) -> tuple[dict[str, Any] | None, list[str]]:
    problems = []
    for name in (*WEIGHTS, CONFIG):
        path = model / name
        if not path.is_file():
            problems.append(f"model: {shown(str(model))} has no {name}; give the folder that training wrote")
        elif name in WEIGHTS:
            try:
                with safe_open(path, framework="numpy"):
                    pass
            except (SafetensorError, OSError) as error:
                problems.append(f"model: {shown(str(path))} cannot be read ({error}); copy it afresh")
    if not (model / CONFIG).is_file():
        return None, problems
    config, found = _read_config(model / CONFIG)
    return config, problems + found


def _read_config(path: Path) -> tuple[dict[str, Any] | None, list[str]]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        return None, [f"model: {shown(str(path))} {place}: is not valid JSON ({error.msg}); copy it afresh"]
    except (OSError, ValueError, RecursionError) as error:
        return None, [f"model: {shown(str(path))} cannot be read ({error}); copy it afresh"]
    if not isinstance(config, dict):
        return None, [f"model: {shown(str(path))} holds no object; copy it afresh"]
    wrong = [key for key, is_valid in CONFIG_KEYS.items() if not is_valid(config.get(key))]
    if wrong:
        return None, [f"model: {shown(str(path))} has no valid {', '.join(wrong)}; give a model of this pipeline"]
    return config, []
