"""Starting the pipeline, and reading what it did."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

PROJECT = Path(__file__).parents[1]
LIMITS = ("--max_cpus", "1", "--max_memory", "4.GB")
"""With more threads, sums are of another order, and small networks no faster."""
TEST = ("-profile", "test", "--device", "cpu", *LIMITS)
WHOLE = (*TEST, "--scans_per_task", "3")
"""Of the run that most tests share."""
PLAIN = ("-c", str(PROJECT / "tests/nextflow/stub.config"))
"""Without Nextflow's own pages, of which the shared runs have some."""
QUICK = (
    *PLAIN,
    *("--prepare", "never", "--ddim_steps", "3", "--inversion_iterations", "1", "--metrics", "ssim"),
    *("--lowest_slices", "1", "--device", "cpu", *LIMITS),
)
"""For a run with a model on simulated people: as little as can be computed and drawn."""
STUB = ("-stub-run", *PLAIN)
STAGES = {
    "CHECK": 1,
    "PREPARE": 3,
    "GATE": 1,
    "SLICE": 3,
    "TRAIN": 1,
    "RECONSTRUCT": 3,
    "MAP": 3,
    "SCORE": 3,
    "NORM": 1,
    "CALIBRATE": 3,
    "AGGREGATE": 1,
}
"""How often each runs in a stub run."""
STRICT = {"NXF_SYNTAX_PARSER": "v2"}
"""Environment of a run by the Nextflow of `make lint`, with the parser of 26.x."""


SCHEMA = json.loads((PROJECT / "nextflow_schema.json").read_text())
TYPES = {name: entry["type"] for group in SCHEMA["$defs"].values() for name, entry in group["properties"].items()}


@dataclass(frozen=True)
class Run:
    """A finished `nextflow run`: its exit status, what it said, and the folder it was started in."""

    status: int
    output: str
    folder: Path

    @property
    def outdir(self) -> Path:
        return self.folder / "results"

    def trace(self, outdir: str = "results") -> list[dict[str, str]]:
        """Return the rows of Nextflow's trace, one for each attempt at a task."""
        return read_trace(self.folder / outdir)

    def tasks(self, outdir: str = "results") -> dict[tuple[str, str], str]:
        """Return (process, tag) of every task with its status."""
        return statuses(self.trace(outdir))

    def processes(self, status: str) -> set[str]:
        return {process for (process, _), said in self.tasks().items() if said == status}


Shared = Callable[[str, Callable[[Path], Run]], Run]
"""What makes a run once for all workers: its name, and what makes it in a folder."""


def read_trace(outdir: Path) -> list[dict[str, str]]:
    with (outdir / "pipeline_info" / "trace.txt").open() as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def statuses(trace: list[dict[str, str]]) -> dict[tuple[str, str], str]:
    return {(row["process"], row["tag"]): row["status"] for row in trace}


