"""Whether a brain has the proportions of one, and is alike its mirror image from left to right, as brains are."""

import numpy as np
from nibabel.affines import voxel_sizes
from nibabel.orientations import io_orientation
from numpy.typing import NDArray
from scipy import ndimage

from healthward.imaging.foreground import Array, Mask

WIDTH, LENGTH, HEIGHT = range(3)
"""Axes of the world: right-left, front-back, top-bottom."""

PROPORTIONS = {
    "length to width": (LENGTH, WIDTH, 0.97, 1.6),
    "length to height": (LENGTH, HEIGHT, 0.95, 1.6),
    "width to height": (WIDTH, HEIGHT, 0.78, 1.25),
}
"""Axes and usual range of each: 150 whole brains have 1.10 to 1.50, 1.06 to 1.47 and 0.86 to 1.14."""

MIRRORS = {LENGTH: "front and back", HEIGHT: "top and bottom"}
CLEARLY = 0.07
"""Difference of two correlations with mirror images: 150 brains have 0.079 and more, from left to right the higher."""

THICK_MM, UNEVEN = 4.9, 1.5
"""Edge of a voxel, and its ratio to the shortest edge, beyond which slices are too thick for maps between them."""


def odd_shape(voxels: Array, brain: Mask, affine: NDArray[np.float64]) -> str:
    """Return what is odd about the shape of a brain, empty where nothing is; it would follow the file's name.

    Args:
        voxels: float32, three dimensions, darkest outside the brain.
        brain: of the same shape.
        affine: (4, 4), voxel to world millimetres.
    """
    alike = likeness(voxels, brain, affine)
    other = max(MIRRORS, key=lambda axis: alike[axis])
    if alike[other] - alike[WIDTH] > CLEARLY:
        text = f"is alike between {MIRRORS[other]} ({alike[other]:.2f}) rather than left and right ({alike[WIDTH]:.2f})"
        return f"{text}: axes in another order? Correct the affine, or convert it anew"
    size = extents(brain, affine)
    for name, (one, another, low, high) in PROPORTIONS.items():
        if not low <= (ratio := size[one] / size[another]) <= high:
            lies = f"is {size[WIDTH]:.0f} mm wide, {size[LENGTH]:.0f} mm long and {size[HEIGHT]:.0f} mm high"
            usual = f"{name} is {ratio:.2f}, where brains have {low:g} to {high:g}"
            return f"{lies}: {usual}; see whether its voxel sizes are right"
    return ""


def odd_voxels(affine: NDArray[np.float64]) -> str:
    """Return what is odd about the voxels of a grid, empty where nothing is; it would follow the file's name."""
    edges = voxel_sizes(affine)
    if edges.max() <= max(THICK_MM, UNEVEN * edges.min()):
        return ""
    sizes = " × ".join(f"{edge:.3g}" for edge in edges)
    return f"has voxels of {sizes} mm: what lies between slices so thick is interpolated; give a volume of thinner ones"


def extents(brain: Mask, affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return width, length and height of a brain in millimetres."""
    low, high = np.percentile(np.argwhere(brain) @ affine[:3, :3].T, [0.2, 99.8], axis=0)
    return np.asarray(high - low)


def likeness(voxels: Array, brain: Mask, affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlation of a brain's bounding box with its mirror image along each axis of the world."""
    low, high = np.percentile(np.argwhere(brain), [0.2, 99.8], axis=0).round().astype(int)
    box = tuple(slice(first, last + 1) for first, last in zip(low, high, strict=True))
    # Fine structure is not alike, and a coarse grid need not lie evenly about the middle
    shown = ndimage.gaussian_filter(np.where(brain, voxels, voxels.min())[box], 1)
    found = np.empty(3)
    for axis, world in enumerate(io_orientation(affine)[:, 0].astype(int)):
        found[world] = np.corrcoef(shown.ravel(), np.flip(shown, axis).ravel())[0, 1]
    return found
