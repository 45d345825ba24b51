"""Where the cube lies in MNI space."""

import numpy as np
from numpy.typing import NDArray

MIDDLE_MM = (0.0, -12.0, 5.0)
"""MNI millimetres of the middle of the slices: that of the brain, but for 4 mm that its front needs in the cube."""

MIDDLE = 35 / 64
"""Where that lies in the cube, as a share of its edge: between the slices 44 and 95 of 128, or 22 and 47 of 64."""


def mni_cube(size: int, fov: float) -> NDArray[np.float64]:
    """Return the affine (4, 4), voxel to MNI millimetres, of a cube of `size`³ voxels and an edge of `fov` mm."""
    spacing = fov / size
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = np.array(MIDDLE_MM) - spacing * (MIDDLE * size - 0.5)
    return affine
