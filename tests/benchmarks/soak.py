"""Many scans: `python tests/benchmarks/soak.py stub --scans 2000`, or real ones: `… cluster --scans 200`."""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).parents[2]
sys.path[:0] = [str(PROJECT / "tests"), str(PROJECT / "tests/cluster"), str(PROJECT / "tests/benchmarks")]

from sheet import write_cohort  # noqa: E402
from slurm import Cluster  # noqa: E402

from runs import LIMITS, copy_project, read_trace, start  # noqa: E402

HEAP = "1g"
"""All that Nextflow may have for its objects."""
STUBS = """
// Tasks that do nothing need nothing
executor {
    '$local' {
        cpus   = 8
        memory = 8.GB
    }
}
process.resourceLimits = [cpus: 1, memory: 100.MB]
"""
STAGES = ("SLICE", "RECONSTRUCT", "MAP", "SCORE")


def stubbed(folder: Path) -> Path:
    """Copy the project with tools that do nothing, but for a check that is real and looks at every image."""
    project = copy_project(folder / "project")
    check = project / "modules/check.nf"
    check.write_text(check.read_text().split("    stub:")[0] + "}\n")
    for tool in (project / "bin").glob("*.py"):
        if tool.name not in ("check.py", "cli.py"):
            tool.write_text("#!/bin/sh\n")
    return project


def watch(run: subprocess.Popen[str]) -> tuple[float, str]:
    """Wait for the end of a run; return the most memory that Nextflow took, in GB, and what it said."""
    peak, said = 0.0, []
    assert run.stdout
    for line in run.stdout:
        said.append(line)
        status = Path(f"/proc/{run.pid}/status")
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
        peak = max(peak, int(found.group(1)) / 1e6 if found else 0)
    run.wait()
    return peak, "".join(said)


def main() -> None:
    """Run the pipeline over many scans and print seconds, tasks and the memory of Nextflow; status 1 if one is lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("stub", "cluster"))
    parser.add_argument("--scans", type=int, required=True)
    arguments = parser.parse_args()
    count, environment = arguments.scans, os.environ | {"NXF_JVM_ARGS": f"-Xmx{HEAP}"}
    with tempfile.TemporaryDirectory() as name:
        folder, begun = Path(name), time.monotonic()
        if arguments.what == "stub":
            (folder / "site.config").write_text(STUBS)
            sheet = write_cohort(folder, count)
            line = ("-stub-run", "-c", str(folder / "site.config"), "--input", str(sheet))
            peak, said = watch(start(folder, *line, project=stubbed(folder), environment=environment))
        else:
            cluster = Cluster()
            try:
                cluster.start()
                line = ("-profile", "test,slurm", "--device", "cpu", "--simulate", str(count), *LIMITS)
                peak, said = watch(start(folder, *line, environment=cluster.environment | environment))
            finally:
                cluster.stop()
        seconds = time.monotonic() - begun
        if not (folder / "results/pipeline_info/trace.txt").exists():
            sys.exit(said)
        trace = read_trace(folder / "results")
    done = Counter(row["process"] for row in trace if row["status"] == "COMPLETED")
    lost = {stage: count - done[stage] for stage in STAGES if done[stage] != count}
    print(f"{count} scans, {sum(done.values())} tasks in {seconds:.0f} s; Nextflow at most {peak:.2f} GB;", end=" ")
    print(f"lost: {lost or 0}")
    if lost or not done["AGGREGATE"]:
        sys.exit(said)


if __name__ == "__main__":
    main()
