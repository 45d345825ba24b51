"""How well a map finds a known anomaly, voxel by voxel."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import distance


class VoxelScores(NamedTuple):
    """How a map ranks the voxels of a region against the truth.

    Attributes:
        prevalence: share of anomalous voxels: the AUPRC of a map that knows nothing.
        auprc: area under the precision-recall curve, as average precision.
        auroc: area under the ROC curve: 0.5 for a map that knows nothing.

    What cannot be determined is NaN.
    """

    prevalence: float = np.nan
    auprc: float = np.nan
    auroc: float = np.nan


def voxel_scores(anomaly: NDArray[np.float32], truth: NDArray[np.bool_], region: NDArray[np.bool_]) -> VoxelScores:
    """Score a map against a ground-truth mask inside a region, at every threshold.

    Args:
        anomaly: the map, of any finite range; higher is more anomalous.
        truth: anomalous voxels, of the map's shape.
        region: voxels that count, of the map's shape.

    Returns:
        The scores; all NaN where the region is empty, AUPRC and AUROC NaN where it is all healthy or all anomalous.
    """
    # A second to load, and of use where there is a truth
    from sklearn.metrics import average_precision_score, roc_auc_score

    target, scores = truth[region], anomaly[region]
    if len(target) == 0:
        return VoxelScores()
    prevalence = float(target.mean())
    if prevalence in (0.0, 1.0):
        return VoxelScores(prevalence)
    return VoxelScores(prevalence, float(average_precision_score(target, scores)), float(roc_auc_score(target, scores)))


def dice(called: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Return the Dice overlap of two masks of the same shape; NaN where both are empty."""
    if not (called.any() or truth.any()):
        return np.nan
    return 1 - float(distance.dice(called.ravel(), truth.ravel()))
