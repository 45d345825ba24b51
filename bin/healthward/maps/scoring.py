"""Scores of one scan: a table of its slices, a row for the scan, its least similar slices."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from healthward.diffusion.translation import scan_log_odds
from healthward.errors import InputError
from healthward.evaluation.localisation import VoxelScores, voxel_scores
from healthward.evaluation.metrics import frechet_distance, isolate_brain, slice_metrics
from healthward.evaluation.perceptual import Inception, Lpips
from healthward.imaging.slices import AXES, ScanRecord, ScanSlices
from healthward.imaging.volumes import Array
from healthward.maps.fusion import coverage
from healthward.names import SLICE_METRICS


@dataclass(frozen=True)
class Pairs:
    """The slices of a scan and what was made of them: float32 (3, n, S, S) in [0, 1].

    Attributes:
        scan: the scan.
        brain: bool, (3, n, S, S): the brain in its slices.
        input: its slices.
        healthy: decoded toward the healthy class.
        unguided: decoded from the same latents without guidance.
    """

    scan: ScanSlices
    brain: NDArray[np.bool_]
    input: Array
    healthy: Array
    unguided: Array


def pair(scan: ScanSlices, healthy: Array, unguided: Array) -> Pairs:
    """Put a scan's slices beside what was made of them."""
    return Pairs(scan, scan.brain_stack, np.array(scan.stack), healthy, unguided)


def slice_table(
    pairs: Pairs,
    reconstruction: pd.DataFrame,
    metrics: tuple[str, ...],
    lpips: Lpips | None = None,
    device: torch.device | None = None,
) -> pd.DataFrame:
    """Measure every slice of a scan.

    Args:
        pairs: the slices.
        reconstruction: what the reconstruction says of each slice, by scan, axis and index.
        metrics: names from `healthward.names.SLICE_METRICS`; lpips goes by the next argument.
        lpips: the network, where lpips is wanted.
        device: where to compute.

    Returns:
        A row per slice, axis by axis: scan, subject, label, split, axis, index; each metric, each with `_brain`;
        brain_fraction; the columns of the reconstruction.

    Raises:
        InputError: the reconstruction lacks slices of this scan.
    """
    record = pairs.scan.record
    measured = slice_metrics(*_tensors(pairs, device), metrics, lpips)
    place = pd.DataFrame(
        {
            **_identity(record),
            "axis": np.repeat(AXES, record.count),
            "index": np.tile(np.arange(record.first, record.first + record.count), len(AXES)),
        }
    )
    place[list(measured)] = pd.DataFrame(measured)
    place["brain_fraction"] = pairs.brain.mean(axis=(2, 3)).reshape(-1)
    table = place.merge(reconstruction, on=["scan", "axis", "index"], validate="one_to_one")
    if len(table) < len(place):
        raise InputError(
            f"scan {record.scan}: {len(place) - len(table)} of its {len(place)} slices have no row in"
            " reconstruction.csv; reconstruct the scan from these slices"
        )
    return table


def slice_features(pairs: Pairs, inception: Inception, device: torch.device | None = None) -> dict[str, Array]:
    """Return Inception's features of all slices, float32 (3n, 2048): input and healthy, over frame and brain.

    The sets over the brain (`input_brain`, `healthy_brain`) leave out slices without a brain pixel.
    """
    given, healthy, brain = _tensors(pairs, device)
    seen = brain.flatten(0, 1).flatten(1).any(dim=1)
    return {
        "input": inception(given.flatten(0, 1)),
        "healthy": inception(healthy.flatten(0, 1)),
        "input_brain": inception(isolate_brain(given, brain)[seen]),
        "healthy_brain": inception(isolate_brain(healthy, brain)[seen]),
    }


def scan_table(
    pairs: Pairs, slices: pd.DataFrame, scores: Mapping[str, Array], features: dict[str, Array] | None = None
) -> pd.DataFrame:
    """Sum up a scan in one row.

    Args:
        pairs: the slices.
        slices: what `slice_table` returned.
        scores: cubes of voxel scores by their names in `healthward.maps.scores.SCORES`.
        features: what `slice_features` returned, if anything.

    Returns:
        scan, subject, label, split; the mean of each metric over the slices that have it; fid and fid_brain where
        there are features; round_trip_psnr (mean), log_odds (mean over brain pixels), log_odds_of (the class,
        where the reconstruction tells it) and unreliable_fraction; then, over brain voxels that a slice goes through,
        each score's mean and 99th percentile, prevalence of the true anomaly, and each score's AUPRC and AUROC, NaN
        without a ground truth or with an empty one.
    """
    scan = pairs.scan
    row: dict[str, object] = dict(_identity(scan.record))
    row |= {name: slices[name].mean() for name in map(str, slices) if name.removesuffix("_brain") in SLICE_METRICS}
    if features is not None:
        row["fid"] = frechet_distance(features["input"], features["healthy"])
        row["fid_brain"] = frechet_distance(features["input_brain"], features["healthy_brain"])
    row["round_trip_psnr"] = slices["round_trip_psnr"].mean()
    row["log_odds"] = scan_log_odds(slices["log_odds"].to_numpy(), slices["brain_fraction"].to_numpy())
    if "log_odds_of" in slices:
        row["log_odds_of"] = slices["log_odds_of"].iloc[0]
    row["unreliable_fraction"] = slices["unreliable"].mean()
    region = scan.brain & (coverage(scan.record) > 0)
    for name, score in scores.items():
        inside = score[region]
        row[f"{name}_mean"] = inside.mean() if inside.size else np.nan
        row[f"{name}_p99"] = np.percentile(inside, 99) if inside.size else np.nan
    truth = scan.truth if scan.truth is not None and scan.truth[region].any() else None
    for name, score in scores.items():
        found = VoxelScores() if truth is None else voxel_scores(score, truth, region)
        row["prevalence"] = found.prevalence
        row[f"{name}_auprc"] = found.auprc
        row[f"{name}_auroc"] = found.auroc
    return pd.DataFrame([row])


def lowest_slices(pairs: Pairs, slices: pd.DataFrame, count: int) -> dict[str, NDArray[np.generic]]:
    """Return the `count` slices of lowest SSIM, lowest first.

    Returns:
        input, healthy: float32 (count, S, S) in [0, 1]; axis: str, index: int, ssim: float, each (count,).
    """
    lowest = slices["ssim"].to_numpy().argsort(kind="stable")[:count]
    size = pairs.scan.record.size
    return {
        "input": pairs.input.reshape(-1, size, size)[lowest],
        "healthy": pairs.healthy.reshape(-1, size, size)[lowest],
        "axis": slices["axis"].to_numpy(dtype=str)[lowest],
        "index": slices["index"].to_numpy()[lowest],
        "ssim": slices["ssim"].to_numpy()[lowest],
    }


def _identity(record: ScanRecord) -> dict[str, str]:
    return {"scan": record.scan, "subject": record.subject, "label": record.label, "split": record.split}


def _tensors(pairs: Pairs, device: torch.device | None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    given, healthy, brain = (torch.from_numpy(array).to(device) for array in (pairs.input, pairs.healthy, pairs.brain))
    return given, healthy, brain
