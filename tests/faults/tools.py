"""Tools killed at random moments and run again: each must end with the bytes of a calm run."""

import importlib
import itertools
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import nibabel as nib
import numpy as np
import torch

from phantoms import GRIDS, head_on

COMMANDS = {
    "slice": "slice_scan",
    "train": "train_model",
    "reconstruct": "reconstruct_scans",
    "map": "map_scan",
    "score": "score",
    "norm": "norm_of",
    "calibrate": "calibrate",
    "aggregate": "aggregate",
}
STAGES = ("slice", "train", "reconstruct", "map", "score", "calibrate", "aggregate")
"""What is killed; norm.py only makes what calibrate.py reads."""
SIGNALS = (signal.SIGKILL, signal.SIGTERM)
SLICING = "--size 32 --slice-range 0.4 0.6"
NETWORK = "--channels 16,16 --attention-levels 0,1 --head-channels 16 --conditioning-dim 8"
LEARNING = "--iterations 6 --batch-size 2 --validate-every 3 --warmup 1 --device cpu"
TRANSLATION = "--noise-depth 99 --ddim-steps 2 --inversion-iterations 1 --device cpu"


@dataclass(frozen=True)
class Stage:
    """A tool with arguments, and what it wrote when nobody disturbed it.

    Attributes:
        line: its arguments; `{out}` in them is a folder for all that it writes.
        calm: that folder of the calm run.
        seconds: how long the calm run took.
    """

    tool: str
    line: tuple[str, ...]
    calm: Path
    seconds: float


@dataclass(frozen=True)
class Injection:
    """One process killed, and what became of its work.

    Attributes:
        moment: seconds after its start.
        torn: files that then were there by their final names, but half written.
        lost: what is not as in a calm run after the same line was run again, or was taken for finished.
    """

    tool: str
    signal: signal.Signals
    moment: float
    torn: list[str]
    lost: list[str]

    def __str__(self) -> str:
        said = f"{self.tool}.py {self.signal.name} after {self.moment:.2f} s, {len(self.torn)} files half written: "
        return said + (f"LOST {', '.join(self.lost)}" if self.lost else "none lost")


class Tools:
    """Starts tools in processes of their own, which a server forks that has imported PyTorch already."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(
            [
                "healthward.training.trainer",
                "healthward.maps.reconstruction",
                "healthward.maps.scoring",
                "healthward.report.page",
            ]
        )

    def start(self, tool: str, line: tuple[str, ...], out: Path) -> BaseProcess:
        arguments = [part.replace("{out}", str(out)) for part in line]
        process = self.context.Process(target=work, args=(tool, arguments, self.log))
        process.start()
        return process

    def finish(self, tool: str, line: tuple[str, ...], out: Path) -> int | None:
        process = self.start(tool, line, out)
        process.join()
        return process.exitcode


def work(tool: str, arguments: list[str], log: Path) -> None:
    """Be the tool."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    getattr(importlib.import_module(tool), COMMANDS[tool]).main(arguments)


