"""What a map finds of a planted disease itself, beside what it would find without it, and in another person.

A map that ranks places where disease often is, or edges, scores without having looked at the patient. Its twin, the
same map of the same person's scan as it was before the disease was planted, against the same truth, scores as much:
what the disease adds is the difference. And other people's maps against this truth score as much where a map holds
nothing of the person.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from healthward.evaluation.localisation import voxel_scores

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


class TwinScores(NamedTuple):
    """How a map finds one planted disease.

    Attributes:
        chance: share of the brain that is diseased: the AUPRC of a map that knows nothing.
        auprc: area under the precision-recall curve over the brain.
        twin: that of the map of the scan without the disease.
        added: the difference of the two: what the disease adds.
        swapped: mean AUPRC of other people's maps; NaN without any.
        swap_gain: share of what is above chance that is lost with them: 1 where they are worth nothing, 0 where they
            serve as well; NaN where the map itself is not above chance.
    """

    chance: float
    auprc: float
    twin: float
    added: float
    swapped: float
    swap_gain: float


def brain_auprc(anomaly: Array, truth: Mask, brain: Mask) -> float:
    """Return the average precision of a map over a brain, where true voxels outside it count as missed.

    Args:
        anomaly: the map, of any finite range; higher is more anomalous.
        truth: anomalous voxels, of the map's shape, somewhere True.
        brain: voxels that the map is of.
    """
    inside = voxel_scores(anomaly, truth, brain).auprc
    return inside * float(np.count_nonzero(truth & brain)) / float(np.count_nonzero(truth))


def twin_scores(ill: Array, well: Array, truth: Mask, brain: Mask, others: Sequence[Array] = ()) -> TwinScores:
    """Score a map of a scan with planted disease.

    Args:
        ill: the map of the scan with the disease, higher where more is amiss.
        well: the same map of the scan without it.
        truth: where the disease is, of the maps' shape.
        brain: of the same shape.
        others: the same map of other people with other diseases, in the same space.
    """
    chance = float(truth[brain].mean())
    auprc, twin = (brain_auprc(each, truth, brain) for each in (ill, well))
    swapped = float(np.mean([brain_auprc(each, truth, brain) for each in others])) if others else np.nan
    gain = (auprc - swapped) / (auprc - chance) if auprc > chance else np.nan
    return TwinScores(chance, auprc, twin, auprc - twin, swapped, gain)


def paired_auroc(ill: Sequence[float], well: Sequence[float]) -> float:
    """Return how often the score of a scan with planted disease is above that of the same scan without; a tie is half.

    Args:
        ill, well: scores of the same people, in the same order.
    """
    apart = np.subtract(ill, well)
    return float(np.mean((apart > 0) + 0.5 * (apart == 0)))
