"""Opening volumes: what cannot be used is refused with the reason and the mend, and nothing makes it crash."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from healthward.checks.inspection import Inspection, inspect, inspect_all
from phantoms import head_on
from robustness.bad_volumes import AFFINE, VOXELS, save


@pytest.mark.parametrize(
    "voxels",
    [
        VOXELS,
        VOXELS[..., None],
        VOXELS[..., None, None],
        (VOXELS * 1000).astype(np.int16),
        (VOXELS * 200).astype(np.uint8),
        VOXELS.astype(np.float64),
        np.asfortranarray(VOXELS),
    ],
    ids=["3D", "4D of one volume", "5D of one volume", "int16", "uint8", "float64", "Fortran order"],
)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_volume_of_any_usual_form_is_fit(tmp_path: Path, voxels: np.ndarray, suffix: str) -> None:
    inspection = inspect((str(save(tmp_path / f"a b{suffix}", voxels)), "", ""))
    assert inspection.problems == ()
    assert len(inspection.digest) == 64


def test_the_digest_is_of_the_voxels_not_of_the_file(tmp_path: Path) -> None:
    scaled = nibabel.Nifti1Image((VOXELS * 100).astype(np.int16), AFFINE)
    scaled.header.set_slope_inter(2.0, 1.0)
    scaled.to_filename(tmp_path / "scaled.nii.gz")
    values = scaled.__class__.from_filename(tmp_path / "scaled.nii.gz").get_fdata(dtype=np.float32)
    same = [
        inspect((str(path), "", "")).digest
        for path in (
            tmp_path / "scaled.nii.gz",
            save(tmp_path / "floats.nii", values),
            save(tmp_path / "4d.nii", values[..., None].astype(np.float64), np.diag([13, 13, 13, 1])),
        )
    ]
    assert len(set(same)) == 1
    changed = values.copy()
    changed[3, 4, 5] += 1
    assert inspect((str(save(tmp_path / "changed.nii", changed)), "", "")).digest != same[0]
    assert inspect((str(save(tmp_path / "reshaped.nii", values.transpose(1, 0, 2))), "", "")).digest != same[0]


def test_a_mask_of_zeros_and_ones_on_the_same_grid_is_fit(tmp_path: Path) -> None:
    image = save(tmp_path / "image.nii")
    for name, mask in (("some", VOXELS > 0.7), ("none", VOXELS > 2)):
        path = save(tmp_path / f"{name}.nii.gz", mask.astype(np.uint8))
        assert inspect((str(image), str(path), "")).problems == ()


def test_a_mask_that_is_no_anomaly_of_the_brain_is_refused(tmp_path: Path) -> None:
    voxels, affine = head_on("isotropic")
    image = save(tmp_path / "image.nii", voxels, affine)
    nowhere, spot = np.zeros(voxels.shape, np.uint8), np.zeros(voxels.shape, np.uint8)
    nowhere[:3, :3, :3] = 1
    spot[28, 32, 25] = 1
    for mask, part in (
        ((voxels > 300).astype(np.uint8), "of the brain; give the mask of an anomaly"),
        (nowhere, "touches nothing of the brain; give a mask of the same scan"),
    ):
        [(column, text)] = inspect((str(image), str(save(tmp_path / "mask.nii", mask, affine)), "")).problems
        assert column == "mask"
        assert part in text
    assert inspect((str(image), str(save(tmp_path / "spot.nii", spot, affine)), "")).problems == ()


def test_image_and_mask_are_both_reported(tmp_path: Path) -> None:
    inspection = inspect((str(tmp_path / "a.nii"), str(tmp_path / "b.nii"), ""))
    assert [column for column, _ in inspection.problems] == ["image", "mask"]
    assert inspect(("", "", "")) == Inspection("", ())


def test_several_workers_find_the_same_in_the_same_order(tmp_path: Path) -> None:
    volumes = [(str(save(tmp_path / f"{n}.nii", VOXELS + n)), "", "") for n in range(6)]
    volumes.insert(3, (str(tmp_path / "missing.nii"), "", ""))
    assert inspect_all(volumes, workers=2) == inspect_all(volumes, workers=1)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.tuples(st.integers(0, 351), st.integers(0, 255)), min_size=1, max_size=6))
def test_no_damage_to_a_header_makes_it_crash(tmp_path: Path, places: list[tuple[int, int]]) -> None:
    content = bytearray(save(tmp_path / "sound.nii").read_bytes())
    for place, value in places:
        content[place] = value
    path = tmp_path / "damaged.nii"
    path.write_bytes(content)
    inspection = inspect((str(path), "", ""))
    assert bool(inspection.digest) != bool(inspection.problems)
