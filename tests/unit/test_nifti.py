"""Headers and files as we take them: what nibabel would mend or assume is mended rightly, reported, or refused."""

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

from healthward.imaging.formats import load_volume, open_volume
from healthward.imaging.volume import UnfitVolumeError
from healthward.imaging.volumes import save_like
from phantoms import head_on
from robustness.bad_volumes import AFFINE, VOXELS, save


def written(path: Path, sform: np.ndarray | None = None, qform: np.ndarray | None = AFFINE, **fields: object) -> Path:
    """Write the volume with fields of the header as no library would: a name, or a name and an index as pixdim_3."""
    image = nibabel.Nifti1Image(VOXELS, AFFINE)
    image.set_sform(sform, 0 if sform is None else 1)
    image.set_qform(qform, 0 if qform is None else 1)
    header = image.header.copy()
    header.set_data_offset(352)
    header.set_slope_inter(1, 0)
    for name, value in fields.items():
        field, _, index = name.rpartition("_")
        if field == "pixdim":
            header[field][int(index)] = value
        else:
            header[name] = value
    path.write_bytes(header.binaryblock + bytes(4) + VOXELS.tobytes("F"))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UnfitVolumeError) as refused:
        load_volume(path)
    return str(refused.value)


def test_a_scaling_slope_is_applied(tmp_path: Path) -> None:
    voxels, affine = head_on("isotropic")
    image = nibabel.Nifti1Image(np.rint((voxels - 7) / 0.05).astype(np.int16), affine)
    image.header.set_slope_inter(0.05, 7)
    nibabel.save(image, tmp_path / "scan.nii.gz")
    loaded, loaded_affine = load_volume(tmp_path / "scan.nii.gz")
    np.testing.assert_allclose(loaded, voxels, atol=0.1)
    np.testing.assert_allclose(loaded_affine, affine, atol=1e-3)


@pytest.mark.parametrize("slope", [0.0, np.nan])
def test_a_slope_of_nothing_is_none(tmp_path: Path, slope: float) -> None:
    voxels, _ = load_volume(written(tmp_path / "a.nii", scl_slope=slope, scl_inter=np.nan))
    np.testing.assert_array_equal(voxels, VOXELS)


def test_the_order_of_bytes_and_the_second_standard_make_no_difference(tmp_path: Path) -> None:
    nibabel.Nifti1Image(VOXELS.astype(">f4"), AFFINE, nibabel.Nifti1Header(endianness=">")).to_filename(
        tmp_path / "big.nii"
    )
    nibabel.Nifti2Image(VOXELS, AFFINE).to_filename(tmp_path / "two.nii.gz")
    for name in ("big.nii", "two.nii.gz"):
        voxels, affine = load_volume(tmp_path / name)
        np.testing.assert_array_equal(voxels, VOXELS)
        np.testing.assert_allclose(affine, AFFINE, atol=1e-4)
        save_like(tmp_path / "map.nii", voxels, tmp_path / name)
        np.testing.assert_array_equal(nibabel.load(tmp_path / "map.nii").get_fdata(dtype=np.float32), VOXELS)


@pytest.mark.parametrize("level", [1.0, 1.0 + 1e-6, 1.0005])
def test_a_quaternion_longer_than_one_by_rounding_is_one(tmp_path: Path, level: float) -> None:
    path = written(tmp_path / "a.nii", quatern_b=0.0, quatern_c=0.6 * level**0.5, quatern_d=0.8 * level**0.5)
    volume = open_volume(str(path))
    assert volume.notes == ()
    turned = np.array([[-1, 0, 0], [0, -0.28, 0.96], [0, 0.96, 0.28]])
    axes = volume.affine[:3, :3] / np.linalg.norm(volume.affine[:3, :3], axis=0)
    np.testing.assert_allclose(np.abs(axes), np.abs(turned), atol=1e-3)
    save_like(tmp_path / "map.nii", VOXELS, path)
    np.testing.assert_allclose(nibabel.load(tmp_path / "map.nii").affine, volume.affine, atol=1e-3)


