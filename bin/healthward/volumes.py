"""Volumes between a scan's own grid and the conformed cube that the model sees."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_multiotsu

from healthward.errors import InputError

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

FREE_TEXTS = ("descrip", "aux_file", "db_name", "intent_name", "data_type")

SEARCH_VOXELS = 64
"""Voxels along the longest axis of the coarse copy on which the brain is first looked for."""


@dataclass(frozen=True)
class Geometry:
    """How a scan lies in its conformed cube, and how its intensities were scaled.

    Attributes:
        shape: the scan's own grid, three sizes.
        affine: (4, 4), voxel of the scan to world millimetres (RAS+).
        cube_affine: (4, 4), voxel of the cube to world millimetres (RAS+).
        darkest: scan intensity that became 0.
        brightest: scan intensity that became 1.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    cube_affine: NDArray[np.float64]
    darkest: float
    brightest: float


@dataclass(frozen=True)
class Conformed:
    """A scan in its cube: intensities float32 in [0, 1] and the brain mask, both of shape (size, size, size)."""

    cube: Array
    brain: Mask
    geometry: Geometry


def load_volume(path: Path) -> tuple[Array, NDArray[np.float64]]:
    """Read a 3D volume, or a 4D file that holds one, with its scaling slope applied.

    Returns:
        Voxels, float32 of three dimensions, and the (4, 4) affine.

    Raises:
        InputError: the file is no readable volume of three dimensions.
    """
    try:
        image = nib.load(path)  # type: ignore[attr-defined]
        voxels = np.asarray(image.dataobj, dtype=np.float32)  # type: ignore[attr-defined]
    except (nib.filebasedimages.ImageFileError, OSError, EOFError, ValueError) as error:  # type: ignore[attr-defined]
        raise InputError(f"{path}: cannot be read as a NIfTI volume ({error}); convert it again") from error
    if voxels.ndim < 3 or any(extent != 1 for extent in voxels.shape[3:]):
        raise InputError(f"{path}: shape {voxels.shape} is not one 3D volume; give one volume a file")
    return voxels.reshape(voxels.shape[:3]), np.asarray(image.affine, dtype=np.float64)  # type: ignore[attr-defined]


def foreground(voxels: Array) -> Mask:
    """Return the largest bright object of a volume, holes filled: the brain, where the skull was stripped.

    The threshold is the lower of two by Otsu's criterion for three classes (Liao, Chen and Chung, J Inf Sci Eng
    2001): it parts the background from dark tissue, which a single threshold would lose with the background.
    """
    values = voxels[np.isfinite(voxels)]
    if values.size == 0 or values.min() == values.max():
        return np.zeros(voxels.shape, dtype=bool)
    try:
        threshold = threshold_multiotsu(values, classes=3)[0]
    except ValueError:  # two grey values only
        threshold = values.min()
    bright = voxels > threshold
    pieces, count = ndimage.label(ndimage.binary_opening(bright) if min(bright.shape) > 16 else bright)
    if count == 0:
        return bright
    largest = pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
    return ndimage.binary_fill_holes(ndimage.binary_closing(largest, iterations=2) | largest)


def conform(voxels: Array, affine: NDArray[np.float64], size: int, fov: float) -> Conformed:
    """Resample a scan into a cube of `size`³ isotropic voxels along the world's axes (RAS+), centred on the brain.

    Args:
        voxels: the scan, three dimensions, any orientation, voxel size and intensity range.
        affine: (4, 4), voxel to world millimetres.
        size: edge of the cube in voxels.
        fov: edge of the cube in millimetres.

    Raises:
        InputError: nothing stands out from the background.
    """
    spacing = fov / size
    cube_affine = np.diag([spacing, spacing, spacing, 1.0])
    cube_affine[:3, 3] = _centre(voxels, affine) - spacing * (size - 1) / 2
    outside = float(voxels.min())
    cube = _resampled(voxels, affine, size, cube_affine, outside)
    brain = foreground(cube)
    if not brain.any():
        raise InputError("no brain stands out from the background; look at the volume")
    darkest = float(np.median(cube[~brain])) if not brain.all() else outside
    brightest = float(np.percentile(cube[brain], 99.5))
    scaled = _scaled(cube, darkest, brightest)
    geometry = Geometry(voxels.shape, affine, cube_affine, darkest, brightest)  # type: ignore[arg-type]
    return Conformed(scaled, brain, geometry)


def on_cube(voxels: Array, geometry: Geometry, size: int) -> Array:
    """Return another volume on a scan's own grid in its cube, (size, size, size), on the scan's scale and in [0, 1].

    Args:
        voxels: of the scan's shape, in the scan's units.
        geometry: of the scan, from `conform`.
        size: edge of the cube in voxels.
    """
    cube = _resampled(voxels, geometry.affine, size, geometry.cube_affine, float(voxels.min()))
    return _scaled(cube, geometry.darkest, geometry.brightest)


