"""How the tissue of a brain looks, and how far that is from what others' does: contrast and sharpness, not anatomy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from healthward.imaging.foreground import Array

TISSUE = 0.4
"""Intensity, as a share of the brain's range, that fluid does not reach: with age there is more of it."""

PERCENTILES = (15, 50, 85)
FINE, BROAD = 1.0, 3.0
"""Standard deviations in voxels between which structure is fine and broad."""

FEWEST = 20
"""Scans from which it is known how those of a training look."""

SLIGHT = 1e-4


@dataclass(frozen=True)
class Appearance:
    """How the scans of a training look.

    Attributes:
        mean, scale: of each number of `appearance`, and its standard deviation.
        precision: of the standardised numbers, square, shrunk (Ledoit and Wolf, J. Multivar. Anal. 88, 2004).
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    precision: NDArray[np.float64]

    def distance(self, vector: Sequence[float]) -> float:
        """Return how many standard deviations a scan's look is away, by Mahalanobis: 1 is usual."""
        apart = (np.asarray(vector) - self.mean) / self.scale
        return float(np.sqrt(apart @ self.precision @ apart / len(apart)))

    def plain(self) -> dict[str, list[Any]]:
        """Return it as lists of numbers."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist(), "precision": self.precision.tolist()}


def appearance(cube: Array) -> tuple[float, ...]:
    """Return how a brain looks: three percentiles of its tissue, and the logarithm of what is fine and broad in it.

    Args:
        cube: (size, size, size), float32 in [0, 1], 0 outside the brain, of `healthward.preparation.sides.SIZE`.
    """
    bright = cube[cube > TISSUE]
    if not len(bright):
        return (0.0,) * (len(PERCENTILES) + 2)
    inner = ndimage.binary_erosion(cube > 0, iterations=2) & (ndimage.uniform_filter(cube, 3) > TISSUE)
    smooth, broad = (ndimage.gaussian_filter(cube, width) for width in (FINE, BROAD))
    spreads = [each[inner].std() if inner.any() else 0.0 for each in (cube - smooth, smooth - broad)]
    numbers = [*np.percentile(bright, PERCENTILES), *np.log(np.add(spreads, SLIGHT))]
    return tuple(round(float(number), 6) for number in numbers)


def appearance_of(vectors: Sequence[Sequence[float]]) -> Appearance | None:
    """Return how scans look by their `appearance`; None where they are too few."""
    if len(vectors) < FEWEST:
        return None
    from sklearn.covariance import ledoit_wolf

    numbers = np.asarray(vectors, dtype=float)
    mean, scale = numbers.mean(axis=0), numbers.std(axis=0, ddof=1) + SLIGHT
    covariance, _ = ledoit_wolf((numbers - mean) / scale)
    return Appearance(mean, scale, np.linalg.inv(covariance))


def appearance_in(plain: object) -> Appearance | None:
    """Return what `Appearance.plain` wrote, None for anything else."""
    try:
        mean, scale, precision = (
            np.asarray(plain[name], dtype=np.float64)  # type: ignore[index]
            for name in ("mean", "scale", "precision")
        )
    except (TypeError, KeyError, ValueError):
        return None
    size = len(PERCENTILES) + 2
    sound = mean.shape == scale.shape == (size,) and precision.shape == (size, size) and (scale > 0).all()
    return Appearance(mean, scale, precision) if sound and np.isfinite(precision).all() else None
