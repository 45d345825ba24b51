"""Where tasks run: what a container engine is given, and settings with which no task could start."""

import os
from pathlib import Path

import pytest

from runs import STUB, Run, nextflow, succeed, write_sheet

# In place of an engine: runs the command that it is given for the container
STAND_IN = """#!/bin/bash
while [ $# -gt 0 ] && [ "$1" != /bin/bash ]; do shift; done
exec "$@"
"""
GPU = {"docker": "--gpus all", "podman": "--device nvidia.com/gpu=all", "apptainer": "--nv"}


def given(engine: str, folder: Path, *arguments: str) -> dict[str, str]:
    """Return the line by which each process starts its container, in a stub run with a stand-in for the engine."""
    program = folder / "bin" / engine
    program.parent.mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    # An engine that takes a name would pull it; one that takes a file is content when it is there
    image = "image" if engine in ("docker", "podman") else str(folder / "image.sif")
    (folder / "image.sif").touch()
    environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    line = (*STUB, "--train_only", "--container", image, "--input", str(write_sheet(folder)), *arguments)
    run = succeed(folder, *line, environment=environment)
    wrappers = {row["process"]: Path(row["workdir"]) / ".command.run" for row in run.trace()}
    return {
        process: next(
            line for line in wrapper.read_text().splitlines() if f"{engine} " in line and f" {image} " in line
        )
        for process, wrapper in wrappers.items()
    }


@pytest.mark.parametrize("engine", GPU)
def test_gpu_and_checkpoints_are_handed_into_containers(engine: str, tmp_path: Path) -> None:
    lines = given(engine, tmp_path, "-profile", f"cuda,{engine}")
    assert GPU[engine] in lines["TRAIN"]
    assert f"'{tmp_path}/results/checkpoints:{tmp_path}/results/checkpoints'" in lines["TRAIN"]
    assert "CUDA_VISIBLE_DEVICES" in lines["TRAIN"]
    assert GPU[engine] not in lines["SLICE"]


def refusal(run: Run) -> list[str]:
    """Return what a run said that started no task."""
    assert run.status != 0
    assert not (run.outdir / "pipeline_info/trace.txt").exists() or not run.trace()
    return [line for line in run.output.splitlines() if line.startswith("parameter ")]


def test_apple_gpu_is_out_of_reach_elsewhere(tmp_path: Path) -> None:
    [line] = refusal(nextflow(tmp_path, "-profile", "mps,docker", "--simulate", "5"))
    assert line.startswith("parameter device: 'mps'")
    assert line.endswith("leave out the profile docker")


def test_ill_formed_settings_of_the_cluster_and_a_missing_image_are_named_together(tmp_path: Path) -> None:
    wrong = ("--queue", "a b", "--poll_interval", "often", "--cluster_options", "$(touch mark)")
    line = ("-profile", "slurm,apptainer", "--simulate", "5", *wrong, "--container", "/none/x.sif")
    *ill_formed, image = refusal(nextflow(tmp_path, *line))
    assert [line.split(":")[0] for line in ill_formed] == [
        "parameter queue", "parameter cluster_options", "parameter poll_interval"
    ]  # fmt: skip
    assert image == "parameter container: '/none/x.sif' does not exist; make it with make sif, or give an image's path"
    assert not list(tmp_path.rglob("mark"))
