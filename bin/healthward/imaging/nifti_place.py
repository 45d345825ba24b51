"""How a NIfTI file lies in space by its header: sform before qform, and what contradicts itself refused or reported."""

import itertools
import math

import nibabel
import numpy as np
from numpy.typing import NDArray

VOXEL_SIZES_MM = (0.1, 20.0)
LENGTHS = {1: "metres", 3: "micrometres"}
"""Codes of xyzt_units other than millimetres (2) and unknown (0); the lowest three bits hold the unit of length."""

LONGEST_QUATERNION = 1.001
"""Sum of squares of a quaternion's last three numbers that rounding explains; 1 is the most of a rotation."""

LARGEST_SIZE_DIFFERENCE = 0.01
"""... from which a voxel's size by the header's pixdim and by the sform are reported to disagree, as a share of it."""

FARTHEST_MM = 1.0
"""Distance between a corner by the qform and by the sform from which the two are reported to disagree."""


class UnfitPlaceError(ValueError):
    """A header that does not tell where its voxels lie; the message would follow the file's name."""


def settle_place(header: nibabel.Nifti1Header) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the affine to world millimetres by the header, and what is odd about it.

    The header is changed to what was taken: a quaternion that rounding made too long is of length 1, and sizes or a
    qform that say nothing beside a sform agree with it.

    Raises:
        UnfitPlaceError: it cannot be determined, or the header says two things.
    """
    _check_units(header)
    has_sform, has_qform = int(header["sform_code"]) > 0, int(header["qform_code"]) > 0
    if not has_sform and not has_qform:
        text = "does not say how it lies in space (qform and sform codes are 0); convert it afresh from DICOM"
        raise UnfitPlaceError(f"{text}, or set its sform")
    header["sform_code"] = max(0, int(header["sform_code"]))
    wrong = _mend_qform(header)
    if wrong and not has_sform:
        raise UnfitPlaceError(wrong)
    if wrong or not has_qform:
        header["qform_code"] = 0
    if not has_sform:
        affine = np.asarray(header.get_qform(), dtype=np.float64)
        check_affine(affine)
        return affine, ()
    affine = np.asarray(header.get_sform(), dtype=np.float64)
    check_affine(affine)
    other_sizes = () if has_qform else _other_sizes(header, affine)
    if other_sizes:
        header["pixdim"][1:4] = np.linalg.norm(affine[:3, :3], axis=0)
    if wrong:
        header["pixdim"][1:4] = np.linalg.norm(affine[:3, :3], axis=0)
        header["pixdim"][0] = 1
        header["quatern_b"] = header["quatern_c"] = header["quatern_d"] = 0
        return affine, (f"{wrong}; its sform was taken",) if has_qform else other_sizes
    return affine, _disagreement(header, affine) if has_qform else other_sizes


def _check_units(header: nibabel.Nifti1Header) -> None:
    unit = LENGTHS.get(int(header["xyzt_units"]) % 8)
    if unit:
        raise UnfitPlaceError(f"has its lengths in {unit} (xyzt_units); convert it to millimetres")


def _mend_qform(header: nibabel.Nifti1Header) -> str:
    """Make the qform one that can be computed where rounding or a default explains it; else return why not."""
    factor, *sizes = (float(size) for size in header["pixdim"][:4])
    if not all(0 < size < math.inf for size in sizes):
        found = " × ".join(f"{size:g}" for size in sizes)
        return f"has voxels of {found} mm by its pixdim, which its qform goes by; write the true sizes"
    if factor not in (-1, 0, 1):
        return f"has a pixdim[0] of {factor:g}, by which its qform is left- or right-handed; write 1 or -1"
    header["pixdim"][0] = factor or 1
    names = ("quatern_b", "quatern_c", "quatern_d")
    length = sum(float(header[name]) ** 2 for name in names)
    if not length <= LONGEST_QUATERNION:
        return f"has a quaternion in its qform whose squares add up to {length:.3g}, over 1; set the qform anew"
    if length > 1:
        for name in names:
            header[name] = float(header[name]) / math.sqrt(length) * (1 - 1e-7)
    return ""


def check_affine(affine: NDArray[np.float64]) -> None:
    """Raise an UnfitPlaceError for an affine, voxel to world millimetres, that no scan has."""
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    smallest, largest = VOXEL_SIZES_MM
    if not np.isfinite(affine).all() or sizes.min() < smallest or sizes.max() > largest:
        found = " × ".join(f"{size:.3g}" for size in sizes)
        text = f"has voxels of {found} mm by its affine; set an affine of {smallest:g} to {largest:g} mm a voxel"
        raise UnfitPlaceError(text)
    if abs(np.linalg.det(affine[:3, :3] / sizes)) < 1e-3:
        raise UnfitPlaceError("has an affine that cannot be inverted; set the true one")


def _other_sizes(header: nibabel.Nifti1Header, affine: NDArray[np.float64]) -> tuple[str, ...]:
    """Warn of sizes that the sform has not, if they say anything: 0 and 1 are what a program writes that does not."""
    sizes, true = np.asarray(header["pixdim"][1:4], dtype=np.float64), np.linalg.norm(affine[:3, :3], axis=0)
    if (sizes == 0).all() or (sizes == 1).all() or np.allclose(sizes, true, rtol=LARGEST_SIZE_DIFFERENCE, atol=0):
        return ()
    found, taken = (" × ".join(f"{size:.4g}" for size in each) for each in (sizes, true))
    return (f"has voxels of {found} mm by its pixdim, but of {taken} mm by its sform; its sform was taken",)


def _disagreement(header: nibabel.Nifti1Header, affine: NDArray[np.float64]) -> tuple[str, ...]:
    other = np.asarray(header.get_qform(), dtype=np.float64)
    if np.linalg.det(other[:3, :3]) * np.linalg.det(affine[:3, :3]) < 0:
        raise UnfitPlaceError("has a qform and a sform of which one is a mirror image; delete the wrong one")
    corners = np.array([*itertools.product(*((0, int(extent) - 1) for extent in header["dim"][1:4]))])
    apart = corners @ (affine - other)[:3, :3].T + (affine - other)[:3, 3]
    farthest = float(np.linalg.norm(apart, axis=1).max())
    if not farthest > FARTHEST_MM:
        return ()
    return (f"has a qform and a sform that lie up to {farthest:.0f} mm apart; its sform was taken",)
