import numpy as np
import pytest

from healthward.labels import CLASSES
from healthward.simulation import simulate


@pytest.fixture(scope="module")
def people():
    return list(simulate(subjects=10, size=32, seed=3))


def test_classes_come_in_turn_with_growing_dose(people):
    assert [person.label for person in people] == [*CLASSES, *CLASSES]
    doses = [person.dose for person in people[:5]]
    assert doses == sorted(doses)
    assert doses[0] == 0


def test_controls_are_their_own_counterfactual(people):
    for person in people[::5]:
        np.testing.assert_array_equal(person.image, person.counterfactual)
        assert not person.mask.any()


def test_patients_differ_from_their_counterfactual_in_the_mask_only(people):
    for person in people[2:5]:
        change = np.abs(person.image.astype(float) - person.counterfactual)
        brightness = np.percentile(person.counterfactual, 99)
        assert change[person.mask].mean() > 0.03 * brightness
        assert change[~person.mask].mean() < 0.005 * brightness


def test_atrophy_grows_with_dose(people):
    volumes = [person.mask.sum() for person in people[:5]]
    assert volumes == sorted(volumes)
    assert volumes[-1] > 50


def test_ventricles_widen(people):
    patient = people[4]
    x, y, z = np.rint(np.linalg.solve(patient.affine, [0, -8, 20, 1])[:3]).astype(int)
    deep = np.s_[x - 4 : x + 5, y - 6 : y + 7, z - 3 : z + 4]
    dark = 0.6 * np.percentile(patient.counterfactual, 98)
    assert (patient.image[deep] < dark).sum() > (patient.counterfactual[deep] < dark).sum()


def test_individuals_differ_and_a_seed_repeats_them(people):
    again = next(simulate(subjects=1, size=32, seed=3))
    other = next(simulate(subjects=1, size=32, seed=4))
    np.testing.assert_array_equal(again.image, people[0].image)
    assert np.corrcoef(other.image.ravel(), people[0].image.ravel())[0, 1] < 0.99


def test_ids_are_unique(people):
    assert len({person.scan for person in people}) == len({person.subject for person in people}) == 10
