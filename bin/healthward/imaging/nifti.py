"""NIfTI, in a file or a pair of them: its header as we take it. What nibabel would mend or assume is decided here.

The standard: https://nifti.nimh.nih.gov/nifti-1 and nifti-2.
"""

import gzip
import math
from pathlib import Path
from typing import Any, BinaryIO, cast

import nibabel
import numpy as np
from nibabel.arrayproxy import ArrayProxy
from numpy.typing import NDArray

from healthward.imaging.nifti_place import UnfitPlaceError, settle_place
from healthward.imaging.volume import DAMAGE, UnfitVolumeError, Volume, check_size, damaged
from healthward.wording import shown

SINGLE = {b"n+1\0": (344, nibabel.Nifti1Header), b"n+2\0\r\n\x1a\n": (4, nibabel.Nifti2Header)}
PAIRED = {b"ni1\0": (344, nibabel.Nifti1Header), b"ni2\0\r\n\x1a\n": (4, nibabel.Nifti2Header)}
"""What tells the kinds of header, where in it that stands, and nibabel's class for it: of one file, and of two."""

PAIR = (".hdr", ".img")
GZIP, START = b"\x1f\x8b", 352
"""How a gzip file begins, and in how many bytes a header says of what kind it is."""

ANALYZE = 348
"""Bytes of a header of Analyze 7.5, which its first four say; NIfTI's are as many, with the magic above."""

MOST_OF_GZIP = 1032
"""Bytes that one byte of a gzip file can stand for at most."""

BLOCK, PADDING = 2**20, 512


def open_nifti(path: str, fewest: int) -> Volume:
    """Return the volume of a file that is there, by its name NIfTI in one file or the half of a pair.

    Raises:
        UnfitVolumeError: it cannot be used.
    """
    header_path, voxels_path = _halves(path)
    kinds = SINGLE if header_path == voxels_path else PAIRED
    _check_packing(header_path)
    try:
        header = _read_header(header_path, kinds)
        length = Path(voxels_path).stat().st_size
    except UnfitVolumeError:
        raise
    except DAMAGE as error:
        raise damaged(path, error) from error
    count = int(header["dim"][0])
    if not 0 < count < 8:
        raise UnfitVolumeError(f"{shown(path)} is of {count} dimensions; give a 3D volume (or 4D with one volume)")
    # not get_data_shape, which reads large surfaces into some sizes
    check_size(path, header.get_data_dtype(), tuple(int(extent) for extent in header["dim"][1 : 1 + count]), fewest)
    _check_scaling(header, path)
    _check_length(header, path, length)
    try:
        affine, notes = settle_place(header)
    except UnfitPlaceError as error:
        raise UnfitVolumeError(f"{shown(path)} {error}") from error

    def source() -> NDArray[Any]:
        with _stream(voxels_path) as stream:
            # mmap would keep the file open, and see only a part of it
            voxels = np.asarray(ArrayProxy(stream, header, mmap=False), dtype=np.float32)
            surplus = _surplus(stream)
        if surplus:
            text = f"holds {surplus} bytes more than its header declares; convert or copy it afresh"
            raise UnfitVolumeError(f"{shown(voxels_path)} {text}")
        return voxels

    return Volume(path, header, affine, notes, source)


def _halves(path: str) -> tuple[str, str]:
    """Return the files of header and voxels, of a pair with the other half's name as the first one's is written."""
    if not path.lower().endswith(PAIR):
        return path, path
    stem, suffix = path[:-4], path[-4:]
    halves = [suffix if suffix.lower() == half else half.upper() if suffix.isupper() else half for half in PAIR]
    for half in halves:
        if not Path(stem + half).is_file():
            text = f"has no {shown(Path(stem + half).name)} beside it, the other half of it; copy the two together"
            raise UnfitVolumeError(f"{shown(path)} {text}")
    return stem + halves[0], stem + halves[1]


def _check_packing(path: str) -> None:
    with Path(path).open("rb") as file:
        start = file.read(START)
    if start[:2] == GZIP and not _is_packed(path):
        mend = "unpack it" if path.lower().endswith(PAIR) else "call it .nii.gz"
        raise UnfitVolumeError(f"{shown(path)} is gzipped; {mend}")
    if _is_packed(path) and any(start[place : place + len(magic)] == magic for magic, (place, _) in SINGLE.items()):
        raise UnfitVolumeError(f"{shown(path)} is not gzipped; call it .nii")


def _is_packed(path: str) -> bool:
    return path.lower().endswith(".gz")


def _stream(path: str) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if _is_packed(path) else Path(path).open("rb")


def _read_header(path: str, kinds: dict[bytes, tuple[int, type[nibabel.Nifti1Header]]]) -> nibabel.Nifti1Header:
    """Return a header as it stands in the file, with nothing mended."""
    with _stream(path) as stream:
        start = stream.read(nibabel.Nifti2Header.sizeof_hdr)
    for magic, (place, kind) in kinds.items():
        if start[place : place + len(magic)] == magic:
            if len(start) < kind.sizeof_hdr:
                raise ValueError(f"it ends within its header, after {len(start)} bytes")
            header = kind(start[: kind.sizeof_hdr], check=False)
            code = int(header["datatype"])
            if code == 0 or code not in nibabel.nifti1.data_type_codes.code:
                raise ValueError(f"its data type {code} is unknown")
            first = kind.single_vox_offset if kinds is SINGLE else 0
            offset = float(header["vox_offset"])
            if not (offset >= first and offset.is_integer()):
                raise ValueError(f"its voxels would start at byte {offset:g}, before {first}")
            return header
    if kinds is PAIRED and ANALYZE in (int.from_bytes(start[:4], order) for order in ("little", "big")):
        text = "is Analyze 7.5, which does not tell left from right; convert it to NIfTI by who wrote it, or from DICOM"
        raise UnfitVolumeError(f"{shown(path)} {text}")
    raise ValueError("no NIfTI header of a single file" if kinds is SINGLE else "no NIfTI header of a pair")


def _surplus(stream: BinaryIO) -> int:
    """Read a file to its end, which makes gzip compare its checksum, and return how many bytes were left.

    Zeros that fill the last block of a disk or tape are none.
    """
    length, zeros = 0, True
    while block := stream.read(BLOCK):
        length += len(block)
        zeros = zeros and not any(block)
    return 0 if zeros and length < PADDING else length


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
        raise damaged(path, ValueError(f"{length} bytes cannot hold {size} voxels"))
