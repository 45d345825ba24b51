"""Volumes and affines between arrays in world millimetres (RAS+) and SimpleITK, whose world is LPS."""

import nibabel as nib
import numpy as np
import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it
from numpy.typing import NDArray

# Threads add up in an order of their own: with one, every machine gives the same bytes
sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)

_TURN = np.diag([-1.0, -1.0, 1.0, 1.0])


def to_image(voxels: NDArray[np.generic], affine: NDArray[np.float64]) -> sitk.Image:
    """Return an image of an array (X, Y, Z) whose affine (4, 4) has no shear."""
    turned = _TURN @ affine
    spacing = nib.affines.voxel_sizes(affine)  # type: ignore[attr-defined]
    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels.T))
    image.SetSpacing(spacing.tolist())
    image.SetDirection((turned[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(turned[:3, 3].tolist())
    return image


def to_array(image: sitk.Image) -> NDArray[np.float32]:
    """Return the voxels (X, Y, Z) of an image."""
    return np.ascontiguousarray(sitk.GetArrayFromImage(image).T, dtype=np.float32)


def to_matrix(transform: sitk.AffineTransform) -> NDArray[np.float64]:
    """Return a transform as (4, 4) between world millimetres (RAS+)."""
    linear = np.array(transform.GetMatrix()).reshape(3, 3)
    centre = np.array(transform.GetCenter())
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = centre + np.array(transform.GetTranslation()) - linear @ centre
    return np.asarray(_TURN @ matrix @ _TURN)
