"""A volume of FreeSurfer's: .mgh, or .mgz where it is packed.

The format: https://surfer.nmr.mgh.harvard.edu/fswiki/FsTutorial/MghFormat.
"""

import gzip
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from nibabel.arrayproxy import ArrayProxy
from nibabel.freesurfer.mghformat import MGHHeader, header_dtype
from numpy.typing import NDArray

from healthward.imaging.nifti_place import UnfitPlaceError, check_affine
from healthward.imaging.volume import DAMAGE, UnfitVolumeError, Volume, check_size, damaged, nifti_header
from healthward.wording import shown

VERSION = 1
BLOCK = 2**20


def open_mgh(path: str, fewest: int) -> Volume:
    """Return the volume of a file that is there.

    Raises:
        UnfitVolumeError: it cannot be used.
    """
    try:
        with _stream(path) as stream:
            start = stream.read(header_dtype.itemsize)
        fields = np.frombuffer(start, header_dtype, count=1)[0]
        if fields["version"] != VERSION:
            raise ValueError(f"its version is {fields['version']}, not {VERSION}")
        header = MGHHeader(start)
        kind = header.get_data_dtype()
    except DAMAGE as error:
        raise damaged(path, error) from error
    shape = tuple(int(extent) for extent in header.get_data_shape())
    check_size(path, kind, shape, fewest)
    if not fields["goodRASFlag"]:
        text = "does not say how it lies in space (its goodRASFlag is 0); convert it afresh from DICOM"
        raise UnfitVolumeError(f"{shown(path)} {text}")
    affine = np.asarray(header.get_affine(), dtype=np.float64)
    try:
        check_affine(affine)
    except UnfitPlaceError as error:
        raise UnfitVolumeError(f"{shown(path)} {error}") from error

    def source() -> NDArray[Any]:
        with _stream(path) as stream:
            voxels = np.asarray(ArrayProxy(stream, header, mmap=False))
            while stream.read(BLOCK):  # what follows the voxels says how they were made; gzip compares its checksum
                pass
        return voxels

    return Volume(path, nifti_header(shape, affine, kind.newbyteorder("=")), affine, (), source)


def _stream(path: str) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.lower().endswith(".mgz") else Path(path).open("rb")
