"""Three stacks of slices to one volume, and how far the three axes agree."""

import numpy as np
from numpy.typing import NDArray

from healthward.imaging.slices import ScanRecord
from healthward.imaging.volumes import Array


def uncut(stack: NDArray[np.generic], first: int) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
    """Put the slices of each axis back where they were cut.

    Args:
        stack: (3, count, size, size), as `healthward.imaging.slices.cut` makes it.
        first: cube index of the first slice.

    Returns:
        Three cubes, (3, size, size, size), 0 where the axis has no slice; and where it has one, bool of that shape.
    """
    count, size = stack.shape[1:3]
    cubes = np.zeros((3, size, size, size), dtype=stack.dtype)
    seen = np.zeros(cubes.shape, dtype=bool)
    for axis in range(3):
        np.moveaxis(cubes[axis], axis, 0)[first : first + count] = stack[axis]
        np.moveaxis(seen[axis], axis, 0)[first : first + count] = True
    return cubes, seen


def coverage(record: ScanRecord) -> NDArray[np.uint8]:
    """Return through how many slices each voxel of a scan's cube goes, (size, size, size), 0 to 3."""
    stack = np.broadcast_to(np.float32(0), (3, record.count, record.size, record.size))
    return uncut(stack, record.first)[1].sum(axis=0, dtype=np.uint8)


def fuse(stack: Array, first: int) -> Array:
    """Average each voxel over the axes that have a slice through it.

    Args:
        stack: (3, count, size, size), float32.
        first: cube index of the first slice.

    Returns:
        The mean cube, float32 (size, size, size), 0 where no axis sees the voxel.
    """
    cubes, seen = uncut(stack, first)
    return (cubes.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)).astype(np.float32)


def agreement(change: Array, first: int) -> Array:
    """Return how far the axes agree on the direction of a signed change, per voxel in [0, 1].

    The ratio |Σ d| / Σ |d| over the axes that see a voxel: 1 when all change it in the same direction, 0 when they
    cancel, and 0 where fewer than two axes see it, since nothing confirms a single one.

    Args:
        change: (3, count, size, size), signed.
        first: cube index of the first slice.
    """
    cubes, seen = uncut(change, first)
    size = np.abs(cubes).sum(axis=0)
    ratio = np.divide(np.abs(cubes.sum(axis=0)), size, out=np.zeros_like(size), where=size > 0)
    return np.where(seen.sum(axis=0) > 1, ratio, 0).astype(np.float32)
