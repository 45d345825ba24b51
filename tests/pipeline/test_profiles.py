"""Profiles joined: what each of them sets survives the others, and the selectors survive all."""

import json
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest

from healthward.inputs.parameters import validate
from runs import PROJECT, launch

SIZES = ("demo", "test", "prototype")
DEVICES = ("cuda", "mps")
ENGINES = ("docker", "podman", "apptainer", "singularity")
# Each pair of profiles of different kinds is in one of them, most in both orders
JOINED = [
    "demo,cuda,docker,slurm",
    "slurm,apptainer,cuda,test",
    "podman,prototype,mps",
    "mps,demo,apptainer",
    "test,mps,docker",
    "docker,slurm,prototype,cuda",
    "slurm,singularity,demo,mps",
    "cuda,podman,slurm,demo",
    "singularity,test,cuda",
    "prototype,apptainer,slurm",
    "podman,test,slurm",
    "singularity,cuda,prototype",
]


@pytest.fixture(scope="module")
def configurations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What Nextflow makes of profiles."""
    folder = tmp_path_factory.mktemp("profiles")
    script, found = Path(__file__).with_name("profiles.nf"), folder / "found.json"
    line = ("run", str(script), "--project", str(PROJECT), "--joined", ";".join(JOINED), "--found", str(found))
    output, _ = launch(folder, *line).communicate()
    assert found.is_file(), output
    return json.loads(found.read_text())


def one_of(names: list[str], kind: tuple[str, ...]) -> str | None:
    """Return the profile of a kind; None where there is none, or where two contradict each other."""
    chosen = [name for name in names if name in kind]
    return chosen[0] if len(chosen) == 1 else None


@pytest.mark.parametrize("joined", JOINED)
def test_profiles_survive_each_other(joined: str, configurations: dict[str, dict[str, Any]]) -> None:
    found, names = configurations[joined], joined.split(",")
    process, params = found["process"], found["params"]
    size, device, engine = (one_of(names, kind) for kind in (SIZES, DEVICES, ENGINES))
    executor = "slurm" if "slurm" in names else "local"

    assert process["executor"] == executor
    assert found["executor"]["$slurm"] == {
        "queueSize": 100,
        "pollInterval": "5s",
        "submitRateLimit": "10/s",
    }
    if size:
        assert params["iterations"] == {"demo": 700, "test": 30, "prototype": 20000}[size]
    if device:
        assert params["device"] == device
        assert process["withLabel:gpu"]["maxForks"] == (1 if executor == "local" else 0)
    assert found.get("env", {}).get("PYTORCH_ENABLE_MPS_FALLBACK") == ("1" if "mps" in names else None)
    if engine:
        assert found[engine]["enabled"] is True
        assert "CUDA_VISIBLE_DEVICES" in found[engine]["envWhitelist"]
        assert found["env"]["HOME"] == "$PWD"
        assert f"healthward{'-' if engine in ('apptainer', 'singularity') else ':'}" in params["container"]
        assert found["manifest"]["version"] in params["container"]
    if engine in ("docker", "podman"):
        for option in ("--user $(id -u):$(id -g)", "--ipc=host", "--read-only"):
            assert option in found[engine]["runOptions"]

    for flag in ("--gpus all", "--nv", "nvidia.com/gpu=all", "--bind", "--volume"):
        assert flag in process["withLabel:gpu"]["containerOptions"]
    assert "params.gpu_request" in process["clusterOptions"]
    assert "params.max_memory" in process["resourceLimits"]
    assert "2147483647" in process["errorStrategy"]
    for label in ("cohort", "scan", "training"):
        assert "task.attempt" in process[f"withLabel:{label}"]["memory"]
    assert process["withName:TRAIN"]["afterScript"] == "wait"


def test_every_pair_of_kinds_is_joined() -> None:
    joined = [set(names.split(",")) for names in JOINED]
    for one, other in combinations([SIZES, DEVICES, ENGINES, ("slurm",)], 2):
        assert all(any(set(pair) <= names for names in joined) for pair in product(one, other))


@pytest.mark.parametrize("profile", SIZES)
def test_size_is_valid(profile: str, configurations: dict[str, dict[str, Any]]) -> None:
    joined = next(found for names, found in configurations.items() if profile in names.split(","))
    parameters = {name: value for name, value in joined["params"].items() if name != "read_early"}
    cohort = {"simulate": parameters["simulate"] or 5}
    assert validate(parameters | cohort, json.loads((PROJECT / "nextflow_schema.json").read_text())) == []
