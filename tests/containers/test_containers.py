"""Real runs in containers of the image that the project's recipe makes."""

import os
from pathlib import Path

import pytest
from engines import Engine

from runs import LIMITS, Run, assert_same_results, succeed

ENGINES = ("docker", "podman", "apptainer", "singularity")


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def line(engine: Engine) -> tuple[str, ...]:
    return ("-profile", f"test,{engine.name}", "--container", engine.image, "--device", "cpu", *LIMITS)


@pytest.fixture(scope="module")
def run(engine: Engine, line: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The test profile from simulation to report."""
    # A space, since paths with one are common on laptops
    folder = tmp_path_factory.mktemp("contained") / "my study"
    folder.mkdir()
    return succeed(folder, *line, environment=engine.environment)


def test_image_runs_as_nobody_special(docker: Engine) -> None:
    assert docker("id", "-un").strip() == "healthward"


def test_image_has_what_nextflow_and_the_tools_need_and_no_code_of_ours(engine: Engine) -> None:
    assert "ps" in engine("ps", "--version")
    engine("python3", "-c", "import generative, lpips, monai, nilearn, piq, torch, torchmetrics")
    assert engine("python3", "-c", "import importlib.util as u; print(u.find_spec('healthward'))").strip() == "None"
    assert engine("find", "/opt", "/usr/local/bin", "-name", "reconstruct*.py", "-path", "*healthward/bin*") == ""


def test_image_cannot_be_written_to(engine: Engine) -> None:
    assert engine("sh", "-c", "touch /opt/healthward/x 2> /dev/null || echo refused").strip() == "refused"


def test_results_are_those_of_a_run_without_a_container(run: Run, whole_run: Run) -> None:
    assert_same_results(run, whole_run)


def test_everything_belongs_to_the_caller(run: Run) -> None:
    owners = {path.lstat().st_uid for path in run.folder.rglob("*")}
    assert owners == {os.getuid()}
    assert (run.outdir / "checkpoints/training.log").stat().st_size > 0


def test_caches_are_in_the_folder_of_the_task(run: Run) -> None:
    [workdir] = [row["workdir"] for row in run.trace() if row["process"] == "AGGREGATE"]
    assert list(Path(workdir).glob(".cache/matplotlib/fontlist*"))


def test_resume_does_nothing_again(engine: Engine, run: Run, line: tuple[str, ...]) -> None:
    again = succeed(run.folder, *line, "-resume", environment=engine.environment)
    assert set(again.tasks().values()) == {"CACHED"}
