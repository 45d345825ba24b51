"""Whether left is left: brains are no mirrors, and a header that exchanges the sides shows in their asymmetry."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from scipy import ndimage

from healthward.imaging.foreground import Array
from healthward.imaging.mni_cube import MIDDLE

ASSETS = Path(__file__).with_name("assets")
WEIGHTS = "sides.safetensors"
"""Made of 150 heads of the IXI data set (CC BY-SA 3.0) by tests/benchmarks/sides.py."""

SIZE, FOV = 64, 192.0
"""The cube in which sides are compared."""

COARSE_MM, FINE_MM, STEP = 12.0, 4.5, 2
"""What is broader than the first is taken out, since coils brighten a side, too; what is finer is smoothed."""

SLIGHT = 1e-4


def sidedness(cube: Array) -> float:
    """Return how far the asymmetry of a brain is that of people: 1 for most, -1 for most that are mirrored.

    Args:
        cube: float32 (SIZE, SIZE, SIZE) in [0, 1], in MNI space, 0 outside the brain.
    """
    return float(asymmetry(cube) @ _weights())


def asymmetry(cube: Array) -> NDArray[np.float32]:
    """Return by how much each place differs from the one across the midline, as a vector; of a mirrored brain, less it.

    See `sidedness`.
    """
    spacing = FOV / SIZE
    # The planes that have one across
    planes = slice(round(2 * MIDDLE * SIZE) - SIZE, SIZE)
    own = cube[planes]
    inside = ((own > 0) & (own[::-1] > 0)).astype(np.float32)

    def broad(values: Array) -> Array:
        return ndimage.gaussian_filter(values * inside, COARSE_MM / spacing) / share

    share = ndimage.gaussian_filter(inside, COARSE_MM / spacing) + 1e-3
    apart = own - broad(own)
    local = apart / np.sqrt(broad(apart**2) + SLIGHT) * inside
    difference = ndimage.gaussian_filter(local - local[::-1], FINE_MM / spacing) * inside
    half = difference[: len(difference) // 2]
    return np.ascontiguousarray(half[::STEP, ::STEP, ::STEP], dtype=np.float32).ravel()


@cache
def _weights() -> NDArray[np.float32]:
    return load_file(ASSETS / WEIGHTS)["weights"].astype(np.float32)
