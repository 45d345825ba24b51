import os

# Before PyTorch is imported: threads that wait for each other crawl on a machine that does anything else.
os.environ["OMP_NUM_THREADS"] = "1"

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from runs import WHOLE, Run, Shared, succeed


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests counted, with `record_property`."""
    counted = [count for report in terminalreporter.getreports("passed") for count in report.user_properties]
    if counted:
        terminalreporter.section("counted")
    for what, count in counted:
        terminalreporter.write_line(f"{what}: {count}")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Shared:
    """What makes a run in a folder of the name given, once for all workers of pytest-xdist; nobody changes it."""
    base = tmp_path_factory.getbasetemp()
    root = base if worker_id == "master" else base.parent

    def make(name: str, run: Callable[[Path], Run]) -> Run:
        folder, said = root / name, root / f"{name}.json"
        with FileLock(root / f"{name}.lock"):
            if not said.is_file():
                folder.mkdir()
                made = run(folder)
                said.write_text(json.dumps([made.status, made.output]))
            return Run(*json.loads(said.read_text()), folder)

    return make


@pytest.fixture(scope="session")
def whole_run(shared: Shared) -> Run:
    """The test profile from simulation to report, on this machine, undisturbed; three scans a task of the network."""
    return shared("whole", lambda folder: succeed(folder, *WHOLE))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The option that has every task run in scratch; nothing is left there in the end."""
    folder = tmp_path_factory.mktemp("scratch")
    config = folder / "site.config"
    config.write_text(f"process.scratch = '{folder}/node'\n")
    yield "-c", str(config)
    assert (folder / "node").is_dir(), "no task was in scratch"
    assert list((folder / "node").iterdir()) == []
