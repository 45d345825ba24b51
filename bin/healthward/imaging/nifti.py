"""One NIfTI file: its header as we take it, its voxels whole. What nibabel would mend or assume is decided here.

The standard: https://nifti.nimh.nih.gov/nifti-1 and nifti-2.
"""

import gzip
import math
import os
import stat
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import nibabel
import numpy as np
from nibabel.arrayproxy import ArrayProxy
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError, ImageDataError
from numpy.typing import NDArray

from healthward.errors import InputError
from healthward.imaging.foreground import Array
from healthward.imaging.nifti_place import UnfitPlaceError, settle_place
from healthward.wording import shown

SUFFIXES = (".nii", ".nii.gz")
HEADERS = {b"n+1\0": (344, nibabel.Nifti1Header), b"n+2\0\r\n\x1a\n": (4, nibabel.Nifti2Header)}
"""What tells one of our two kinds of header, where in it that stands, and nibabel's class for it."""

GZIP, START = b"\x1f\x8b", 352
"""How a gzip file begins, and in how many bytes a header says of what kind it is."""

FEWEST_VOXELS_ALONG_AN_AXIS = 8
MOST_VOXELS = 2**28
"""1 GiB as float32, a head at 0.4 mm: a header that declares more is not believed, and its data are not read."""

MOST_OF_GZIP = 1032
"""Bytes that one byte of a gzip file can stand for at most."""

LARGEST_VALUE = 1e12
"""No scanner's units: sums over the voxels would lose what tells them apart, or overflow."""

BLOCK, PADDING = 2**20, 512
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


class UnfitVolumeError(InputError):
    """A volume that the pipeline cannot use; the message names the file and says why, with the mend."""


