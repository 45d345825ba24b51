"""Slice stacks: cut from a conformed cube, written for memory-mapped reading, read back."""

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from healthward.errors import InputError, reading
from healthward.imaging.formats import load_volume
from healthward.imaging.volumes import Array, Conformed, Geometry, Mask, save_cube
from healthward.inputs.fields import ID, SPLITS
from healthward.inputs.results import read_object
from healthward.inputs.spaces import SCANNER, SPACES
from healthward.labels import UNKNOWN, is_class_name

SLICE_AGAIN = "slice the scan again"
AXES = ("sagittal", "coronal", "axial")
"""Names of the cube's three axes in order: a sagittal slice is one of constant right-left position."""


@dataclass(frozen=True)
class ScanRecord:
    """What a stack of slices says of itself.

    Attributes:
        scan, subject, label, split: from the samplesheet.
        size: edge of the cube and of a slice, in voxels.
        first: cube index of the first slice along every axis.
        count: slices per axis.
        fov: edge of the cube in millimetres.
        fingerprint: hash of the voxels of the stack, for provenance and training keys.
        space: that the cube lies in, one of `healthward.inputs.spaces.SPACES`.
        appearance: how its tissue looks, by its preparation; empty without one.
    """

    scan: str
    subject: str
    label: str
    split: str
    size: int
    first: int
    count: int
    fov: float
    fingerprint: str
    space: str = SCANNER
    appearance: tuple[float, ...] = ()

    @property
    def spacing(self) -> float:
        """Edge of a voxel of the cube in millimetres."""
        return self.fov / self.size

    def seed(self, seed: int) -> list[int]:
        """Return the seed of what is drawn for this scan in a run of a seed: that of its voxels, whatever its name."""
        return [seed, *self.fingerprint.encode()]


@dataclass(frozen=True)
class ScanSlices:
    """A conformed scan read back.

    Attributes:
        record: what it is.
        geometry: where it lies in the scan's own space.
        stack: float32 memory map of shape (3, count, size, size) in [0, 1]; axes in the order of `AXES`.
        cube: float32, (size, size, size), in [0, 1].
        brain: bool, (size, size, size).
        truth: bool, (size, size, size): the ground-truth anomaly, or None where no mask was given.
    """

    record: ScanRecord
    geometry: Geometry
    stack: Array
    cube: Array
    brain: Mask
    truth: Mask | None

    @property
    def brain_stack(self) -> Mask:
        """The brain in the slices: bool, of the shape of `stack`."""
        return cut(self.brain, self.record.first, self.record.count)


def slice_bounds(size: int, low: float, high: float) -> tuple[int, int]:
    """Return first index and count of the slices between two fractions of an axis.

    0.35 to 0.75 of 128 are the slices 44..95: both ends are rounded down, the upper one is excluded.

    Raises:
        InputError: the fractions are no range, or there is no slice between them.
    """
    given = f"slice range {low:g} to {high:g}"
    if not 0 <= low < high <= 1:
        raise InputError(f"{given} is no range; give two fractions, 0 ≤ low < high ≤ 1")
    first = int(low * size + 1e-9)
    count = int(high * size + 1e-9) - first
    if count == 0:
        raise InputError(f"{given} holds no whole slice of {size}; give a wider range")
    return first, count


def cut(cube: NDArray[Any], first: int, count: int) -> NDArray[Any]:
    """Cut a cube along its three axes: (size, size, size) to (3, count, size, size)."""
    chosen = slice(first, first + count)
    return np.stack([cube[chosen], cube[:, chosen].transpose(1, 0, 2), cube[:, :, chosen].transpose(2, 0, 1)])


def fingerprint(stack: Array) -> str:
    """Return the SHA-256 of a stack's voxels."""
    return hashlib.sha256(np.ascontiguousarray(stack).data).hexdigest()


def save_scan(folder: Path, conformed: Conformed, stack: Array, truth: Mask | None, record: ScanRecord) -> None:
    """Write a scan's slices with all that later stages need of it into `folder`; another scan's truth goes."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "slices.npy", stack)
    save_cube(folder / "conformed.nii.gz", conformed.cube, conformed.geometry)
    save_cube(folder / "brain.nii.gz", conformed.brain, conformed.geometry)
    (folder / "truth.nii.gz").unlink(missing_ok=True)
    if truth is not None:
        save_cube(folder / "truth.nii.gz", truth, conformed.geometry)
    geometry = {
        "shape": conformed.geometry.shape,
        "affine": conformed.geometry.affine.tolist(),
        "cube_affine": conformed.geometry.cube_affine.tolist(),
        "to_world": conformed.geometry.to_world.tolist(),
        "darkest": conformed.geometry.darkest,
        "brightest": conformed.geometry.brightest,
    }
    (folder / "scan.json").write_text(json.dumps({**asdict(record), "geometry": geometry}, indent=2) + "\n")


def read_record(folder: Path) -> ScanRecord:
    """Read what a folder of slices says of itself, without touching a voxel."""
    file = folder / "scan.json"
    fields = read_object(file, SLICE_AGAIN)
    with reading(file, SLICE_AGAIN):
        fields.pop("geometry")
        record = ScanRecord(**{**fields, "appearance": tuple(fields.get("appearance", ()))})
        _check_record(record)
        return record


def by_scan(folders: Iterable[Path]) -> dict[str, Path]:
    """Return folders of slices by the ids of their scans, sorted.

    Raises:
        InputError: a folder is none of slice.py's, or two are of one scan.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        scan = read_record(folder).scan
        if scan in found:
            raise InputError(f"{folder}: of scan {scan}, as {found[scan]} is; give each scan once")
        found[scan] = folder
    return dict(sorted(found.items()))


