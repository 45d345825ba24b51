"""The MNI152 T1 template with its tissue maps, which nilearn's wheel carries, and regions by tissue and place."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from nibabel.nifti1 import Nifti1Image
from nilearn.datasets import load_mni152_gm_template, load_mni152_template, load_mni152_wm_template
from numpy.typing import NDArray
from scipy import ndimage

from healthward.imaging.volumes import Array, Mask


@dataclass(frozen=True)
class Anatomy:
    """The template and its regions on one grid along the world's axes, all of one shape (X, Y, Z).

    Attributes:
        affine: (4, 4), voxel to MNI millimetres.
        t1: float32 in [0, 1], 0 outside the brain.
        grey, white: shares of tissue, in [0, 1].
        depth: millimetres from the outside of the brain.
        ventricles: all fluid about the lateral ones, third ventricle and nearby cisterns included.
        medial_temporal: hippocampus and amygdala.
        temporal, parietal: how much a place belongs to the lobe, in [0, 1], whatever its tissue.
    """

    affine: NDArray[np.float64]
    t1: Array
    grey: Array
    white: Array
    depth: NDArray[np.float64]
    ventricles: Mask
    medial_temporal: Mask
    temporal: NDArray[np.float64]
    parietal: NDArray[np.float64]


def load_t1(step: int) -> Array:
    """Read the template, float32 in [0, 1] and 0 outside the brain, on every `step`-th millimetre."""
    return _read(load_mni152_template, step)[0]


def load_brain(step: int) -> tuple[Mask, NDArray[np.float64]]:
    """Read where the template has brain, on every `step`-th millimetre: mask and (4, 4) affine."""
    t1, affine = _read(load_mni152_template, step)
    return t1 > 0, affine


def load_anatomy(step: int) -> Anatomy:
    """Read the template and define its regions, on every `step`-th millimetre."""
    t1, affine = _read(load_mni152_template, step)
    grey, white = (_read(load, step)[0] for load in (load_mni152_gm_template, load_mni152_wm_template))
    x, y, z = position(t1.shape, affine)
    depth = ndimage.distance_transform_edt(t1 > 0, sampling=step)
    # Far from the surface. Ellipsoids in MNI millimetres from the Harvard-Oxford atlas' extents.
    fluid = (depth > 14) & (grey + white < 0.5) & (abs(x) < 40) & (y > -50) & (y < 32) & (z > -22) & (z < 36)
    hippocampus = ((abs(x) - 27) / 9) ** 2 + ((y + 22) / 17) ** 2 + ((z + 14) / 9) ** 2 < 1
    amygdala = ((abs(x) - 23) / 9) ** 2 + ((y + 4) / 9) ** 2 + ((z + 19) / 9) ** 2 < 1
    return Anatomy(
        affine=affine,
        t1=t1,
        grey=grey,
        white=white,
        depth=depth,
        ventricles=fluid,
        medial_temporal=hippocampus | amygdala,
        temporal=np.exp(-(((z + 12) / 26) ** 2)) * (abs(x) > 25),
        parietal=np.exp(-(((y + 58) / 24) ** 2)) * (z > 5),
    )


def position(shape: tuple[int, ...], affine: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return x, y and z in millimetres of every voxel of a grid along the world's axes, each (X, Y, Z)."""
    axes = (np.arange(extent) * affine[axis, axis] + affine[axis, 3] for axis, extent in enumerate(shape))
    return list(np.meshgrid(*axes, indexing="ij"))


def _read(load: Callable[..., Nifti1Image], step: int) -> tuple[Array, NDArray[np.float64]]:
    image = load(resolution=1)
    # nilearn's own resampling takes a second a map
    voxels = image.get_fdata(dtype=np.float32)[::step, ::step, ::step]
    return voxels, image.affine @ np.diag([step, step, step, 1.0])
