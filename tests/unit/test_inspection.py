"""Opening volumes: what cannot be used is refused with the reason and the mend, and nothing makes it crash."""

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from healthward.inspection import Inspection, inspect, inspect_all

RNG = np.random.default_rng(0)
VOXELS = RNG.random((12, 13, 14), dtype=np.float32)
AFFINE = np.diag([1.0, 1.5, 2.0, 1.0])


def save(path: Path, voxels: np.ndarray = VOXELS, affine: np.ndarray | None = AFFINE) -> Path:
    nibabel.Nifti1Image(voxels, affine).to_filename(path)
    return path


def problem(image: Path, mask: Path | str = "") -> tuple[str, str]:
    inspection = inspect((str(image), str(mask)))
    assert len(inspection.problems) == 1, inspection
    return inspection.problems[0]


@pytest.mark.parametrize(
    "voxels",
    [
        VOXELS,
        VOXELS[..., None],
        (VOXELS * 1000).astype(np.int16),
        (VOXELS * 200).astype(np.uint8),
        VOXELS.astype(np.float64),
        np.asfortranarray(VOXELS),
    ],
    ids=["3D", "4D of one volume", "int16", "uint8", "float64", "Fortran order"],
)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_volume_of_any_usual_form_is_fit(tmp_path: Path, voxels: np.ndarray, suffix: str) -> None:
    inspection = inspect((str(save(tmp_path / f"a b{suffix}", voxels)), ""))
    assert inspection.problems == ()
    assert len(inspection.digest) == 64


def test_the_digest_is_of_the_voxels_not_of_the_file(tmp_path: Path) -> None:
    scaled = nibabel.Nifti1Image((VOXELS * 100).astype(np.int16), AFFINE)
    scaled.header.set_slope_inter(2.0, 1.0)
    scaled.to_filename(tmp_path / "scaled.nii.gz")
    values = scaled.__class__.from_filename(tmp_path / "scaled.nii.gz").get_fdata(dtype=np.float32)
    same = [
        inspect((str(path), "")).digest
        for path in (
            tmp_path / "scaled.nii.gz",
            save(tmp_path / "floats.nii", values),
            save(tmp_path / "4d.nii", values[..., None].astype(np.float64), np.eye(4)),
        )
    ]
    assert len(set(same)) == 1
    changed = values.copy()
    changed[3, 4, 5] += 1
    assert inspect((str(save(tmp_path / "changed.nii", changed)), "")).digest != same[0]
    assert inspect((str(save(tmp_path / "reshaped.nii", values.reshape(13, 12, 14))), "")).digest != same[0]


def missing(folder: Path) -> Path:
    return folder / "missing.nii"


def directory(folder: Path) -> Path:
    (folder / "folder.nii").mkdir()
    return folder / "folder.nii"


def empty_file(folder: Path) -> Path:
    (folder / "empty.nii").touch()
    return folder / "empty.nii"


def other_suffix(folder: Path) -> Path:
    (folder / "a.dcm").write_bytes(b"x")
    return folder / "a.dcm"


def text_file(folder: Path) -> Path:
    (folder / "text.nii.gz").write_text("not a volume" * 100)
    return folder / "text.nii.gz"


def truncated(folder: Path) -> Path:
    path = save(folder / "truncated.nii.gz")
    path.write_bytes(path.read_bytes()[:3000])
    return path


def truncated_plain(folder: Path) -> Path:
    path = save(folder / "truncated.nii")
    path.write_bytes(path.read_bytes()[:3000])
    return path


def damaged_checksum(folder: Path) -> Path:
    path = save(folder / "damaged.nii.gz")
    content = bytearray(path.read_bytes())
    content[2000:2100] = bytes(100)
    path.write_bytes(content)
    return path


def colours(folder: Path) -> Path:
    voxels = np.zeros((12, 12, 12), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    return save(folder / "rgb.nii", voxels)


def complex_values(folder: Path) -> Path:
    return save(folder / "complex.nii", VOXELS.astype(np.complex64))


def two_volumes(folder: Path) -> Path:
    return save(folder / "two.nii", np.stack([VOXELS, VOXELS], axis=3))


def one_slice(folder: Path) -> Path:
    return save(folder / "slice.nii", VOXELS[:, :, :1])


def flat(folder: Path) -> Path:
    return save(folder / "flat.nii", VOXELS[:, :, 0])


def nan_voxel(folder: Path) -> Path:
    voxels = VOXELS.copy()
    voxels[1, 2, 3] = np.nan
    return save(folder / "nan.nii", voxels)


def beyond_float32(folder: Path) -> Path:
    voxels = VOXELS.astype(np.float64)
    voxels[1, 2, 3:5] = 1e300
    return save(folder / "huge.nii", voxels)


def constant(folder: Path) -> Path:
    return save(folder / "constant.nii", np.full((12, 12, 12), 7, np.float32))


def no_affine(folder: Path) -> Path:
    return save(folder / "unplaced.nii", affine=None)


def huge_voxels(folder: Path) -> Path:
    return save(folder / "metres.nii", affine=np.diag([1000.0, 1000.0, 1000.0, 1.0]))


def tiny_voxels(folder: Path) -> Path:
    return save(folder / "tiny.nii", affine=np.diag([0.001, 0.001, 0.001, 1.0]))


def with_sform(path: Path, affine: np.ndarray) -> Path:
    image = nibabel.Nifti1Image(VOXELS, AFFINE)
    image.header["sform_code"] = 2
    for name, values in zip(("srow_x", "srow_y", "srow_z"), affine, strict=False):
        image.header[name] = values
    header = image.header.copy()
    header.set_data_offset(352)
    path.write_bytes(header.binaryblock + bytes(4) + VOXELS.tobytes("F"))
    return path


def singular(folder: Path) -> Path:
    affine = np.eye(4)
    affine[:, 1] = affine[:, 0]
    return with_sform(folder / "singular.nii", affine)


def affine_of_nan(folder: Path) -> Path:
    return with_sform(folder / "nan.nii", np.full((4, 4), np.nan))


def bomb(folder: Path) -> Path:
    """A few bytes whose header declares 32767 × 32767 × 32767 voxels."""
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.float64)
    header.set_data_shape((32767, 32767, 32767))
    header.set_sform(np.eye(4), code=2)
    header.set_data_offset(352)
    path = folder / "bomb.nii.gz"
    path.write_bytes(gzip.compress(header.binaryblock + bytes(100_000)))
    return path


