"""How well reconstructions fill a cluster: 24 equal ones over three nodes of SLURM, each node with one processor.

    python tests/benchmarks/makespan.py [--tasks 24] [--poll 5s] [--ddim-steps 2]

Ideal is the sum of the tasks' own run times over the number of nodes; the makespan goes from the first submission to
the last completion. The three nodes are one machine, whose processors they share.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from datetime import datetime
from pathlib import Path

PROJECT = Path(__file__).parents[2]
sys.path[:0] = [str(PROJECT / "tests"), str(PROJECT / "tests/cluster")]

from slurm import Cluster  # noqa: E402

from runs import launch, read_trace  # noqa: E402

CONFIG = """
includeConfig '{project}/nextflow.config'
trace.fields = 'process,tag,status,submit,start,complete,realtime'
trace.raw    = true
"""
MODEL = "--channels 32,32 --attention-levels 0,1 --head-channels 16 --conditioning-dim 32 --iterations 2 --batch-size 2"


def prepare(folder: Path, count: int, cluster: Cluster) -> None:
    """Write a model of a few steps, and one scan's slices under `count` names."""

    def tool(name: str, *arguments: object) -> None:
        cluster.call(sys.executable, str(PROJECT / "bin" / f"{name}.py"), *map(str, arguments))

    tool("simulate", "--subjects", 1, "--size", 48, "--out", folder / "cohort")
    shutil.copy(folder / "cohort/cn000.nii.gz", folder / "scan.nii.gz")
    for number in range(count):
        slices = folder / "slices" / f"scan{number:02d}"
        naming = ("--scan", slices.name, "--subject", "s", "--label", "CN", "--split", "train", "--size", 48)
        tool("slice", folder / "scan.nii.gz", *naming, "--out", slices)
    tool("train", folder / "slices/scan00", *MODEL.split(), "--checkpoints", folder, "--out", folder / "model")


def seconds(row: dict[str, str], field: str) -> float:
    return float(row[field]) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=24)
    parser.add_argument("--poll", default="5s")
    parser.add_argument("--ddim-steps", default="2")
    arguments = parser.parse_args()

    cluster = Cluster(nodes=3, cpus=1, memory=4000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cluster.start()
        try:
            prepare(folder, arguments.tasks, cluster)
            (folder / "bench.config").write_text(CONFIG.format(project=PROJECT))
            line = (
                "-C", str(folder / "bench.config"), "run", str(PROJECT / "tests/benchmarks/makespan.nf"),
                "-profile", "slurm", "-ansi-log", "false", "--poll_interval", arguments.poll, "--device", "cpu",
                "--scans", str(folder), "--model", str(folder / "model"), "--ddim_steps", arguments.ddim_steps,
            )  # fmt: skip
            path = os.pathsep.join([str(PROJECT / "bin"), cluster.environment["PATH"]])
            run = launch(folder, *line, environment=cluster.environment | {"PATH": path})
            output, _ = run.communicate()
            assert run.returncode == 0, output
            trace = read_trace(folder / "results")
        finally:
            cluster.stop()
    assert len(trace) == arguments.tasks
    times = [seconds(row, "realtime") for row in trace]
    ideal = sum(times) / len(cluster.nodes)
    makespan = max(seconds(row, "complete") for row in trace) - min(seconds(row, "submit") for row in trace)
    figures = {
        "date": datetime.now().date().isoformat(),
        "tasks": len(trace),
        "nodes": len(cluster.nodes),
        "poll_interval": arguments.poll,
        "task_s": round(sum(times) / len(times), 1),
        "ideal_s": round(ideal, 1),
        "makespan_s": round(makespan, 1),
        "efficiency": round(ideal / makespan, 3),
        "overhead_per_task_s": round((makespan - ideal) * len(cluster.nodes) / len(trace), 2),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
