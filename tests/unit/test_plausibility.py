"""What cannot be the T1 image of a brain is refused, what is odd is warned of, and what is usual is not."""

import numpy as np
import pytest

from healthward.errors import InputError
from healthward.imaging.contrast import odd_contrast
from healthward.imaging.plausibility import judge
from made_heads import made_head
from phantoms import GRIDS, head_on, small_brain

FOV = 192.0


def kinds(voxels: np.ndarray, affine: np.ndarray, intent: int = 0, fov: float = FOV) -> list[str]:
    return [oddity.kind for oddity in judge(voxels.astype(np.float32), affine, intent, fov)]


def scaled(affine: np.ndarray, factor: float) -> np.ndarray:
    return affine @ np.diag([factor, factor, factor, 1.0])


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("kind", [np.float32, np.int16, np.uint8])
def test_a_brain_is_not_odd(name: str, kind: type) -> None:
    voxels, affine = head_on(name)
    assert kinds((voxels * (0.25 if kind is np.uint8 else 1)).astype(kind), affine) == []


def test_a_brain_of_few_voxels_is_not_odd() -> None:
    for size in (8, 10, 12, 16):
        assert kinds(small_brain((size,) * 3, 0), np.diag([*[150 / size] * 3, 1])) == []


def test_a_brain_that_no_head_holds_is_refused() -> None:
    voxels, affine = head_on("isotropic")
    for factor, part in (
        (0.1, "would have a brain of 1.14 ml; correct"),
        (0.4, "ml; "),
        (2, "ml; "),
    ):
        with pytest.raises(InputError, match=part):
            judge(voxels, scaled(affine, factor), 0, FOV)


def test_a_small_brain_and_a_whole_head_are_reported_with_their_volume() -> None:
    voxels, affine = head_on("isotropic")
    assert kinds(voxels, scaled(affine, 0.75)) == ["small"]
    [odd, cut] = judge(voxels, scaled(affine, 1.5), 0, FOV)
    assert odd.kind == "whole head"
    assert "ml, a whole head rather than a brain; strip the skull" in odd.text
    assert "of its brain beyond the cube of 192 mm" in cut.text
    assert kinds(voxels, scaled(affine, 1.5), fov=300) == ["whole head"]


def test_a_brain_cut_by_the_cube_is_reported() -> None:
    voxels, affine = head_on("isotropic")
    [odd] = judge(voxels, affine, 0, 120.0)
    assert odd.kind == "cut"
    assert "larger --fov" in odd.text


def test_labels_are_refused_by_intent_and_by_their_flat_pieces() -> None:
    voxels, affine = head_on("isotropic")
    with pytest.raises(InputError, match=r"marked as labels \(intent code 1002\)"):
        judge(voxels, affine, 1002, FOV)
    levels = np.digitize(voxels, [300, 500, 600, 700, 800]) * np.float32(17)
    for flat in (levels, (voxels > 300).astype(np.float32), levels / 85 - 3):
        with pytest.raises(InputError, match="looks like labels or a mask"):
            judge(flat, affine, 0, FOV)


def test_a_map_that_is_saturated_is_reported() -> None:
    voxels, affine = head_on("isotropic")
    assert kinds(np.minimum(voxels, 800), affine) == ["saturated"]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("beyond", [1.3, 1.5])
def test_integers_that_wrapped_around_are_refused(bits: int, signed: bool, beyond: float) -> None:
    voxels, affine = head_on("isotropic")
    whole = np.rint(voxels / voxels.max() * beyond * 2 ** (bits - signed)).astype(np.int64) % 2**bits
    wrapped = np.where(whole >= 2 ** (bits - 1), whole - 2**bits, whole) if signed else whole
    with pytest.raises(InputError, match=r"jumps through its range .*wrapped integers"):
        judge(wrapped.astype(np.float32), affine, 0, FOV)


def test_a_head_that_was_cut_off_at_its_brightest_has_not_wrapped() -> None:
    head = made_head()
    bright = np.where(head.brain, head.voxels, 1.6 * head.voxels)
    cut = np.rint(np.clip(bright / np.percentile(bright, 98) * 255, 0, 255)).astype(np.float32)
    judge(cut, head.affine, 0, None, True)
    wrapped = np.rint(bright / np.percentile(bright, 92) * 255).astype(np.float32) % 256
    with pytest.raises(InputError, match="wrapped integers"):
        judge(wrapped, head.affine, 0, None, True)


def test_a_volume_without_a_background_is_refused() -> None:
    with pytest.raises(InputError, match="value 3 everywhere"):
        judge(np.full((20, 20, 20), 3, np.float32), np.eye(4), 0, FOV)
    noise = np.random.default_rng(0).normal(100, 5, (20, 20, 20)).astype(np.float32)
    with pytest.raises(InputError, match="varies on its faces as it does within"):
        judge(noise, np.diag([8.0, 8, 8, 1]), 0, FOV)


