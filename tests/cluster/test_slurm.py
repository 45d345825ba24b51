"""Runs on a real SLURM: work spreads over the nodes, and what the cluster does to a job costs nothing but that job."""

import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from slurm import Cluster, command, has_loaded, missing, processes, variable

from requirements import need
from runs import LIMITS, Run, assert_same_results, nextflow, read_trace, start, statuses, succeed, wait_for, write_sheet

SLURM = ("--poll_interval", "1s", *LIMITS)

SITE = """
// A cluster that answers at once need not be waited for
executor {
    '$slurm' {
        queueStatInterval = '2s'
        exitReadTimeout   = '10s'
    }
}
process {
    beforeScript = 'echo $SLURMD_NODENAME > .node'
    // Two of them fill a node
    withLabel: scan { memory = 2500.MB }
}
"""
TOO_LITTLE = """
process {
    withName: RECONSTRUCT {
        memory = { task.tag == 'emci000' && task.attempt == 1 ? 60.MB : 2500.MB }
        time   = { task.tag == 'mci000' && task.attempt == 1 ? 1.min : 10.min }
    }
}
"""


@dataclass(frozen=True)
class Faulty:
    """A run that was harmed in many ways, killed and resumed.

    Attributes:
        before: Nextflow's trace when it was killed.
        run: the run that resumed it.
        steps: that the training's log tells of, in the order of its lines.
    """

    before: list[dict[str, str]]
    run: Run
    steps: list[int]


def site(folder: Path, text: str) -> tuple[str, str]:
    """Return the option that has Nextflow read a site's own settings."""
    file = folder / "site.config"
    file.write_text(text)
    return "-c", str(file)


