"""Volumes whose every point is known, on any grid."""

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray

CENTRE = np.array([4.0, -12.0, 20.0])


def head(world: NDArray[np.float64]) -> NDArray[np.float32]:
    """A smooth ellipsoid without any symmetry: a function of world millimetres (..., 3), about 0 to 1000."""
    x, y, z = np.moveaxis(world - CENTRE, -1, 0)
    inside = 1 / (1 + np.exp(((x / 60) ** 2 + (y / 75) ** 2 + (z / 55) ** 2 - 1) * 12))
    texture = 0.75 + 0.12 * np.sin(x / 17) + 0.08 * np.cos(y / 23 + 0.5) + 0.05 * np.sin(z / 13 + x / 40)
    return (1000 * inside * texture).astype(np.float32)


def grid(shape: tuple[int, int, int], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """World positions of a grid's voxels, (*shape, 3)."""
    return apply_affine(affine, np.moveaxis(np.indices(shape), 0, -1))


def centred_affine(axes: NDArray[np.float64], shape: tuple[int, int, int]) -> NDArray[np.float64]:
    """The affine with these voxel axes, (3, 3) in millimetres, whose grid is centred on the head."""
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = CENTRE - axes @ ((np.array(shape) - 1) / 2)
    return affine


def rotation(degrees: float) -> NDArray[np.float64]:
    """A rotation about an oblique axis."""
    angle, axis = np.deg2rad(degrees), np.array([1.0, 2.0, -1.0]) / np.sqrt(6)
    cross = np.cross(np.eye(3), axis)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


GRIDS = {
    "isotropic": (np.diag([3.0, 3.0, 3.0]), (56, 64, 50)),
    "anisotropic and odd": (np.diag([2.1, 4.0, 3.3]), (77, 45, 51)),
    "flipped": (np.diag([-3.0, 3.0, -3.0]), (56, 64, 50)),
    "permuted": (np.diag([3.0, -3.0, 3.0])[:, [2, 0, 1]], (50, 56, 64)),
    "oblique": (rotation(25) @ np.diag([2.5, 3.0, 3.5]), (70, 66, 50)),
    "oblique, flipped": (rotation(-40) @ np.diag([-3.0, 2.5, 3.0]), (60, 70, 56)),
}


def head_on(name: str) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The head on one of GRIDS: voxels and affine."""
    axes, shape = GRIDS[name]
    affine = centred_affine(axes, shape)
    return head(grid(shape, affine)), affine


def small_brain(shape: tuple[int, int, int], seed: int) -> NDArray[np.float32]:
    """An ellipsoid of noise between 0.5 and 0.8 that all but fills a volume of a few voxels; 0 around it."""
    places = [np.linspace(-1, 1, size) for size in shape]
    inside = sum(place**2 for place in np.meshgrid(*places, indexing="ij")) < 0.9
    noise = np.random.default_rng(seed).random(shape, dtype=np.float32)
    return np.where(inside, 0.5 + 0.3 * noise, 0).astype(np.float32)


def write_head(path, name: str = "isotropic") -> None:
    """Write the head as a float32 NIfTI file."""
    voxels, affine = head_on(name)
    nib.save(nib.Nifti1Image(voxels, affine), path)
