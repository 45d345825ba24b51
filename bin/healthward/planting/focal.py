"""Focal changes of signal: spots in white matter, and holes as infarcts leave them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from healthward.imaging.foreground import Array, Mask

EDGE = 0.3
"""Half the width of the edge over which a focus fades, as a share of its semi-axes."""


@dataclass(frozen=True)
class Foci:
    """What kind of foci are drawn.

    Attributes:
        semi_axes_mm: least and largest, drawn one by one.
        strength: share of the way to fluid that the middle of one goes.
    """

    semi_axes_mm: tuple[float, float]
    strength: float


SPOTS, HOLES = Foci((1.5, 4.0), 0.4), Foci((4.0, 9.0), 0.95)


def foci(count: int, kind: Foci, tissue: Mask, affine: NDArray[np.float64], rng: np.random.Generator) -> Array:
    """Draw foci at random places of a tissue.

    Args:
        count: how many.
        kind: of them.
        tissue: where their middles may lie, (X, Y, Z); they spread within it alone.
        affine: (4, 4), voxel to millimetres.
        rng: what draws them.

    Returns:
        Which share of the way to fluid each voxel goes, float32 (X, Y, Z) in [0, 1].
    """
    share = np.zeros(tissue.shape, np.float32)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    # Not at the rim, where a voxel holds others, too
    deep = np.argwhere(ndimage.binary_erosion(tissue))
    for _ in range(count if len(deep) else 0):
        middle, semi_axes = deep[rng.integers(len(deep))], rng.uniform(*kind.semi_axes_mm, 3)
        reach = np.ceil((1 + EDGE) * semi_axes / spacing).astype(int) + 1
        low, high = np.maximum(middle - reach, 0), np.minimum(middle + reach + 1, tissue.shape)
        box = tuple(slice(start, stop) for start, stop in zip(low, high, strict=True))
        grid = np.indices(tuple(high - low)).T + low - middle
        radius = np.linalg.norm(grid * spacing / semi_axes, axis=-1).T
        own = kind.strength * np.clip((1 + EDGE - radius) / (2 * EDGE), 0, 1)
        share[box] = np.maximum(share[box], own * tissue[box])
    return share
