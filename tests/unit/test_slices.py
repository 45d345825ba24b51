import json

import numpy as np
import pytest

from healthward.errors import InputError
from healthward.imaging.slices import ScanRecord, cut, fingerprint, load_scan, save_scan, slice_bounds
from healthward.imaging.volumes import conform
from healthward.maps.fusion import agreement, coverage, fuse, uncut
from phantoms import head_on


@pytest.mark.parametrize(
    ("size", "low", "high", "expected"),
    [
        (128, 0.35, 0.75, (44, 52)),
        (64, 0.35, 0.75, (22, 26)),
        (128, 44 / 128, 96 / 128, (44, 52)),
        (100, 0.29, 0.3, (29, 1)),
    ],
)
def test_slice_bounds(size, low, high, expected):
    assert slice_bounds(size, low, high) == expected


@pytest.mark.parametrize(
    ("size", "low", "high", "part"),
    [
        (128, 0.75, 0.35, "0.75 to 0.35 is no range; give two fractions"),
        (128, 0.5, 0.5, "0.5 to 0.5 is no range"),
        (128, 0, float("nan"), "is no range"),
        (32, 0.51, 0.52, "0.51 to 0.52 holds no whole slice of 32; give a wider range"),
    ],
)
def test_a_range_without_slices_is_refused(size, low, high, part):
    with pytest.raises(InputError, match=part):
        slice_bounds(size, low, high)


def test_cut_takes_planes_of_each_axis():
    cube = np.random.default_rng(0).random((10, 10, 10))
    stack = cut(cube, 3, 4)
    assert stack.shape == (3, 4, 10, 10)
    for axis in range(3):
        for number in range(4):
            np.testing.assert_array_equal(stack[axis, number], cube.take(3 + number, axis=axis))


def test_a_scan_comes_back_as_it_was_saved(tmp_path):
    voxels, affine = head_on("oblique")
    conformed = conform(voxels, affine, 32, 192.0)
    stack = cut(conformed.cube, 11, 13)
    record = ScanRecord("s1", "p1", "AD", "test", 32, 11, 13, 192.0, fingerprint(stack))
    truth = conformed.cube > 0.8
    save_scan(tmp_path / "s1", conformed, stack, truth, record)
    scan = load_scan(tmp_path / "s1")
    assert scan.record == record
    assert isinstance(scan.stack, np.memmap)
    np.testing.assert_array_equal(scan.stack, stack)
    np.testing.assert_array_equal(scan.cube, conformed.cube)
    np.testing.assert_array_equal(scan.brain, conformed.brain)
    np.testing.assert_array_equal(scan.truth, truth)
    np.testing.assert_array_equal(scan.geometry.affine, affine)
    assert scan.geometry.shape == voxels.shape


def test_a_folder_does_not_keep_the_truth_of_an_earlier_scan(tmp_path):
    conformed = conform(*head_on("oblique"), 32, 192.0)
    stack = cut(conformed.cube, 11, 13)
    record = ScanRecord("s1", "p1", "AD", "test", 32, 11, 13, 192.0, fingerprint(stack))
    save_scan(tmp_path, conformed, stack, conformed.cube > 0.8, record)
    save_scan(tmp_path, conformed, stack, None, record)
    assert load_scan(tmp_path).truth is None


def with_field(name, value):
    def change(folder):
        content = json.loads((folder / "scan.json").read_text())
        (content["geometry"] if name in content["geometry"] else content)[name] = value
        (folder / "scan.json").write_text(json.dumps(content))

    return change


def with_stack(function):
    return lambda folder: np.save(folder / "slices.npy", function(np.load(folder / "slices.npy")))


