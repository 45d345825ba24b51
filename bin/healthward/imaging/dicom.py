"""A folder with the images of one DICOM series, a slice in each. Of headers, places alone are taken over."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from healthward.imaging.nifti_place import UnfitPlaceError, check_affine
from healthward.imaging.volume import UnfitVolumeError, Volume, check_size, damaged, nifti_header
from healthward.wording import counted, shown

SERIES_NUMBER, MODALITY = "0020|0011", "0008|0060"
PREAMBLE, MAGIC = 128, b"DICM"
"""How a file of DICOM begins: any bytes, and these."""

TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From the world of DICOM, left and posterior, to that of NIfTI."""

MOST_UNEVEN = 0.05
"""Of the distance between two slices, how far one may be from its place."""


@dataclass(frozen=True)
class _Slice:
    """One image of a series: its file, its sizes, and its affine (4, 4), voxel to world millimetres (RAS+)."""

    file: str
    shape: tuple[int, ...]
    affine: NDArray[np.float64]
    modality: str
    whole_numbers: bool

    @property
    def height(self) -> float:
        """Place along the normal of the slice, in millimetres."""
        normal = np.cross(self.affine[:3, 0], self.affine[:3, 1])
        return float(normal @ self.affine[:3, 3] / np.linalg.norm(normal))


def open_series(folder: str, fewest: int) -> Volume:
    """Return the volume of a folder with one series.

    Raises:
        UnfitVolumeError: it cannot be used, or holds several series.
    """
    files = _files_of_its_series(folder)
    slices = sorted((_read_slice(folder, file) for file in files), key=lambda each: (each.height, each.file))
    shape, affine = _stacked(folder, slices)
    if {each.modality for each in slices} != {"MR"}:
        raise UnfitVolumeError(f"{shown(folder)} holds a series that is no MR; give that of a T1-weighted scan")
    kind = np.dtype(np.int16 if all(each.whole_numbers for each in slices) else np.float32)
    check_size(folder, kind, shape, fewest)
    try:
        check_affine(affine)
    except UnfitPlaceError as error:
        raise UnfitVolumeError(f"{shown(folder)} {error}") from error

    def source() -> NDArray[Any]:
        sitk = _simple_itk()
        try:
            planes = [sitk.GetArrayFromImage(sitk.ReadImage(each.file))[0].T for each in slices]
        except RuntimeError as error:
            raise damaged(folder, error) from error
        return np.stack(planes, axis=2).astype(np.float32)

    return Volume(folder, nifti_header(shape, affine, kind), affine, (), source)


def _files_of_its_series(folder: str) -> list[str]:
    """Return the files of the only series of images in a folder."""
    reader = _simple_itk().ImageSeriesReader
    try:
        found = [reader.GetGDCMSeriesFileNames(folder, each, True) for each in reader.GetGDCMSeriesIDs(folder, True)]
    except RuntimeError as error:
        raise damaged(folder, error) from error
    known = {Path(file).name for files in found for file in files}
    for path in sorted(Path(folder).iterdir()):
        if path.name not in known and _is_dicom(path):
            raise damaged(folder, ValueError(f"{shown(path.name)} is not whole"))
    series = [list(files) for files in found if _is_image(files[0])]
    if not series:
        text = "is a folder without images of DICOM; give a volume's file, or the folder that the images are in"
        raise UnfitVolumeError(f"{shown(folder)} {text}")
    if len(series) > 1:
        said = "; ".join(sorted(_described(files) for files in series))
        raise UnfitVolumeError(f"{shown(folder)} holds {len(series)} series; give each a folder of its own: {said}")
    return series[0]


def _is_dicom(path: Path) -> bool:
    """Return whether a file begins as DICOM and is no table of the others."""
    if path.name.upper() == "DICOMDIR" or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(PREAMBLE + len(MAGIC))[PREAMBLE:] == MAGIC


def _is_image(file: str) -> bool:
    """Return whether a file of DICOM holds an image, and not a report or how to show others."""
    try:
        return min(_information(file).GetSize()) > 0
    except RuntimeError:
        return False


def _described(files: list[str]) -> str:
    info = _information(files[0])
    number = info.GetMetaData(SERIES_NUMBER).strip() if info.HasMetaDataKey(SERIES_NUMBER) else ""
    name = f"number {number}" if number.isdigit() else "one without a number"
    return f"{name}, {counted(len(files), 'image')} such as {shown(min(Path(file).name for file in files))}"


def _information(file: str) -> Any:
    reader = _simple_itk().ImageFileReader()
    reader.SetFileName(file)
    reader.ReadImageInformation()
    return reader


def _read_slice(folder: str, file: str) -> _Slice:
    try:
        info = _information(file)
    except RuntimeError as error:
        raise damaged(folder, error) from error
    if info.GetSize()[2:] != (1,):
        text = f"holds several images in one file ({shown(Path(file).name)}); convert it to NIfTI, as by dcm2niix"
        raise UnfitVolumeError(f"{shown(folder)} {text}")
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(info.GetDirection(), (3, 3)) * info.GetSpacing()
    affine[:3, 3] = info.GetOrigin()
    modality = info.GetMetaData(MODALITY).strip() if info.HasMetaDataKey(MODALITY) else ""
    whole = "float" not in _simple_itk().GetPixelIDValueAsString(info.GetPixelID())
    if info.GetNumberOfComponents() != 1:
        raise UnfitVolumeError(f"{shown(folder)} holds colours, not one real number a voxel; give the series itself")
    return _Slice(file, tuple(info.GetSize()[:2]), TO_RAS @ affine, modality, whole)


def _stacked(folder: str, slices: list[_Slice]) -> tuple[tuple[int, int, int], NDArray[np.float64]]:
    """Return the shape and the affine of the volume that slices make, in their order."""
    first = slices[0]
    if any(each.shape != first.shape or not _is_parallel(each, first) for each in slices):
        text = "holds images of several sizes or directions; give a folder with one volume's"
        raise UnfitVolumeError(f"{shown(folder)} {text}")
    width, height = first.shape
    affine = first.affine.copy()
    if len(slices) > 1:
        origins = np.array([each.affine[:3, 3] for each in slices])
        steps = np.diff(origins, axis=0)
        step = steps.mean(axis=0)
        distance = float(np.linalg.norm(step))
        found = np.linalg.norm(steps, axis=1)
        if found.min() <= MOST_UNEVEN * distance:
            text = "holds several images at one place, as of several echoes or times; give a folder with one volume's"
            raise UnfitVolumeError(f"{shown(folder)} {text}")
        if np.linalg.norm(steps - step, axis=1).max() > MOST_UNEVEN * distance:
            text = f"has images from {found.min():.3g} to {found.max():.3g} mm apart; copy those that are missing"
            raise UnfitVolumeError(f"{shown(folder)} {text}")
        normal = np.cross(first.affine[:3, 0], first.affine[:3, 1])
        if abs(step @ normal) < (1 - MOST_UNEVEN**2) * distance * np.linalg.norm(normal):
            text = "has images that lie askew, by a tilted gantry; convert it to NIfTI, as by dcm2niix"
            raise UnfitVolumeError(f"{shown(folder)} {text}")
        affine[:3, 2] = step
    return (width, height, len(slices)), affine


def _is_parallel(one: _Slice, other: _Slice) -> bool:
    return np.allclose(one.affine[:3, :2], other.affine[:3, :2], rtol=0, atol=1e-3)


def _simple_itk() -> Any:
    """Return SimpleITK, which takes a while to load, without the warnings that it prints by itself."""
    import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it

    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    return sitk
