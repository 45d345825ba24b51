"""The fused cubes that scores are made of, on the disk: what half precision rounds, and files that are damaged."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from healthward.errors import InputError
from healthward.imaging.slices import ScanRecord, ScanSlices, cut, fingerprint
from healthward.imaging.volumes import Geometry
from healthward.maps.fused import FILE, OPTIONAL, STACK, FusedCubes, read_cubes, read_stack, save_cubes
from healthward.maps.fusion import fuse
from healthward.maps.scores import SCORES

SIZE, FIRST, COUNT = 16, 5, 6
RNG = np.random.default_rng(0)


def slices(base: np.ndarray, change: float) -> np.ndarray:
    return np.clip(base + change * RNG.standard_normal(base.shape), 0, 1).astype(np.float32)


@pytest.fixture
def scan() -> ScanSlices:
    cube = RNG.random((SIZE,) * 3).astype(np.float32)
    stack = cut(cube, FIRST, COUNT)
    record = ScanRecord("s", "p", "AD", "test", SIZE, FIRST, COUNT, 192.0, fingerprint(stack))
    geometry = Geometry(cube.shape, np.eye(4), np.eye(4), np.eye(4), 0.0, 1.0)
    return ScanSlices(record, geometry, stack, cube, np.ones(cube.shape, dtype=bool), None)


def made_of(scan: ScanSlices, folder: Path) -> FusedCubes:
    """Write the fused cubes of a reconstruction that changes little, and return it as it was in memory."""

    def change() -> np.ndarray:
        return (1e-3 * RNG.standard_normal(scan.cube.shape)).astype(np.float32)

    stack = {name: slices(np.array(scan.stack), 1e-3) for name in ("healthy", "unguided")}
    input_, healthy, unguided = (fuse(part, FIRST) for part in (np.array(scan.stack), *stack.values()))
    ensemble = np.stack([healthy + change(), healthy + change()])
    cubes = FusedCubes(input_, unguided, healthy, change(), change(), change(), ensemble, np.abs(change()))
    np.savez(folder / STACK, **stack)
    save_cubes(folder / FILE, cubes)
    return cubes


def read(folder: Path, scan: ScanSlices, *optional: str) -> FusedCubes:
    return read_cubes(folder, scan, read_stack(folder, scan), optional)


@pytest.mark.parametrize("score", SCORES)
def test_scores_of_what_is_read_are_within_a_thousandth_of_their_range(scan: ScanSlices, tmp_path: Path, score) -> None:
    whole, halves = (SCORES[score](made) for made in (made_of(scan, tmp_path), read(tmp_path, scan, *OPTIONAL)))
    assert np.ptp(whole) > 0
    assert np.abs(halves - whole).max() <= 1e-3 * np.ptp(whole)


def test_slices_are_read_back_whole(scan: ScanSlices, tmp_path: Path) -> None:
    made, back = made_of(scan, tmp_path), read(tmp_path, scan)
    for name in ("input", "unguided", "healthy"):
        np.testing.assert_array_equal(getattr(made, name), getattr(back, name))
    assert {getattr(back, field.name).dtype for field in fields(back)} == {np.dtype(np.float32)}


def test_what_was_not_made_is_none_and_missed(scan: ScanSlices, tmp_path: Path) -> None:
    bare = replace(made_of(scan, tmp_path), ensemble=None, health_direction=None)
    save_cubes(tmp_path / FILE, bare)
    back = read(tmp_path, scan, "perceptual")
    assert back.ensemble is None
    assert back.health_direction is None
    with pytest.raises(InputError, match=r"fused.npz: lacks the fused cube ensemble; name it in reconstruct.py"):
        read(tmp_path, scan, "perceptual", "ensemble")


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"class_direction": np.zeros((9, 9, 9))}, "class_direction is no cube of finite numbers"),
        ({"denoising_error": np.full((SIZE,) * 3, np.nan)}, "denoising_error is no cube of finite numbers"),
        ({"ensemble": np.zeros((SIZE,) * 3)}, "ensemble is no cube of finite numbers"),
        ({"class_direction": None}, "lacks class_direction; reconstruct the scan again"),
    ],
)
def test_cubes_of_another_size_or_none_is_refused(scan: ScanSlices, tmp_path: Path, wrong: dict, expected: str) -> None:
    made_of(scan, tmp_path)
    with np.load(tmp_path / FILE) as stored:
        parts = {**stored, **wrong}
    np.savez(tmp_path / FILE, **{name: part for name, part in parts.items() if part is not None})
    with pytest.raises(InputError, match=expected):
        read(tmp_path, scan)


def test_cubes_that_are_damaged_are_refused(scan: ScanSlices, tmp_path: Path) -> None:
    made_of(scan, tmp_path)
    for name in (STACK, FILE):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(b"rubbish")
        with pytest.raises(InputError, match=rf"{name}: damaged \(.*; reconstruct the scan again"):
            read(tmp_path, scan)
        (tmp_path / name).write_bytes(content)
