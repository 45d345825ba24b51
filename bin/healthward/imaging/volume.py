"""A volume whose voxels are unread, whatever kind of file holds it, and what every kind is held against."""

import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError, ImageDataError
from numpy.typing import NDArray

from healthward.errors import InputError
from healthward.imaging.foreground import Array
from healthward.wording import shown

FEWEST_VOXELS_ALONG_AN_AXIS = 8
MOST_VOXELS = 2**28
"""1 GiB as float32, a head at 0.4 mm: a header that declares more is not believed, and its data are not read."""

LONGEST_AXIS = 2**15 - 1
"""What a header of NIfTI-1 can say, as maps have one."""

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


class UnfitVolumeError(InputError):
    """A volume that the pipeline cannot use; the message names the file and says why, with the mend."""


@dataclass(frozen=True)
class Volume:
    """A volume whose header is fit, its voxels unread.

    Attributes:
        path: of the file, or of the folder of a DICOM series, as it was given.
        header: of the same volume as NIfTI, with every field as we take it.
        affine: (4, 4), voxel to world millimetres (RAS+).
        notes: what is odd in the header, and how it was taken; each would follow the file's name.
        source: reads the scaled voxels, and raises what `damaged` explains.
    """

    path: str
    header: nibabel.Nifti1Header
    affine: NDArray[np.float64]
    notes: tuple[str, ...]
    source: Callable[[], NDArray[Any]]

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
            with np.errstate(all="ignore"):
                voxels = np.asarray(self.source(), dtype=np.float32)
        except UnfitVolumeError:
            raise
        except DAMAGE as error:
            raise damaged(self.path, error) from error
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


def nifti_header(shape: tuple[int, ...], affine: NDArray[np.float64], kind: np.dtype[Any]) -> nibabel.Nifti1Header:
    """Return the header of a volume that has none of NIfTI: where it lies in its scanner, in millimetres."""
    header = nibabel.Nifti1Header()
    header.set_data_dtype(kind)
    header.set_data_shape(shape)
    header.set_sform(affine, code=1)
    header.set_qform(affine, code=1)
    header.set_xyzt_units("mm")
    return header


def check_size(path: str, kind: np.dtype[Any], shape: tuple[int, ...], fewest: int) -> None:
    """Raise an UnfitVolumeError unless there is one real number a voxel, and three dimensions of a sane size."""
    if kind.kind not in "iuf":
        name = "colours" if kind.kind == "V" else f"{kind} values"
        raise UnfitVolumeError(f"{shown(path)} holds {name}, not one real number a voxel; convert it to grey values")
    size = " × ".join(map(str, shape))
    if len(shape) < 3 or any(extent != 1 for extent in shape[3:]):
        raise UnfitVolumeError(f"{shown(path)} is {size}; give a 3D volume (or 4D with one volume)")
    if min(shape[:3]) < fewest:
        raise UnfitVolumeError(f"{shown(path)} is {size}; give a volume of at least {fewest} voxels along each axis")
    if max(shape) > LONGEST_AXIS:
        raise UnfitVolumeError(f"{shown(path)} declares {size} voxels, over {LONGEST_AXIS} along an axis; cut it out")
    if math.prod(shape) > MOST_VOXELS:
        raise UnfitVolumeError(f"{shown(path)} declares {size} voxels, over {MOST_VOXELS}; resample it to 0.5 mm or so")


def damaged(path: str, error: BaseException) -> UnfitVolumeError:
    """Return the error of a file or folder that cannot be read as what its name says."""
    kind = "DICOM" if Path(path).is_dir() else "MGH" if path.lower().endswith((".mgh", ".mgz")) else "NIfTI"
    reason = " ".join(str(error).replace(path, "the file").split()) or type(error).__name__
    return UnfitVolumeError(f"{shown(path)} cannot be read as {kind} ({reason}); convert or copy it afresh")
