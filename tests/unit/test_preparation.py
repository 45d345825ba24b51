"""Heads that are made ready: whatever their skull, intensities, storage and place, the same brain comes of it."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff
from safetensors.numpy import load_file
from scipy import ndimage
from scipy.spatial.transform import Rotation

from healthward.errors import InputError
from healthward.imaging.formats import open_volume
from healthward.imaging.mni_cube import mni_cube
from healthward.imaging.prepared import Prepared
from healthward.imaging.prepared_files import load_prepared, save_prepared
from healthward.imaging.slices import cut, slice_bounds
from healthward.imaging.template import load_brain
from healthward.imaging.volumes import conform, to_cube, to_native
from healthward.preparation import sides
from healthward.preparation.appearance import appearance, appearance_in, appearance_of
from healthward.preparation.brain import find_brain
from healthward.preparation.gate import BAD, GOOD, LOOK, Quality, judge
from healthward.preparation.preparing import Preparation, Steps, prepare
from healthward.preparation.quality import measure
from healthward.preparation.skull import is_stripped
from healthward.preparation.table import preparation_table
from made_heads import made_head

SIZE, FOV = 64, 192.0
BRAIN_ALONE = Steps(strip=False)
USUAL = Quality(1400, 1400, 0.94, 0.69, 0.9, 0.95, 0.85, 12, 0.9, 0, 0.04, 0.01, 0.06, 1.0)


@pytest.fixture(scope="module")
def head():
    return made_head()


@pytest.fixture(scope="module")
def brain(head):
    """The head without its skull."""
    return np.where(head.brain, head.voxels, 0).astype(np.float32)


@pytest.fixture(scope="module")
def prepared(head, brain) -> Preparation:
    return prepare(brain, head.affine, BRAIN_ALONE)


@pytest.fixture(scope="module")
def of_its_mask(head, brain, prepared) -> Preparation:
    """The brain, prepared by the mask that was found."""
    return prepare(brain, head.affine, Steps(), brain=prepared.prepared.brain)


def cube_of(voxels, affine, found: Preparation):
    return conform(voxels, affine, SIZE, FOV, found.prepared).cube


def test_the_brain_of_a_head_is_found_and_its_skull_is_not(head):
    found = find_brain(head.voxels)
    assert (found & head.brain).sum() > 0.98 * head.brain.sum()
    assert found.sum() < 1.06 * head.brain.sum()
    assert not find_brain(np.zeros((32, 32, 32), np.float32)).any()


def test_a_skull_is_noticed_and_its_absence_too(head, brain):
    assert not is_stripped(head.voxels, head.affine)
    assert is_stripped(brain, head.affine)
    assert is_stripped(np.where(head.brain, (head.voxels - 200) / 50, 0).astype(np.float32), head.affine)


def test_a_head_and_its_brain_alone_give_about_the_same_cube(head, brain, prepared):
    whole = prepare(head.voxels, head.affine, Steps())
    assert (whole.stripped, prepared.stripped) == (False, True)
    differences = np.abs(cube_of(head.voxels, head.affine, whole) - cube_of(brain, head.affine, prepared))
    assert differences.mean() < 0.02


@pytest.mark.parametrize(
    "change",
    [
        lambda voxels, inside: 3 * voxels + 70,
        lambda voxels, inside: np.where(inside, (voxels - voxels[inside].mean()) / voxels[inside].std(), 0),
        lambda voxels, inside: np.where(inside, voxels, -1024),
        lambda voxels, inside: np.where(np.arange(voxels.size).reshape(voxels.shape) % 9973 == 0, 1e6, voxels),
    ],
    ids=["scale and offset", "z-scored in the brain", "fill value", "hot voxels"],
)
def test_intensities_of_any_scale_give_the_same_cube(head, brain, prepared, of_its_mask, change):
    changed = change(brain, head.brain).astype(np.float32)
    found = prepare(changed, head.affine, Steps(), brain=prepared.prepared.brain)
    differences = np.abs(cube_of(changed, head.affine, found) - cube_of(brain, head.affine, of_its_mask))
    assert np.quantile(differences, 0.999) < 0.01


def test_a_bias_field_is_taken_out(head, brain, prepared):
    x = np.linspace(-1, 1, brain.shape[1])[None, :, None]
    biased = (brain * np.exp(0.4 * x)).astype(np.float32)
    found, none = prepare(biased, head.affine, BRAIN_ALONE), prepare(biased, head.affine, Steps(False, even=False))
    right = cube_of(brain, head.affine, prepared)
    inside = right > 0
    mended, left = (np.abs(cube_of(biased, head.affine, each) - right)[inside].mean() for each in (found, none))
    assert mended < 0.4 * left
    field = found.prepared.field.within(tuple(slice(0, n) for n in brain.shape))
    assert np.corrcoef(np.log(field[head.brain]), np.broadcast_to(x, brain.shape)[head.brain])[0, 1] > 0.9


@pytest.mark.parametrize("codes", ["LPI", "ASR", "PSR"])
def test_the_cube_does_not_depend_on_how_the_file_is_stored(head, brain, prepared, codes):
    turn = axcodes2ornt(tuple(codes))
    stored = apply_orientation(brain, turn)
    affine = head.affine @ inv_ornt_aff(turn, brain.shape)
    found = prepare(stored, affine, BRAIN_ALONE)
    np.testing.assert_allclose(found.prepared.matrix, prepared.prepared.matrix, atol=1e-6)
    np.testing.assert_allclose(cube_of(stored, affine, found), cube_of(brain, head.affine, prepared), atol=1e-4)


@pytest.mark.parametrize("degrees", [(0, 0, 0), (25, 0, 0), (-15, 10, 20), (180, 0, 0)])
def test_a_head_that_lies_elsewhere_is_brought_back(head, brain, degrees):
    moved = np.eye(4)
    moved[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() @ np.diag([1.1, 0.95, 1.05])
    moved[:3, 3] = (15, -30, 8)
    matrix = prepare(brain, moved @ head.affine, Steps(False, even=False)).prepared.matrix
    places = np.array([(30, -20, -15, 1), (-30, -20, -15, 1), (0, 40, 20, 1), (0, -80, 10, 1), (0, -10, 60, 1)]).T
    assert np.abs((matrix - moved) @ places).max() < 2.5


def test_the_slices_lie_symmetrically_about_the_template_s_brain():
    template, affine = load_brain(2)
    for size in (64, 128):
        cube = conform_mask(template, affine, size)
        first, count = slice_bounds(size, 0.35, 0.75)
        sagittal = cube[first : first + count]
        left, right = sagittal[: count // 2].sum(), sagittal[-(count // 2) :].sum()
        assert abs(left - right) < 0.02 * left
        assert cube.sum() * (FOV / size) ** 3 > 0.995 * template.sum() * 8
        assert cut(cube, first, count).any(axis=(2, 3)).all()


def conform_mask(mask, affine, size):
    image = nib.Nifti1Image(mask.astype(np.uint8), affine)
    return np.asarray(nib.processing.resample_from_to(image, ((size,) * 3, mni_cube(size, FOV)), order=0).dataobj) > 0


def test_a_map_comes_back_by_the_same_matrix_and_nothing_outside_the_brain_has_a_gain(head, brain):
    moved = np.eye(4)
    moved[:3, :3] = Rotation.from_euler("xyz", (10, -5, 15), degrees=True).as_matrix()
    affine = moved @ head.affine
    found = prepare(brain, affine, BRAIN_ALONE).prepared
    conformed = conform(brain, affine, SIZE, FOV, found)
    spot = np.zeros(brain.shape)
    spot[20:26, 26:32, 36:42] = 1
    back = to_native(to_cube(spot, conformed.geometry, SIZE).astype(np.float32), conformed.geometry)
    assert np.abs(np.argwhere(back > 0.5).mean(axis=0) - np.argwhere(spot).mean(axis=0)).max() < 0.5
    assert not found.gain()[~found.brain].any()
    assert (found.gain()[found.brain] > 0).all()


def test_steps_that_are_not_wanted_are_not_done(head, brain):
    found = prepare(brain, head.affine, Steps(False, even=False, register=False))
    assert (found.prepared.field, found.prepared.matrix, found.information) == (None, None, None)
    figures = measure(brain, head.affine, found)
    assert (figures.overlap, figures.bias) == (None, 0)
    conformed = conform(brain, head.affine, SIZE, FOV, found.prepared)
    np.testing.assert_array_equal(conformed.geometry.to_world, np.eye(4))
    # Air is 0, as models of the scanner's space know it
    even, box = found.prepared.evened(brain)
    middle = (brain[box] > 150) & (brain[box] < 300)
    np.testing.assert_allclose(even[middle], brain[box][middle] / np.percentile(brain[head.brain], 99.5), atol=0.01)


def test_what_was_prepared_is_read_back_for_the_same_image_only(head, brain, prepared, tmp_path: Path):
    image = tmp_path / "a.nii.gz"
    nib.save(nib.Nifti1Image(brain, head.affine), image)
    for found in (prepared.prepared, replace(prepared.prepared, field=None, matrix=None)):
        save_prepared(tmp_path / "a", found, open_volume(str(image)), brain, {"scan": "a"})
        back: Prepared = load_prepared(tmp_path / "a", str(image), brain)
        np.testing.assert_array_equal(back.brain, found.brain)
        np.testing.assert_array_equal(back.evened(brain)[0], found.evened(brain)[0])
        assert (back.matrix is None) == (found.matrix is None)
    with pytest.raises(InputError, match=r"made of another image than '.*'; prepare the scan again"):
        load_prepared(tmp_path / "a", str(image), brain + 1)
    (tmp_path / "a" / "brain.nii.gz").write_bytes(b"")
    with pytest.raises(InputError, match=r"prepare the scan again|is an empty file"):
        load_prepared(tmp_path / "a", str(image), brain)


def test_a_template_is_told_from_a_person_by_its_overlap_alone(head, brain, prepared):
    figures = replace(measure(brain, head.affine, prepared), voxel_mm=1.0, noise=0.04)
    assert [reason.split(";")[0] for reason in judge(figures).reasons] == ["an overlap of 0.98 with the template"]
    assert judge(replace(figures, overlap=0.94)).verdict == GOOD


def test_exchanged_sides_are_noticed_by_the_asymmetry_of_people(head, brain, prepared):
    cube = conform(brain, head.affine, sides.SIZE, sides.FOV, prepared.prepared).cube
    half = load_file(sides.ASSETS / sides.WEIGHTS)["weights"].astype(np.float32).reshape(15, 32, 32)
    pattern = np.repeat(np.repeat(np.repeat(half, 2, 0)[:29], 2, 1), 2, 2)
    # The planes about the midline, in which one side has what the other lacks
    pattern = np.concatenate([pattern, -pattern[::-1]]) / np.abs(pattern).max()
    asymmetric = cube.copy()
    asymmetric[6:] = np.where(cube[6:] > 0, np.clip(cube[6:] + 0.2 * pattern, 0.01, 1), 0)
    mirrored = asymmetric.copy()
    mirrored[6:] = asymmetric[6:][::-1]
    found = sides.sidedness(asymmetric)
    assert found > 0.5
    assert sides.sidedness(mirrored) == pytest.approx(-found, abs=1e-4)
    assert judge(replace(USUAL, sides=-found)).reasons[0].startswith("left and right exchanged")


def test_ghosts_are_seen_in_the_air(head):
    ghosts = (head.voxels + 0.5 * np.roll(head.voxels, 8, axis=1)).astype(np.float32)
    clean, moved = (
        measure(each, head.affine, prepare(each, head.affine, Steps(even=False, register=False), brain=head.brain))
        for each in (head.voxels, ghosts)
    )
    assert clean.ghosts < 0.05 < moved.ghosts


@pytest.mark.parametrize(
    ("figures", "verdict", "reason"),
    [
        ({}, GOOD, ""),
        ({"overlap": 0.5}, BAD, "an overlap of 0.50 with the template"),
        ({"overlap": None, "information": None}, GOOD, ""),
        ({"voxel_mm": 5.0}, LOOK, "voxels of up to 5.0 mm"),
        ({"brain_ml": 300.0}, BAD, "a brain of 300 ml"),
        ({"brain_ml": 700.0, "voxel_mm": 5.0}, LOOK, "a brain of 700 ml"),
        ({"beyond": 0.3}, BAD, "30.0% of the template's brain beyond the image"),
    ],
)
def test_a_verdict_names_its_reasons_the_worst_first(figures, verdict, reason):
    found = judge(replace(USUAL, **figures))
    assert found.verdict == verdict
    assert (found.reasons[0] if found.reasons else "").startswith(reason)


def looks(count: int, width: float = 0.0) -> list[np.ndarray]:
    """Cubes of brains with fluid, grey and white matter, each a little different, blurred by `width` voxels."""
    places = np.indices((sides.SIZE,) * 3) - sides.SIZE / 2
    radius = np.sqrt((places**2).sum(axis=0))
    cubes = []
    for number in range(count):
        rng = np.random.default_rng(number)
        wave = np.sin(places[0] / 2 + number) + np.sin(places[1] / 3) + np.sin(places[2] / 2.5)
        tissue = np.where(wave > 0.3, 0.9, 0.65 + 0.02 * rng.normal())
        cube = np.where(radius < 6 + 6 * rng.random(), 0.15, tissue) + rng.normal(0, 0.03, radius.shape)
        cube = np.where(radius < 26, np.clip(cube, 0.01, 1), 0)
        smooth = ndimage.gaussian_filter(cube, width) if width else cube
        cubes.append(np.where(radius < 26, smooth, 0).astype(np.float32))
    return cubes


def test_tissue_that_looks_otherwise_is_unlike_and_more_fluid_is_not():
    usual = appearance_of([appearance(cube) for cube in looks(40)[10:]])
    assert max(usual.distance(appearance(cube)) for cube in looks(10)) < 2.5
    assert min(usual.distance(appearance(cube)) for cube in looks(10, width=0.6)) > 2.5
    assert min(usual.distance(appearance(cube**0.5)) for cube in looks(10)) > 2.5
    back = appearance_in(json.loads(json.dumps(usual.plain())))
    assert back.distance(appearance(looks(1)[0])) == usual.distance(appearance(looks(1)[0]))


@pytest.mark.parametrize("plain", [None, {}, {"mean": [1], "scale": [1], "precision": [[1]]}, {"mean": "x"}])
def test_a_model_that_does_not_tell_how_its_scans_look_has_no_say(plain):
    assert appearance_in(plain) is None
    assert appearance_of([(0.0,) * 5] * 19) is None


def test_a_cohort_is_held_against_its_training_or_the_model_s(tmp_path: Path):
    cubes = [*looks(20), *looks(2, width=0.6)]
    for number, cube in enumerate(cubes):
        record = asdict(replace(USUAL, appearance=appearance(cube)))
        record |= {"scan": f"s{number}", "verdict": GOOD, "reasons": [], "stripped": False}
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "preparation.json").write_text(json.dumps(record))
    folders = [tmp_path / str(number) for number in range(22)]
    learned = {f"s{number}" for number in range(20)}
    table = preparation_table(folders, learned).set_index("scan")
    assert set(table.index[table["verdict"] == LOOK]) == {"s20", "s21"}
    assert table["reasons"]["s20"].startswith("tissue unlike that of the training's scans (")
    assert preparation_table(folders, set())["unlike"].isna().all()
    usual = appearance_of([appearance(cube) for cube in looks(20, width=0.6)])
    assert preparation_table(folders, learned, usual).set_index("scan")["verdict"]["s0"] == LOOK


def test_how_much_fluid_a_mask_holds_moves_no_intensities(head):
    masks = [ndimage.binary_erosion(head.brain), head.brain, ndimage.binary_dilation(head.brain, iterations=2)]
    found = [prepare(head.voxels, head.affine, Steps(even=False), brain=mask).prepared for mask in masks]
    even = [np.zeros(head.voxels.shape, np.float32) for _ in found]
    for each, prepared in zip(even, found, strict=True):
        values, box = prepared.evened(head.voxels)
        each[box] = values
    for other in even[::2]:
        assert np.abs(other - even[1])[masks[0]].mean() < 0.01