def to_cube(mask: NDArray[np.generic], geometry: Geometry, size: int) -> Mask:
    """Resample a binary mask on the scan's own grid into the cube; a voxel is in when at least half of it is.

    Args:
        mask: of the scan's shape, non-zero inside.
        geometry: of the scan, from `conform`.
        size: edge of the cube in voxels.
    """
    spacing = float(geometry.cube_affine[0, 0])
    inside = _antialiased((mask != 0).astype(np.float32), geometry.affine, spacing)
    source = nib.Nifti1Image(inside, geometry.affine)  # type: ignore[attr-defined]
    # The nearest voxel: interpolation would thicken a thin mask that falls between two voxels of the cube.
    resampled = resample_from_to(source, ((size,) * 3, geometry.cube_affine), order=0)
    return np.asarray(resampled.dataobj) >= 0.5


def to_native(cube: Array, geometry: Geometry) -> Array:
    """Resample a map from the cube to the scan's own grid (trilinear); 0 outside the cube.

    Args:
        cube: (size, size, size), float32.
        geometry: of the scan, from `conform`.
    """
    image = nib.Nifti1Image(cube.astype(np.float32), geometry.cube_affine)  # type: ignore[attr-defined]
    resampled = resample_from_to(image, (geometry.shape, geometry.affine), order=1)
    return np.asarray(resampled.dataobj, dtype=np.float32)


def save_like(path: Path, voxels: Array, source: Path) -> None:
    """Write a float32 map as NIfTI with the shape, affine, codes and units of the file `source`.

    Its free texts and extensions stay behind: they may say whose scan it is, or hold a whole DICOM header.
    """
    image = nib.load(source)  # type: ignore[attr-defined]
    header = nib.Nifti1Header.from_header(image.header)  # type: ignore[attr-defined]
    header.set_data_dtype(np.float32)
    header.set_slope_inter(1, 0)
    header["cal_min"] = header["cal_max"] = 0
    header.extensions.clear()
    for text in FREE_TEXTS:
        header[text] = b""
    shaped = voxels.astype(np.float32).reshape(image.shape)  # type: ignore[attr-defined]
    nib.save(nib.Nifti1Image(shaped, image.affine, header), path)  # type: ignore[attr-defined]


def save_cube(path: Path, cube: NDArray[np.generic], geometry: Geometry) -> None:
    """Write a cube as NIfTI under its own affine; masks become uint8."""
    voxels = cube.astype(np.uint8) if cube.dtype == bool else cube
    nib.save(nib.Nifti1Image(voxels, geometry.cube_affine), path)  # type: ignore[attr-defined]


def _resampled(
    voxels: Array, affine: NDArray[np.float64], size: int, cube_affine: NDArray[np.float64], outside: float
) -> Array:
    smooth = _antialiased(voxels, affine, float(cube_affine[0, 0]))
    source = nib.Nifti1Image(smooth, affine)  # type: ignore[attr-defined]
    resampled = resample_from_to(source, ((size,) * 3, cube_affine), order=1, cval=outside)
    return np.asarray(resampled.dataobj, dtype=np.float32)


def _scaled(cube: Array, darkest: float, brightest: float) -> Array:
    return np.clip((cube - darkest) / (brightest - darkest), 0, 1).astype(np.float32)


def _centre(voxels: Array, affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the world position of the centre of the foreground's bounding box in world axes."""
    step = max(1, -(-max(voxels.shape) // SEARCH_VOXELS))
    steps = [min(step, extent) for extent in voxels.shape]
    coarse = ndimage.uniform_filter(voxels, steps)[:: steps[0], :: steps[1], :: steps[2]]
    inside = np.argwhere(foreground(coarse)) * steps
    if inside.size == 0:
        raise InputError("no brain stands out from the background; look at the volume")
    world = inside @ affine[:3, :3].T + affine[:3, 3]
    # A stray bright voxel must not shift the cube, hence percentiles instead of extremes.
    low, high = np.percentile(world, [0.2, 99.8], axis=0)
    return np.asarray((low + high) / 2)


def _antialiased(voxels: Array, affine: NDArray[np.float64], spacing: float) -> Array:
    """Smooth along each axis that the cube samples more coarsely, by the rule of skimage's `resize`."""
    factors = spacing / nib.affines.voxel_sizes(affine)  # type: ignore[attr-defined]
    sigmas = np.maximum(0, (factors - 1) / 2)
    return ndimage.gaussian_filter(voxels, sigmas) if sigmas.any() else voxels
