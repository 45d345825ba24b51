"""Which files and folders hold a volume: the kind of each by its name."""

import os
import stat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from healthward.imaging.dicom import open_series
from healthward.imaging.foreground import Array
from healthward.imaging.mgh import open_mgh
from healthward.imaging.nifti import open_nifti
from healthward.imaging.volume import FEWEST_VOXELS_ALONG_AN_AXIS, UnfitVolumeError, Volume
from healthward.inputs.volume_names import VOLUME_SUFFIXES
from healthward.wording import shown

KINDS = dict.fromkeys(VOLUME_SUFFIXES, open_nifti) | {".mgz": open_mgh, ".mgh": open_mgh}


def open_volume(path: str, fewest: int = FEWEST_VOXELS_ALONG_AN_AXIS) -> Volume:
    """Return a volume with its voxels unread, its size, data type, scaling and place checked.

    `path` is of a file in one of `KINDS`, or of a folder with one DICOM series. The volume has at least `fewest` voxels
    along each axis.

    Raises:
        UnfitVolumeError: it cannot be used.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        link = Path(path)
        if isinstance(error, FileNotFoundError) and link.is_symlink() and "annex/objects" in str(link.readlink()):
            raise UnfitVolumeError(f"{shown(path)} is not downloaded yet; get it, as by datalad get") from error
        raise UnfitVolumeError(f"{shown(path)} cannot be found ({error.strerror}); correct the path") from error
    if stat.S_ISDIR(status.st_mode):
        return open_series(path, fewest)
    if not stat.S_ISREG(status.st_mode):
        raise UnfitVolumeError(f"{shown(path)} is no file; give the path of a volume")
    opener = next((opener for suffix, opener in KINDS.items() if path.lower().endswith(suffix)), None)
    if opener is None:
        kinds = f"{', '.join(VOLUME_SUFFIXES)}, nor a folder of DICOM"
        raise UnfitVolumeError(f"{shown(path)} is no {kinds}; convert it to NIfTI")
    if status.st_size == 0:
        raise UnfitVolumeError(f"{shown(path)} is an empty file; copy it afresh")
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        raise UnfitVolumeError(f"{shown(path)} cannot be opened ({error.strerror}); see to its permissions") from error
    return opener(path, fewest)


def load_volume(path: Path) -> tuple[Array, NDArray[np.float64]]:
    """Read a 3D volume of any size, or a file of more dimensions that holds one, with its scaling slope applied.

    Returns:
        Voxels, float32 of three dimensions, and the (4, 4) affine.

    Raises:
        UnfitVolumeError: it cannot be used.
    """
    volume = open_volume(str(path), fewest=1)
    return volume.read(), volume.affine
