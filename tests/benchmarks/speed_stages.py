"""How fast slicing, scoring, summing up, the tools' start and the pipeline are, beside the plain way to do the same."""

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import lpips
import nibabel as nib
import numpy as np
import pandas as pd
import piq
import torch
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)
from torchmetrics.image.fid import FrechetInceptionDistance, NoTrainInceptionV3

from benchmarks.timing import compare
from healthward.evaluation.metrics import SCALE_WEIGHTS, scale_count
from healthward.evaluation.perceptual import Inception, Lpips
from healthward.imaging.slices import cut, load_scan, slice_bounds
from healthward.maps.scoring import pair, slice_features, slice_table
from healthward.names import SLICE_METRICS
from random_weights import save_alexnet, save_inception
from slice import slice_scan

PROJECT = Path(__file__).parents[2]
Row = dict[str, Any]


def slicing(image: Path, size: int, rounds: int) -> list[Row]:
    """A volume to slices on disk, beside nibabel's loading, scipy's zoom and a file for each slice."""
    with tempfile.TemporaryDirectory() as folder:
        words = [image, "--scan", "a", "--subject", "a", "--label", "CN", "--size", size, "--out", f"{folder}/slices"]

        def ours() -> None:
            slice_scan.main([str(word) for word in words], standalone_mode=False)

        def plain() -> None:
            voxels = nib.load(image).get_fdata()
            cube = ndimage.zoom(voxels, [size / extent for extent in voxels.shape])
            for axis, plane in enumerate(cut(cube, *slice_bounds(size, 0.35, 0.75))):
                for index, pixels in enumerate(plane):
                    np.save(f"{folder}/{axis}_{index}.npy", pixels)

        times = compare(ours, plain, rounds)
        loading = compare(lambda: np.asarray(nib.load(image).dataobj), lambda: None, rounds).ours
    return [
        times.row(
            "slicing a volume",
            2,
            f"{'×'.join(map(str, nib.load(image).shape))} to {size}³; decompression alone {loading:.2g} s",
        )
    ]


def scoring(folder: Path, rounds: int) -> list[Row]:
    """All slices of a scan by each metric, beside one slice at a time by the public packages."""
    scan = load_scan(folder)
    noise = np.random.default_rng(0).normal(0, 0.02, scan.stack.shape).astype(np.float32)
    healthy = np.clip(scan.stack + noise, 0, 1).astype(np.float32)
    pairs = pair(scan, healthy, healthy)
    keys = {
        "scan": scan.record.scan,
        "axis": np.repeat(["sagittal", "coronal", "axial"], scan.record.count),
        "index": np.tile(range(scan.record.first, scan.record.first + scan.record.count), 3),
    }
    some = slice(None, None, 13)
    with tempfile.TemporaryDirectory() as weights:
        alexnet, inception = save_alexnet(Path(weights)), save_inception(Path(weights))
        ours_lpips, ours_inception = (
            network(file, torch.device("cpu")) for network, file in ((Lpips, alexnet), (Inception, inception))
        )
        plain = _Plain(ours_lpips, inception)
    given, made = (stack.reshape(-1, *stack.shape[2:])[some] for stack in (pairs.input, pairs.healthy))
    share = len(given) / len(keys["index"])
    rows = []
    for name, metrics in (("five metrics of slices", SLICE_METRICS), ("with FID", (*SLICE_METRICS, "fid"))):
        found: dict[str, Any] = {}

        def ours(metrics: tuple[str, ...] = metrics, found: dict[str, Any] = found) -> None:
            wanted = tuple(metric for metric in metrics if metric != "fid")
            found["table"] = slice_table(pairs, pd.DataFrame(keys), wanted, ours_lpips)
            if "fid" in metrics:
                slice_features(pairs, ours_inception)

        def slice_by_slice(metrics: tuple[str, ...] = metrics, found: dict[str, Any] = found) -> None:
            found["plain"] = [plain.measure(*couple, metrics) for couple in zip(given, made, strict=True)]

        times = compare(ours, slice_by_slice, rounds)
        columns = [metric for metric in metrics if metric != "fid"]
        difference = np.abs(found["table"][columns].to_numpy()[some] - np.array(found["plain"])).max(axis=0)
        rows.append(
            {
                "name": f"scoring a scan, {name}",
                "ours_s": times.ours,
                "reference_s": times.reference / share,
                "ratio": times.reference / share / times.ours,
                "reach": 10,
                "note": f"{len(keys['index'])} slices, ours over the brain, too; apart by {difference.max():.0e}",
            }
        )
    return rows


