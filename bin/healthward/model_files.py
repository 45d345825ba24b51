"""Whether the model that a user names is all there, and what its config.json says."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from healthward.wording import shown

WEIGHTS = ("diffusion.safetensors", "embedding.safetensors")
CONFIG = "config.json"
CONFIG_KEYS: dict[str, type | tuple[type, ...]] = {
    "size": int,
    "slice_range": list,
    "fov": (int, float),
    "max_timestep": int,
    "classes": (list, dict),
}


def inspect_model(model: Path, embedding: Path | None) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the configuration of a model folder (None for a pair of .pt files), and a line for each problem."""
    if model.is_dir():
        return _inspect_folder(model)
    named = [("model", model)] + ([("embedding", embedding)] if embedding else [])
    problems = [problem for name, path in named for problem in _weights_problems(name, path)]
    return None, problems


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
    except (OSError, ValueError) as error:
        return None, [f"model: {shown(str(path))} cannot be read ({error}); copy it afresh"]
    if not isinstance(config, dict):
        return None, [f"model: {shown(str(path))} holds no object; copy it afresh"]
    wrong = [key for key, kind in CONFIG_KEYS.items() if not isinstance(config.get(key), kind)]
    if wrong:
        return None, [f"model: {shown(str(path))} has no valid {', '.join(wrong)}; give a model of this pipeline"]
    return config, []
