"""The folder of a scan that was made ready: written, and read back for the scan that it was made of."""

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from healthward.errors import InputError, reading
from healthward.imaging.foreground import Array
from healthward.imaging.formats import load_volume
from healthward.imaging.prepared import Field, Prepared
from healthward.imaging.volume import Volume
from healthward.imaging.volumes import save_like
from healthward.inputs.provenance import voxel_digest
from healthward.inputs.results import read_object
from healthward.wording import shown

BRAIN, FIELD, RECORD = "brain.nii.gz", "log_bias.nii.gz", "preparation.json"
AGAIN = "prepare the scan again"


def save_prepared(folder: Path, prepared: Prepared, image: Volume, voxels: Array, record: dict[str, Any]) -> None:
    """Write what a scan was made ready by into `folder`; the field of another one goes.

    Args:
        folder: to write.
        prepared: of the scan.
        image: the scan's file.
        voxels: its voxels.
        record: further values for preparation.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_like(folder / BRAIN, prepared.brain.astype(np.uint8), Path(image.path))
    (folder / FIELD).unlink(missing_ok=True)
    if prepared.field is not None:
        step, first = prepared.field.lattice.T
        to_voxel = np.diag([*step, 1.0])
        to_voxel[:3, 3] = first
        coarse = nib.Nifti1Image(prepared.field.logarithm, image.affine @ to_voxel)  # type: ignore[attr-defined]
        nib.save(coarse, folder / FIELD)  # type: ignore[attr-defined]
    found = {
        **record,
        "image": voxel_digest(voxels),
        "units": prepared.units,
        "ends": prepared.ends,
        "lattice": None if prepared.field is None else prepared.field.lattice.tolist(),
        "matrix": None if prepared.matrix is None else prepared.matrix.tolist(),
    }
    (folder / RECORD).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def read_preparation(folder: Path) -> dict[str, Any]:
    """Read the record of a scan that was made ready."""
    return read_object(folder / RECORD, AGAIN)


def load_prepared(folder: Path, image: str, voxels: Array) -> Prepared:
    """Read what a scan was made ready by.

    Args:
        folder: of prepare.py.
        image: how a message is to name the scan.
        voxels: of the scan.

    Raises:
        InputError: it was made of another image, or is damaged.
    """
    record = read_preparation(folder)
    if record.get("image") != voxel_digest(voxels):
        raise InputError(f"{folder}: made of another image than {shown(image)}; {AGAIN}")
    with reading(folder / BRAIN, AGAIN):
        brain = load_volume(folder / BRAIN)[0] > 0
        if brain.shape != voxels.shape or not brain.any():
            raise ValueError("no brain of this image")
    with reading(folder / RECORD, AGAIN):
        units, ends = (np.array(record[name], dtype=float).reshape(2) for name in ("units", "ends"))
        lattice = None if record["lattice"] is None else np.array(record["lattice"], dtype=float).reshape(3, 2)
        matrix = None if record["matrix"] is None else np.array(record["matrix"], dtype=float).reshape(4, 4)
        numbers = np.concatenate([each.ravel() for each in (units, ends, lattice, matrix) if each is not None])
        if not np.isfinite(numbers).all() or units[0] >= units[1] or ends[0] >= ends[1]:
            raise ValueError("no preparation of a scan")
    field = None
    if lattice is not None:
        with reading(folder / FIELD, AGAIN):
            field = Field(load_volume(folder / FIELD)[0], lattice)
    low, high, darkest, brightest = (float(number) for number in (*units, *ends))
    return Prepared(brain, field, (low, high), (darkest, brightest), matrix)
