"""A BIDS dataset that contradicts itself: what is told of it, and what is no contradiction and passes in silence."""

import json
from pathlib import Path

import pytest

from healthward.inputs.bids_dataset import read_bids

VISITS = ("sub-01/anat/sub-01_T1w.nii", "sub-01/ses-M12/anat/sub-01_ses-M12_T1w.nii")


def dataset(
    root: Path, rows: list[str], images: tuple[str, ...] = (), header: str = "participant_id\tdiagnosis"
) -> Path:
    """Make a dataset of participants sub-01 and so on, whose rows go on with `rows`, and of their images."""
    (root / "dataset_description.json").write_text(json.dumps({"Name": "x", "BIDSVersion": "1.8.0"}))
    subjects = [f"sub-{number:02}" for number in range(1, len(rows) + 1)]
    lines = [f"{subject}\t{row}" for subject, row in zip(subjects, rows, strict=True)]
    (root / "participants.tsv").write_text("\n".join([header, *lines]) + "\n")
    for place in images or [f"{subject}/anat/{subject}_T1w.nii" for subject in subjects]:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).touch()
    return root


def tell_visits(root: Path, *rows: str, header: str = "session_id\tdiagnosis") -> None:
    (root / "sub-01/sub-01_sessions.tsv").write_text("\n".join([header, *rows]) + "\n")


TWO_COLUMNS = "participant_id\tdiagnosis\tdx"


@pytest.mark.parametrize(
    ("rows", "value", "beside"),
    [
        (["CN\tCN", "CN\tDementia", "AD\tDementia"], "'Dementia'", "CN (row 3), AD (row 4)"),
        (["CN\t1", "AD\t3", "CN\t3"], "'3'", "AD (row 3), CN (row 4)"),
        (["CN\t1.0", "AD\t01", "AD\t2"], "'1.0'", "CN (row 2), AD (row 3)"),
    ],
)
def test_a_second_column_that_contradicts_the_label_is_told(
    tmp_path: Path, rows: list[str], value: str, beside: str
) -> None:
    sheet = read_bids(dataset(tmp_path, rows, header=TWO_COLUMNS))
    assert sheet.problem_lines() == []
    [line] = sheet.warnings
    assert line.startswith(f"participants.tsv, dx: {value} stands beside {beside}; the label is")


@pytest.mark.parametrize(
    "rows",
    [
        ["CN\tcontrol", "MCI\tpatient", "AD\tPatient"],
        ["CN\tcontrol", "AD\ttypical", "AD\tatypical"],
        ["CN\tarm", "MCI\tarm", "AD\tarm"],
        ["CN\t1", "MCI\t2", "AD\t3", "CN\tn/a", "AD\t"],
    ],
    ids=["coarser", "finer", "constant", "numbers"],
)
def test_a_second_column_in_other_words_that_agree_is_not(tmp_path: Path, rows: list[str]) -> None:
    sheet = read_bids(dataset(tmp_path, rows, header=TWO_COLUMNS))
    assert (sheet.problem_lines(), sheet.warnings) == ([], [])


def test_images_beside_folders_of_sessions_are_called_by_name(tmp_path: Path) -> None:
    root = dataset(tmp_path, ["CN"], VISITS)
    tell_visits(root, "ses-M12\tCN")
    [line] = read_bids(root).problem_lines()
    assert "sub-01_sessions.tsv has no row of 'n/a' (for sub-01/anat), but of other sessions; add one" in line
    tell_visits(root, "ses-M12\tMCI", "n/a\tCN")
    sheet = read_bids(root)
    assert (sheet.problem_lines(), sheet.warnings) == ([], [])
    assert {row.scan: row.label for row in sheet.rows} == {"sub-01": "CN", "sub-01_ses-M12": "MCI"}


def test_sessions_that_tell_ages_alone_lack_no_label(tmp_path: Path) -> None:
    root = dataset(tmp_path, ["CN"], VISITS[1:])
    tell_visits(root, "ses-M12\t71", header="session_id\tage")
    sheet = read_bids(root)
    assert [(row.label, row.age) for row in sheet.rows] == [("CN", 71)]
    assert sheet.warnings == []


def test_a_bidsignore_that_leaves_nothing_is_named(tmp_path: Path) -> None:
    root = dataset(tmp_path, ["CN", "AD"])
    (root / ".bidsignore").write_text("**\n")
    [line] = read_bids(root).problem_lines()
    assert ".bidsignore names every T1w image (sub-01/anat/sub-01_T1w.nii, sub-02" in line
