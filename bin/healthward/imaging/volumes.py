"""Volumes between a scan's own grid and the conformed cube that the model sees."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to
from numpy.typing import NDArray
from scipy import ndimage

from healthward.errors import InputError
from healthward.imaging.foreground import Array as Array
from healthward.imaging.foreground import Mask as Mask
from healthward.imaging.foreground import fine_foreground, foreground, levelled
from healthward.imaging.formats import open_volume
from healthward.imaging.mni_cube import mni_cube
from healthward.imaging.prepared import Prepared, moved
from healthward.imaging.volume import Volume

FREE_TEXTS = ("descrip", "aux_file", "db_name", "intent_name", "data_type")

ITS_IMAGE = "give its image, or slice the scan again"
NEAR_END = np.linspace(0.1, 0.3, 9)
"""Percentiles of the brain's voxels along an axis that are taken for its end."""

NOTHING = "shows no brain before a background; look at the volume"


@dataclass(frozen=True)
class Geometry:
    """How a scan lies in its conformed cube, and how its intensities were scaled.

    Attributes:
        shape: the scan's own grid, three sizes.
        affine: (4, 4), voxel of the scan to world millimetres (RAS+).
        cube_affine: (4, 4), voxel of the cube to millimetres of the space it lies in (RAS+): the scan's world, or MNI.
        to_world: (4, 4), millimetres of that space to the scan's world.
        darkest: intensity that became 0; the scan's own, or `healthward.imaging.prepared.Prepared`'s.
        brightest: intensity that became 1.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    cube_affine: NDArray[np.float64]
    to_world: NDArray[np.float64]
    darkest: float
    brightest: float

    @property
    def cube_to_world(self) -> NDArray[np.float64]:
        """Voxel of the cube to the scan's world millimetres, (4, 4)."""
        return np.asarray(self.to_world @ self.cube_affine)


@dataclass(frozen=True)
class Conformed:
    """A scan in its cube: intensities float32 in [0, 1] and the brain mask, both of shape (size, size, size)."""

    cube: Array
    brain: Mask
    geometry: Geometry


def conform(
    voxels: Array, affine: NDArray[np.float64], size: int, fov: float, prepared: Prepared | None = None
) -> Conformed:
    """Resample a scan, once, into a cube of `size`³ isotropic voxels.

    One that was registered comes to lie in MNI space; any other along the world's axes (RAS+), centred on the brain.
    What is not brain is 0 in a scan that was prepared.

    Args:
        voxels: the scan, three dimensions, any orientation, voxel size and intensity range.
        affine: (4, 4), voxel to world millimetres.
        size: edge of the cube in voxels.
        fov: edge of the cube in millimetres.
        prepared: of the scan; None for one whose intensities, skull and place are used as they are.

    Raises:
        InputError: nothing stands out from a background darker than it; the text would follow the file's name.
    """
    shape: tuple[int, int, int] = voxels.shape  # type: ignore[assignment]
    if prepared is not None:
        if prepared.matrix is None:
            cube_affine, to_world = _centred(_centre(prepared.brain, affine), size, fov), np.eye(4)
        else:
            cube_affine, to_world = mni_cube(size, fov), prepared.matrix
        geometry = Geometry(shape, affine, cube_affine, to_world, *prepared.ends)
        share = _resampled(prepared.brain.astype(np.float32), affine, size, geometry.cube_to_world, 0.0)
        return Conformed(on_cube(voxels, geometry, size, prepared), share >= 0.5, geometry)
    plain = levelled(voxels)
    cube_affine = _centred(_centre(fine_foreground(plain.voxels), affine), size, fov)
    cube = _resampled(plain.voxels, affine, size, cube_affine, plain.background)
    brain = foreground(cube)
    if not brain.any():
        raise InputError(NOTHING)
    darkest = float(np.median(cube[~brain])) if not brain.all() else plain.background
    brightest = float(np.percentile(cube[brain], 99.5))
    geometry = Geometry(shape, affine, cube_affine, np.eye(4), darkest, brightest)
    return Conformed(_scaled(cube, geometry), brain, geometry)


def on_cube(voxels: Array, geometry: Geometry, size: int, prepared: Prepared | None = None) -> Array:
    """Return a volume on a scan's own grid in its cube, (size, size, size), on the scan's scale and in [0, 1].

    Args:
        voxels: of the scan's shape, in the scan's units.
        geometry: of the scan, from `conform`.
        size: edge of the cube in voxels.
        prepared: the scan, as it was when it was conformed.
    """
    if prepared is None:
        plain = levelled(voxels)
        cube = _resampled(plain.voxels, geometry.affine, size, geometry.cube_to_world, plain.background)
        return _scaled(cube, geometry)
    even, box = prepared.evened(voxels)
    own = moved(geometry.affine, [part.start for part in box])
    return np.clip(_resampled(even, own, size, geometry.cube_to_world, 0.0), 0, 1)


def to_cube(mask: NDArray[np.generic], geometry: Geometry, size: int) -> Mask:
    """Resample a binary mask on the scan's own grid into the cube; a voxel is in when at least half of it is.

    Args:
        mask: of the scan's shape, non-zero inside.
        geometry: of the scan, from `conform`.
        size: edge of the cube in voxels.
    """
    inside = _antialiased((mask != 0).astype(np.float32), geometry.affine, geometry.cube_to_world)
    source = nib.Nifti1Image(inside, geometry.affine)  # type: ignore[attr-defined]
    # The nearest voxel: interpolation would thicken a thin mask that falls between two voxels of the cube.
    resampled = resample_from_to(source, ((size,) * 3, geometry.cube_to_world), order=0)
    return np.asarray(resampled.dataobj) >= 0.5


