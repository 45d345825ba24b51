"""How fast each stage is, beside the plain way to do the same, and beside what it is bound by.

    python tests/benchmarks/speed.py --work results/speed [--only network,training,…] [--device cpu]

Writes docs/benchmark/speed.json and its table in docs/benchmark.md. On a CPU every figure is the time of one thread.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
PROJECT = Path(__file__).parents[2]
sys.path[:0] = [str(PROJECT / "bin"), str(PROJECT / "tests")]

import torch  # noqa: E402
from tqdm import tqdm  # noqa: E402

from benchmarks import speed_network, speed_stages  # noqa: E402
from benchmarks.measures import put_table  # noqa: E402
from healthward.diffusion.devices import select_device  # noqa: E402
from simulate import simulate_cohort  # noqa: E402
from slice import slice_scan  # noqa: E402

MODEL = PROJECT / "conf/simulated-model"


def make_scans(work: Path, size: int, voxels: int) -> tuple[list[Path], list[Path]]:
    """Return a simulated control and a patient, of so many voxels an edge, and their slices."""
    cohort = work / f"scans-{voxels}"
    if not (cohort / "samplesheet.csv").is_file():
        words = ["--subjects", 5, "--size", voxels, "--seed", 3, "--out", cohort]
        simulate_cohort.main(list(map(str, words)), standalone_mode=False)
    images = [next(cohort.glob(f"{label}*[0-9].nii.gz")) for label in ("cn", "ad")]
    folders = [work / f"slices-{voxels}-{size}" / image.name.split(".")[0] for image in images]
    for image, folder, label in zip(images, folders, ("CN", "AD"), strict=True):
        if not (folder / "scan.json").is_file():
            words = [image, "--scan", folder.name, "--subject", folder.name, "--label", label, "--split", "train"]
            words += ["--size", size, "--out", folder]
            slice_scan.main(list(map(str, words)), standalone_mode=False)
    return images, folders


def markdown(rows: list[dict[str, Any]]) -> str:
    """Return the table of the rows."""
    lines = ["| what | ours | reference | ratio | reach | | |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        reference = f"{row['reference_s']:.3g} s" if row["reference_s"] is not None else ""
        sign = "<" if row["less"] else "≥"
        met = "met" if row["met"] else "**missed**"
        cells = [row["name"], f"{row['ours_s']:.3g} s", reference, f"{row['ratio']:.3g}", f"{sign} {row['reach']:g}"]
        lines.append(f"| {' | '.join([*cells, met, row['note']])} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for scans and the demo's run")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scans", type=int, default=1000, help="of the cohort to sum up")
    parser.add_argument("--only", help="comma-separated parts; rows of others stay as they are")
    parser.add_argument("--out", type=Path, default=PROJECT / "docs/benchmark/speed.json")
    parser.add_argument("--page", type=Path, default=PROJECT / "docs/benchmark.md")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    device, rounds = select_device(arguments.device), arguments.rounds
    arguments.work = arguments.work.resolve()
    arguments.work.mkdir(parents=True, exist_ok=True)
    images, folders = make_scans(arguments.work, arguments.size, 192)
    _, small = make_scans(arguments.work, 48, 48)
    parts: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "evaluation": lambda: speed_network.evaluation(arguments.size, device, rounds),
        "translation": lambda: speed_network.translation(MODEL, small[1], arguments.size, device),
        "training": lambda: speed_network.training(folders, device, 2, rounds),
        "slicing": lambda: speed_stages.slicing(images[1], arguments.size, rounds),
        "scoring": lambda: speed_stages.scoring(folders[1], 1),
        "aggregation": lambda: speed_stages.aggregation(arguments.scans),
        "start-up": lambda: speed_stages.start_up(rounds),
        "overhead": lambda: speed_stages.overhead(arguments.work),
    }
    machine = f"{platform.machine()} ({torch.backends.cpu.get_cpu_capability()}), {torch.get_num_threads()} thread"
    if device.type == "cuda":
        machine = torch.cuda.get_device_name(device)
    wanted = arguments.only.split(",") if arguments.only else list(parts)
    kept = json.loads(arguments.out.read_text()) if arguments.out.is_file() else []
    found = {part: [row for row in kept if row["part"] == part] for part in parts}
    for part in tqdm(wanted, "speed", unit="part"):
        found[part] = []
        for row in parts[part]():
            row = {"part": part, "reference_s": None, "less": False, "machine": machine, **row}
            row["met"] = row["ratio"] < row["reach"] if row["less"] else row["ratio"] >= row["reach"]
            found[part].append(
                {key: float(f"{value:.4g}") if isinstance(value, float) else value for key, value in row.items()}
            )
        rows = [row for each in found.values() for row in each]
        arguments.out.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        put_table(arguments.page, "speed", markdown(rows))


if __name__ == "__main__":
    main()
