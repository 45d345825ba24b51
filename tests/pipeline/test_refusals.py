"""A user's mistakes: clean lines, a failed run, and nothing computed."""

from pathlib import Path

import nibabel as nib
import numpy as np

from runs import Run, nextflow, write_sheet


def refused(run: Run) -> list[str]:
    """Return what a run said that the check stopped, after its own heading."""
    assert run.status != 0
    assert {process for process, _ in run.tasks()} <= {"CHECK", "CHECK_PARAMETERS"}
    assert "Caused by" not in run.output
    lines = run.output.splitlines()
    submitted = max(number for number, line in enumerate(lines) if "Submitted process" in line)
    return [line for line in lines[submitted + 1 :] if line]


def test_missing_files_are_named(tmp_path: Path) -> None:
    said = refused(nextflow(tmp_path, "--input", "it's not here.csv", "--weights", "nor this"))
    assert any("it's not here.csv" in line for line in said)
    assert any("nor this' is no folder" in line for line in said)


def test_every_problem_of_a_sheet_is_a_line(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(np.ones((8, 8, 8), np.float32), np.eye(4)), tmp_path / "flat.nii.gz")
    sheet = write_sheet(tmp_path, "a,s1,flat.nii.gz,CN", "b,s2,missing.nii.gz,AD", "c,s3,flat.nii.gz,healthy")
    said = refused(nextflow(tmp_path, "--input", sheet.name))
    assert all(line.startswith("samplesheet.csv row ") for line in said), said
    assert {line.split(":")[0] for line in said} >= {"samplesheet.csv row 3, image", "samplesheet.csv row 4, label"}
