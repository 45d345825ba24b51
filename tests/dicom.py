"""DICOM series as a scanner writes them, with header texts that must go nowhere."""

import locale
from pathlib import Path

import numpy as np
import SimpleITK as sitk

NAME, DESCRIPTION = "Doe^Jane", "t1_mprage_of_Jane"
UID = "1.2.826.0.1.3680043.8.498"


def write_series(
    folder: Path, voxels: np.ndarray, affine: np.ndarray, number: int = 2, modality: str = "MR", slope: float = 1.0
) -> Path:
    """Write a volume (X, Y, Z) of whole numbers, a file an axial slice in an order of its own; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    turned = np.diag([-1.0, -1.0, 1.0]) @ affine[:3, :3] / spacing
    turned[:, 2] = np.cross(turned[:, 0], turned[:, 1])
    for index in np.random.default_rng(0).permutation(voxels.shape[2]):
        image = sitk.GetImageFromArray(np.ascontiguousarray(voxels[:, :, index].T[None]).astype(np.int16))
        image.SetSpacing(spacing.tolist())
        image.SetDirection(turned.ravel().tolist())
        place = np.diag([-1.0, -1.0, 1.0]) @ (affine @ [0, 0, index, 1])[:3]
        image.SetOrigin(place.tolist())
        for tag, text in {
            "0008|0060": modality,
            "0008|0016": "1.2.840.10008.5.1.4.1.1.4",
            "0008|0018": f"{UID}.{number}.{index + 1}",
            "0020|000d": f"{UID}.1",
            "0020|000e": f"{UID}.{number}",
            "0020|0011": str(number),
            "0020|0013": str(index + 1),
            "0020|0032": "\\".join(f"{value:.6f}" for value in place),
            "0020|0037": "\\".join(f"{value:.8f}" for value in turned[:, :2].T.ravel()),
            "0010|0010": NAME,
            "0008|103e": DESCRIPTION,
            "0028|1052": "0",
            "0028|1053": str(slope),
        }.items():
            image.SetMetaData(tag, text)
        write(image, folder / f"IM{number}{index:04d}.dcm")
    return folder


def write(image: sitk.Image, file: Path) -> None:
    """Write an image as DICOM, and undo that GDCM makes the process one of the locale C when it writes."""
    before = locale.setlocale(locale.LC_ALL)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.SetFileName(str(file))
    writer.Execute(image)
    locale.setlocale(locale.LC_ALL, before)
