"""Voxel sizes and axes that no brain can have are reported, by its proportions and the side on which it is alike."""

import functools
import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from healthward.errors import InputError
from healthward.imaging.plausibility import judge
from healthward.planting import simulation
from healthward.planting.simulation import KINDS, simulate
from phantoms import GRIDS, head_on

FOV = 192.0


@pytest.fixture(scope="module", autouse=True)
def template_read_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulation, "load_template", functools.cache(simulation.load_template))
        yield


@pytest.fixture(scope="module")
def brain() -> tuple[np.ndarray, np.ndarray]:
    [person] = simulate(1, 64, 0)
    return person.image, person.affine


def odd(voxels: np.ndarray, affine: np.ndarray, integers: bool = False) -> dict[str, str]:
    return {each.kind: each.text for each in judge(voxels.astype(np.float32), affine, 0, FOV, integers)}


@pytest.mark.parametrize("kind", KINDS)
def test_people_of_every_disease_and_grid_are_not_odd(kind: str) -> None:
    for person in simulate(5, 32, 1, kind):
        assert odd(person.image, person.affine) == {}


@pytest.mark.parametrize("name", GRIDS)
def test_a_squashed_head_is_reported_on_any_grid(name: str) -> None:
    voxels, affine = head_on(name)
    for axis in range(3):
        oddities = odd(voxels, np.diag([*np.where(np.arange(3) == axis, 0.65, 1), 1]) @ affine)
        assert "mm high: " in oddities["shape"]
        assert oddities["shape"].endswith("see whether its voxel sizes are right")


def test_a_squashed_brain_is_reported_with_its_size(brain: tuple[np.ndarray, np.ndarray]) -> None:
    voxels, affine = brain
    for axis, name in enumerate(("length to width is ", "length to width is 0.", "length to height is ")):
        oddities = odd(voxels, np.diag([*np.where(np.arange(3) == axis, 0.7, 1), 1]) @ affine)
        assert list(oddities) == ["shape"]
        assert name in oddities["shape"]


@pytest.mark.parametrize("order", [order for order in itertools.permutations(range(3)) if order != (0, 1, 2)])
def test_axes_in_another_order_are_reported(brain: tuple[np.ndarray, np.ndarray], order: tuple[int, ...]) -> None:
    voxels, affine = brain
    oddities = odd(np.transpose(voxels, order), affine)
    assert list(oddities) == ["shape"]
    if order.index(0) != 0:
        assert "rather than left and right" in oddities["shape"]
        assert "axes in another order? Correct the affine" in oddities["shape"]


def test_a_brain_with_one_half_damaged_is_not_odd(brain: tuple[np.ndarray, np.ndarray]) -> None:
    voxels, affine = brain
    left = voxels.astype(np.float32)
    left[: len(left) // 2] *= 0.7
    assert odd(left, affine) == {}


def test_slices_that_are_thick_are_reported_and_coarse_grids_are_not(brain: tuple[np.ndarray, np.ndarray]) -> None:
    voxels, affine = brain
    assert (
        "mm: what lies between slices so thick"
        in odd(voxels[:, :, ::3], affine @ np.diag([1, 1, 3, 1]))["thick slices"]
    )
    assert odd(voxels[::2, ::2, ::2], affine @ np.diag([2, 2, 2, 1])) == {}


def test_scores_that_were_clipped_are_reported(brain: tuple[np.ndarray, np.ndarray]) -> None:
    voxels, affine = brain
    inside = voxels > 0
    z = np.where(inside, (voxels - voxels[inside].mean()) / voxels[inside].std(), 0)
    oddities = odd(np.clip(z, 0, None), affine)
    assert "of its brain at the value of its background (clipped, or with holes?)" in oddities["clipped"]
    assert list(odd(z, affine)) == ["normalised"]


@pytest.mark.parametrize("code", [2, 3, 5, 22, 24])
def test_statistics_are_refused_by_their_intent(brain: tuple[np.ndarray, np.ndarray], code: int) -> None:
    with pytest.raises(InputError, match=f"is marked as a statistic .intent code {code}.; give the T1 image itself"):
        judge(brain[0], brain[1], code, FOV)


def test_a_fill_value_outside_the_scanners_circle_is_called_so(brain: tuple[np.ndarray, np.ndarray]) -> None:
    voxels, affine = brain
    x, y = np.indices(voxels.shape[:2]) - 31.5
    for radius in (24, 27, 31):
        filled = np.where(np.hypot(x, y)[:, :, None] > radius, -1000, voxels)
        with pytest.raises(
            InputError, match="holds -1000 and 0 around the brain, of which one is a fill value; set both"
        ):
            odd(filled, affine)
