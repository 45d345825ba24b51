"""Runs of the pipeline that many tests look at."""

import os
import signal

import pytest

from runs import TEST, Resumed, Run, descendant, ended, read_trace, start, statuses, succeed, wait_for, write_sheet


@pytest.fixture(scope="session")
def stub_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The whole graph with stubs, on a sheet that they do not read."""
    folder = tmp_path_factory.mktemp("stub")
    return succeed(folder, "-stub-run", "--input", str(write_sheet(folder)))


@pytest.fixture(scope="session")
def interrupted_run(tmp_path_factory: pytest.TempPathFactory) -> Resumed:
    """The test profile from scratch again: its training killed, the run ended after a reconstruction and resumed."""
    folder = tmp_path_factory.mktemp("interrupted")
    process = start(folder, *TEST)
    trace = folder / "results/pipeline_info/trace.txt"
    wait_for(lambda: any((folder / "results/checkpoints").glob("*.pt")), process)
    os.kill(descendant(process, "train.py"), signal.SIGKILL)
    wait_for(lambda: trace.exists() and ended(statuses(read_trace(folder / "results")), "RECONSTRUCT"), process)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate()
    assert process.returncode != 0, output
    done = {task: status for task, status in statuses(read_trace(folder / "results")).items() if status == "COMPLETED"}
    return Resumed(done, succeed(folder, *TEST, "-resume"))
