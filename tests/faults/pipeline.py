"""Whole runs of which tools and Nextflow itself are killed at random moments, and which are resumed until they end."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faults.tools import content
from runs import Run, read_trace, start, statuses, tools_of

TOOL, NEXTFLOW = "tool", "Nextflow"
REACH = {
    "check.py": 2,
    "simulate.py": 8,
    "slice.py": 0.5,
    "train.py": 20,
    "reconstruct.py": 12,
    "score.py": 8,
    "aggregate.py": 5,
}
"""Tools in the order of a run, with the seconds after the start of one within which something is killed."""


@dataclass
class Shaken:
    """A run under fire.

    Attributes:
        strikes: what was killed, how, and how many seconds after Nextflow's start.
        torn: published files that were half written when Nextflow was dead.
        redone: tasks that were done, and were done again.
        run: the launch that reached the end.
    """

    strikes: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    redone: list[tuple[str, str]] = field(default_factory=list)
    run: Run | None = None


def shake(folder: Path, line: Sequence[str], calm: Path, plan: Sequence[tuple[str, str]], rng: random.Random) -> Shaken:
    """Run the pipeline in `folder`, and resume it until it ends.

    Args:
        line: arguments of the first launch; the others get -resume, if it is not there.
        calm: outdir of a run with the same results that nobody disturbed.
        plan: what to kill, TOOL or NEXTFLOW, and at which stage, such as score.py, one after the other.

    Returns:
        What was done and seen. Strikes for which the run was too short are missing.
    """
    seen, ahead = Shaken(), list(plan)
    done: set[tuple[str, str]] = set()
    published = folder / "results"
    for launch in range(len(plan) + 5):
        resume = ["-resume"] if launch and "-resume" not in line else []
        process, begun = start(folder, *line, *resume), time.monotonic()
        while ahead and process.poll() is None:
            struck = strike(process, *ahead[0], rng)
            if struck:
                seen.strikes.append(f"{struck} {time.monotonic() - begun:.1f} s after the start of launch {launch + 1}")
                ahead.pop(0)
        output, _ = process.communicate()
        ended = statuses(read_trace(published)) if (published / "pipeline_info/trace.txt").exists() else {}
        seen.redone += [task for task in done if ended.get(task, "CACHED") != "CACHED"]
        done |= {task for task, status in ended.items() if status in ("COMPLETED", "CACHED")}
        if process.returncode == 0:
            seen.run = Run(0, output, folder)
            return seen
        seen.torn += [name for name in results(published) if content(published / name) != content(calm / name)]
    raise AssertionError(output)


def strike(process: subprocess.Popen[str], target: str, stage: str, rng: random.Random) -> str:
    """Kill a target at a random moment once a stage is reached; return what was killed, if it was there then."""
    order = list(REACH)
    from_there = set(order[order.index(stage) :])
    while process.poll() is None and from_there.isdisjoint(tools_of(process).values()):
        time.sleep(0.05)
    time.sleep(rng.uniform(0, REACH[stage]))
    if target == NEXTFLOW and process.poll() is None:
        process.kill()
        process.wait()
        return f"SIGKILL to Nextflow at {stage}"
    running = sorted(tools_of(process).items()) if process.poll() is None else []
    number = rng.choice((signal.SIGKILL, signal.SIGTERM))
    if not running:
        return ""
    victim, tool = rng.choice(running)
    try:
        os.kill(victim, number)
    except ProcessLookupError:
        return ""
    return f"{number.name} to {tool}"


def results(outdir: Path) -> list[str]:
    """Return the paths of what is published in `outdir` and does not tell of the run itself."""
    found = [path.relative_to(outdir) for path in outdir.rglob("*") if path.is_file()]
    return sorted(str(path) for path in found if path.parts[0] not in ("pipeline_info", "checkpoints"))


def differing(outdir: Path, calm: Path) -> list[str]:
    """Return the published files of two runs that are absent from one of them or other."""
    names = {*results(outdir), *results(calm)}
    return sorted(name for name in names if content(outdir / name) != content(calm / name))