def read_stack(folder: Path) -> Array:
    """Open a stack of slices as a read-only memory map of shape (3, count, size, size)."""
    file = folder / "slices.npy"
    with reading(file, SLICE_AGAIN):
        return np.load(file, mmap_mode="r")  # type: ignore[no-any-return]


def check_stack(folder: Path, record: ScanRecord) -> None:
    """Raise an InputError where the stack of a folder, whose voxels are not read, is not what its record says."""
    stack = read_stack(folder)
    with reading(folder / "slices.npy", SLICE_AGAIN):
        _check_shape(stack, (3, record.count, record.size, record.size))


def verify_stack(folder: Path, record: ScanRecord) -> None:
    """Raise an InputError where the voxels of a folder's stack are not those that its record tells of."""
    check_stack(folder, record)
    stack = read_stack(folder)
    with reading(folder / "slices.npy", SLICE_AGAIN):
        if stack.dtype != np.float32:
            raise ValueError(f"numbers of type {stack.dtype}, not float32")
        if not (stack.min() >= 0 and stack.max() <= 1):
            raise ValueError("values outside [0, 1], or NaN")
        if stack.min() == stack.max():
            raise ValueError(f"the value {stack.flat[0]:g} everywhere")
        if fingerprint(stack) != record.fingerprint:
            raise ValueError("not the voxels that scan.json tells of")


def load_scan(folder: Path) -> ScanSlices:
    """Read a scan's slices, cube and masks."""
    record = read_record(folder)
    with reading(folder / "scan.json", SLICE_AGAIN):
        geometry = read_object(folder / "scan.json", SLICE_AGAIN)["geometry"]
        lies = Geometry(
            shape=tuple(map(int, geometry["shape"])),  # type: ignore[arg-type]
            affine=np.array(geometry["affine"], dtype=float).reshape(4, 4),
            cube_affine=np.array(geometry["cube_affine"], dtype=float).reshape(4, 4),
            to_world=np.array(geometry["to_world"], dtype=float).reshape(4, 4),
            darkest=float(geometry["darkest"]),
            brightest=float(geometry["brightest"]),
        )
        affines = (lies.affine, lies.cube_affine, lies.to_world)
        numbers = [*np.ravel(affines), lies.darkest, lies.brightest]
        if len(lies.shape) != 3 or not np.isfinite(numbers).all() or not lies.darkest < lies.brightest:
            raise ValueError("no geometry of a volume")
    verify_stack(folder, record)
    truth, size = folder / "truth.nii.gz", record.size
    return ScanSlices(
        record=record,
        geometry=lies,
        stack=read_stack(folder),
        cube=_read_cube(folder / "conformed.nii.gz", size),
        brain=_read_cube(folder / "brain.nii.gz", size) > 0,
        truth=_read_cube(truth, size) > 0 if truth.exists() else None,
    )


def _read_cube(path: Path, size: int) -> Array:
    with reading(path, SLICE_AGAIN):
        voxels, _ = load_volume(path)
        _check_shape(voxels, (size, size, size))
        return voxels


def _check_record(record: ScanRecord) -> None:
    """Raise where a field is not of its kind, or slices would lie outside the cube."""
    if not all(ID.fullmatch(name) for name in (record.scan, record.subject)):
        raise ValueError(f"scan {record.scan!r} or subject {record.subject!r} is no id")
    counts = (record.size, record.first, record.count)
    if not all(isinstance(count, int) and count >= 0 for count in counts) or not record.fov > 0:
        raise ValueError("sizes that are no numbers above 0")
    if not all(isinstance(number, float) and math.isfinite(number) for number in record.appearance):
        raise ValueError("a look that is no numbers")
    if record.space not in SPACES:
        raise ValueError(f"space {record.space!r}, not one of {', '.join(SPACES)}")
    if record.label != UNKNOWN and not is_class_name(record.label):
        raise ValueError(f"label {record.label!r} is no class")
    if record.split not in SPLITS or not 0 < record.count <= record.size - record.first:
        raise ValueError(f"split {record.split!r} of {record.count} slices from {record.first} of {record.size}")


def _check_shape(array: NDArray[Any], shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ValueError(f"shape {array.shape}, not {shape} as scan.json has it")