def test_normalised_intensities_are_reported() -> None:
    voxels, affine = head_on("isotropic")
    inside = voxels > 300
    z = np.where(inside, (voxels - voxels[inside].mean()) / voxels[inside].std(), 0)
    # The phantom is alike between front and back
    [_, odd] = judge(z.astype(np.float32), affine, 0, FOV)
    assert "of its brain darker than the background (normalised?)" in odd.text


def test_what_a_resampling_or_a_normalisation_leaves_is_not_odd() -> None:
    voxels, affine = head_on("isotropic")
    for factor in (2, 3, 4):
        repeated = np.kron(voxels, np.ones((factor,) * 3, np.float32))
        assert kinds(repeated, scaled(affine, 1 / factor)) == []
    assert kinds(np.kron(np.rint(voxels / 4), np.ones((2, 2, 2))), scaled(affine, 0.5)) == []
    for air in (0, 20):
        wide = np.pad(voxels, air)
        assert kinds(np.pad((wide - wide.mean()) / wide.std(), 5), affine) == []
    filled = np.where(voxels > 300, voxels / voxels.max(), -1000)
    assert "saturated" not in kinds(filled, affine)


def test_labels_on_a_finer_grid_are_still_labels() -> None:
    voxels, affine = head_on("isotropic")
    levels = np.kron(np.digitize(voxels, [300, 500, 600, 700, 800]), np.ones((2, 2, 2))).astype(np.float32)
    with pytest.raises(InputError, match="looks like labels or a mask"):
        judge(levels, scaled(affine, 0.5), 0, FOV)


def test_only_integers_wrap_around() -> None:
    voxels, affine = head_on("isotropic")
    sharp = np.where(np.random.default_rng(0).random(voxels.shape) < 0.02, 0.1 * voxels + 0.5, voxels).astype(
        np.float32
    )
    with pytest.raises(InputError, match="wrapped integers"):
        judge(sharp, affine, 0, FOV, integers=True)
    judge(sharp, affine, 0, FOV, integers=False)


@pytest.mark.parametrize(("axis", "which"), [(0, [30]), (1, [20, 21]), (2, [18, 19, 20])])
def test_empty_slices_are_reported(axis: int, which: list[int]) -> None:
    voxels, affine = head_on("isotropic")
    np.moveaxis(voxels, axis, 0)[which] = 0
    [odd] = judge(voxels, affine, 0, FOV)
    assert odd.kind == "gap"
    assert f"along its {('first', 'second', 'third')[axis]} axis (from {which[0]} to {which[-1]}, " in odd.text


def test_a_brain_that_ends_in_a_plane_is_reported() -> None:
    voxels, affine = head_on("isotropic")
    half = voxels.copy()
    half[28:] = 0
    for cut in (voxels[:28], half, np.roll(voxels, 25, 1), voxels[:, 16:], voxels[:, :, :38]):
        assert "end" in kinds(cut, affine)
    inside = np.argwhere(voxels > 300)
    box = tuple(slice(low, high + 1) for low, high in zip(inside.min(0), inside.max(0), strict=True))
    assert kinds(np.where(voxels > 300, voxels, 0)[box], affine) == []


def test_a_brain_of_inverted_contrast_is_reported() -> None:
    voxels, affine = head_on("isotropic")
    inside = voxels > 100
    assert kinds(np.where(inside, voxels[inside].max() + 100 - voxels, 0), affine)[-1] == "contrast"


@pytest.mark.parametrize("axis", range(3))
def test_slices_that_are_repeated_or_swapped_are_reported_and_a_finer_grid_is_not(axis: int) -> None:
    voxels, affine = head_on("isotropic")
    length = voxels.shape[axis]
    repeated = np.arange(length)
    repeated[length // 2 : length // 2 + 6] = length // 2
    swapped = np.minimum(np.arange(length) ^ 1, length - 1)
    for order, kind, part in (
        (repeated, "repeated", f"slices {length // 2} to {length // 2 + 5}, counted from 0, are one and the same"),
        (swapped, "order", "its slices seem to be in another order (neighbours swapped?)"),
    ):
        [odd] = [each for each in judge(np.take(voxels, order, axis), affine, 0, FOV) if each.kind == kind]
        assert odd.text.startswith(f"along its {('first', 'second', 'third')[axis]} axis: {part}")
    for factor in (2, 3):
        finer = np.repeat(voxels, factor, axis)
        zoom = np.ones(4)
        zoom[axis] = 1 / factor
        assert not {"repeated", "order"} & {*kinds(finer, affine @ np.diag(zoom))}


def test_a_brain_of_one_value_has_no_contrast() -> None:
    brain = np.zeros((12, 12, 12), dtype=bool)
    brain[3:9, 3:9, 3:9] = True
    assert odd_contrast(brain.astype(np.float32), brain) is None
