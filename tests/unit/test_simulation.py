import functools

import numpy as np
import pytest
from scipy import ndimage

from healthward.labels import ADNI, Classes
from healthward.planting import simulation
from healthward.planting.simulation import (
    KINDS,
    LESION_AXES,
    LESION_DARKENING,
    LESION_DEPTH,
    LESION_EDGE,
    SHIFT,
    mean_dose,
    simulate,
)


@pytest.fixture(scope="module", autouse=True)
def template_read_once():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulation, "load_template", functools.cache(simulation.load_template))
        yield


@pytest.fixture(scope="module")
def people():
    return list(simulate(subjects=10, size=32, seed=3))


@pytest.fixture(scope="module")
def other_kinds():
    return {kind: list(simulate(subjects=5, size=32, seed=3, kind=kind)) for kind in KINDS[1:]}


@pytest.fixture(scope="module")
def lesioned():
    return list(simulate(subjects=10, size=48, seed=3, kind="lesion"))


def test_classes_come_in_turn_with_growing_dose(people):
    assert [person.label for person in people] == [*ADNI, *ADNI]
    doses = [person.dose for person in people[:5]]
    assert doses == sorted(doses)
    assert doses[0] == 0


def test_dose_grows_by_the_place_of_the_class():
    assert {label: mean_dose(label, ADNI) for label in ADNI} == {
        "CN": 0,
        "EMCI": 0.25,
        "MCI": 0.5,
        "LMCI": 0.75,
        "AD": 1,
    }
    study = Classes(("HC", "SCD2", "DEM"))
    assert [mean_dose(label, study) for label in study] == [0, 0.5, 1]
    few = list(simulate(subjects=4, size=32, seed=3, classes=study))
    assert [person.scan for person in few] == ["hc000", "scd2-000", "dem000", "hc001"]
    assert few[0].dose == few[3].dose == 0 < few[1].dose < few[2].dose


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


@pytest.mark.parametrize("kind", KINDS[1:])
def test_the_disease_alone_tells_kinds_apart(people, other_kinds, kind):
    for person, other in zip(people[:5], other_kinds[kind], strict=True):
        assert (other.scan, other.age, other.sex, other.dose) == (person.scan, person.age, person.sex, person.dose)
        np.testing.assert_array_equal(other.counterfactual, person.counterfactual)
        if person.dose == 0:
            np.testing.assert_array_equal(other.image, other.counterfactual)
    assert other.mask.any()
    assert (other.mask != person.mask).any()


def test_single_places_are_moved_where_they_are(people, other_kinds):
    patient = people[4]
    places = {kind: other_kinds[kind][4].mask for kind in SHIFT}
    centre = {
        kind: (patient.affine[:3, :3] @ np.argwhere(mask).mean(axis=0)) + patient.affine[:3, 3]
        for kind, mask in places.items()
    }
    assert centre["medial temporal"][2] < -5 < 0 < centre["ventricles"][2]
    # Where a single place changes, atrophy of all three does, but where two of them cancel
    assert patient.mask[np.logical_or.reduce([*places.values()])].mean() > 0.8


def test_a_lesion_is_one_dark_spot_of_its_size_and_dose(lesioned):
    for person in lesioned:
        if person.dose == 0:
            assert not person.mask.any()
            continue
        ratio = person.image[person.mask] / person.counterfactual[person.mask]
        assert ratio.max() < 1
        # But for gamma and noise
        assert ratio.min() == pytest.approx(1 - LESION_DARKENING * person.dose, abs=0.15)
        assert ndimage.label(person.mask)[1] == 1
        voxel = np.linalg.det(person.affine[:3, :3])
        assert person.mask.sum() * voxel < 4 / 3 * np.pi * ((1 + LESION_EDGE) * LESION_AXES[1]) ** 3


def test_a_lesion_lies_deep(lesioned):
    for person in lesioned:
        if person.dose:
            depth = ndimage.distance_transform_edt(ndimage.binary_fill_holes(person.counterfactual > 0), sampling=4)
            assert depth[tuple(np.rint(ndimage.center_of_mass(person.mask)).astype(int))] >= LESION_DEPTH - 4


def test_lesions_lie_elsewhere_in_everybody(lesioned):
    together = np.sum([person.mask for person in lesioned], axis=0)
    assert together.max() <= 2


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind 'stroke' is none of atrophy, "):
        next(simulate(subjects=1, size=32, seed=3, kind="stroke"))
