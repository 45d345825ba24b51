"""What a scan's way into its cube needs beside its voxels: brain, bias field, scale of intensities and place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from healthward.imaging.foreground import Array, Mask

DARKEST, SPAN, HIGHEST = 0.2, 0.8, 1.5
"""Where the ends of a brain's intensities come to lie while its field is sought, which takes logarithms; and how many
times the way between them outliers may reach."""

Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Field:
    """A smooth factor by which places are too bright.

    Attributes:
        logarithm: float32 (X, Y, Z), on a coarse grid along the axes of a scan's own.
        lattice: (3, 2), along each axis the coarse grid's step and its first place, in voxels of the scan.
    """

    logarithm: Array
    lattice: NDArray[np.float64]

    def within(self, box: Box) -> Array:
        """Return the factor at each voxel of a part of the scan's grid, float32; what lies beyond the rim is as it."""
        step, first = self.lattice.T
        start, shape = zip(*((part.start, part.stop - part.start) for part in box), strict=True)
        offset = (np.array(start) - first) / step
        fine = ndimage.affine_transform(self.logarithm, 1 / step, offset, shape, order=1, mode="nearest")
        return np.exp(fine, dtype=np.float32)


@dataclass(frozen=True)
class Prepared:
    """A scan made ready, on its own grid.

    Attributes:
        brain: bool, of the scan's shape, somewhere True.
        field: None where none was sought.
        units: intensities of the scan between which its brain lies, robustly.
        ends: what becomes 0 and 1 of the intensities that `scaled` and the field give.
        matrix: (4, 4), MNI millimetres to the scan's world millimetres; None where it was not registered.
    """

    brain: Mask
    field: Field | None
    units: tuple[float, float]
    ends: tuple[float, float]
    matrix: NDArray[np.float64] | None

    def evened(self, voxels: Array) -> tuple[Array, Box]:
        """Return a scan's brain without its bias, float32 in [0, 1] and 0 outside, on the box that holds it."""
        box = box_of(self.brain)
        darkest, brightest = self.ends
        even = scaled(voxels[box], self.units) / self._factor(box)
        return np.where(self.brain[box], np.clip((even - darkest) / (brightest - darkest), 0, 1), 0), box

    def gain(self) -> Array:
        """Return how much 1 in the cube is in the scan's units at each of its voxels, float32; 0 outside the brain."""
        box = box_of(self.brain)
        whole = np.zeros(self.brain.shape, np.float32)
        unit = (self.ends[1] - self.ends[0]) * (self.units[1] - self.units[0]) / SPAN
        whole[box] = unit * self._factor(box) * self.brain[box]
        return whole

    def _factor(self, box: Box) -> Array | float:
        return self.field.within(box) if self.field else 1.0


def scaled(voxels: Array, units: tuple[float, float]) -> Array:
    """Return intensities, float32, all above 0: those of `units` at `DARKEST` and at 1, none far beyond."""
    low, high = units
    return (DARKEST + SPAN * np.clip((voxels - low) / (high - low), 0, HIGHEST)).astype(np.float32)


def box_of(mask: Mask) -> Box:
    """Return the smallest part of a grid that holds all of a mask, which is somewhere True."""
    [box] = ndimage.find_objects(mask.astype(np.uint8))
    return box  # type: ignore[no-any-return]


def moved(affine: NDArray[np.float64], start: Sequence[int]) -> NDArray[np.float64]:
    """Return the affine of a grid that starts at another voxel of the one that this is the affine of."""
    own = affine.copy()
    own[:3, 3] += affine[:3, :3] @ np.array(start)
    return own
