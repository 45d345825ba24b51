"""Whether the planes of a volume lie in their order and are each their own, as brains change from one to the next."""

import numpy as np
from numpy.typing import NDArray

from healthward.imaging.foreground import FULL_PLANE, Array, Mask, stride

MOST_ALTERNATE = 1.1
"""Difference of every other pair of neighbours, in that of planes two apart: 150 brains have up to 0.67 along any axis
and 1 where a grid was made finer by the nearest voxel; with neighbours swapped pairwise they have 1.22 and more."""

LONGEST_RUN, MOST_EQUAL = 2, 0.4
"""So many planes in a row that are equal to the one before, among few that are: a grid made finer has equal ones
throughout. Real brains have none."""

FEWEST_PLANES = 16


def odd_planes(voxels: Array, brain: Mask, axis: int) -> tuple[str, str] | None:
    """Return kind and text of what is odd about the planes along an axis, None where nothing is.

    Args:
        voxels: a volume without empty slices within its brain.
        brain: of its coarse copy (`healthward.imaging.foreground.sampled`).
        axis: 0 to 2.
    """
    step = stride(voxels)
    areas = np.moveaxis(brain, axis, 0).sum(axis=(1, 2))
    full = np.flatnonzero(areas >= FULL_PLANE * areas.max()) * step
    planes = np.moveaxis(voxels, axis, 0)[full[0] : full[-1] + 1, ::step, ::step].astype(np.float64)
    if len(planes) < FEWEST_PLANES:
        return None
    near = np.abs(np.diff(planes, axis=0)).mean(axis=(1, 2))
    first, longest = _longest_run(near == 0)
    if longest >= LONGEST_RUN and np.mean(near == 0) < MOST_EQUAL:
        start = full[0] + first
        where = f"slices {start} to {start + longest}, counted from 0,"
        return (
            "repeated",
            f"{where} are one and the same (lost ones filled in?); convert it anew, or look at the volume",
        )
    far = float(np.abs(planes[2:] - planes[:-2]).mean())
    less, more = sorted((float(near[::2].mean()), float(near[1::2].mean())))
    if more > MOST_ALTERNATE * far > less:
        return "order", "its slices seem to be in another order (neighbours swapped?); convert it anew"
    return None


def _longest_run(marks: NDArray[np.bool_]) -> tuple[int, int]:
    """Return where the longest run of true values starts, and its length."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marks, [False]]).astype(int)))
    starts, lengths = edges[::2], np.diff(edges)[::2]
    return (int(starts[lengths.argmax()]), int(lengths.max())) if len(lengths) else (0, 0)
