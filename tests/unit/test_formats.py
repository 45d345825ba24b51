"""Every kind of file that holds a volume: the same voxels at the same place, or a line that says what is wrong."""

import gzip
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from nibabel.freesurfer.mghformat import MGHImage

from dicom import DESCRIPTION, NAME, write, write_series
from healthward.imaging.formats import load_volume, open_volume
from healthward.imaging.volume import UnfitVolumeError
from healthward.imaging.volumes import save_like
from robustness.bad_volumes import VOXELS

GREY = np.rint(1000 * VOXELS).astype(np.int16)
TURNED = nibabel.affines.from_matvec(
    nibabel.eulerangles.euler2mat(0.3, 0.2, 0.1) @ np.diag([-1, 1.2, 2]), [5.0, -6.0, 7.0]
)


def pair(folder: Path, kind: type = nibabel.Nifti1Pair) -> Path:
    kind(GREY, TURNED).to_filename(folder / "scan.img")
    return folder / "scan.img"


def written(folder: Path, form: str) -> Path:
    """Write the volume in a form, with its own texts where these have any."""
    if form == "dicom":
        return write_series(folder / "series", GREY, TURNED)
    if form.startswith("pair"):
        return pair(folder, nibabel.Nifti2Pair if form == "pair2" else nibabel.Nifti1Pair)
    if form.startswith("mg"):
        MGHImage(GREY, TURNED).to_filename(folder / f"scan.{form}")
        return folder / f"scan.{form}"
    nibabel.Nifti2Image(GREY, TURNED).to_filename(folder / "scan.nii.gz")
    return folder / "scan.nii.gz"


def refusal(path: Path) -> str:
    with pytest.raises(UnfitVolumeError) as refused:
        load_volume(path)
    text = str(refused.value)
    assert text.startswith(f"'{path}' ")
    assert text.isprintable()
    return text


@pytest.mark.parametrize("form", ["nifti2", "pair", "pair2", "mgz", "mgh", "dicom"])
def test_a_volume_is_the_same_in_every_form_and_a_map_goes_back_to_its_grid(tmp_path: Path, form: str) -> None:
    path = written(tmp_path, form)
    volume = open_volume(str(path))
    upright = nibabel.as_closest_canonical(nibabel.Nifti1Image(volume.read(), volume.affine))
    expected = nibabel.as_closest_canonical(nibabel.Nifti1Image(GREY, TURNED))
    np.testing.assert_array_equal(upright.get_fdata(), expected.get_fdata())
    np.testing.assert_allclose(upright.affine, expected.affine, atol=1e-4)
    assert volume.header.get_data_dtype().kind == "i"
    save_like(tmp_path / "map.nii.gz", VOXELS, path)
    kept = nibabel.load(tmp_path / "map.nii.gz")
    np.testing.assert_array_equal(kept.get_fdata(dtype=np.float32), VOXELS)
    np.testing.assert_allclose(kept.affine, volume.affine, atol=1e-4)
    content = gzip.decompress((tmp_path / "map.nii.gz").read_bytes())
    assert not any(text.encode() in content for text in (NAME, DESCRIPTION))


def test_either_half_of_a_pair_names_it_in_capitals_too(tmp_path: Path) -> None:
    pair(tmp_path)
    for half in ("scan.hdr", "scan.img"):
        np.testing.assert_array_equal(load_volume(tmp_path / half)[0], GREY)
    for half in ("hdr", "img"):
        (tmp_path / f"scan.{half}").rename(tmp_path / f"SCAN.{half.upper()}")
    np.testing.assert_array_equal(load_volume(tmp_path / "SCAN.HDR")[0], GREY)
    (tmp_path / "SCAN.IMG").unlink()
    assert "has no 'SCAN.IMG' beside it" in refusal(tmp_path / "SCAN.HDR")


