"""A model that is not all there is named before anything starts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from healthward.diffusion.model_files import inspect_model, training_ids, training_scans
from healthward.imaging.signatures import save_signatures, signature
from runs import PROJECT

CONFIG = {"size": 64, "slice_range": [0.35, 0.75], "fov": 192.0, "max_timestep": 400, "classes": ["CN", "AD"]}


def make_model(folder: Path) -> Path:
    folder.mkdir()
    for name in ("diffusion", "embedding"):
        save_file({"weight": np.zeros(3, np.float32)}, folder / f"{name}.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return folder


def test_a_whole_model_gives_its_configuration(tmp_path: Path) -> None:
    assert inspect_model(make_model(tmp_path / "model"), None) == (CONFIG, [])


def test_each_missing_file_is_named(tmp_path: Path) -> None:
    config, problems = inspect_model(tmp_path, None)
    assert config is None
    assert [line.split(" has no ")[1].split(";")[0] for line in problems] == [
        "diffusion.safetensors",
        "embedding.safetensors",
        "config.json",
    ]


def without(key: str) -> str:
    return json.dumps({name: value for name, value in CONFIG.items() if name != key})


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("config.json", '{"size": 64,\n "fov" 192}', "config.json' line 2, column 8: is not valid JSON"),
        ("config.json", "[]", "holds no object"),
        ("config.json", without("size"), "has no valid size"),
        ("config.json", json.dumps(CONFIG | {"fov": "wide", "classes": 5}), "has no valid fov, classes"),
        ("diffusion.safetensors", "", "diffusion.safetensors' cannot be read"),
        ("embedding.safetensors", "not tensors at all", "embedding.safetensors' cannot be read"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: str, part: str) -> None:
    model = make_model(tmp_path / "model")
    (model / name).write_text(content)
    [line] = inspect_model(model, None)[1]
    assert line.startswith("model: ")
    assert part in line


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda path: None, "does not exist; give"),
        (lambda path: path.touch(), "is an empty file; copy it afresh"),
    ],
)
def test_a_pair_of_files_must_both_be_there(tmp_path: Path, make: Callable[[Path], Any], part: str) -> None:
    paths = tmp_path / "x_diffusion.pt", tmp_path / "x_emb.pt"
    for path in paths:
        make(path)
    config, problems = inspect_model(*paths)
    assert config is None
    assert [line.split(":")[0] for line in problems] == ["model", "embedding"]
    assert all(part in line for line in problems)


def test_a_pair_of_files_has_no_configuration(tmp_path: Path) -> None:
    paths = tmp_path / "x_diffusion.pt", tmp_path / "x_emb.pt"
    for path in paths:
        path.write_bytes(b"x")
    assert inspect_model(*paths) == (None, [])


def test_training_scans_are_read_and_an_older_model_has_none(tmp_path: Path) -> None:
    assert training_scans(tmp_path) == (None, [])
    assert training_scans(tmp_path / "x_diffusion.pt") == (None, [])
    file = tmp_path / "training_scans.safetensors"
    save_signatures(file, [signature(np.random.default_rng(seed).random((8, 9, 10))) for seed in range(3)])
    scans, problems = training_scans(tmp_path)
    assert problems == []
    assert [each.shape for each in scans or []] == [(8, 9, 10)] * 3
    file.write_bytes(file.read_bytes()[:-100])
    scans, [line] = training_scans(tmp_path)
    assert scans is None
    assert line.startswith("model: ")
    assert line.endswith("; copy it afresh")


@pytest.mark.parametrize("training", [None, 7, {}, {"scans": None}, {"scans": {"CN": 5}}])
def test_ids_of_training_scans_are_those_that_a_configuration_holds(training: Any) -> None:
    assert training_ids(None) == training_ids({"training": training}) == set()
    assert training_ids({"training": {"scans": {"CN": ["a", "b"], "AD": ["c"]}}}) == {"a", "b", "c"}


def test_the_model_that_comes_with_the_project_knows_its_training_scans() -> None:
    model = PROJECT / "conf/simulated-model"
    config, problems = inspect_model(model, None)
    scans, found = training_scans(model)
    assert problems == found == []
    assert len(scans or []) == len(training_ids(config)) == 400
    assert all(scan.brain for scan in scans or [])
