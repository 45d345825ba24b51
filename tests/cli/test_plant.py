"""plant.py: a healthy scan in, the same scan with disease and its truth out."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from click.testing import CliRunner

from made_heads import made_head
from plant import plant_disease
from prepare import prepare_scan

PATTERN = ("--pattern", "limbic", "--dose", "0.8", "--seed", "4")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A brain as whole numbers with a slope, made ready by its own mask."""
    folder = tmp_path_factory.mktemp("healthy")
    head = made_head()
    image = nib.Nifti1Image(np.rint(np.where(head.brain, head.voxels, 0) / 2.5).astype(np.int16), head.affine)
    image.header.set_slope_inter(2.5, 0)
    nib.save(image, folder / "head.nii.gz")
    nib.save(nib.Nifti1Image(head.brain.astype(np.uint8), head.affine), folder / "mask.nii.gz")
    run(
        prepare_scan,
        folder / "head.nii.gz",
        "--scan",
        "h",
        "--brain",
        folder / "mask.nii.gz",
        "--out",
        folder / "prepared",
    )
    return folder


def run(tool, *arguments: object) -> str:
    result = CliRunner().invoke(tool, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.output


def plant(healthy: Path, out: Path, *options: str) -> dict:
    given = (healthy / "head.nii.gz", "--prepared", healthy / "prepared", "--scan", "ill", "--out", out)
    run(plant_disease, *given, *options)
    return json.loads((out / "ill_truth.json").read_text())


def test_a_pattern_is_planted_as_its_truth_says_and_the_rest_is_as_it_was(healthy: Path, tmp_path: Path) -> None:
    truth = plant(healthy, tmp_path / "a", *PATTERN)
    assert {name.split(" ", 1)[1] for name in truth["regions"]} == {
        "hippocampus", "amygdala", "entorhinal cortex", "parahippocampal gyrus", "lateral ventricle",
    }  # fmt: skip
    for region in truth["regions"].values():
        assert region["achieved"] == pytest.approx(region["wanted"], rel=0.1)
    assert truth["jacobian"][0] > 0
    before, after = (nib.load(path) for path in (healthy / "head.nii.gz", tmp_path / "a/ill.nii.gz"))
    assert after.get_data_dtype() == np.int16
    assert after.dataobj.slope == before.dataobj.slope
    np.testing.assert_array_equal(after.affine, before.affine)
    mask = nib.load(tmp_path / "a/ill_mask.nii.gz").get_fdata() > 0
    changed = np.abs(after.get_fdata() - before.get_fdata())
    assert truth["mask_ml"] == pytest.approx(mask.sum() * 0.064)
    assert changed[mask].mean() > 20
    assert (changed == 0).mean() > 0.8
    plant(healthy, tmp_path / "b", *PATTERN)
    for name in ("ill.nii.gz", "ill_mask.nii.gz", "ill_truth.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_spots_and_holes_darken_white_matter_alone(healthy: Path, tmp_path: Path) -> None:
    truth = plant(healthy, tmp_path, "--spots", "5", "--holes", "2")
    assert truth["regions"] == {}
    assert truth["holes_ml"] > 0
    before, after = (nib.load(path).get_fdata() for path in (healthy / "head.nii.gz", tmp_path / "ill.nii.gz"))
    assert (after <= before).all()
    assert 0 < (after < before).mean() < 0.02


def test_regions_of_one_s_own_are_changed_by_name(healthy: Path, tmp_path: Path) -> None:
    head = nib.load(healthy / "head.nii.gz")
    labels = np.zeros(head.shape, np.uint8)
    middle = np.argwhere(nib.load(healthy / "mask.nii.gz").get_fdata() > 0).mean(axis=0).astype(int)
    labels[middle[0] : middle[0] + 6, middle[1] : middle[1] + 6, middle[2] : middle[2] + 6] = 7
    nib.save(nib.Nifti1Image(labels, head.affine), tmp_path / "labels.nii.gz")
    (tmp_path / "names.csv").write_text("index,name\n7,block\n")
    own = ("--labels", str(tmp_path / "labels.nii.gz"), "--names", str(tmp_path / "names.csv"))
    truth = plant(healthy, tmp_path, *own, "--change", "Block=-0.25")
    assert truth["regions"]["block"]["achieved"] == pytest.approx(-0.25, rel=0.1)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--pattern", "alzheimer"), "pattern 'alzheimer' is none of typical, limbic"),
        (("--change", "left nothing=-0.2"), "'left nothing' is no region; write one of left hippocampus"),
        (("--change", "left hippocampus=x"), "'x' is no share of a volume; write one such as -0.2"),
        (("--change", "left hippocampus=-0.95"), "a change of -95%; ask for -80% to 400%"),
        (("--pattern", "typical", "--change", "1=-0.1"), "--pattern and --change exclude each other."),
        ((), "Nothing to plant"),
    ],
)
def test_what_cannot_be_planted_is_a_line(healthy: Path, tmp_path: Path, options: tuple[str, ...], part: str) -> None:
    given = (healthy / "head.nii.gz", "--prepared", healthy / "prepared", "--scan", "ill", "--out", tmp_path / "out")
    result = CliRunner().invoke(plant_disease, [*map(str, given), *options])
    assert result.exit_code != 0
    assert part in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_labels_that_are_mirrored_or_another_s_are_warned_of(healthy: Path, tmp_path: Path) -> None:
    head = nib.load(healthy / "head.nii.gz")
    labels = np.zeros(head.shape, np.uint8)
    middle = np.argwhere(nib.load(healthy / "mask.nii.gz").get_fdata() > 0).mean(axis=0).astype(int)
    for side, label in ((-1, 1), (1, 2)):
        start = middle + np.array([4 * side, 0, 0])
        labels[tuple(slice(low - 2, low + 2) for low in start)] = label
    (tmp_path / "names.csv").write_text("index,name\n1,Hippocampus_L\n2,Hippocampus_R\n")
    for name, voxels, part in (
        ("own", labels, ""),
        ("mirrored", labels[::-1], "1 of 1 left regions lie right of the right ones"),
        ("elsewhere", np.roll(labels, -middle[2], axis=2), "of its labels lie outside the brain"),
    ):
        nib.save(nib.Nifti1Image(voxels, head.affine), tmp_path / f"{name}.nii.gz")
        given = (healthy / "head.nii.gz", "--prepared", healthy / "prepared", "--scan", "ill", "--out", tmp_path / name)
        own = ("--labels", tmp_path / f"{name}.nii.gz", "--names", tmp_path / "names.csv", "--spots", "1")
        said = run(plant_disease, *given, *own)
        assert (part in said) if part else not said
