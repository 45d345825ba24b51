import itertools

import nibabel as nib
import numpy as np
import pytest

from healthward.errors import InputError
from healthward.imaging.foreground import foreground
from healthward.imaging.volumes import conform, open_image_of, read_image_of, save_like, to_cube, to_native
from phantoms import CENTRE, GRIDS, grid, head, head_on

SIZE, FOV = 64, 192.0


@pytest.mark.parametrize("name", GRIDS)
def test_cube_shows_the_world_whatever_the_grid(name):
    voxels, affine = head_on(name)
    conformed = conform(voxels, affine, SIZE, FOV)
    expected = head(grid((SIZE,) * 3, conformed.geometry.cube_affine))
    scale = conformed.geometry.brightest - conformed.geometry.darkest
    error = np.abs(
        conformed.cube * scale + conformed.geometry.darkest - np.minimum(expected, conformed.geometry.brightest)
    )
    assert np.percentile(error[conformed.brain], 95) < 0.03 * scale
    assert np.allclose(np.diag(conformed.geometry.cube_affine), [3, 3, 3, 1])


@pytest.mark.parametrize("name", GRIDS)
def test_back_in_native_space_it_agrees_with_the_scan_to_interpolation_error(name):
    voxels, affine = head_on(name)
    conformed = conform(voxels, affine, SIZE, FOV)
    geometry = conformed.geometry
    back = to_native(conformed.cube, geometry)
    original = np.clip((voxels - geometry.darkest) / (geometry.brightest - geometry.darkest), 0, 1)
    assert back.shape == voxels.shape
    # The bound of two trilinear interpolations: the field's curvature times the squared spacing, here below 3 %.
    assert np.sqrt(np.mean((back - original) ** 2)) < 0.015
    assert np.percentile(np.abs(back - original), 99) < 0.05


@pytest.mark.parametrize("name", GRIDS)
def test_cube_is_centred_on_the_brain(name):
    voxels, affine = head_on(name)
    conformed = conform(voxels, affine, SIZE, FOV)
    middle = conformed.geometry.cube_affine @ [*[(SIZE - 1) / 2] * 3, 1]
    assert np.abs(middle[:3] - CENTRE).max() < 4


@pytest.mark.parametrize("name", GRIDS)
def test_cube_lies_in_one_place_however_the_scan_is_stored(name):
    voxels, affine = head_on(name)
    image = nib.Nifti1Image(voxels, affine)
    place = conform(voxels, affine, SIZE, FOV).geometry.cube_affine
    for axes in itertools.product(*(((axis, 1), (axis, -1)) for axis in range(3))):
        turned = image.as_reoriented(np.array(axes))
        stored = conform(np.asarray(turned.dataobj), turned.affine, SIZE, FOV).geometry.cube_affine
        np.testing.assert_allclose(stored, place, atol=0.5)
    for width in (1, 2, 3):
        moved = affine @ nib.affines.from_matvec(np.eye(3), np.full(3, -width))
        padded = conform(np.pad(voxels, width), moved, SIZE, FOV).geometry.cube_affine
        np.testing.assert_allclose(padded, place, atol=0.5)


def test_intensities_do_not_depend_on_units_or_type():
    voxels, affine = head_on("isotropic")
    plain = conform(voxels, affine, 48, FOV).cube
    assert plain.min() == 0
    assert plain.max() == 1
    np.testing.assert_allclose(conform(voxels * 3.7 - 500, affine, 48, FOV).cube, plain, atol=1e-4)


def test_a_stray_bright_voxel_moves_nothing():
    voxels, affine = head_on("isotropic")
    calm = conform(voxels, affine, 48, FOV).geometry.cube_affine
    voxels[0, 0, 0] = 5000
    np.testing.assert_allclose(conform(voxels, affine, 48, FOV).geometry.cube_affine, calm, atol=4)


