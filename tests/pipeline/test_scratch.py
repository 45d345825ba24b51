"""Tasks that run in a scratch folder of their node, killed and resumed: what they leave is what a calm run leaves."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from runs import (
    LIMITS,
    TEST,
    Resumed,
    Run,
    assert_same_results,
    descendant,
    ended,
    read_trace,
    start,
    statuses,
    succeed,
    wait_for,
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The option that has every task run in scratch; nothing is left there in the end."""
    folder = tmp_path_factory.mktemp("scratch")
    config = folder / "site.config"
    config.write_text(f"process.scratch = '{folder}/node'\n")
    yield "-c", str(config)
    assert (folder / "node").is_dir(), "no task was in scratch"
    assert list((folder / "node").iterdir()) == []


@pytest.fixture(scope="module")
def resumed(scratch: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Resumed:
    """The test profile in scratch: its training killed at a checkpoint, the run ended at a reconstruction, resumed."""
    folder = tmp_path_factory.mktemp("resumed")
    process = start(folder, *TEST, *scratch)
    trace = folder / "results/pipeline_info/trace.txt"
    wait_for(lambda: any((folder / "results/checkpoints").glob("*.pt")), process)
    os.kill(descendant(process, "train.py"), signal.SIGKILL)
    wait_for(lambda: trace.exists() and ended(statuses(read_trace(folder / "results")), "RECONSTRUCT"), process)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate()
    assert process.returncode != 0, output
    done = {task: status for task, status in statuses(read_trace(folder / "results")).items() if status == "COMPLETED"}
    return Resumed(done, succeed(folder, *TEST, *scratch, "-resume"))


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


def test_results_are_those_of_a_calm_run_without_scratch(run: Run, whole_run: Run) -> None:
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


def test_bids_dataset_and_drawn_steps_are_files(run: Run, scratch: tuple[str, str], tmp_path: Path) -> None:
    image = pd.read_csv(run.outdir / "pipeline_info/inputs.csv")["image"][0]
    scan = json.dumps({"image": image, "label": "CN"})
    quick = ("--ddim_steps", "2", "--inversion_iterations", "0", "--device", "cpu", *LIMITS)
    model = str(run.outdir / "model")
    mapped = succeed(tmp_path, "--scan", scan, "--model", model, "--bids", "--debug", *quick, *scratch)
    maps = list((mapped.outdir / "bids").rglob("*_space-T1w_desc-*.nii.gz"))
    assert len(maps) == 6
    assert all(path.is_file() and not path.is_symlink() for path in maps)
    pictures = list((mapped.outdir / "debug").rglob("*.png"))
    assert len(pictures) == 2
    for picture in pictures:
        with Image.open(picture) as drawn:
            drawn.verify()


def test_every_stub_runs_in_scratch(scratch: tuple[str, str], tmp_path: Path) -> None:
    stubs = succeed(tmp_path, "-stub-run", "--simulate", "5", "--tune", "--bids", *scratch)
    assert set(stubs.tasks().values()) == {"COMPLETED"}
    assert ("EXPORT_BIDS", "27 maps") in stubs.tasks()