def launch(
    folder: Path, *arguments: str, environment: Mapping[str, str] = os.environ, within: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """Start Nextflow in `folder`, with the tools of this Python; `within` is a command that starts another."""
    path = os.pathsep.join([str(Path(sys.executable).parent), str(PROJECT / ".venv/bin"), environment["PATH"]])
    strict = [str(PROJECT / ".venv/strict/bin")] if STRICT.items() <= environment.items() else []
    executable = shutil.which("nextflow", path=os.pathsep.join([*strict, path]))
    assert executable, "no nextflow on PATH or in .venv: run `make setup`"
    return subprocess.Popen(
        [*within, executable, *arguments],
        cwd=folder,
        # One collector of garbage: many of these JVMs live for seconds, beside others
        env={"NXF_JVM_ARGS": "-XX:+UseSerialGC", **environment, "PATH": path, "NXF_OFFLINE": "true"},
        text=True,
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def configuration(profile: str) -> dict[str, Any]:
    """Return the resolved configuration of a profile."""
    output, _ = launch(PROJECT, "config", "-profile", profile, "-output", "json").communicate()
    return json.loads(output)


def start(
    folder: Path, *arguments: str, project: Path = PROJECT, environment: Mapping[str, str] = os.environ
) -> subprocess.Popen[str]:
    """Start a run of the pipeline in `folder`."""
    return launch(folder, "run", str(project), "-ansi-log", "false", *arguments, environment=environment)


def nextflow(
    folder: Path, *arguments: str, project: Path = PROJECT, environment: Mapping[str, str] = os.environ
) -> Run:
    """Run the pipeline to its end."""
    process = start(folder, *arguments, project=project, environment=environment)
    output, _ = process.communicate()
    return Run(process.returncode, output, folder)


def succeed(folder: Path, *arguments: str, project: Path = PROJECT, environment: Mapping[str, str] = os.environ) -> Run:
    run = nextflow(folder, *arguments, project=project, environment=environment)
    assert run.status == 0, run.output
    return run


def text(value: Any) -> str:
    """Write a value as the command line of Nextflow 26 hands it over."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def all_as_text(folder: Path, parameters: dict[str, Any]) -> Path:
    """Write a file of parameters, each as text."""
    file = folder / "text.json"
    given = {name: text(value) for name, value in parameters.items() if name in TYPES and value is not None}
    file.write_text(json.dumps(given))
    return file


def copy_project(to: Path) -> Path:
    """Copy what a run of the project needs, to be edited; with its bytecode, which tasks do not write."""
    for name in ("bin", "conf", "modules"):
        shutil.copytree(PROJECT / name, to / name)
    for name in ("main.nf", "nextflow.config", "nextflow_schema.json"):
        shutil.copy(PROJECT / name, to / name)
    return to


def write_sheet(folder: Path, *rows: str) -> Path:
    sheet = folder / "samplesheet.csv"
    sheet.write_text("\n".join(["scan,subject,image,label", *rows]) + "\n")
    return sheet


def going_on(run: Run, folder: Path) -> tuple[str, ...]:
    """Return the arguments with which a run that is started in `folder` goes on from another, which stays as it is."""
    shutil.copytree(run.folder / ".nextflow", folder / ".nextflow")
    return "-w", str(run.folder / "work"), "-resume"


@dataclass(frozen=True)
class Resumed:
    """A run that was interrupted, with the tasks that were done by then, and the run that went on from there."""

    done: dict[tuple[str, str], str]
    run: Run


def ended(tasks: dict[tuple[str, str], str], process: str) -> bool:
    return any(name == process and status == "COMPLETED" for (name, _), status in tasks.items())


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait while the run goes on."""
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.2)


def tools_of(run: subprocess.Popen[str]) -> dict[int, str]:
    """Return the tools that a run has going on this machine, such as train.py, by their processes."""
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=", "-o", "ppid=", "-o", "args="], check=True, text=True, capture_output=True
    ).stdout
    rows = [line.split(maxsplit=2) for line in listing.splitlines()]
    family = {str(run.pid)}
    while grown := {pid for pid, parent, *_ in rows if parent in family} - family:
        family |= grown
    started = {
        pid: re.match(r"\S*python\S* \S*/(\w+\.py) ", args[0]) for pid, _, *args in rows if pid in family and args
    }
    return {int(pid): tool.group(1) for pid, tool in started.items() if tool}


def descendant(run: subprocess.Popen[str], tool: str) -> int:
    """Return the process of a tool that a run has started on this machine."""
    [found] = [pid for pid, name in tools_of(run).items() if name == tool]
    return found


def files_of(outdir: Path) -> set[str]:
    """Return the files of an outdir but Nextflow's own and the records of the run."""
    records = ("published.txt", "run.json", "params.json", "trace.txt", "timeline.html", "report.html", "dag.html")
    found = {str(path.relative_to(outdir)) for path in outdir.rglob("*") if path.is_file()}
    return found - {f"pipeline_info/{name}" for name in (*records, ".lock")}


def published_by(outdir: Path) -> set[str]:
    """Return the files that the last run says it has published."""
    return set((outdir / "pipeline_info/published.txt").read_text().splitlines())


def assert_same_results(one: Run, other: Run) -> None:
    """Every table of the two runs is the same to the byte, and every map to the voxel."""
    tables = sorted(path.name for path in (one.outdir / "tables").iterdir())
    assert tables == sorted(path.name for path in (other.outdir / "tables").iterdir())
    for name in tables:
        assert (one.outdir / "tables" / name).read_bytes() == (other.outdir / "tables" / name).read_bytes(), name
    maps = sorted(path.relative_to(one.outdir) for path in (one.outdir / "maps").rglob("*.nii.gz"))
    assert maps == sorted(path.relative_to(other.outdir) for path in (other.outdir / "maps").rglob("*.nii.gz"))
    for path in maps:
        ours, theirs = (nib.load(run.outdir / path).get_fdata() for run in (one, other))
        np.testing.assert_array_equal(ours, theirs, err_msg=str(path))