@dataclass(frozen=True)
class Volume:
    """A file whose header is fit, its voxels unread.

    Attributes:
        path: of the file, as it was given.
        header: nibabel's, with every field as we take it.
        affine: (4, 4), voxel to world millimetres.
        notes: what is odd in the header, and how it was taken; each would follow the file's name.
    """

    path: str
    header: nibabel.Nifti1Header
    affine: NDArray[np.float64]
    notes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes as the header has them: three, and any number of 1 after them."""
        return tuple(int(extent) for extent in self.header.get_data_shape())

    def read(self) -> Array:
        """Return the scaled voxels, float32 of three dimensions.

        Raises:
            UnfitVolumeError: the file is not whole, holds more than it declares, or values that are not finite or
                beyond reason.
        """
        try:
            with np.errstate(all="ignore"), _stream(self.path) as stream:
                # mmap would keep the file open, and see only a part of it
                voxels = np.asarray(ArrayProxy(stream, self.header, mmap=False), dtype=np.float32)
                surplus = _surplus(stream)
        except DAMAGE as error:
            raise _damaged(self.path, error) from error
        if surplus:
            text = f"holds {surplus} bytes more than its header declares; convert or copy it afresh"
            raise UnfitVolumeError(f"{shown(self.path)} {text}")
        voxels = voxels.reshape(voxels.shape[:3])
        wrong = int(np.count_nonzero(~np.isfinite(voxels)))
        if wrong:
            noun = "voxel that is" if wrong == 1 else "voxels that are"
            mend = "replace NaN and infinity by the background's value, or by 0 where that is NaN"
            raise UnfitVolumeError(f"{shown(self.path)} has {wrong} {noun} not finite; {mend}")
        largest = float(max(voxels.max(), -voxels.min()))
        if largest > LARGEST_VALUE:
            text = f"holds values of {largest:.3g}; correct them or the file's scaling slope"
            raise UnfitVolumeError(f"{shown(self.path)} {text}")
        return voxels


def open_volume(path: str, fewest: int = FEWEST_VOXELS_ALONG_AN_AXIS) -> Volume:
    """Return a file's volume with its voxels unread, its size, data type, scaling and place checked.

    It has at least `fewest` voxels along each axis.

    Raises:
        UnfitVolumeError: it cannot be used.
    """
    length = _length(path)
    try:
        header = _read_header(path)
    except DAMAGE as error:
        raise _damaged(path, error) from error
    _check_size(header, path, fewest)
    _check_scaling(header, path)
    _check_length(header, path, length)
    try:
        affine, notes = settle_place(header)
    except UnfitPlaceError as error:
        raise UnfitVolumeError(f"{shown(path)} {error}") from error
    return Volume(path, header, affine, notes)


def load_volume(path: Path) -> tuple[Array, NDArray[np.float64]]:
    """Read a 3D volume of any size, or a file of more dimensions that holds one, with its scaling slope applied.

    Returns:
        Voxels, float32 of three dimensions, and the (4, 4) affine.

    Raises:
        UnfitVolumeError: it cannot be used.
    """
    volume = open_volume(str(path), fewest=1)
    return volume.read(), volume.affine


def _length(path: str) -> int:
    """Return the bytes of a file that can be opened and has the name of a NIfTI."""
    try:
        status = os.stat(path)
    except OSError as error:
        link = Path(path)
        if isinstance(error, FileNotFoundError) and link.is_symlink() and "annex/objects" in str(link.readlink()):
            raise UnfitVolumeError(f"{shown(path)} is not downloaded yet; get it, as by datalad get") from error
        raise UnfitVolumeError(f"{shown(path)} cannot be found ({error.strerror}); correct the path") from error
    if not stat.S_ISREG(status.st_mode):
        raise UnfitVolumeError(f"{shown(path)} is no file; give the path of a volume")
    if not path.lower().endswith(SUFFIXES):
        raise UnfitVolumeError(f"{shown(path)} is no {' or '.join(SUFFIXES)}; convert it to NIfTI")
    if status.st_size == 0:
        raise UnfitVolumeError(f"{shown(path)} is an empty file; copy it afresh")
    try:
        with Path(path).open("rb") as file:
            start = file.read(START)
    except OSError as error:
        raise UnfitVolumeError(f"{shown(path)} cannot be opened ({error.strerror}); see to its permissions") from error
    if start[:2] == GZIP and not _is_packed(path):
        raise UnfitVolumeError(f"{shown(path)} is gzipped; call it .nii.gz")
    if _is_packed(path) and any(start[place : place + len(magic)] == magic for magic, (place, _) in HEADERS.items()):
        raise UnfitVolumeError(f"{shown(path)} is not gzipped; call it .nii")
    return status.st_size


def _is_packed(path: str) -> bool:
    return path.lower().endswith(".gz")


def _stream(path: str) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if _is_packed(path) else Path(path).open("rb")


def _read_header(path: str) -> nibabel.Nifti1Header:
    """Return a header as it stands in the file, with nothing mended."""
    with _stream(path) as stream:
        start = stream.read(nibabel.Nifti2Header.sizeof_hdr)
    for magic, (place, kind) in HEADERS.items():
        if start[place : place + len(magic)] == magic:
            if len(start) < kind.sizeof_hdr:
                raise ValueError(f"it ends within its header, after {len(start)} bytes")
            header = kind(start[: kind.sizeof_hdr], check=False)
            code = int(header["datatype"])
            if code == 0 or code not in nibabel.nifti1.data_type_codes.code:
                raise ValueError(f"its data type {code} is unknown")
            offset = float(header["vox_offset"])
            if not (offset >= kind.single_vox_offset and offset.is_integer()):
                raise ValueError(f"its voxels would start at byte {offset:g}, before {kind.single_vox_offset}")
            return header
    raise ValueError("no NIfTI header of a single file")


def _surplus(stream: BinaryIO) -> int:
    """Read a file to its end, which makes gzip compare its checksum, and return how many bytes were left.

    Zeros that fill the last block of a disk or tape are none.
    """
    length, zeros = 0, True
    while block := stream.read(BLOCK):
        length += len(block)
        zeros = zeros and not any(block)
    return 0 if zeros and length < PADDING else length


def _damaged(path: str, error: BaseException) -> UnfitVolumeError:
    reason = " ".join(str(error).replace(path, "the file").split()) or type(error).__name__
    return UnfitVolumeError(f"{shown(path)} cannot be read as NIfTI ({reason}); convert or copy it afresh")


def _check_size(header: nibabel.Nifti1Header, path: str, fewest: int) -> None:
    kind = header.get_data_dtype()
    if kind.kind not in "iuf":
        name = "colours" if kind.kind == "V" else f"{kind} values"
        raise UnfitVolumeError(f"{shown(path)} holds {name}, not one real number a voxel; convert it to grey values")
    count = int(header["dim"][0])
    # not get_data_shape, which reads large surfaces into some sizes
    shape = [int(extent) for extent in header["dim"][1 : 1 + count]] if 0 < count < 8 else []
    size = " × ".join(map(str, shape)) or f"of {count} dimensions"
    if len(shape) < 3 or any(extent != 1 for extent in shape[3:]):
        raise UnfitVolumeError(f"{shown(path)} is {size}; give a 3D volume (or 4D with one volume)")
    if min(shape[:3]) < fewest:
        raise UnfitVolumeError(f"{shown(path)} is {size}; give a volume of at least {fewest} voxels along each axis")
    if math.prod(shape) > MOST_VOXELS:
        raise UnfitVolumeError(f"{shown(path)} declares {size} voxels, over {MOST_VOXELS}; resample it to 0.5 mm or so")


def _check_scaling(header: nibabel.Nifti1Header, path: str) -> None:
    """Raise where intensities are undetermined; a slope of 0 or NaN means none, as in the standard and nibabel."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    scaled = slope != 0 and not math.isnan(slope)
    if scaled and not (math.isfinite(slope) and math.isfinite(intercept)):
        text = f"has a scaling slope of {slope:g} and an intercept of {intercept:g}"
        raise UnfitVolumeError(f"{shown(path)} {text}; write numbers, or a slope of 0 for none")


def _check_length(header: nibabel.Nifti1Header, path: str, length: int) -> None:
    """Raise where the file's `length` in bytes cannot hold the voxels, before memory is set aside for them."""
    shape = header.get_data_shape()
    voxels = math.prod(map(int, shape)) * header.get_data_dtype().itemsize
    if voxels > length * (MOST_OF_GZIP if _is_packed(path) else 1):
        size = " × ".join(str(extent) for extent in shape)
        raise _damaged(path, ValueError(f"{length} bytes cannot hold {size} voxels"))
