"""One scan against what controls show: its calibrated maps and what they add up to."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from healthward.evaluation.localisation import dice, voxel_scores
from healthward.imaging.slices import ScanSlices
from healthward.imaging.volumes import Array, to_native
from healthward.norms.calibration import Departure

FALSE_DISCOVERY = 0.05
"""Share of false ones among the voxels that are called abnormal."""

RATES = (0.01, 0.05)
"""Shares of controls' voxels at which a scan's voxels are counted."""


@dataclass(frozen=True)
class CalibratedMaps:
    """Maps on the scan's own grid, float32 of the scan's shape, 0 where nothing can be determined.

    Attributes:
        zscore: controls' standard deviations above their mean.
        logp: -log10 of the share of controls' voxels that depart as far.
        abnormal: 1 where the false discovery rate is at most `FALSE_DISCOVERY`, else 0.
    """

    zscore: Array
    logp: Array
    abnormal: Array


def calibrated_maps(scan: ScanSlices, departure: Departure) -> CalibratedMaps:
    """Take the maps of a scan's departure to the scan's own grid."""
    cubes = np.nan_to_num(departure.z), -np.log10(np.nan_to_num(departure.p, nan=1)), abnormal(departure)
    zscore, logp, share = (to_native(cube.astype(np.float32), scan.geometry) for cube in cubes)
    return CalibratedMaps(zscore, logp, (share >= 0.5).astype(np.float32))


def abnormal(departure: Departure) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return the voxels that are called abnormal, bool (S, S, S)."""
    return np.nan_to_num(departure.q, nan=1) <= FALSE_DISCOVERY


def calibration_row(scan: ScanSlices, departure: Departure, round_trip: Departure) -> pd.DataFrame:
    """Sum up a scan's departure from controls in one row.

    Args:
        scan: the scan.
        departure: of the score that is calibrated.
        round_trip: of the unguided round trip's error: what the network cannot reproduce in this scan.

    Returns:
        scan; z_mean and z_p99 over the voxels that can be compared; beyond_1 and beyond_5, the shares of them that
        depart as far as 1 and 5 % of controls' voxels do; abnormal_ml; round_trip_z_p99; and against a ground truth
        z_auprc, z_auroc, and dice_1 and dice_5, Dice of the voxels beyond those rates. NaN where nothing can be
        determined.
    """
    known = np.isfinite(departure.z)
    row: dict[str, object] = {"scan": scan.record.scan}
    row["z_mean"], row["z_p99"] = _mean_and_p99(departure.z[known])
    beyond = {f"{rate:.0%}".rstrip("%"): departure.p[known] <= rate for rate in RATES}
    row |= {f"beyond_{name}": called.mean() if called.size else np.nan for name, called in beyond.items()}
    row["abnormal_ml"] = abnormal(departure).sum() * scan.record.spacing**3 / 1000 if known.any() else np.nan
    row["round_trip_z_p99"] = _mean_and_p99(round_trip.z[np.isfinite(round_trip.z)])[1]
    truth = scan.truth if scan.truth is not None else np.zeros_like(known)
    inside = truth[known]
    found = voxel_scores(departure.z, truth, known) if inside.any() else None
    row["z_auprc"], row["z_auroc"] = (found.auprc, found.auroc) if found else (np.nan, np.nan)
    row |= {f"dice_{name}": dice(called, inside) if inside.any() else np.nan for name, called in beyond.items()}
    return pd.DataFrame([row])


def _mean_and_p99(values: Array) -> tuple[float, float]:
    return (float(values.mean()), float(np.percentile(values, 99))) if values.size else (np.nan, np.nan)
