"""A run that differs from the calm one in all that must not matter gives what the calm one gives.

It is read by the strict parser, its parameters are text, its environment names modules of another Python, its tasks run
in scratch, its training is killed, and it is ended and resumed.
"""

import os
import signal
from pathlib import Path

import pandas as pd
import pytest

from runs import (
    STRICT,
    Resumed,
    Run,
    all_as_text,
    assert_same_results,
    configuration,
    descendant,
    ended,
    read_trace,
    start,
    statuses,
    succeed,
    wait_for,
)


@pytest.fixture(scope="module")
def resumed(scratch: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Resumed:
    """The test profile: its training killed at a checkpoint, the run ended at a reconstruction, resumed."""
    folder = tmp_path_factory.mktemp("resumed")
    foreign = folder / "foreign"
    (foreign / "numpy").mkdir(parents=True)
    (foreign / "numpy/__init__.py").write_text("raise ImportError('of another Python')")
    environment = os.environ | STRICT | {"PYTHONPATH": str(foreign), "PYTHONSAFEPATH": "1"}
    given = configuration("test")["params"] | {"device": "cpu"}
    arguments = ("-params-file", str(all_as_text(folder, given)), *scratch)

    process = start(folder, *arguments, environment=environment)
    trace = folder / "results/pipeline_info/trace.txt"
    wait_for(lambda: any((folder / "results/checkpoints").glob("*.pt")), process)
    os.kill(descendant(process, "train.py"), signal.SIGKILL)
    wait_for(lambda: trace.exists() and ended(statuses(read_trace(folder / "results")), "RECONSTRUCT"), process)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate()
    assert process.returncode != 0, output
    done = {task: status for task, status in statuses(read_trace(folder / "results")).items() if status == "COMPLETED"}
    return Resumed(done, succeed(folder, *arguments, "-resume", environment=environment))


@pytest.fixture
def run(resumed: Resumed) -> Run:
    return resumed.run


def test_killed_training_went_on_from_its_checkpoint(resumed: Resumed, whole_run: Run) -> None:
    outdir = resumed.run.outdir
    [attempt] = [row["attempt"] for row in resumed.run.trace() if row["process"] == "TRAIN"]
    assert attempt == "2"
    assert (outdir / "checkpoints/training.log").read_text().count("step 1 of 30") == 1
    for name in (
        "diffusion.safetensors",
        "embedding.safetensors",
        "training_scans.safetensors",
        "loss.csv",
        "config.json",
    ):
        assert (outdir / "model" / name).read_bytes() == (whole_run.outdir / "model" / name).read_bytes(), name


def test_resume_reruns_only_what_is_missing(resumed: Resumed) -> None:
    tasks = resumed.run.tasks()
    assert {process for process, _ in resumed.done} >= {"SLICE", "TRAIN", "RECONSTRUCT"}
    assert {task for task, status in tasks.items() if status == "CACHED"} == set(resumed.done)
    assert {status for task, status in tasks.items() if task not in resumed.done} == {"COMPLETED"}


def test_results_are_those_of_a_calm_run(run: Run, whole_run: Run) -> None:
    assert_same_results(run, whole_run)
    for folder in ("viewer", "figures", "model"):
        names = [
            sorted(str(path.relative_to(each.outdir)) for path in (each.outdir / folder).rglob("*"))
            for each in (run, whole_run)
        ]
        assert names[0] == names[1] != [], folder


def test_simulated_images_outlive_their_task(run: Run) -> None:
    images = pd.read_csv(run.outdir / "pipeline_info/inputs.csv")["image"]
    assert len(images) == 6
    assert all(Path(image).is_file() for image in images)
