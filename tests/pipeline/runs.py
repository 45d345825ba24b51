"""Starting the pipeline, and reading what it did."""

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """A finished `nextflow run`: its exit status, what it said, and the folder it was started in."""

    status: int
    output: str
    folder: Path

    @property
    def outdir(self) -> Path:
        return self.folder / "results"

    def tasks(self, outdir: str = "results") -> dict[tuple[str, str], str]:
        """Return (process, tag) of every task with its status, as Nextflow's trace tells them."""
        return read_trace(self.folder / outdir)

    def processes(self, status: str) -> set[str]:
        return {process for (process, _), said in self.tasks().items() if said == status}


def read_trace(outdir: Path) -> dict[tuple[str, str], str]:
    with (outdir / "pipeline_info" / "trace.txt").open() as lines:
        return {(row["process"], row["tag"]): row["status"] for row in csv.DictReader(lines, delimiter="\t")}


def launch(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start Nextflow in `folder`, with the tools of this Python."""
    path = os.pathsep.join([str(Path(sys.executable).parent), str(PROJECT / ".venv/bin"), os.environ["PATH"]])
    executable = shutil.which("nextflow", path=path)
    assert executable, "no nextflow on PATH or in .venv: run `make setup`"
    return subprocess.Popen(
        [executable, *arguments],
        cwd=folder,
        env=os.environ | {"PATH": path, "NXF_OFFLINE": "true"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def configuration(profile: str) -> dict[str, Any]:
    """Return the resolved configuration of a profile."""
    output, _ = launch(PROJECT, "config", "-profile", profile, "-output", "json").communicate()
    return json.loads(output)


def start(folder: Path, *arguments: str, project: Path = PROJECT) -> subprocess.Popen[str]:
    """Start a run of the pipeline in `folder`."""
    return launch(folder, "run", str(project), "-ansi-log", "false", *arguments)


def nextflow(folder: Path, *arguments: str, project: Path = PROJECT) -> Run:
    """Run the pipeline to its end."""
    process = start(folder, *arguments, project=project)
    output, _ = process.communicate()
    return Run(process.returncode, output, folder)


def succeed(folder: Path, *arguments: str, project: Path = PROJECT) -> Run:
    run = nextflow(folder, *arguments, project=project)
    assert run.status == 0, run.output
    return run


def copy_project(to: Path) -> Path:
    """Copy what a run of the project needs, to be edited."""
    for name in ("bin", "conf", "modules"):
        shutil.copytree(PROJECT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("main.nf", "nextflow.config", "nextflow_schema.json"):
        shutil.copy(PROJECT / name, to / name)
    return to


def write_sheet(folder: Path, *rows: str) -> Path:
    sheet = folder / "samplesheet.csv"
    sheet.write_text("\n".join(["scan,subject,image,label", *rows]) + "\n")
    return sheet


@dataclass(frozen=True)
class Resumed:
    """A run that was interrupted, with the tasks that were done by then, and the run that went on from there."""

    done: dict[tuple[str, str], str]
    run: Run


def ended(tasks: dict[tuple[str, str], str], process: str) -> bool:
    return any(name == process and status == "COMPLETED" for (name, _), status in tasks.items())


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.2)