def test_analyze_which_knows_no_left_is_refused(tmp_path: Path) -> None:
    nibabel.AnalyzeImage(GREY, np.diag([1.0, 1, 1, 1])).to_filename(tmp_path / "scan.img")
    assert "is Analyze 7.5, which does not tell left from right" in refusal(tmp_path / "scan.hdr")


@pytest.mark.parametrize(("place", "value", "part"), [
    (28, b"\0\0", "goodRASFlag is 0"),
    (0, b"\0\0\0\7", "cannot be read as MGH (its version is 7"),
    (20, b"\0\0\0\x63", "cannot be read as MGH"),
    (4, b"\0\0\0\2", "is 2 × 13 × 14; give a volume of at least 8 voxels"),
    (16, b"\0\0\0\2", "is 12 × 13 × 14 × 2; give a 3D volume"),
])  # fmt: skip
def test_a_header_of_freesurfer_that_says_nothing_is_refused(
    tmp_path: Path, place: int, value: bytes, part: str
) -> None:
    path = written(tmp_path, "mgh")
    content = path.read_bytes()
    path.write_bytes(content[:place] + value + content[place + len(value) :])
    with pytest.raises(UnfitVolumeError) as refused:
        open_volume(str(path)).read()
    assert part in str(refused.value)


def test_a_packed_volume_of_freesurfer_that_is_damaged_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "mgz")
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], content[:-6] + b"\1" + content[-5:]):
        path.write_bytes(damaged)
        assert "cannot be read as MGH" in refusal(path)


def test_several_series_of_a_folder_are_listed_without_a_word_of_their_headers(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "scan", GREY, TURNED, number=2)
    write_series(folder, GREY[:, :, :3], TURNED, number=7)
    text = refusal(folder)
    assert "holds 2 series; give each a folder of its own: number 2, 14 images such as 'IM20000.dcm'" in text
    assert "number 7, 3 images such as 'IM70000.dcm'" in text
    assert NAME not in text
    assert DESCRIPTION not in text


def missing_slice(folder: Path) -> None:
    next(folder.glob("*0005.dcm")).unlink()


def twice(folder: Path) -> None:
    write_series(folder / "other", GREY, TURNED)
    for file in (folder / "other").iterdir():
        content = file.read_bytes()
        (folder / f"again_{file.name}").write_bytes(content)
    shutil.rmtree(folder / "other")


def emptied(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    (folder / "notes.txt").write_text("nothing here")


def cut_off(folder: Path) -> None:
    file = next(folder.glob("*0005.dcm"))
    file.write_bytes(file.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("harm", "part"),
    [
        (missing_slice, "has images from 2 to 4 mm apart; copy those that are missing"),
        (twice, "holds several images at one place, as of several echoes or times"),
        (emptied, "is a folder without images of DICOM"),
        (cut_off, "cannot be read as DICOM ('IM20005.dcm' is not whole)"),
    ],
)
def test_a_series_that_is_no_volume_is_refused(tmp_path: Path, harm, part: str) -> None:
    folder = write_series(tmp_path / "scan", GREY, TURNED)
    harm(folder)
    assert part in refusal(folder)


def test_another_modality_is_refused(tmp_path: Path) -> None:
    assert "holds a series that is no MR" in refusal(write_series(tmp_path / "scan", GREY, TURNED, modality="CT"))


def test_images_that_lie_askew_are_refused(tmp_path: Path) -> None:
    askew = TURNED.copy()
    askew[:3, 2] += 0.5 * askew[:3, 1]
    assert "has images that lie askew" in refusal(write_series(tmp_path / "scan", GREY, askew))


def test_a_slope_of_a_series_is_applied(tmp_path: Path) -> None:
    voxels, _ = load_volume(write_series(tmp_path / "scan", 2 * GREY, TURNED, slope=2))
    assert voxels.max() == 2 * GREY.max()


def test_several_images_in_a_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "scan").mkdir()
    write(SimpleITK.GetImageFromArray(GREY.T.astype(np.uint16)), tmp_path / "scan/all.dcm")
    assert "holds several images in one file ('all.dcm')" in refusal(tmp_path / "scan")