def test_foreground_fills_dark_cavities_and_drops_specks():
    volume = np.zeros((40, 40, 40), dtype=np.float32)
    volume[8:32, 8:32, 8:32] = 0.5
    volume[14:26, 14:26, 14:26] = 1
    volume[18:22, 18:22, 18:22] = 0
    volume[2:4, 2:4, 2:4] = 1
    inside = foreground(volume)
    assert inside[20, 20, 20]
    assert inside[10, 10, 10]
    assert not inside[:5, :5, :5].any()


def test_an_empty_volume_is_refused():
    with pytest.raises(InputError, match="no brain"):
        conform(np.zeros((20, 20, 20), dtype=np.float32), np.eye(4), 32, FOV)


def test_mask_keeps_its_place_and_volume():
    voxels, affine = head_on("oblique")
    ball = np.linalg.norm(grid(voxels.shape, affine) - CENTRE - [20, 10, 0], axis=-1) < 25
    conformed = conform(voxels, affine, SIZE, FOV)
    cube = to_cube(ball, conformed.geometry, SIZE)
    truth = np.linalg.norm(grid(cube.shape, conformed.geometry.cube_affine) - CENTRE - [20, 10, 0], axis=-1) < 25
    assert 2 * (cube & truth).sum() / (cube.sum() + truth.sum()) > 0.93


@pytest.mark.parametrize("shape", [(9, 8, 10), (9, 8, 10, 1), (9, 8, 10, 1, 1)])
def test_maps_are_written_with_the_header_of_the_scan(tmp_path, shape):
    affine = np.diag([-1.5, 2, 2.5, 1])
    source = nib.Nifti1Image(np.arange(9 * 8 * 10, dtype=np.int16).reshape(shape), affine)
    source.header.set_xyzt_units("mm", "sec")
    source.set_qform(affine, 1)
    source.set_sform(affine, 4)
    nib.save(source, tmp_path / "scan.nii.gz")
    values = np.random.default_rng(0).standard_normal((9, 8, 10)).astype(np.float32)
    save_like(tmp_path / "map.nii.gz", values, tmp_path / "scan.nii.gz")
    written = nib.load(tmp_path / "map.nii.gz")
    assert written.shape == shape
    np.testing.assert_array_equal(written.affine, source.affine)
    np.testing.assert_array_equal(np.asarray(written.dataobj).reshape(9, 8, 10), values)
    assert (written.header["qform_code"], written.header["sform_code"]) == (1, 4)
    assert written.header.get_xyzt_units() == ("mm", "sec")


def test_a_map_keeps_the_place_of_a_scan_and_none_of_its_texts(tmp_path):
    voxels, affine = head_on("oblique")
    source = nib.Nifti1Image(voxels, affine)
    for name in ("descrip", "aux_file", "db_name", "intent_name"):
        source.header[name] = b"Jane Doe"
    source.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Jane Doe"))
    nib.save(source, tmp_path / "scan.nii")
    save_like(tmp_path / "map.nii", voxels, tmp_path / "scan.nii")
    assert b"Jane" not in (tmp_path / "map.nii").read_bytes()
    np.testing.assert_array_equal(nib.load(tmp_path / "map.nii").affine, nib.load(tmp_path / "scan.nii").affine)


def test_only_the_image_that_was_sliced_is_taken_for_it(tmp_path):
    voxels, affine = head_on("oblique")
    conformed = conform(voxels, affine, 32, FOV)
    moved = affine.copy()
    moved[2, 3] += 5
    for name, changed, place in (
        ("own", voxels, affine),
        ("another", voxels[::-1], affine),
        ("moved", voxels, moved),
        ("cropped", voxels[1:], affine),
    ):
        nib.save(nib.Nifti1Image(np.ascontiguousarray(changed), place), tmp_path / f"{name}.nii")
    np.testing.assert_array_equal(read_image_of(tmp_path / "own.nii", conformed.geometry, conformed.cube, None), voxels)
    with pytest.raises(InputError, match="not the scan that was sliced, though on its grid"):
        read_image_of(tmp_path / "another.nii", conformed.geometry, conformed.cube, None)
    for name in ("moved", "cropped"):
        with pytest.raises(InputError, match="not on the grid of the scan that was sliced"):
            open_image_of(tmp_path / f"{name}.nii", conformed.geometry)
