"""A bench that no map wins without looking at the patient."""

from typing import NamedTuple

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.twins import brain_auprc, paired_auroc, twin_scores
from healthward.planting.deformation import deformation, deformed

SHAPE, SPACING = (44, 44, 32), 3.0


class Pair(NamedTuple):
    """A person without and with disease, and where that is."""

    well: np.ndarray
    ill: np.ndarray
    truth: np.ndarray
    brain: np.ndarray


def person(seed: int, place: tuple[float, float, float]) -> Pair:
    """A brain with sulci of its own and a region at a place, of which a third is lost."""
    rng = np.random.default_rng(seed)
    x, y, z = ((np.indices(SHAPE).T - (np.array(SHAPE) - 1) / 2) * SPACING).T
    brain = x**2 + y**2 + (1.3 * z) ** 2 < 58**2
    folds = ndimage.gaussian_filter(rng.standard_normal(SHAPE), 2)
    fluid = brain & (folds > np.quantile(folds[brain], 0.85))
    image = np.where(fluid, 0.2, np.where(brain, 0.7 + 0.1 * (folds > 0), 0)).astype(np.float32)
    labels = (((x - place[0]) ** 2 + (y - place[1]) ** 2 + (z - place[2]) ** 2 < 13**2) & brain & ~fluid).astype(int)
    field = deformation(labels, np.diag([SPACING] * 3 + [1]), {1: -0.33}, brain, fluid)
    ill = deformed(image, field.displacement)
    truth = brain & (np.abs(ill - image) > 0.05)
    noise = [rng.normal(0, 0.01, SHAPE).astype(np.float32) for _ in range(2)]
    return Pair(image + noise[0], ill + noise[1], truth, brain)


@pytest.fixture(scope="module")
def people() -> list[Pair]:
    return [person(seed, place) for seed, place in enumerate([(24, 0, 0), (-24, 10, 5), (0, -28, 0), (5, 26, -8)])]


def edges(image: np.ndarray) -> np.ndarray:
    return ndimage.gaussian_gradient_magnitude(image, 1)


def test_a_fixed_map_adds_exactly_nothing(people: list[Pair]) -> None:
    usual = np.mean([each.truth for each in people], axis=0).astype(np.float32)
    for each in people:
        found = twin_scores(usual, usual, each.truth, each.brain, [usual])
        assert found.auprc > 2 * found.chance
        assert found.added == 0
        assert found.swap_gain == 0


def test_a_map_of_edges_adds_next_to_nothing(people: list[Pair]) -> None:
    for each in people:
        found = twin_scores(edges(each.ill), edges(each.well), each.truth, each.brain)
        assert abs(found.added) < 0.1 * (1 - found.chance)


def test_a_map_of_the_true_change_adds_all_that_is_above_chance(people: list[Pair]) -> None:
    changes = [np.abs(each.ill - each.well) for each in people]
    for number, each in enumerate(people):
        others = [change for other, change in enumerate(changes) if other != number]
        noise = np.random.default_rng(number).random(SHAPE, dtype=np.float32)
        found = twin_scores(changes[number], noise, each.truth, each.brain, others)
        assert found.added > 0.9 * (1 - found.chance)
        assert found.swap_gain > 0.9


def test_another_person_s_map_gains_nothing_by_the_swap(people: list[Pair]) -> None:
    first, second, *_ = people
    change = np.abs(second.ill - second.well)
    found = twin_scores(change, change, first.truth, first.brain, [change])
    assert found.added == 0
    assert np.isnan(found.swap_gain) or found.swap_gain == 0


def test_what_lies_outside_the_brain_counts_as_missed(people: list[Pair]) -> None:
    each = people[0]
    anomaly = each.truth.astype(np.float32)
    assert brain_auprc(anomaly, each.truth, each.brain) == 1
    half = each.brain & (np.arange(SHAPE[0]) < np.argwhere(each.truth)[:, 0].mean())[:, None, None]
    assert brain_auprc(anomaly, each.truth, half) == pytest.approx((each.truth & half).sum() / each.truth.sum())


def test_a_tie_of_a_pair_is_half_a_win() -> None:
    assert paired_auroc([2, 3, 1, 5], [1, 3, 2, 4]) == pytest.approx(2.5 / 4)
