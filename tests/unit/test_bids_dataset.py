"""A BIDS dataset as a samplesheet: names, labels and covariates, and what can be wrong with it."""

import json
from pathlib import Path

import pytest

from healthward.bids_dataset import NAMES, read_bids

HEADER = "participant_id\tdiagnosis\tage\tsex\tsite"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two participants, one of two visits; beside their T1w images lies what is none."""
    for name in (
        "sub-01/ses-M00/anat/sub-01_ses-M00_T1w.nii.gz",
        "sub-01/ses-M12/anat/sub-01_ses-M12_run-1_T1w.nii.gz",
        "sub-01/ses-M12/anat/sub-01_ses-M12_run-2_T1w.nii.gz",
        "sub-01/ses-M00/anat/sub-01_ses-M00_T2w.nii.gz",
        "sub-02/anat/sub-02_T1w.nii",
        "sub-02/anat/sub-02_T1w.json",
        "sub-02/func/sub-02_task-rest_bold.nii.gz",
        "derivatives/strip/sub-02/anat/sub-02_desc-brain_T1w.nii.gz",
        "sourcedata/sub-02/anat/sub-02_T1w.nii.gz",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    describe(tmp_path)
    fill_in(tmp_path, "sub-01\tMCI\t89+\tfemale\tBoston", "sub-02\tcn\tn/a\to\tn/a")
    return tmp_path


def describe(root: Path, **more: str) -> None:
    (root / "dataset_description.json").write_text(json.dumps({"Name": "x", "BIDSVersion": "1.8.0", **more}))


def fill_in(root: Path, *rows: str, header: str = HEADER) -> None:
    (root / "participants.tsv").write_text("\n".join([header, *rows]) + "\n")


def rows_of(root: Path) -> list[tuple[object, ...]]:
    sheet = read_bids(root)
    assert sheet.problem_lines() == []
    return [(row.scan, row.subject, row.label, row.age, row.sex, row.site) for row in sheet.rows]


def problems(root: Path) -> list[str]:
    return read_bids(root).problem_lines()


def test_every_t1w_of_every_visit_is_a_scan_and_nothing_else_is(root: Path) -> None:
    assert rows_of(root) == [
        ("sub-01_ses-M00", "sub-01", "MCI", 89.0, "F", "Boston"),
        ("sub-01_ses-M12_run-1", "sub-01", "MCI", 89.0, "F", "Boston"),
        ("sub-01_ses-M12_run-2", "sub-01", "MCI", 89.0, "F", "Boston"),
        ("sub-02", "sub-02", "CN", None, "", ""),
    ]
    images = [row.image for row in read_bids(root).rows]
    assert images[3] == str(root / "sub-02/anat/sub-02_T1w.nii")
    assert all(Path(image).is_file() for image in images)


def test_a_visit_has_what_its_subject_s_sessions_give_it(root: Path) -> None:
    (root / "sub-01/sub-01_sessions.tsv").write_text("session_id\tdiagnosis\tage\nses-M12\tAD\t80\nses-M00\tn/a\t79\n")
    assert [row[2:4] for row in rows_of(root)] == [("MCI", 79.0), ("AD", 80.0), ("AD", 80.0), ("CN", None)]


def test_labels_may_be_told_by_visit_alone(root: Path) -> None:
    fill_in(root, "sub-01", header="participant_id")
    (root / "sub-01/sub-01_sessions.tsv").write_text("session_id\tdiagnosis\nses-M00\tCN\nses-M12\tMCI\n")
    (root / "sub-02/anat/sub-02_T1w.nii").unlink()
    assert [row[2] for row in rows_of(root)] == ["CN", "MCI", "MCI"]


@pytest.mark.parametrize("name", [*NAMES["label"], "Group", "DX"])
def test_names_of_the_column_of_labels(root: Path, name: str) -> None:
    fill_in(root, "sub-01\tAD", "sub-02\t1", header=f"participant_id\t{name}")
    assert [row[2] for row in rows_of(root)] == ["AD", "AD", "AD", "CN"]


def test_a_label_of_its_own_comes_before_a_group(root: Path) -> None:
    fill_in(root, "sub-01\tpatients\tAD", "sub-02\tcontrols\tCN", header="participant_id\tgroup\tlabel")
    assert [row[2] for row in rows_of(root)] == ["AD", "AD", "AD", "CN"]


def test_a_dataset_of_stripped_images_is_read_though_it_is_derived(root: Path) -> None:
    derived = root / "derivatives/strip"
    describe(derived, DatasetType="derivative")
    fill_in(derived, "sub-02\tAD\t70\tM\tx")
    assert [row[0] for row in rows_of(derived)] == ["sub-02_desc-brain"]


def test_no_description_and_no_participants_are_a_line_each(root: Path) -> None:
    (root / "participants.tsv").unlink()
    [line] = problems(root)
    assert "participants.tsv' cannot be read (No such file or directory); add one row a participant_id" in line
    (root / "dataset_description.json").unlink()
    [line] = problems(root)
    assert "is no BIDS dataset: it has no dataset_description.json; write at least" in line


@pytest.mark.parametrize("text", ["{", "[]", '{"Name": "x"}'])
def test_a_description_that_is_none_is_a_line(root: Path, text: str) -> None:
    (root / "dataset_description.json").write_text(text)
    [line] = problems(root)
    assert "dataset_description.json" in line
    assert "write at least" in line


def test_without_a_column_of_labels_the_names_are_told(root: Path) -> None:
    fill_in(root, "sub-01\t70", "sub-02\t80", header="participant_id\tage")
    [line] = problems(root)
    assert line.startswith(
        f"participants.tsv, label: 4 scans have no label, and no column is called {NAMES['label'][0]}"
    )
    assert all(name in line for name in NAMES["label"])


def test_every_mistake_of_the_table_is_a_line_with_its_row(root: Path) -> None:
    (root / "sub-04/anat").mkdir(parents=True)
    (root / "sub-04/anat/sub-04_T1w.nii.gz").touch()
    fill_in(root, "sub-01\tsick\t700\tx\t$HOME", "sub-02\tn/a\t1\tF\tx", "sub-03\tCN", "", "sub-02\tCN\t1\tF\tx")
    lines = problems(root)
    starts = [
        "participants.tsv, participant_id: 'sub-04' has T1w images and no row",
        "participants.tsv row 2, diagnosis: 'sick' is no class; write one of CN",
        "participants.tsv row 2, age: '700' is no age",
        "participants.tsv row 2, sex: 'x' is none of M, F",
        "participants.tsv row 2, site: '$HOME' contains '$'",
        "participants.tsv row 3, diagnosis: 'sub-02' has no label; write one of CN",
        "participants.tsv row 4, participant_id: 'sub-03' has no T1w image; add sub-03/anat/sub-03_T1w.nii.gz",
        "participants.tsv row 6, participant_id: 'sub-02' is there twice",
    ]
    assert len(lines) == len(starts), lines
    assert all(any(line.startswith(start) for line in lines) for start in starts), lines


def test_a_mistake_by_visit_names_the_file_and_its_row(root: Path) -> None:
    (root / "sub-01/sub-01_sessions.tsv").write_text("session_id\tdiagnosis\nses-M12\tsick\n")
    [line] = problems(root)
    assert line.startswith("participants.tsv row 2, diagnosis: sub-01_sessions.tsv row 2: 'sick' is no class")


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"participant,label\nsub-01,AD\n", "participant_id: the column is missing among participant,label"),
        (b"", "is no table"),
        (b"participant_id\tlabel\nsub-01\tAD\tx\ty\nsub-01\tAD\tx\ty\tz", "is no table"),
        (b"participant_id\tlabel\nsub-01\t\xff\n", "is no table"),
        (b"participant_id\tlabel\n", "'sub-01' has T1w images and no row"),
    ],
)
def test_a_table_of_another_form_is_told_not_raised(root: Path, content: bytes, named: str) -> None:
    (root / "participants.tsv").write_bytes(content)
    assert named in problems(root)[0]
