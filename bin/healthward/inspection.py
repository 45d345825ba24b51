"""Opening the volumes of a sheet: whether header and voxels are fit for use, and what its voxels are known by."""

import logging
import math
import multiprocessing
import os
import stat
import struct
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import nibabel
import numpy as np
from nibabel import imageglobals
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError, ImageDataError
from tqdm import tqdm

from healthward.provenance import voxel_digest
from healthward.signatures import Signature, signature
from healthward.wording import shown

SUFFIXES = (".nii", ".nii.gz")
FEWEST_VOXELS_ALONG_AN_AXIS = 8
MOST_VOXELS = 2**28
"""1 GiB as float32, a head at 0.4 mm: a header that declares more is not believed, and its data are not read."""

MOST_OF_GZIP = 1032
"""Bytes that one byte of a gzip file can stand for at most."""

VOXEL_SIZES_MM = (0.1, 20.0)
LARGEST_AFFINE_DIFFERENCE_MM = 1e-3
LARGEST_VALUE = 1e12
"""No scanner's units: sums over the voxels would lose what tells them apart, or overflow."""

DAMAGE = (
    ImageFileError,
    HeaderDataError,
    ImageDataError,
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    ArithmeticError,
    MemoryError,
    struct.error,
    zlib.error,
)
"""What nibabel raises on files that are truncated, damaged or no volumes at all."""


@dataclass(frozen=True)
class Inspection:
    """What opening a scan's image and mask showed.

    `digest` and `signature` are of the image's voxels, empty and None without a sound one; `problems` are (column,
    text).
    """

    digest: str
    problems: tuple[tuple[str, str], ...]
    signature: Signature | None = field(default=None, compare=False)


class UnfitVolumeError(ValueError):
    """A volume that the pipeline cannot use; the message says why, with the mend."""


