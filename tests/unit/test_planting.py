"""Disease planted in a person's own anatomy: as much of it as was asked for, there, and nowhere else."""

import numpy as np
import pytest
from nibabel.affines import from_matvec
from nibabel.eulerangles import euler2mat
from scipy import ndimage

from healthward.errors import InputError
from healthward.imaging.atlas import REGIONS
from healthward.planting.deformation import deformation, deformed, noise_kept
from healthward.planting.focal import HOLES, SPOTS, foci
from healthward.planting.patterns import KINDS, PATTERNS, drawn
from healthward.planting.planted import read_changes

SHAPE, SPACING = (60, 52, 36), np.array([2.0, 2.5, 3.5])
AFFINE = from_matvec(euler2mat(z=0.2, x=-0.1) @ np.diag(SPACING), [10, -20, 5])
TISSUE, VENTRICLE, CORE = 1, 2, 3
NAMES = dict(enumerate((f"{side} {name}" for name in REGIONS for side in ("left", "right")), start=1))


@pytest.fixture(scope="module")
def person() -> dict[str, np.ndarray]:
    """A round brain with a rim of fluid, a ventricle, a region beside it and one that fluid does not reach."""
    places = ((np.indices(SHAPE).T - (np.array(SHAPE) - 1) / 2) * SPACING).T

    def ball(x: float, y: float, z: float, radius: float) -> np.ndarray:
        distance = np.linalg.norm(places.T - (x, y, z), axis=-1).T
        return distance < radius

    brain, labels = ball(0, 0, 0, 56), np.zeros(SHAPE, int)
    ventricle = ball(0, 0, 10, 12)
    labels[ball(0, 24, 10, 11)] = TISSUE
    labels[ventricle] = VENTRICLE
    labels[ball(-24, -8, 0, 9)] = CORE
    fluid = ventricle | (brain & ~ball(0, 0, 0, 50))
    image = np.where(fluid, 20, np.where(brain, 80, 0)).astype(np.float32)
    image[labels == TISSUE] = 60
    return {"brain": brain, "labels": labels, "fluid": fluid, "image": image}


def planted(person: dict[str, np.ndarray], changes: dict[int, float]):
    return deformation(person["labels"], AFFINE, changes, person["brain"], person["fluid"])


def volume(mask: np.ndarray, displacement: np.ndarray) -> float:
    return float(ndimage.map_coordinates(mask.astype(float), np.indices(SHAPE) + displacement, order=1).sum())


@pytest.mark.parametrize(
    "changes", [{TISSUE: -0.2}, {CORE: -0.3}, {VENTRICLE: 0.5}, {TISSUE: -0.25, VENTRICLE: 0.4, CORE: -0.1}], ids=str
)
def test_volumes_change_as_stated_without_a_fold_and_nothing_moves_far_away(person, changes) -> None:
    found = planted(person, changes)
    for label, change in changes.items():
        region = person["labels"] == label
        assert found.achieved[label] == pytest.approx(change, rel=0.02)
        assert volume(region, found.displacement) / region.sum() - 1 == pytest.approx(change, rel=0.1)
    assert 0 < found.jacobian[0] < found.jacobian[1]
    far = ndimage.distance_transform_edt(~np.isin(person["labels"], list(changes)), sampling=SPACING) > 20
    assert np.abs(found.displacement[:, far]).max() == 0
    outside = ndimage.distance_transform_edt(~person["brain"], sampling=SPACING) > 8
    assert np.abs(found.displacement[:, outside]).max() == 0


def test_fluid_takes_the_room_of_what_shrinks(person) -> None:
    found = planted(person, {TISSUE: -0.3})
    lost = -found.achieved[TISSUE] * (person["labels"] == TISSUE).sum()
    gained = volume(person["fluid"], found.displacement) - person["fluid"].sum()
    assert gained == pytest.approx(lost, rel=0.15)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({9: -0.2}, "label 9: has 0 ml"),
        ({TISSUE: -0.9}, "label 1: a change of -90%; ask for -80% to 400%"),
    ],
)
def test_what_cannot_be_had_is_refused(person, changes, part) -> None:
    with pytest.raises(InputError, match=part):
        planted(person, changes)


def test_an_image_is_as_it_was_where_nothing_moves_and_what_its_noise_loses_is_known(person) -> None:
    found = planted(person, {TISSUE: -0.3})
    noise = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    moved = deformed(noise, found.displacement)
    kept = noise_kept(found.displacement)
    still = kept == 1
    np.testing.assert_array_equal(moved[still], noise[still])
    for low, high in ((0.6, 0.8), (0.8, 0.99)):
        here = (kept > low) & (kept < high)
        assert moved[here].var() == pytest.approx(kept[here].mean(), rel=0.15)


def test_foci_lie_in_their_tissue_and_go_a_share_of_the_way() -> None:
    tissue = np.zeros(SHAPE, bool)
    tissue[10:50, 10:40, 8:28] = True
    for kind, count in ((SPOTS, 12), (HOLES, 2)):
        share = foci(count, kind, tissue, AFFINE, np.random.default_rng(1))
        assert share.max() == pytest.approx(kind.strength)
        assert not share[~tissue].any()
        assert 1 <= ndimage.label(share > kind.strength / 2)[1] <= count
        np.testing.assert_array_equal(share, foci(count, kind, tissue, AFFINE, np.random.default_rng(1)))
    assert not foci(3, SPOTS, np.zeros(SHAPE, bool), AFFINE, np.random.default_rng(1)).any()


@pytest.mark.parametrize("kind", KINDS)
def test_people_of_a_pattern_differ_in_place_and_strength(kind: str) -> None:
    people = [drawn(kind, 1.0, NAMES, np.random.default_rng(seed)) for seed in range(40)]
    assert len({tuple(person.values()) for person in people}) == 40
    assert all(-0.5 <= change <= 1.5 for person in people for change in person.values())
    halved = drawn(kind, 0.5, NAMES, np.random.default_rng(0))
    assert all(abs(change) <= abs(people[0][label]) for label, change in halved.items())
    if kind in PATTERNS:
        means = {
            name: np.mean([person[label] for person in people]) for label, name in NAMES.items() if label in people[0]
        }
        for name, mean in means.items():
            assert mean == pytest.approx(PATTERNS[kind][name.split(" ", 1)[1]], rel=0.35)


def test_a_one_sided_disease_spares_the_other_side_and_a_random_one_is_anywhere() -> None:
    sides = []
    for seed in range(20):
        person = drawn("one-sided", 1.0, NAMES, np.random.default_rng(seed))
        left, right = (
            sum(abs(person[label]) for label in person if NAMES[label].startswith(side)) for side in ("left", "right")
        )
        assert max(left, right) > 1.5 * min(left, right)
        sides.append(left > right)
    assert 4 < sum(sides) < 16
    places = [label for seed in range(200) for label in drawn("random", 1.0, NAMES, np.random.default_rng(seed))]
    assert set(places) == set(NAMES)
    assert max(np.bincount(places)) / 200 < 0.2


def test_changes_are_read_by_name_or_label() -> None:
    assert read_changes(["Left Hippocampus=-0.2", "2 = 0.1"], NAMES) == {1: -0.2, 2: 0.1}
    for text, part in (
        ("left nothing=-0.2", "no region"),
        ("1=much", "no share"),
        ("1=0", "no share"),
        ("1", "no region"),
    ):
        with pytest.raises(ValueError, match=part):
            read_changes([text], NAMES)
