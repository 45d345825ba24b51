"""A few faults at random moments in every run of the tests; `make faults` injects more. Nothing may be lost."""

import os
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from faults.pipeline import NEXTFLOW, TOOL, differing, results, shake
from faults.tools import STAGES, Stage, Tools, prepare, strike
from robustness.test_bad_input import small_disk
from runs import WHOLE, Run, going_on, nextflow, start, succeed, tools_of, wait_for
from train import train_model

SEED = 20260
INJECTIONS = 8


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    return Tools(tmp_path_factory.mktemp("log") / "tools.log")


@pytest.fixture(scope="module")
def stages(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stage]:
    return prepare(tmp_path_factory.mktemp("stages"), tools)


@pytest.fixture
def later(whole_run: Run, tmp_path: Path) -> tuple[Path, list[str]]:
    """A folder, and the arguments with which the whole run, untouched itself, goes on from there."""
    return tmp_path, [*WHOLE, *going_on(whole_run, tmp_path)]


def test_killed_tools_run_again_write_what_a_calm_run_does(
    stages: dict[str, Stage], tools: Tools, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    assert set(stages) == set(STAGES)
    rng = random.Random(SEED)
    struck = [
        strike(stages[STAGES[number % len(STAGES)]], tools, tmp_path / str(number), rng) for number in range(INJECTIONS)
    ]
    lost = [str(injection) for injection in struck if injection.lost]
    record_property("faults in tools", f"seed {SEED}: {len(struck)} injected, lost: {len(lost)}")
    assert not lost


def test_shaken_run_ends_with_the_results_of_a_calm_one(
    later: tuple[Path, list[str]], whole_run: Run, record_property: Callable[[str, object], None]
) -> None:
    folder, line = later
    rng = random.Random(SEED)
    # A parameter that changes no result, but has the check and the tables made anew
    line += ["--queue_size", "99"]
    plan = [(NEXTFLOW, "check.py"), (TOOL, "aggregate.py"), (NEXTFLOW, "aggregate.py")]
    shaken = shake(folder, line, whole_run.outdir, plan, rng)
    lost = [name for name in differing(folder / "results", whole_run.outdir) if name != "report.html"]
    record_property("faults in a run", f"seed {SEED}: {len(shaken.strikes)} injected, lost: {len(lost)}")
    assert len(shaken.strikes) == len(plan)
    assert not shaken.redone
    assert not lost


def test_resume_mends_what_was_half_published(later: tuple[Path, list[str]], whole_run: Run) -> None:
    """Nextflow, killed while it copies a file, leaves half of it."""
    folder, line = later
    shutil.copytree(whole_run.outdir, folder / "results")
    halved = [name for name in results(folder / "results") if random.Random(name).random() < 0.5]
    assert {Path(name).parts[0] for name in halved} >= {"maps", "tables", "model", "viewer", "figures"}
    for name in halved:
        os.truncate(folder / "results" / name, (folder / "results" / name).stat().st_size // 2)
    run = succeed(folder, *line)
    assert set(run.tasks().values()) == {"CACHED"}
    assert not differing(run.outdir, whole_run.outdir)


def test_full_disk_is_named_and_with_more_space_the_run_goes_on(later: tuple[Path, list[str]], whole_run: Run) -> None:
    folder, line = later
    with small_disk(folder / "results", "3m") as results_disk:
        full = nextflow(folder, *line)
        assert full.status != 0
        [said] = [line for line in full.output.splitlines() if "free some space" in line]
        assert said.startswith(f"{results_disk}/")
        assert said.endswith(": No space left on device; free some space, or write to another disk")
        subprocess.run(["mount", "-o", "remount,size=64m", results_disk], check=True)
        run = succeed(folder, *line)
        assert set(run.tasks().values()) == {"CACHED"}
        assert not differing(run.outdir, whole_run.outdir)


def test_storage_that_goes_away_under_a_run_and_comes_back_costs_no_result(
    later: tuple[Path, list[str]], whole_run: Run
) -> None:
    """Work and results lie on a server whose two mounts vanish while the tables are made."""
    folder, line = later
    line += ["--queue_size", "98"]
    places = {"work": whole_run.folder / "work", "results": folder / "results"}
    with small_disk(folder / "server", "1g") as server:
        shutil.copytree(places["work"], server / "work", symlinks=True)
        for made in (server / "results", folder / "results"):
            made.mkdir()

        @contextmanager
        def connected() -> Iterator[None]:
            for name, place in places.items():
                subprocess.run(["mount", "--bind", server / name, place], check=True)
            try:
                yield
            finally:
                for place in places.values():
                    subprocess.run(["umount", "--lazy", place], check=True)

        with connected():
            struck = start(folder, *line)
            wait_for(lambda: "aggregate.py" in tools_of(struck).values(), struck)
        output, _ = struck.communicate()
        assert struck.returncode != 0, output
        with connected():
            run = succeed(folder, *line)
            assert run.processes("CACHED") == {process for process, _ in run.tasks()} - {"AGGREGATE"}
            assert set(differing(run.outdir, whole_run.outdir)) <= {"report.html"}


def test_disk_that_fills_while_a_checkpoint_is_saved_is_reported_in_one_line(
    stages: dict[str, Stage], tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "32k") as disk:
        line = [part.replace("{out}", str(disk)) for part in stages["train"].line]
        result = CliRunner().invoke(train_model, line)
        assert result.exit_code == 1
        said = result.output.splitlines()[-1]
        assert re.fullmatch(rf"Error: {disk}/checkpoints/\w+\.pt: No space left on device; free some .*", said)
        assert [path.name for path in (disk / "checkpoints").iterdir()] == ["training.log"]