@pytest.mark.parametrize(
    ("change", "file"),
    [
        (lambda folder: (folder / "scan.json").write_text("[]"), "scan.json"),
        (lambda folder: (folder / "scan.json").write_text("null"), "scan.json"),
        *((with_field(name, value), "scan.json") for name, value in [
            ("size", "32"), ("size", 31.5), ("count", 0), ("count", 99), ("first", -1), ("fov", -192), ("split", "no"),
            ("label", 5), ("label", "5"), ("label", "$(id)"), ("scan", "../a"), ("scan", 3), ("extra", 1),
            ("shape", [1, 2]), ("affine", [[1]]), ("cube_affine", None), ("darkest", float("nan")), ("brightest", -1e9),
        ]),
        (with_stack(lambda stack: stack * np.nan), "slices.npy"),
        (with_stack(lambda stack: stack + 5), "slices.npy"),
        (with_stack(lambda stack: stack[:2]), "slices.npy"),
        (with_stack(lambda stack: stack[:, ::-1]), "slices.npy"),
        (with_stack(lambda stack: stack.astype(np.float64)), "slices.npy"),
        (with_stack(lambda stack: (stack > 0.5).astype(np.uint8)), "slices.npy"),
        (with_stack(lambda stack: stack * 0 + np.float32(0.5)), "slices.npy"),
        (with_stack(lambda stack: np.array(["x"])), "slices.npy"),
        (lambda folder: (folder / "brain.nii.gz").write_bytes(b""), "brain.nii.gz"),
        (lambda folder: (folder / "conformed.nii.gz").unlink(), "conformed.nii.gz"),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_as_it_was_saved_is_refused_in_one_line(tmp_path, change, file):
    voxels, affine = head_on("isotropic")
    conformed = conform(voxels, affine, 32, 192.0)
    stack = cut(conformed.cube, 11, 13)
    record = ScanRecord("s1", "p1", "AD", "test", 32, 11, 13, 192.0, fingerprint(stack))
    save_scan(tmp_path, conformed, stack, None, record)
    change(tmp_path)
    with pytest.raises(InputError, match=rf"{file}.*; ") as refused:
        load_scan(tmp_path)
    assert "\n" not in str(refused.value)


def test_fusing_a_cut_cube_gives_it_back_where_slices_lie():
    cube = np.random.default_rng(1).random((12, 12, 12)).astype(np.float32)
    fused = fuse(cut(cube, 4, 5), 4)
    seen = coverage(ScanRecord("s1", "p1", "CN", "test", 12, 4, 5, 192.0, ""))
    np.testing.assert_allclose(fused[seen > 0], cube[seen > 0], rtol=1e-6)
    assert not fused[seen == 0].any()
    inside = np.zeros(12, dtype=int)
    inside[4:9] = 1
    np.testing.assert_array_equal(seen, inside[:, None, None] + inside[:, None] + inside)


def test_fusion_averages_the_axes_that_see_a_voxel():
    stack = np.zeros((3, 2, 4, 4), dtype=np.float32)
    stack[0], stack[1], stack[2] = 1, 2, 6
    fused = fuse(stack, 1)
    assert fused[1, 1, 1] == 3
    assert fused[1, 1, 0] == 1.5
    assert fused[0, 0, 1] == 6
    assert fused[0, 0, 0] == 0


def test_agreement_is_one_when_axes_agree_and_zero_when_they_cancel_or_stand_alone():
    stack = np.zeros((3, 2, 4, 4), dtype=np.float32)
    stack[0], stack[1], stack[2] = 0.2, 0.4, 0.1
    assert agreement(stack, 1)[1, 1, 1] == pytest.approx(1)
    assert agreement(stack, 1)[0, 0, 1] == 0
    stack[2] = -0.6
    assert agreement(stack, 1)[1, 1, 1] == pytest.approx(0, abs=1e-6)


def test_uncut_marks_what_each_axis_sees():
    _, seen = uncut(np.ones((3, 3, 8, 8)), 2)
    assert seen[0].any(axis=(1, 2)).tolist() == [False] * 2 + [True] * 3 + [False] * 3
    assert seen[2].all(axis=(0, 1)).tolist() == [False] * 2 + [True] * 3 + [False] * 3
