"""Copies of a volume are recognised however they were turned or stored; other volumes are never taken for copies."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from healthward.errors import InputError
from healthward.imaging.signatures import (
    Signature,
    are_copies,
    earliest_copies,
    load_signatures,
    save_signatures,
    signature,
)
from phantoms import head_on

Volume = NDArray[np.generic]
HEAD = head_on("isotropic")[0]
BRAIN = HEAD > 100
NOISE = np.random.default_rng(1).standard_normal(HEAD.shape).astype(np.float32)
SCAN = np.where(BRAIN, np.abs(HEAD + 8 * NOISE), 0).astype(np.float32)
SHIFTED = np.where(BRAIN, np.roll(SCAN, 2, axis=1), 0)


def to_bytes(voxels: Volume) -> NDArray[np.uint8]:
    return np.rint(voxels / voxels.max() * 255).astype(np.uint8)


def z_scored(voxels: Volume) -> NDArray[np.float32]:
    inside = voxels[BRAIN].astype(np.float64)
    return np.where(BRAIN, (voxels - inside.mean()) / inside.std(), 0).astype(np.float32)


def box_of(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    return tuple(slice(places.min(), places.max() + 1) for places in np.nonzero(mask))


COPIES: dict[str, Callable[[Volume], Volume]] = {
    "itself": lambda v: v,
    "axes permuted": lambda v: v.transpose(2, 0, 1),
    "axes flipped": lambda v: v[::-1, :, ::-1],
    "turned by a quarter": np.rot90,
    "scaled": lambda v: v * 3,
    "scaled a little": lambda v: v * np.float32(1.003),
    "scaled and shifted": lambda v: v * np.float32(0.7) + 50,
    "z-scored": lambda v: (v - v.mean()) / v.std(),
    "to 0..1": lambda v: v / v.max(),
    "float64": lambda v: v.astype(np.float64),
    "rounded to int16": lambda v: np.rint(v).astype(np.int16),
    "cut to int16": lambda v: v.astype(np.int16),
    "scaled and cut to int16": lambda v: (v * 0.4).astype(np.int16),
    "uint8": to_bytes,
    "uint8 with a slope": lambda v: to_bytes(v) * np.float32(v.max() / 255),
    "uint8 with a slope and an intercept": lambda v: to_bytes(v) * np.float32(0.02) - 7,
    "uint8, flipped and permuted": lambda v: to_bytes(v).transpose(1, 2, 0)[:, ::-1],
    "z-scored within the brain": z_scored,
    "z-scored within the brain, flipped and permuted": lambda v: z_scored(v).transpose(1, 2, 0)[:, ::-1],
    "z-scored, on NaN": lambda v: np.where(BRAIN, z_scored(v), np.nan),
    "scaled within the brain": lambda v: np.where(BRAIN, 0.7 * v + 50, 0),
    "on -1": lambda v: np.where(BRAIN, v, -1),
    "on -1000, turned": lambda v: np.rot90(np.where(BRAIN, v, -1000)),
    "cropped": lambda v: v[1:, :-2],
    "cropped to the brain": lambda v: v[box_of(BRAIN)],
    "padded": lambda v: np.pad(v, ((4, 4), (0, 0), (7, 7))),
    "padded to a cube": lambda v: np.pad(v, [(0, max(v.shape) - length) for length in v.shape]),
    "padded, rounded": lambda v: np.pad(np.rint(v), 3),
    "cropped, bytes": lambda v: to_bytes(v)[2:, :, 1:],
    "clipped": lambda v: np.clip(v, *np.percentile(v, [1, 99])),
    "clipped within the brain": lambda v: np.clip(v, 0, np.percentile(v[BRAIN], 97)),
    "clipped, z-scored within the brain, padded": lambda v: np.pad(z_scored(np.clip(v, *np.percentile(v, [1, 99]))), 2),
}

OTHERS: dict[str, Volume] = {
    "one grey value higher in the brain": SCAN + BRAIN,
    "the same, rounded": np.rint(SCAN + BRAIN),
    "one grey value higher, cut": (SCAN + BRAIN).astype(np.int16),
    "two grey values higher, cut": (SCAN + 2 * BRAIN).astype(np.int16),
    "20 grey values higher, rounded": np.rint(SCAN + 20 * BRAIN),
    "one grey value higher, cropped": (SCAN + BRAIN)[1:],
    "one grey value higher, on -1000": np.where(BRAIN, SCAN + 1, -1000),
    "moved, z-scored within the brain": z_scored(SHIFTED),
    "another noise, z-scored within the brain": z_scored(HEAD + 8 * NOISE[::-1]),
    "the brain, grown by a voxel": np.where(np.roll(BRAIN, 1, axis=0), HEAD + 8 * NOISE, 0),
    "another noise": np.where(BRAIN, HEAD + 8 * NOISE[::-1], 0),
    "another noise, brighter": np.where(BRAIN, 1.4 * (HEAD + 8 * NOISE[::-1]), 0),
    "moved by two voxels": SHIFTED,
    "moved, bytes": to_bytes(SHIFTED),
    "intensity reversed": 900 - SCAN,
    "moved by an offset alone": SCAN + 50,
    "a lesion": np.where(np.indices(SCAN.shape).sum(axis=0) == 80, 0.9 * SCAN, SCAN),
    "one hot voxel": np.where(np.arange(SCAN.size).reshape(SCAN.shape) == 80000, 3000, SCAN),
}


@pytest.mark.parametrize("change", COPIES.values(), ids=list(COPIES))
@pytest.mark.parametrize("type_of", [np.float32, np.int16])
def test_a_copy_is_recognised(change: Callable[[Volume], Volume], type_of: type) -> None:
    scan = SCAN.astype(type_of)
    assert are_copies(signature(scan), signature(change(scan)))
    assert are_copies(signature(change(scan)), signature(scan))
    found = earliest_copies([signature(SHIFTED), signature(scan), signature(change(scan))])
    assert found == {2: 1}


@pytest.mark.parametrize("other", OTHERS.values(), ids=list(OTHERS))
@pytest.mark.parametrize("type_of", [np.float32, np.int16])
def test_another_volume_is_no_copy(other: Volume, type_of: type) -> None:
    scan = SCAN.astype(type_of)
    assert not are_copies(signature(scan), signature(other))
    assert not are_copies(signature(other), signature(scan))


@pytest.mark.parametrize("store", [np.asarray, np.rint, np.trunc], ids=["floats", "rounded", "cut"])
def test_phantoms_that_differ_by_a_grey_value_are_a_sound_cohort(store: Callable[[Volume], Volume]) -> None:
    assert not earliest_copies([signature(store(SCAN + np.float32(shift) * BRAIN)) for shift in range(30)])


def test_a_normalised_scan_is_reported_of_one_person_and_not_of_those_with_other_noise() -> None:
    noisy = [np.where(BRAIN, HEAD + 8 * np.roll(NOISE, shift, axis=0), 0) for shift in range(6)]
    copies = [np.pad(z_scored(each), 3) for each in noisy[2:4]]
    assert earliest_copies([signature(each) for each in (*noisy, *copies)]) == {6: 2, 7: 3}


def test_a_volume_of_one_value_has_no_brain_to_be_known_by(tmp_path: Path) -> None:
    empty, dot = np.zeros((9, 9, 9)), np.pad(np.ones((1, 1, 1)), 4)
    assert [signature(each).brain for each in (empty, dot)] == [None, None]
    assert are_copies(signature(dot), signature(dot * 3)) is False
    save_signatures(tmp_path / "s", [signature(dot), signature(SCAN)])
    assert [each.brain is None for each in load_signatures(tmp_path / "s", "")] == [True, False]


def test_volumes_of_few_grey_values_are_copies_only_if_equal() -> None:
    tissue, brighter = np.digitize(SCAN, [1, 600, 700]) * 100, np.digitize(SCAN, [1, 600, 700]) * 120
    assert are_copies(signature(tissue), signature(tissue[::-1]))
    assert not are_copies(signature(tissue), signature(brighter))


def test_each_copy_is_reported_of_the_first_and_unknown_ones_of_nothing() -> None:
    kinds = (SCAN, None, SHIFTED, SCAN[::-1], to_bytes(SCAN), SHIFTED * 2)
    assert earliest_copies([each if each is None else signature(each) for each in kinds]) == {3: 0, 4: 0, 5: 2}


def test_a_copy_of_a_copy_is_reported_of_the_first_though_it_is_too_far_from_it() -> None:
    values = signature(SCAN).values
    chain = [Signature(SCAN.shape, values + np.float32(shift), 1.0) for shift in (0, 0.5, 1.0)]
    assert not are_copies(chain[0], chain[2])
    assert earliest_copies(chain) == {1: 0, 2: 0}


def test_what_is_not_finite_counts_as_background() -> None:
    assert are_copies(signature(np.where(BRAIN, SCAN, np.nan)), signature(SCAN))


@given(shape=st.tuples(*[st.integers(1, 20)] * 3), seed=st.integers(0, 99), turn=st.permutations(range(3)))
def test_a_grid_of_any_size_is_recognised_turned(shape: tuple[int, int, int], seed: int, turn: list[int]) -> None:
    voxels = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    assert are_copies(signature(voxels), signature(voxels.transpose(turn)[::-1]))


def test_thousands_of_scans_are_compared_in_no_time() -> None:
    values = np.random.default_rng(0).normal(500, 100, (5000, 637)).astype(np.float32)
    cohort = [Signature((176, 240, 256), row, 1.0) for row in values]
    assert earliest_copies([*cohort, *cohort[:3]]) == {5000: 0, 5001: 1, 5002: 2}


def test_signatures_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = [signature(SCAN), signature(SHIFTED.transpose(1, 0, 2))]
    save_signatures(tmp_path / "s.safetensors", written)
    read = load_signatures(tmp_path / "s.safetensors", "")
    assert [each.shape for each in read] == [each.shape for each in written]
    assert earliest_copies([*written, *read]) == {2: 0, 3: 1}
    assert earliest_copies([*read, signature(np.pad(z_scored(SCAN), 2))]) == {2: 0}
    assert (tmp_path / "s.safetensors").stat().st_size < 2 * 6000


def test_signatures_of_whole_volumes_alone_are_still_read(tmp_path: Path) -> None:
    save_signatures(tmp_path / "s", [signature(SCAN)])
    old = {name: each for name, each in load_file(tmp_path / "s").items() if not name.startswith("brain_")}
    save_file(old, tmp_path / "old")
    scan = load_signatures(tmp_path / "old", "")
    assert earliest_copies([*scan, signature(SCAN[::-1] * 2)]) == {1: 0}
    assert earliest_copies([*scan, signature(np.pad(SCAN, 2))]) == {}


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "other"])
def test_a_damaged_file_is_reported_with_the_mend(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "s.safetensors"
    if damage == "other":
        save_signatures(file, [Signature((8, 8, 8), np.zeros(5, np.float32), 1.0)])
    elif damage != "missing":
        file.write_text("" if damage == "empty" else "no tensors at all")
    with pytest.raises(InputError, match=r"s\.safetensors: cannot be read \(.*\); do it again") as caught:
        load_signatures(file, "do it again")
    assert "\n" not in str(caught.value)
