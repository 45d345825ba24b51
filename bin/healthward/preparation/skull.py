"""Whether the skull of a head was taken off."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from healthward.imaging.foreground import Array, fine_foreground, levelled

MOST_ML = 2200.0
"""More than the largest brains with their fluid; whole heads take 2900 and more."""

REST = 0.02
"""Share of what differs from the background that may lie outside the brain: traces of a resampling."""


def is_stripped(voxels: Array, affine: NDArray[np.float64]) -> bool:
    """Return whether a volume shows hardly anything but a brain before a background of one value.

    Args:
        voxels: three dimensions.
        affine: (4, 4), voxel to world millimetres.
    """
    plain = levelled(voxels)
    brain = fine_foreground(plain.voxels)
    if np.count_nonzero(brain) * abs(np.linalg.det(affine[:3, :3])) / 1000 > MOST_ML:
        return False
    differs = np.abs(plain.voxels - plain.background) > 0.05 * (np.ptp(plain.voxels))
    rest = differs & ~ndimage.binary_dilation(brain, iterations=2)
    return bool(np.count_nonzero(rest) <= REST * np.count_nonzero(differs))