def prepare(folder: Path, tools: Tools) -> dict[str, Stage]:
    """Take seven healthy people and a patient the whole way, calmly, and return a stage of each of `STAGES`."""
    controls = [f"cn{number}" for number in range(6)]
    people = [*controls, "cn6", "ad0"]
    for number, (scan, grid) in enumerate(zip(people, itertools.cycle(GRIDS), strict=False)):
        voxels, affine = head_on(grid)
        # Nobody is alike: the same head on two grids can give the same cube
        own = 1 + np.linspace(0, 0.1 * number, len(voxels), dtype=np.float32)[:, None, None]
        nib.save(nib.Nifti1Image(voxels * own, affine), folder / f"{scan}.nii.gz")
    stages = {}  # Of each tool the last one, by when the server and the disk are warm

    def calm(tool: str, name: str, *line: object) -> Path:
        words = tuple(str(word) for part in line for word in ([part] if isinstance(part, Path) else str(part).split()))
        out = folder / tool / name
        start = time.monotonic()
        assert tools.finish(tool, words, out) == 0, tools.log.read_text()
        stages[tool] = Stage(tool, words, out, time.monotonic() - start)
        return out

    slices, translated, mapped, scored = {}, {}, {}, []
    for scan in people:
        split = "train" if scan in ("cn6", "ad0") else "val"
        named = f"--scan {scan} --subject {scan} --label {scan[:2]} --split {split} --out {{out}}/{scan}"
        slices[scan] = calm("slice", scan, folder / f"{scan}.nii.gz", named, SLICING) / scan
    learned = [slices[scan] for scan in ("ad0", "cn6", "cn1")]
    model = calm("train", "model", *learned, NETWORK, LEARNING, "--checkpoints {out}/checkpoints --out {out}/model")
    for scan in slices:
        line = ("--model", model / "model", TRANSLATION, "--out {out}")
        translated[scan] = calm("reconstruct", scan, slices[scan], *line) / scan
        image = folder / f"{scan}.nii.gz"
        mapped[scan] = calm("map", scan, slices[scan], translated[scan], image, f"--out {{out}}/{scan}") / scan
    for scan in ("cn0", "ad0"):
        made = ("--reconstructions", translated[scan].parent, "--maps", mapped[scan].parent)
        scored.append(calm("score", scan, slices[scan], *made, "--device cpu --lowest 2 --out {out}") / scan)
    maps = folder / "maps"
    maps.mkdir()
    for scan in controls:
        (maps / scan).symlink_to(mapped[scan])
    held_out = [slices[scan] for scan in controls]
    norm = calm("norm", "norm", *held_out, "--maps", maps, "--out {out}/norm") / "norm"
    compared = ("--norm", norm, "--out {out}/ad0")
    calm("calibrate", "ad0", slices["ad0"], mapped["ad0"], folder / "ad0.nii.gz", *compared)
    calm("aggregate", "all", *scored, "--lowest 2 --out {out}/report")
    return {tool: stages[tool] for tool in STAGES}


def strike(stage: Stage, tools: Tools, out: Path, rng: random.Random) -> Injection:
    """Kill a tool at a moment of its run, any as likely as any other; then run it again over what it left."""
    number = rng.choice(SIGNALS)
    while True:
        moment = rng.uniform(0, stage.seconds)
        process = tools.start(stage.tool, stage.line, out)
        process.join(moment)
        if process.is_alive():
            break
        # It was faster than the calm one
        shutil.rmtree(out)
    os.kill(process.pid or 0, number)
    process.join()
    lost = ["its exit status, 0"] if process.exitcode == 0 and differing(out, stage.calm) else []
    torn = [name for name in differing(out, stage.calm) if (out / name).exists()]
    lost += unreadable(out)
    if tools.finish(stage.tool, stage.line, out) != 0:
        lost.append("the second run")
    lost += differing(out, stage.calm) + unreadable(out)
    return Injection(stage.tool, number, moment, torn, lost)


def campaign(folder: Path, count: int, seed: int) -> Iterator[Injection]:
    """Strike `count` times, each stage in its turn."""
    tools = Tools(folder / "tools.log")
    stages = list(prepare(folder, tools).values())
    rng = random.Random(seed)
    for number in range(count):
        yield strike(stages[number % len(stages)], tools, folder / "struck" / str(number), rng)


def differing(out: Path, calm: Path) -> list[str]:
    """Return the files of a calm run that are absent or other in `out`, and those that are there only."""
    names = results(calm) | results(out)
    return sorted(name for name in names if content(out / name) != content(calm / name))


def results(folder: Path) -> set[str]:
    """Return the paths in a folder of all but checkpoints, which outlive a training and whose log holds times."""
    found = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    return {str(path) for path in found if path.parts[0] != "checkpoints"}


def content(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


def unreadable(out: Path) -> list[str]:
    """Return the checkpoints that cannot be loaded."""
    broken = []
    for file in (out / "checkpoints").glob("*.pt"):
        try:
            torch.load(file, weights_only=True)
        except (RuntimeError, EOFError):
            broken.append(file.name)
    return broken
