"""Does it find disease? Every score and baseline on simulated scans whose true anomaly is known.

    python tests/benchmarks/validity.py --work results/validity [--model DIR] [--size 48] [--subjects 500] [--workers 2]

Simulates a training cohort and test cohorts of other seeds, trains (or takes --model), translates held-out subjects,
and writes docs/benchmark/validity.json, its figures, and the tables of docs/benchmark.md. What is in --work is not made
again. Norms and thresholds come from control subjects that no figure is of.
"""

import argparse
import json
import multiprocessing
import os
import platform
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
PROJECT = Path(__file__).parents[2]
sys.path[:0] = [str(PROJECT / "bin"), str(PROJECT / "tests")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from nibabel import load as load_nifti  # noqa: E402
from tqdm import tqdm  # noqa: E402

from benchmarks import baselines  # noqa: E402
from benchmarks.measures import measure, write_results  # noqa: E402
from healthward.diffusion.devices import select_device, select_precision  # noqa: E402
from healthward.diffusion.model import load_model  # noqa: E402
from healthward.diffusion.translation import Settings, decodings, scan_log_odds  # noqa: E402
from healthward.imaging.formats import load_volume  # noqa: E402
from healthward.imaging.slices import ScanSlices, load_scan, read_record  # noqa: E402
from healthward.imaging.volumes import on_cube  # noqa: E402
from healthward.labels import ADNI, NULL_CONDITION  # noqa: E402
from healthward.maps.fusion import coverage, fuse  # noqa: E402
from healthward.maps.reconstruction import Translator  # noqa: E402
from healthward.maps.scores import SCORES, make_scores  # noqa: E402
from healthward.names import cubes_for  # noqa: E402
from healthward.planting.simulation import KINDS  # noqa: E402
from simulate import simulate_cohort  # noqa: E402
from slice import slice_scan  # noqa: E402
from train import train_model  # noqa: E402

HEALTHY, DISEASE = ADNI.condition("CN"), ADNI.condition("AD")
OURS = [name for name in SCORES if name != "perceptual_anomaly"]
"""The perceptual score needs weights that nobody may ship."""

SLOW = ("mahalanobis",)


@dataclass(frozen=True)
class Group:
    """Test subjects of one kind of disease, with how many of each class are translated."""

    kind: str
    seed: int
    counts: dict[str, int]


def groups(scale: float, seed: int) -> list[Group]:
    """Return the held-out subjects: graded atrophy everywhere, in one place each, and an unseen lesion."""

    def some(**counts: int) -> dict[str, int]:
        return {label: max(1, round(scale * count)) for label, count in counts.items()}

    whole = Group("atrophy", seed + 1, some(CN=16, EMCI=6, MCI=3, LMCI=3, AD=7))
    places = [Group(kind, seed + 2, some(MCI=1, AD=1)) for kind in KINDS if kind not in ("atrophy", "lesion")]
    return [whole, *places, Group("lesion", seed + 3, some(MCI=1, LMCI=2, AD=2))]


def make_cohort(folder: Path, kind: str, seed: int, size: int, subjects: int, training: bool) -> Path:
    """Simulate and slice a cohort once; every tenth subject of a training cohort validates."""
    cohort, slices = folder / "scans", folder / "slices"
    if not (cohort / "samplesheet.csv").is_file():
        arguments = ["--subjects", subjects, "--size", size, "--seed", seed, "--kind", kind, "--out", cohort]
        simulate_cohort.main(list(map(str, arguments)), standalone_mode=False)
    sheet = pd.read_csv(cohort / "samplesheet.csv", dtype=str)
    for number, row in enumerate(tqdm(sheet.to_dict("records"), desc="slicing", unit="scan", disable=None)):
        out = slices / row["scan"]
        if not (out / "scan.json").is_file():
            split = "test" if not training else "val" if number // 5 % 10 == 0 else "train"
            naming = ["--scan", row["scan"], "--subject", row["subject"], "--label", row["label"], "--split", split]
            image, mask = cohort / row["image"], cohort / row["mask"]
            arguments = [image, *naming, "--mask", mask, "--size", size, "--out", out]
            slice_scan.main(list(map(str, arguments)), standalone_mode=False)
    return slices


@dataclass(frozen=True)
class Task:
    """One subject to translate.

    Attributes:
        slices, scans: folders of its cohort.
        scan: its name.
        kind: of its disease.
        out: file for what is made of it.
        slow: whether what takes many times longer than all else is run on it: the tutorial's loop, an ensemble.
    """

    slices: Path
    scans: Path
    scan: str
    kind: str
    out: Path
    slow: bool


@dataclass(frozen=True)
class Bench:
    """What translates the subjects: the model's folder, the settings, and where the training controls are."""

    model: Path
    settings: Settings
    controls: Path
    device: str
    seed: int

    def __call__(self, task: Task) -> None:
        started = time.monotonic()
        config = json.loads((self.model / "config.json").read_text())
        device, model = select_device(self.device), load_model(self.model)
        model.compute_in(select_precision("auto", device))
        translator = Translator(model, HEALTHY, DISEASE, self.settings, device, seed=self.seed)
        scan = load_scan(task.slices / task.scan)
        wanted = [name for name in OURS if task.slow or name not in SLOW]
        translation, one_step = translator.translate(scan), translator.one_step(scan, cubes_for(wanted))
        fused = translator.fuse(scan, translation, one_step, cubes_for(wanted))
        cubes = {f"ours/{name}": cube for name, cube in make_scores(fused, wanted).items()}

        slices = scan.stack.reshape(-1, *scan.stack.shape[2:])
        depth, drawn = config["max_timestep"], scan.record.seed(self.seed)
        mapped = {
            "baseline/one_step": baselines.one_step(model, slices, NULL_CONDITION, depth, drawn, device),
            "baseline/forward_only": baselines.forward_only(
                model, slices, HEALTHY, depth, drawn, device, baselines.QUARTERS
            ),
            "baseline/plain_ddim": baselines.plain_ddim(model, slices, HEALTHY, self.settings, device),
        }
        if task.slow:
            mapped["tutorial/tutorial"] = baselines.tutorial(model, slices, HEALTHY, device)
        cubes |= {name: fuse(maps.reshape(scan.stack.shape), scan.record.first) for name, maps in mapped.items()}
        with np.load(self.controls) as controls:
            mean, deviation = controls["mean"], controls["deviation"]
        cubes |= {
            "baseline/control_mean": baselines.mean_map(scan.cube, mean),
            "baseline/control_z": baselines.z_map(scan.cube, mean, deviation),
        }
        truth = pd.read_csv(task.scans / "truth.csv", dtype={"scan": str}).set_index("scan").loc[task.scan]
        other, _ = load_volume(task.scans / truth["counterfactual"])
        facts = {
            "dose": float(truth["dose"]),
            "kind": task.kind,
            "log_odds": scan_log_odds(one_step.log_odds, scan.brain_stack.sum(axis=(2, 3)).ravel()),
            "reversed": reversal(translator, scan) if task.kind == "atrophy" else None,
            "seconds": time.monotonic() - started,
        }
        task.out.parent.mkdir(parents=True, exist_ok=True)
        partial = task.out.with_suffix(".partial.npz")
        np.savez_compressed(
            partial,
            facts=json.dumps(facts),
            unguided=fused.unguided,
            healthy=fused.healthy,
            counterfactual=on_cube(other, scan.geometry, scan.record.size),
            **{name: cube.astype(np.float32) for name, cube in cubes.items()},
        )
        partial.replace(task.out)


def reversal(translator: Translator, scan: ScanSlices) -> float:
    """Return the mean absolute error in a healthy brain of a way to the diseased class and back; NaN for patients."""
    if scan.record.label != "CN":
        return float("nan")
    way = scan.stack.reshape(-1, *scan.stack.shape[2:])
    for condition in (DISEASE, HEALTHY):
        way = decodings(translator.model, way, [condition], translator.settings, translator.device)[0][0]
    returned = fuse(way.reshape(scan.stack.shape), scan.record.first)
    return float(np.abs(returned - scan.cube)[scan.brain & (coverage(scan.record) > 0)].mean())


def train(arguments: argparse.Namespace, slices: Path) -> Path:
    """Train the bench's model, or go on where an earlier call was interrupted."""
    out = arguments.work / "model"
    if not (out / "config.json").is_file():
        recipe = [
            *("--channels", arguments.channels, "--attention-levels", arguments.attention_levels),
            *("--iterations", arguments.iterations, "--batch-size", arguments.batch_size),
            *("--learning-rate", 1e-3, "--warmup", 100),
            *("--max-timestep", 400, "--validate-every", 1000, "--seed", arguments.seed),
            *("--device", arguments.device, "--checkpoints", arguments.work / "checkpoints", "--out", out),
        ]
        train_model.main([*map(str, sorted(slices.iterdir())), *map(str, recipe)], standalone_mode=False)
    return out


def control_statistics(slices: Path, file: Path) -> Path:
    """Write mean and standard deviation of the training controls' cubes, for the baselines that need no network."""
    if not file.is_file():
        cubes = [
            np.asarray(load_nifti(folder / "conformed.nii.gz").dataobj)
            for folder in sorted(slices.iterdir())
            if read_record(folder).label == "CN" and read_record(folder).split == "train"
        ]
        np.savez(file, mean=np.mean(cubes, axis=0), deviation=np.std(cubes, axis=0, ddof=1))
    return file


def tasks_of(group: Group, folder: Path, out: Path, size: int, slowly: int) -> list[Task]:
    """Make a group's cohort and return its subjects: so many of each class, the first of which the slow ones run on."""
    subjects = 5 * max(group.counts.values())
    cohort = folder / f"{group.kind}-{subjects}"
    slices = make_cohort(cohort, group.kind, group.seed, size, subjects, training=False)
    scans = [f"{label.lower()}{number:03d}" for label, count in group.counts.items() for number in range(count)]
    slow = {f"ad{number:03d}" for number in range(slowly)} if group.kind in ("atrophy", "lesion") else set()
    return [
        Task(slices, cohort / "scans", scan, group.kind, out / group.kind / f"{scan}.npz", scan in slow)
        for scan in scans
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for cohorts, model and maps")
    parser.add_argument("--model", type=Path, help="take this model instead of training one")
    parser.add_argument("--size", type=int, default=48)
    parser.add_argument("--subjects", type=int, default=500, help="to train and validate on")
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of test subjects")
    parser.add_argument("--slow", type=int, default=2, help="AD and lesion subjects that the tutorial's loop runs on")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--channels", default="16,32,64")
    parser.add_argument("--attention-levels", default="0,0,1")
    parser.add_argument("--iterations", type=int, default=12000)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--noise-depth", type=int, default=Settings.noise_depth)
    parser.add_argument("--ddim-steps", type=int, default=Settings.ddim_steps)
    parser.add_argument("--inversion-iterations", type=int, default=6)
    parser.add_argument("--guidance-scale", type=float, default=Settings.guidance_scale)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=PROJECT / "docs/benchmark")
    parser.add_argument("--page", type=Path, default=PROJECT / "docs/benchmark.md")
    arguments = parser.parse_args()

    started = time.monotonic()
    folder: Path = arguments.work / f"size-{arguments.size}"
    cohort = folder / f"training-{arguments.subjects}"
    slices = make_cohort(cohort, "atrophy", arguments.seed, arguments.size, arguments.subjects, training=True)
    model = arguments.model or train(arguments, slices)
    controls = control_statistics(slices, folder / "controls.npz")
    settings = Settings(
        arguments.guidance_scale, arguments.noise_depth, arguments.ddim_steps, arguments.inversion_iterations
    )
    bench = Bench(model, settings, controls, arguments.device, arguments.seed)
    maps = arguments.work / "maps"
    tasks = [
        task
        for group in groups(arguments.scale, arguments.seed)
        for task in tasks_of(group, folder, maps, arguments.size, arguments.slow)
    ]
    # The slowest first, so that no worker is left alone with one at the end
    waiting = sorted((task for task in tasks if not task.out.is_file()), key=lambda task: not task.slow)
    with multiprocessing.get_context("spawn").Pool(arguments.workers) as pool:
        done = pool.imap_unordered(bench, waiting)
        for _ in tqdm(done, total=len(waiting), desc="translating", unit="scan", disable=None):
            pass
    described: dict[str, Any] = {
        "date": datetime.now().date().isoformat(),
        "command": " ".join(["make bench-validity", *sys.argv[1:]]),
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, {arguments.device}",
        "size": arguments.size,
        "settings": vars(settings),
        "seed": arguments.seed,
        "model": json.loads((model / "config.json").read_text())["training"] | {"scans": None},
        "minutes": round((time.monotonic() - started) / 60, 1),
    }
    results = measure([(task.out, load_scan(task.slices / task.scan)) for task in tasks], slices)
    write_results(results, described, arguments.out, arguments.page)


if __name__ == "__main__":
    main()