def test_a_qfac_of_zero_is_one(tmp_path: Path) -> None:
    straight = np.diag([12.0, 14.0, 10.0, 1.0])
    assert np.allclose(open_volume(str(written(tmp_path / "a.nii", qform=straight, pixdim_0=0))).affine, straight)


def test_the_sform_counts_where_the_qform_is_impossible(tmp_path: Path) -> None:
    volume = open_volume(str(written(tmp_path / "a.nii", sform=AFFINE, pixdim_3=0)))
    assert np.allclose(volume.affine, AFFINE)
    assert "its sform was taken" in volume.notes[0]
    save_like(tmp_path / "map.nii", VOXELS, tmp_path / "a.nii")
    kept = nibabel.load(tmp_path / "map.nii")
    assert np.allclose(kept.affine, AFFINE)
    assert np.allclose(kept.header.get_zooms(), [12, 14, 10])


def test_a_qform_and_a_sform_that_disagree_are_reported_and_those_that_agree_are_not(tmp_path: Path) -> None:
    moved = AFFINE.copy()
    moved[2, 3] += 7
    far = open_volume(str(written(tmp_path / "far.nii", sform=moved)))
    assert np.allclose(far.affine, moved)
    assert "lie up to 7 mm apart; its sform was taken" in far.notes[0]
    moved[2, 3] -= 6.5
    assert open_volume(str(written(tmp_path / "near.nii", sform=moved))).notes == ()


def test_a_mirrored_sform_is_refused(tmp_path: Path) -> None:
    text = refusal(written(tmp_path / "a.nii", sform=AFFINE @ np.diag([-1.0, 1, 1, 1])))
    assert "one is a mirror image; delete the wrong one" in text


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"pixdim_3": 0}, "12 × 14 × 0 mm by its pixdim"),
        ({"pixdim_2": -14}, "12 × -14 × 10 mm by its pixdim"),
        ({"pixdim_1": np.nan}, "nan × 14 × 10 mm by its pixdim"),
        ({"pixdim_0": -3}, "pixdim[0] of -3"),
        ({"quatern_c": 1.2}, "over 1; set the qform anew"),
        ({"quatern_c": np.nan}, "over 1; set the qform anew"),
        ({"xyzt_units": 1}, "its lengths in metres (xyzt_units); convert it to millimetres"),
        ({"xyzt_units": 3 + 8}, "its lengths in micrometres"),
        ({"scl_slope": np.inf}, "scaling slope of inf"),
        ({"scl_inter": np.nan}, "intercept of nan"),
        ({"datatype": 0}, "cannot be read as NIfTI"),
        ({"datatype": 999}, "cannot be read as NIfTI"),
        ({"vox_offset": 0}, "would start at byte 0, before 352"),
        ({"vox_offset": 348}, "would start at byte 348, before 352"),
        ({"vox_offset": 352.5}, "would start at byte 352.5"),
        ({"vox_offset": np.nan}, "would start at byte nan"),
        ({"vox_offset": 400}, "cannot be read as NIfTI"),
        ({"dim": [3, -12, 13, 14, 1, 1, 1, 1]}, "is -12 × 13 × 14; give a volume of at least 1 voxels"),
        ({"dim": [-3, 12, 13, 14, 1, 1, 1, 1]}, "cannot be read as NIfTI"),
        ({"dim": [99, 12, 13, 14, 1, 1, 1, 1]}, "cannot be read as NIfTI"),
        ({"dim": [3, 12, 13, 13, 1, 1, 1, 1]}, "holds 624 bytes more than its header declares"),
        ({"datatype": 4}, "holds 4368 bytes more than its header declares"),
        ({"datatype": 64}, "cannot be read as NIfTI"),
    ],
    ids=str,
)
def test_a_header_that_nibabel_would_mend_or_believe_is_refused(tmp_path: Path, fields: dict, part: str) -> None:
    text = refusal(written(tmp_path / "a.nii", **fields))
    assert text.startswith(f"'{tmp_path / 'a.nii'}' ")
    assert part in text
    assert text.isprintable()


