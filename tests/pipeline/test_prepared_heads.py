"""Whole heads in, of every kind of file, maps on their own grids out; what is no head ends the run, or is left out."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nibabel.freesurfer.mghformat import MGHImage

from dicom import NAME, write_series
from healthward.imaging.formats import load_volume
from healthward.planting.simulation import simulate
from made_heads import headed
from models import write_model
from runs import LIMITS, PLAIN, Run, nextflow, succeed

SIZE, STEP = 48, 4.0
HEADS = {"p0": "p0", "p1": "p1.img"}
BRAIN = "p1_brain.mgz"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two simulated people with their skulls on, one of them with a mask of its own, a phantom, and a model.

    The first is a series of DICOM, the second a pair of files, the mask one of FreeSurfer's.
    """
    folder = tmp_path_factory.mktemp("heads")
    rows = ["scan,subject,image,label,brain"]
    for name, person in zip(HEADS, simulate(subjects=2, size=SIZE, seed=3), strict=True):
        t1 = person.image / np.percentile(person.image[person.image > 0], 99.5)
        head = headed(t1, person.image > 0, person.affine)
        if name == "p0":
            write_series(folder / name, np.rint(head.voxels), head.affine)
        else:
            nib.Nifti1Pair(head.voxels, head.affine).to_filename(folder / HEADS[name])
            MGHImage(head.brain.astype(np.uint8), head.affine).to_filename(folder / BRAIN)
    rows += [f"p0,p0,{HEADS['p0']},AD,", f"p1,p1,{HEADS['p1']},CN,{BRAIN}"]
    x, y, z = np.meshgrid(*[np.arange(-24, 24) * STEP] * 3, indexing="ij")
    ball = 300 * (x**2 + y**2 + z**2 < 70**2) * (1 + (x // 24 % 2)) + np.random.default_rng(0).random(x.shape) * 9
    nib.save(nib.Nifti1Image(ball.astype(np.float32), np.diag([STEP, STEP, STEP, 1])), folder / "ball.nii.gz")
    (folder / "samplesheet.csv").write_text("\n".join([*rows, "ball,ball,ball.nii.gz,CN,"]) + "\n")
    write_model(folder / "model", size=32, slice_range=[0.45, 0.55], space="MNI152")
    return folder


@pytest.fixture(scope="module")
def stopped(cohort: Path) -> Run:
    return nextflow(cohort, *_arguments())


@pytest.fixture(scope="module")
def gone_on(cohort: Path, stopped: Run) -> Run:
    return succeed(cohort, *_arguments(), "--skip_bad_scans", "-resume")


def _arguments() -> tuple[str, ...]:
    few = (
        "--device",
        "cpu",
        "--ddim_steps",
        "3",
        "--inversion_iterations",
        "1",
        "--metrics",
        "ssim",
        "--lowest_slices",
        "1",
    )
    return ("--input", "samplesheet.csv", "--model", "model", *few, *PLAIN, *LIMITS)


def test_what_is_no_head_ends_the_run_before_anything_is_sliced(stopped: Run) -> None:
    assert stopped.status == 1
    assert "scan ball: cannot be prepared: has " in stopped.output
    assert "SLICE" not in {process for process, _ in stopped.tasks()}


def test_it_is_left_out_where_that_is_asked_for_and_nothing_is_prepared_again(gone_on: Run) -> None:
    assert gone_on.processes("CACHED") == {"PREPARE"}
    assert "left out by --skip_bad_scans: 1 scan of 3 that were prepared" in gone_on.output
    [skipped] = pd.read_csv(gone_on.outdir / "tables/skipped.csv").to_dict("records")
    assert skipped["scan"] == "ball"
    assert skipped["reason"].startswith("preparation: ")
    assert set(pd.read_csv(gone_on.outdir / "tables/scans.csv")["scan"]) == set(HEADS)


def test_every_scan_has_a_verdict_figures_and_a_picture(gone_on: Run) -> None:
    table = pd.read_csv(gone_on.outdir / "tables/preparation.csv").set_index("scan")
    assert table["verdict"].to_dict() == {"ball": "bad", "p0": "look", "p1": "look"}
    assert not table["stripped"]["p0"]
    for name in HEADS:
        assert {path.name for path in (gone_on.outdir / "prepared" / name).iterdir()} == {
            "brain.nii.gz", "log_bias.nii.gz", "picture.png", "preparation.json",
        }  # fmt: skip
    scans = pd.read_csv(gone_on.outdir / "tables/scans.csv").set_index("scan")
    assert scans["tiv_ml"]["p0"] == pytest.approx(table["tiv_ml"]["p0"])
    page = (gone_on.outdir / "report.html").read_text(encoding="utf-8")
    assert "2 scans of 2 doubtfully prepared" in page
    assert page.count("was prepared: the outline of the brain") == 2


def test_maps_lie_on_the_head_s_own_grid_and_change_nothing_outside_the_brain(cohort: Path, gone_on: Run) -> None:
    for name in HEADS:
        voxels, affine = load_volume(cohort / HEADS[name])
        brain = nib.load(gone_on.outdir / f"prepared/{name}/brain.nii.gz").get_fdata() > 0
        healthy = nib.load(gone_on.outdir / f"maps/{name}/{name}_pseudohealthy.nii.gz")
        np.testing.assert_allclose(healthy.affine, affine, atol=1e-5)
        changed = np.abs(healthy.get_fdata() - voxels)
        assert changed[brain].max() > 0
        assert changed[~brain].max() == 0


def test_a_mask_of_one_s_own_is_taken(cohort: Path, gone_on: Run) -> None:
    own, taken = (nib.load(path).get_fdata() for path in (cohort / BRAIN, gone_on.outdir / "prepared/p1/brain.nii.gz"))
    np.testing.assert_array_equal(own, taken)


def test_no_text_of_a_header_of_dicom_reaches_a_result(cohort: Path, gone_on: Run) -> None:
    assert any(NAME.encode() in path.read_bytes() for path in (cohort / "p0").iterdir())
    for path in gone_on.outdir.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        assert NAME.encode() not in content, path