def to_native(cube: Array, geometry: Geometry) -> Array:
    """Resample a map from the cube to the scan's own grid (trilinear); 0 outside the cube.

    Args:
        cube: (size, size, size), float32.
        geometry: of the scan, from `conform`.
    """
    image = nib.Nifti1Image(cube.astype(np.float32), geometry.cube_to_world)  # type: ignore[attr-defined]
    resampled = resample_from_to(image, (geometry.shape, geometry.affine), order=1)
    return np.asarray(resampled.dataobj, dtype=np.float32)


def open_image_of(path: Path, geometry: Geometry) -> Volume:
    """Return the volume of an image, its voxels unread, that lies as the scan that was sliced.

    Raises:
        InputError: it does not, or cannot be used.
    """
    volume = open_volume(str(path))
    if volume.shape[:3] != geometry.shape or not np.allclose(volume.affine, geometry.affine, rtol=0, atol=1e-3):
        raise InputError(f"{path}: not on the grid of the scan that was sliced; {ITS_IMAGE}")
    return volume


def read_image_of(path: Path, geometry: Geometry, cube: Array, prepared: Prepared | None) -> Array:
    """Return the voxels of the image that a scan was sliced from.

    Args:
        path: of the image.
        geometry: of the scan.
        cube: of the scan, (size, size, size), as it was conformed.
        prepared: the scan, as it was when it was conformed.

    Raises:
        InputError: it is another image, or cannot be used.
    """
    voxels = open_image_of(path, geometry).read()
    if not np.allclose(on_cube(voxels, geometry, len(cube), prepared), cube, atol=1e-3):
        raise InputError(f"{path}: not the scan that was sliced, though on its grid; {ITS_IMAGE}")
    return voxels


def save_like(path: Path, voxels: Array | NDArray[np.uint8], source: Path, as_stored: bool = False) -> None:
    """Write a map as NIfTI, of float32 or uint8 as it is, with the shape, affine, codes and units of the file `source`.

    An image of the same units may be written `as_stored`: rounded and clipped to the numbers that the source can hold.
    Its free texts and extensions stay behind: they may say whose scan it is, or hold a whole DICOM header.
    """
    volume = open_volume(str(source))
    header = nib.Nifti1Header.from_header(volume.header)  # type: ignore[attr-defined]
    slope, intercept = volume.header.get_slope_inter() if as_stored else (None, None)
    stored = volume.header.get_data_dtype().newbyteorder("=")
    kind = stored if as_stored else np.dtype(np.uint8 if voxels.dtype == np.uint8 else np.float32)
    header.set_data_dtype(kind)
    header["cal_min"] = header["cal_max"] = 0
    header.extensions.clear()
    for text in FREE_TEXTS:
        header[text] = b""
    numbers = (voxels - (intercept or 0)) / (slope or 1) if as_stored else voxels
    if as_stored and kind.kind in "iu":
        numbers = np.clip(np.rint(numbers), np.iinfo(kind).min, np.iinfo(kind).max)
    shaped = numbers.astype(kind).reshape(volume.shape)
    image = nib.Nifti1Image(shaped, volume.affine, header)  # type: ignore[attr-defined]
    image.header.set_slope_inter(slope or 1, intercept or 0)
    nib.save(image, path)  # type: ignore[attr-defined]


def save_cube(path: Path, cube: NDArray[np.generic], geometry: Geometry) -> None:
    """Write a cube as NIfTI under its own affine; masks become uint8."""
    voxels = cube.astype(np.uint8) if cube.dtype == bool else cube
    nib.save(nib.Nifti1Image(voxels, geometry.cube_affine), path)  # type: ignore[attr-defined]


def _resampled(
    voxels: Array, affine: NDArray[np.float64], size: int, cube_affine: NDArray[np.float64], outside: float
) -> Array:
    smooth = _antialiased(voxels, affine, cube_affine)
    source = nib.Nifti1Image(smooth, affine)  # type: ignore[attr-defined]
    resampled = resample_from_to(source, ((size,) * 3, cube_affine), order=1, cval=outside)
    return np.asarray(resampled.dataobj, dtype=np.float32)


def _scaled(cube: Array, geometry: Geometry) -> Array:
    span = geometry.brightest - geometry.darkest
    return np.clip((cube - geometry.darkest) / span, 0, 1).astype(np.float32)


def _centred(centre: NDArray[np.float64], size: int, fov: float) -> NDArray[np.float64]:
    """Return the affine (4, 4) of a cube along the world's axes about a point."""
    spacing = fov / size
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = centre - spacing * (size - 1) / 2
    return affine


def _centre(brain: Mask, affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the world position of the centre of a brain's bounding box in world axes."""
    inside = np.argwhere(brain)
    if inside.size == 0:
        raise InputError(NOTHING)
    world = inside @ affine[:3, :3].T + affine[:3, 3]
    # A stray bright voxel must not shift the cube, hence no extremes; a single percentile would jump by a whole voxel
    low, high = (np.percentile(world, tail, axis=0).mean(axis=0) for tail in (NEAR_END, 100 - NEAR_END))
    return np.asarray((low + high) / 2)


def _antialiased(voxels: Array, affine: NDArray[np.float64], cube_affine: NDArray[np.float64]) -> Array:
    """Smooth along each axis that the cube samples more coarsely, by the rule of skimage's `resize`."""
    spacing = float(abs(np.linalg.det(cube_affine))) ** (1 / 3)
    factors = spacing / nib.affines.voxel_sizes(affine)  # type: ignore[attr-defined]
    sigmas = np.maximum(0, (factors - 1) / 2)
    return ndimage.gaussian_filter(voxels, sigmas) if sigmas.any() else voxels