class _Plain:
    """One pair of slices at a time, by scikit-image, piq, lpips and torchmetrics."""

    def __init__(self, network: Lpips, inception: Path) -> None:
        self.lpips = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
        self.lpips.load_state_dict(network._network.state_dict())
        features = NoTrainInceptionV3("inception-v3-compat", ["2048"], str(inception))
        self.fid = FrechetInceptionDistance(features)

    @torch.inference_mode()
    def measure(self, x: np.ndarray, y: np.ndarray, metrics: tuple[str, ...]) -> list[float]:
        grey = [torch.from_numpy(np.array(pixels))[None, None] for pixels in (x, y)]
        colour = [pixels.repeat(1, 3, 1, 1) for pixels in grey]
        weights = SCALE_WEIGHTS[: scale_count(x.shape[-1])]
        betas = tuple(weight * sum(SCALE_WEIGHTS) / sum(weights) for weight in weights)
        if "fid" in metrics:
            for pixels, real in zip(colour, (True, False), strict=True):
                self.fid.update((255 * pixels).byte(), real=real)
        return [
            float(
                structural_similarity_index_measure(*grey, sigma=1.5, data_range=1.0, return_full_image=True)[1].mean()
            ),
            float(multiscale_structural_similarity_index_measure(*grey, data_range=1.0, betas=betas, normalize="relu")),
            peak_signal_noise_ratio(x, y, data_range=1),
            float(self.lpips(*(2 * pixels - 1 for pixels in colour))),
            float(piq.vsi(*colour)),
        ]


def aggregation(scans: int) -> list[Row]:
    """Tables, figures and report of a large cohort, by the bench of its own."""
    command = [sys.executable, PROJECT / "tests/benchmarks/aggregate.py", "--scans", str(scans), "--calibrated"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return [
        {
            "name": f"aggregating {scans} scans",
            "ours_s": found["cpu_s"],
            "ratio": found["cpu_s"],
            "reach": 60,
            "less": True,
            "note": f"{156 * scans} rows; {found['peak_mib']} MiB at most; report of {found['report_mib']:.0f} MiB",
        }
    ]


def start_up(rounds: int) -> list[Row]:
    """The slowest tool's --help."""
    tools = [file for file in sorted((PROJECT / "bin").glob("*.py")) if os.access(file, os.X_OK)]
    taken = {file.name: min(_child_seconds([sys.executable, file, "--help"]) for _ in range(rounds)) for file in tools}
    slowest = max(taken, key=lambda name: taken[name])
    return [
        {
            "name": "--help of a tool",
            "ours_s": taken[slowest],
            "ratio": taken[slowest],
            "reach": 0.3,
            "less": True,
            "note": f"the slowest of {len(tools)}, {slowest}",
        }
    ]


def _child_seconds(command: list[Any]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(getattr(after, name) - getattr(before, name) for name in ("ru_utime", "ru_stime"))


def overhead(work: Path) -> list[Row]:
    """The time in which no task of the demo ran, from its first task's start to its last one's end."""
    outdir = work / "demo"
    if not (outdir / "pipeline_info/trace.txt").is_file():
        command = ["nextflow", "run", PROJECT, "-profile", "demo", "--outdir", outdir, "-work-dir", work / "tasks"]
        subprocess.run([*command, "-ansi-log", "false"], check=True, cwd=work)
    table = pd.read_csv(outdir / "pipeline_info/trace.txt", sep="\t")
    ends = pd.to_datetime(table["submit"]) + pd.to_timedelta(table["duration"])
    spans = sorted(zip(ends - pd.to_timedelta(table["realtime"]), ends, strict=True))
    busy, until = 0.0, spans[0][0]
    for start, end in spans:
        busy += max(0.0, (end - max(start, until)).total_seconds())
        until = max(until, end)
    whole = (until - spans[0][0]).total_seconds()
    return [
        {
            "name": "pipeline, time in which no task ran",
            "ours_s": whole - busy,
            "reference_s": busy,
            "ratio": (whole - busy) / busy,
            "reach": 0.1,
            "less": True,
            "note": f"the demo's {len(table)} tasks in {whole:.0f} s",
        }
    ]