def inspect_all(volumes: Sequence[tuple[str, str]], workers: int) -> list[Inspection]:
    """Open the (image, mask) paths of every scan, `workers` at a time, and return what was found in their order.

    An empty path is not opened.
    """
    progress = tqdm(total=len(volumes), desc="opening scans", unit="scan", disable=None)
    found = []
    with progress:
        if workers == 1 or len(volumes) < 2:
            for pair in volumes:
                found.append(inspect(pair))
                progress.update()
            return found
        # spawn: forking a process that holds threads can deadlock, and is not to be had on every system
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(workers, len(volumes)), mp_context=context) as pool:
            # Few at a time, so that one slow disk holds up few; not one, which would cost more than a small volume
            for inspection in pool.map(inspect, volumes, chunksize=min(16, 1 + len(volumes) // (4 * workers))):
                found.append(inspection)
                progress.update()
    return found


def inspect(volume: tuple[str, str]) -> Inspection:
    """Open one scan's image and its mask, given as paths that may be empty."""
    image_path, mask_path = volume
    digest, recognised_by = "", None
    problems = []
    image = None
    # What nibabel mends in a header by itself is nobody's business; what it cannot mend is reported here
    imageglobals.logger.setLevel(logging.CRITICAL)
    if image_path:
        try:
            image = _open(image_path)
            voxels = _image_voxels(image, image_path)
            digest, recognised_by = voxel_digest(voxels), signature(voxels)
        except UnfitVolumeError as error:
            problems.append(("image", str(error)))
    if mask_path:
        try:
            _check_mask(_open(mask_path), mask_path, image, image_path)
        except UnfitVolumeError as error:
            problems.append(("mask", str(error)))
    return Inspection(digest, tuple(problems), recognised_by)


def _image_voxels(image: nibabel.Nifti1Image, path: str) -> np.ndarray:
    voxels = _read(image, path)
    if voxels.min() == voxels.max():
        value = f"{voxels.flat[0]:g}"
        raise UnfitVolumeError(f"{shown(path)} holds the value {value} everywhere; give the scan itself")
    return voxels


def _open(path: str) -> nibabel.Nifti1Image:
    """Return the image with its voxels unread, its size, data type and affine checked."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise UnfitVolumeError(f"{shown(path)} cannot be found ({error.strerror}); correct the path") from error
    if not stat.S_ISREG(status.st_mode):
        raise UnfitVolumeError(f"{shown(path)} is no file; give the path of a volume")
    if not path.lower().endswith(SUFFIXES):
        raise UnfitVolumeError(f"{shown(path)} is no {' or '.join(SUFFIXES)}; convert it to NIfTI")
    if status.st_size == 0:
        raise UnfitVolumeError(f"{shown(path)} is an empty file; copy it afresh")
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        raise UnfitVolumeError(f"{shown(path)} cannot be opened ({error.strerror}); see to its permissions") from error
    try:
        image = nibabel.load(path)
    except DAMAGE as error:
        raise _damaged(path, error) from error
    if not isinstance(image, nibabel.Nifti1Image):
        raise UnfitVolumeError(f"{shown(path)} is no NIfTI; convert it")
    _check_size(image, path)
    _check_length(image, path, status.st_size)
    _check_affine(image, path)
    return image


def _check_length(image: nibabel.Nifti1Image, path: str, length: int) -> None:
    """Raise where the file's `length` in bytes cannot hold the voxels, before memory is set aside for them."""
    voxels = math.prod(image.shape) * image.get_data_dtype().itemsize
    if voxels > length * (MOST_OF_GZIP if path.lower().endswith(".gz") else 1):
        size = " × ".join(str(extent) for extent in image.shape)
        raise _damaged(path, ValueError(f"{length} bytes cannot hold {size} voxels"))


def _damaged(path: str, error: BaseException) -> UnfitVolumeError:
    reason = " ".join(str(error).replace(path, "the file").split()) or type(error).__name__
    return UnfitVolumeError(f"{shown(path)} cannot be read as NIfTI ({reason}); convert or copy it afresh")


def _check_size(image: nibabel.Nifti1Image, path: str) -> None:
    kind = image.get_data_dtype()
    if kind.kind not in "iuf":
        name = "colours" if kind.kind == "V" else f"{kind} values"
        raise UnfitVolumeError(f"{shown(path)} holds {name}, not one real number a voxel; convert it to grey values")
    shape = image.shape
    size = " × ".join(str(length) for length in shape)
    if len(shape) not in (3, 4) or shape[3:] not in ((), (1,)):
        raise UnfitVolumeError(f"{shown(path)} is {size}; give a 3D volume (or 4D with one volume)")
    if min(shape[:3]) < FEWEST_VOXELS_ALONG_AN_AXIS:
        least = FEWEST_VOXELS_ALONG_AN_AXIS
        raise UnfitVolumeError(f"{shown(path)} is {size}; give a volume of at least {least} voxels along each axis")
    # in Python's integers, which do not overflow
    if int(shape[0]) * int(shape[1]) * int(shape[2]) > MOST_VOXELS:
        raise UnfitVolumeError(f"{shown(path)} declares {size} voxels, over {MOST_VOXELS}; resample it to 0.5 mm or so")


def _check_affine(image: nibabel.Nifti1Image, path: str) -> None:
    affine = image.affine
    if int(image.header["qform_code"]) == 0 and int(image.header["sform_code"]) == 0:
        text = "does not say how it lies in space (qform and sform codes are 0); convert it afresh from DICOM"
        raise UnfitVolumeError(f"{shown(path)} {text}, or set its sform")
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    smallest, largest = VOXEL_SIZES_MM
    if not np.isfinite(affine).all() or sizes.min() < smallest or sizes.max() > largest:
        found = " × ".join(f"{size:.3g}" for size in sizes)
        text = f"has voxels of {found} mm by its affine; set an affine of {smallest:g} to {largest:g} mm a voxel"
        raise UnfitVolumeError(f"{shown(path)} {text}")
    if abs(np.linalg.det(affine[:3, :3] / sizes)) < 1e-3:
        raise UnfitVolumeError(f"{shown(path)} has an affine that cannot be inverted; set the true one")


def _read(image: nibabel.Nifti1Image, path: str) -> np.ndarray:
    """Return the scaled voxels, float32 of shape (x, y, z)."""
    try:
        with np.errstate(all="ignore"):
            voxels = np.asarray(image.get_fdata(dtype=np.float32, caching="unchanged"))
    except DAMAGE as error:
        raise _damaged(path, error) from error
    voxels = voxels.reshape(voxels.shape[:3])
    wrong = int(np.count_nonzero(~np.isfinite(voxels)))
    if wrong:
        noun = "voxel that is" if wrong == 1 else "voxels that are"
        raise UnfitVolumeError(f"{shown(path)} has {wrong} {noun} not finite; replace NaN and infinity by 0")
    largest = float(max(voxels.max(), -voxels.min()))
    if largest > LARGEST_VALUE:
        raise UnfitVolumeError(f"{shown(path)} holds values of {largest:.3g}; correct them or the file's scaling slope")
    return voxels


def _check_mask(mask: nibabel.Nifti1Image, path: str, image: nibabel.Nifti1Image | None, image_path: str) -> None:
    """Raise unless the mask is binary and on the grid of the image, as far as that could be opened."""
    if image is not None:
        size, wanted = (" × ".join(str(length) for length in volume.shape[:3]) for volume in (mask, image))
        if size != wanted:
            raise UnfitVolumeError(f"{shown(path)} is {size}, the image {wanted}; resample it to the image's grid")
        if not np.allclose(mask.affine, image.affine, rtol=0, atol=LARGEST_AFFINE_DIFFERENCE_MM):
            text = f"has another affine than {shown(image_path)}; resample it to the image's grid"
            raise UnfitVolumeError(f"{shown(path)} {text}")
    voxels = _read(mask, path)
    if not np.isin(voxels, (0, 1)).all():
        span = f"from {voxels.min():g} to {voxels.max():g}"
        raise UnfitVolumeError(f"{shown(path)} holds values {span}; write 1 in the anomaly and 0 elsewhere")