def test_every_flipped_bit_of_the_packed_voxels_is_noticed(tmp_path: Path) -> None:
    content = save(tmp_path / "a.nii.gz", (1000 * VOXELS).astype(np.int16)).read_bytes()
    for place in range(30, len(content), 97):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        (tmp_path / "a.nii.gz").write_bytes(damaged)
        assert "cannot be read as NIfTI" in refusal(tmp_path / "a.nii.gz"), place


def test_a_packed_file_that_is_not_whole_or_goes_on_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii.gz")
    content = path.read_bytes()
    for changed, part in (
        (content[:-8], "cannot be read as NIfTI"),
        (content[:-3], "cannot be read as NIfTI"),
        (content + b"garbage", "cannot be read as NIfTI"),
        (content + content, "more than its header declares"),
        (content + gzip.compress(b"more"), "holds 4 bytes more"),
        (content[:40] + content, "cannot be read as NIfTI"),
    ):
        path.write_bytes(changed)
        assert part in refusal(path)


def test_members_and_padding_of_a_whole_file_are_fine(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii")
    content = path.read_bytes()
    (tmp_path / "parts.nii.gz").write_bytes(gzip.compress(content[:2000]) + gzip.compress(content[2000:]))
    (tmp_path / "block.nii.gz").write_bytes(gzip.compress(content) + bytes(512))
    (tmp_path / "padded.nii").write_bytes(content + bytes(100))
    for name in ("parts.nii.gz", "block.nii.gz", "padded.nii"):
        np.testing.assert_array_equal(load_volume(tmp_path / name)[0], VOXELS)
    path.write_bytes(content + b"\1")
    assert "holds 1 bytes more" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"not a volume", b"\x1f\x8b\x08\x00broken"])
def test_an_unreadable_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.nii.gz").write_bytes(content)
    assert "bad.nii.gz" in refusal(tmp_path / "bad.nii.gz")


def test_sizes_that_contradict_a_lone_sform_are_reported_and_those_that_say_nothing_are_not(tmp_path: Path) -> None:
    true = {"pixdim_1": 12, "pixdim_2": 14, "pixdim_3": 10}
    for wrong in ({"pixdim_3": 12}, {"pixdim_1": 12.2}, {"pixdim_2": 0}):
        volume = open_volume(str(written(tmp_path / "a.nii", sform=AFFINE, qform=None, **(true | wrong))))
        [note] = volume.notes
        assert "by its pixdim, but of 12 × 14 × 10 mm by its sform; its sform was taken" in note
        np.testing.assert_allclose(volume.header["pixdim"][1:4], [12, 14, 10])
    for size in (0, 1):
        fields = {f"pixdim_{axis}": size for axis in (1, 2, 3)}
        assert open_volume(str(written(tmp_path / "b.nii", sform=AFFINE, qform=None, **fields))).notes == ()
    near = written(tmp_path / "c.nii", sform=AFFINE, qform=None, **(true | {"pixdim_1": 12.05}))
    assert open_volume(str(near)).notes == ()


def test_a_link_of_an_annex_without_its_content_names_the_mend(tmp_path: Path) -> None:
    link = tmp_path / "a.nii.gz"
    link.symlink_to(".git/annex/objects/x/y/MD5E-s1--0.nii.gz/MD5E-s1--0.nii.gz")
    with pytest.raises(UnfitVolumeError, match="is not downloaded yet; get it, as by datalad get"):
        open_volume(str(link))


def test_a_header_that_ends_early_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "torn.nii"
    nibabel.Nifti2Image(VOXELS, AFFINE).to_filename(path)
    path.write_bytes(path.read_bytes()[:516])
    with pytest.raises(UnfitVolumeError, match="it ends within its header, after 516 bytes"):
        open_volume(str(path))