@pytest.mark.parametrize(
    ("make", "reason", "mend"),
    [
        (missing, "cannot be found", "correct the path"),
        (directory, "is no file", "give the path of a volume"),
        (empty_file, "is an empty file", "copy it afresh"),
        (other_suffix, "is no .nii or .nii.gz", "convert it to NIfTI"),
        (text_file, "cannot be read as NIfTI", "copy it afresh"),
        (truncated, "cannot be read as NIfTI", "copy it afresh"),
        (truncated_plain, "cannot be read as NIfTI", "copy it afresh"),
        (damaged_checksum, "cannot be read as NIfTI", "copy it afresh"),
        (colours, "holds colours", "convert it to grey values"),
        (complex_values, "holds complex64 values", "convert it to grey values"),
        (two_volumes, "is 12 × 13 × 14 × 2", "give a 3D volume"),
        (one_slice, "is 12 × 13 × 1;", "at least 8 voxels along each axis"),
        (flat, "is 12 × 13;", "give a 3D volume"),
        (nan_voxel, "has 1 voxel that is not finite", "replace NaN and infinity by 0"),
        (beyond_float32, "has 2 voxels that are not finite", "replace NaN and infinity by 0"),
        (constant, "holds the value 7 everywhere", "give the scan itself"),
        (no_affine, "does not say how it lies in space", "set its sform"),
        (huge_voxels, "has voxels of 1e+03 × 1e+03 × 1e+03 mm", "0.1 to 20 mm"),
        (tiny_voxels, "has voxels of 0.001 × 0.001 × 0.001 mm", "0.1 to 20 mm"),
        (singular, "cannot be inverted", "set the true one"),
        (affine_of_nan, "has voxels of nan", "0.1 to 20 mm"),
        (bomb, "declares 32767 × 32767 × 32767 voxels", "resample it"),
    ],
)
def test_an_unfit_image_is_refused_with_reason_and_mend(tmp_path: Path, make, reason: str, mend: str) -> None:
    path = make(tmp_path)
    column, text = problem(path)
    assert column == "image"
    assert repr(str(path)) in text
    assert reason in text
    assert mend in text
    assert text.isprintable()


def test_a_mask_of_zeros_and_ones_on_the_same_grid_is_fit(tmp_path: Path) -> None:
    image = save(tmp_path / "image.nii")
    for name, mask in (("some", VOXELS > 0.5), ("none", VOXELS > 2)):
        path = save(tmp_path / f"{name}.nii.gz", mask.astype(np.uint8))
        assert inspect((str(image), str(path))).problems == ()


@pytest.mark.parametrize(
    ("voxels", "affine", "reason"),
    [
        (VOXELS[:11] > 0.5, AFFINE, "is 11 × 13 × 14, the image 12 × 13 × 14"),
        (VOXELS > 0.5, np.diag([-1.0, 1.5, 2.0, 1.0]), "has another affine"),
        ((VOXELS > 0.5) * 2, AFFINE, "holds values from 0 to 2; write 1 in the anomaly and 0 elsewhere"),
        (VOXELS[:, :, 0] > 0.5, AFFINE, "give a 3D volume"),
    ],
    ids=["shape", "affine", "values", "dimensions"],
)
def test_an_unfit_mask_is_refused(tmp_path: Path, voxels: np.ndarray, affine: np.ndarray, reason: str) -> None:
    mask = save(tmp_path / "mask.nii", voxels.astype(np.uint8), affine)
    column, text = problem(save(tmp_path / "image.nii"), mask)
    assert column == "mask"
    assert reason in text


def test_image_and_mask_are_both_reported(tmp_path: Path) -> None:
    inspection = inspect((str(tmp_path / "a.nii"), str(tmp_path / "b.nii")))
    assert [column for column, _ in inspection.problems] == ["image", "mask"]
    assert inspect(("", "")) == Inspection("", ())


def test_several_workers_find_the_same_in_the_same_order(tmp_path: Path) -> None:
    volumes = [(str(save(tmp_path / f"{n}.nii", VOXELS + n)), "") for n in range(6)]
    volumes.insert(3, (str(tmp_path / "missing.nii"), ""))
    assert inspect_all(volumes, workers=2) == inspect_all(volumes, workers=1)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.tuples(st.integers(0, 351), st.integers(0, 255)), min_size=1, max_size=6))
def test_no_damage_to_a_header_makes_it_crash(tmp_path: Path, places: list[tuple[int, int]]) -> None:
    content = bytearray(save(tmp_path / "sound.nii").read_bytes())
    for place, value in places:
        content[place] = value
    path = tmp_path / "damaged.nii"
    path.write_bytes(content)
    inspection = inspect((str(path), ""))
    assert bool(inspection.digest) != bool(inspection.problems)