@pytest.fixture(scope="module")
def faulty(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Faulty:
    """The test profile under every fault that a cluster has in store."""
    folder = tmp_path_factory.mktemp("faulty")
    line = ("-profile", "test,slurm", "--device", "cpu", *SLURM, *site(folder, SITE + TOO_LITTLE))
    nextflow = start(folder, *line, environment=cluster.environment)
    log, trace = folder / "results/checkpoints/training.log", folder / "results/pipeline_info/trace.txt"

    def tools(scan: str) -> list[int]:
        """Return the processes of reconstruct.py at a scan, once they are past their first moments."""
        inside = cluster.processes(SLURM_JOB_NAME=f"nf-RECONSTRUCT_({scan})")
        started = [process for process in inside if "reconstruct.py" in command(process)]
        return [process for process in started if has_loaded(process, "libtorch")]

    wait_for(lambda: log.exists() and log.read_text() != "", nextflow)
    cluster.call("scancel", "--batch", "--signal=USR2", cluster.job("nf-TRAIN"))  # As before a time limit

    wait_for(lambda: all(map(tools, ("cn000", "lmci000", "mci000"))), nextflow)
    for process in tools("mci000"):
        os.kill(process, signal.SIGSTOP)  # It hangs, until its time is up
    [cancelled] = tools("cn000")
    cluster.call("scancel", cluster.job("nf-RECONSTRUCT_(cn000)"))
    wait_for(lambda: cancelled not in processes(), nextflow)
    lost = variable(tools("lmci000")[0], "SLURMD_NODENAME")
    cluster.kill_node(lost)

    wait_for(lambda: {"cn000", "emci000", "lmci000", "mci000"} <= failed(read_trace(trace.parents[1])), nextflow)
    nextflow.send_signal(signal.SIGKILL)
    nextflow.communicate()
    before = read_trace(trace.parents[1])
    cluster.start_node(lost)
    run = succeed(folder, *line, "-resume", environment=cluster.environment)
    return Faulty(before, run, [int(line.split()[2]) for line in log.read_text().splitlines()])


def failed(trace: list[dict[str, str]]) -> set[str]:
    return {row["tag"] for row in trace if row["status"] == "FAILED" and row["process"] == "RECONSTRUCT"}


# Before a node is lost
@pytest.mark.parametrize("process", ["SLICE", "RECONSTRUCT"])
def test_tasks_of_scans_run_on_all_nodes(faulty: Faulty, process: str) -> None:
    attempts = [row for row in faulty.before + faulty.run.trace() if row["process"] == process]
    # Where each ran, as SLURM reported it
    nodes = {(Path(row["workdir"]) / ".node").read_text().strip() for row in attempts}
    assert nodes == {"n1", "n2", "n3"}


def test_harmed_run_ends_with_the_results_of_a_calm_one(faulty: Faulty, whole_run: Run) -> None:
    assert_same_results(faulty.run, whole_run)
    for name in ("diffusion.safetensors", "embedding.safetensors", "loss.csv"):
        assert (faulty.run.outdir / "model" / name).read_bytes() == (whole_run.outdir / "model" / name).read_bytes(), (
            name
        )


def test_every_fault_struck(faulty: Faulty) -> None:
    # The first attempt at each; a second one may have been on the node that was lost
    failures = [row for row in reversed(faulty.before) if row["status"] == "FAILED"]
    struck = {(row["process"], row["tag"]): row["exit"] for row in failures}
    assert struck["TRAIN", "6 scans"] == "140"
    assert struck["RECONSTRUCT", "cn000"] == "143"
    assert struck["RECONSTRUCT", "mci000"] == "140"
    # What was killed outright left no status
    assert struck["RECONSTRUCT", "emci000"] == struck["RECONSTRUCT", "lmci000"] == "-"


def test_training_saved_when_it_was_warned_and_went_on_from_there(faulty: Faulty) -> None:
    assert faulty.steps == sorted(set(faulty.steps)), "no step was done twice"


def test_resume_reruns_the_lost_tasks_only(faulty: Faulty) -> None:
    done = {task for task, status in statuses(faulty.before).items() if status == "COMPLETED"}
    tasks = faulty.run.tasks()
    assert {task for task, status in tasks.items() if status == "CACHED"} == done
    assert {status for task, status in tasks.items() if task not in done} == {"COMPLETED"}


def test_tasks_of_scans_can_be_job_arrays(cluster: Cluster, tmp_path: Path) -> None:
    line = ("-stub-run", "-profile", "slurm", *SLURM, "--array_size", "2", *site(tmp_path, SITE))
    run = succeed(tmp_path, *line, "--input", str(write_sheet(tmp_path)), environment=cluster.environment)
    wrappers = [path.read_text() for path in tmp_path.glob("work/*/*/.command.run")]
    # Of three scans, two at each of six stages; the one that is left is a job by itself
    assert sum("#SBATCH --array" in text for text in wrappers) == 6
    assert Counter(process for process, _ in run.tasks())["SCORE"] == 3
    assert set(run.tasks().values()) == {"COMPLETED"}


def test_gpus_are_asked_for_where_networks_run(cluster: Cluster, tmp_path: Path) -> None:
    line = ("-stub-run", "-profile", "cuda,slurm", *SLURM, "--gpus", "2", *site(tmp_path, SITE))
    run = succeed(tmp_path, *line, "--input", str(write_sheet(tmp_path)), environment=cluster.environment)
    asked = {row["process"]: gpu_requests(Path(row["workdir"])) for row in run.trace()}
    assert asked == {
        "CHECK": [],
        "PREPARE": [],
        "GATE": [],
        "SLICE": [],
        "TRAIN": ["--gres=gpu:2"],
        "RECONSTRUCT": ["--gres=gpu:1"],
        "MAP": [],
        "SCORE": ["--gres=gpu:1"],
        "NORM": [],
        "CALIBRATE": [],
        "AGGREGATE": [],
    }


def gpu_requests(task: Path) -> list[str]:
    lines = (task / ".command.run").read_text().splitlines()
    return [line.split()[-1] for line in lines if line.startswith("#SBATCH") and "gres" in line]


@pytest.fixture(scope="module")
def small_cluster() -> Iterator[Cluster]:
    """Nodes of two processors."""
    need("slurm", missing())
    nodes = Cluster(nodes=2, cpus=2, memory=5000)
    try:
        nodes.start()
        yield nodes
    finally:
        nodes.stop()


def test_what_no_node_can_run_ends_at_once_with_what_would_help(small_cluster: Cluster, tmp_path: Path) -> None:
    line = ("-stub-run", "-profile", "slurm", "--input", str(write_sheet(tmp_path)))
    run = nextflow(tmp_path, *line, environment=small_cluster.environment)
    assert run.status != 0
    assert "Submitted process" not in run.output
    complaints = [line for line in run.output.splitlines() if line.startswith("parameter ")]
    assert [line.rpartition("give ")[2] for line in complaints] == [
        "--max_cpus 2, or another --queue",
        "--max_memory 5000.MB, or another --queue",
    ]
    assert all("TRAIN" in line and "in partition main" in line for line in complaints)
    assert small_cluster.jobs() == {}


def test_profile_test_runs_on_nodes_of_two_processors(small_cluster: Cluster, tmp_path: Path) -> None:
    line = ("-stub-run", "-profile", "test,slurm", "--poll_interval", "1s", *site(tmp_path, SITE))
    run = succeed(tmp_path, *line, environment=small_cluster.environment)
    assert set(run.tasks().values()) == {"COMPLETED"}
    assert "would wait for ever" not in run.output
    wrappers = {row["process"]: (Path(row["workdir"]) / ".command.run").read_text() for row in run.trace()}
    asked = {process: re.findall(r"#SBATCH (-c \d+|--mem \d+M)", text) for process, text in wrappers.items()}
    # Each a single processor, which needs no option
    assert asked["CHECK"] == ["--mem 2048M"]
    assert asked["TRAIN"] == ["--mem 4096M"]
