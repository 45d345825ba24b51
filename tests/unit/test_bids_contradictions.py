"""A BIDS dataset that contradicts itself: what is reported of it, and what is no contradiction and passes silently."""

import json
from pathlib import Path

import pytest

from healthward.inputs.bids_dataset import read_bids
from healthward.inputs.bids_images import parsed_filter

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
def test_a_second_column_that_contradicts_the_label_is_reported(
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


THREE_VISITS = tuple(f"sub-01/ses-M{month}/anat/sub-01_ses-M{month}_T1w.nii" for month in ("00", "06", "12"))


@pytest.mark.parametrize("name", ["diagnosis_bl", "Diagnosis_SC"])
def test_a_label_of_baseline_that_follow_ups_are_given_is_reported(tmp_path: Path, name: str) -> None:
    root = dataset(tmp_path, ["CN"], THREE_VISITS, header=f"participant_id\t{name}")
    [line] = read_bids(root).warnings
    assert line.startswith(
        f"2 follow-up visits given the label of baseline, from column {name}, for want of a sub-…_sessions.tsv"
    )
    assert line.endswith(": sub-01/ses-M06, sub-01/ses-M12")
    tell_visits(root, "ses-M00\tCN", "ses-M06\tMCI", "ses-M12\tAD")
    assert read_bids(root).warnings == []


def test_sessions_without_labels_beside_several_visits_are_reported(tmp_path: Path) -> None:
    root = dataset(tmp_path, ["CN"], THREE_VISITS)
    assert read_bids(root).warnings == []
    tell_visits(root, "ses-M00\t70", "ses-M06\t70.5", "ses-M12\t71", header="session_id\tage")
    [line] = read_bids(root).warnings
    assert line.startswith("1 table of sessions without a column of labels, so that each visit is given that of")
    assert line.endswith(": sub-01_sessions.tsv")


def test_a_subject_of_several_visits_without_labels_by_visit_is_reported_where_others_have_them(tmp_path: Path) -> None:
    images = (*THREE_VISITS, "sub-02/ses-1/anat/sub-02_ses-1_T1w.nii", "sub-02/ses-2/anat/sub-02_ses-2_T1w.nii")
    root = dataset(tmp_path, ["CN", "AD", "CN"], (*images, "sub-03/anat/sub-03_T1w.nii"))
    assert read_bids(root).warnings == []
    tell_visits(root, "ses-M00\tCN", "ses-M06\tMCI", "ses-M12\tAD")
    [line] = read_bids(root).warnings
    assert line.startswith(
        "1 subject of several visits without a label by visit, which others have: each visit is given"
    )
    assert line.endswith(": sub-02")


@pytest.mark.parametrize(
    ("name", "column"),
    [
        *(("age_at_scan", "age"), ("Age_years", "age"), ("age(y)", "age"), ("site_id", "site"), ("Center", "site")),
        *(("centre_id", "site"), ("sex_at_birth", "sex"), ("gender_code", "sex")),
    ],
)
def test_columns_under_nearly_the_names_of_covariates_are_told(tmp_path: Path, name: str, column: str) -> None:
    root = dataset(tmp_path, ["CN\t1", "AD\t2"], header=f"participant_id\tdiagnosis\t{name}")
    assert read_bids(root).warnings == [f"participants.tsv: {name!r} is not read; call it {column} if it holds that"]


@pytest.mark.parametrize("name", ["age_at_onset", "mmse", "stage", "side", "handedness", "diagnosis_date", "gender"])
def test_other_columns_of_participants_pass_in_silence(tmp_path: Path, name: str) -> None:
    root = dataset(tmp_path, ["CN\tF", "AD\tM"], header=f"participant_id\tdiagnosis\t{name}")
    assert read_bids(root).warnings == []


def test_a_covariate_that_another_table_has_is_not_missed(tmp_path: Path) -> None:
    root = dataset(tmp_path, ["CN\t70"], THREE_VISITS, header="participant_id\tdiagnosis\tage_at_scan")
    header = "session_id\tdiagnosis\tage"
    tell_visits(root, "ses-M00\tCN\t70", "ses-M06\tMCI\t70.5", "ses-M12\tAD\t71", header=header)
    assert read_bids(root).warnings == []


def test_a_table_of_sessions_within_a_session_is_reported(tmp_path: Path) -> None:
    root = dataset(tmp_path, ["CN"], THREE_VISITS)
    for place in ("ses-M00/sub-01_ses-M00_sessions.tsv", "ses-M06/anat/sub-01_sessions.tsv"):
        (root / "sub-01" / place).write_text("session_id\tdiagnosis\nses-M00\tAD\n")
    [line] = read_bids(root).warnings
    assert line.startswith("2 tables of sessions not read, for want of the name sub-…/sub-…_sessions.tsv: sub-01/ses-M")


@pytest.mark.parametrize("name", ["func", "pet", "dwi", "anat", "derivatives", "code", ".hidden", "sub-99", "ses-1"])
@pytest.mark.parametrize("described", [{}, {"DatasetType": "derivative"}], ids=["raw", "derivative"])
def test_a_folder_above_the_dataset_says_nothing_of_its_images(
    tmp_path: Path, name: str, described: dict[str, str]
) -> None:
    root = tmp_path / name / "ds"
    root.mkdir(parents=True)
    dataset(root, ["CN"], ("sub-01/anat/sub-01_T1w.nii", "sub-01/func/sub-01_T1w.nii"))
    (root / "dataset_description.json").write_text(json.dumps({"Name": "x", "BIDSVersion": "1.8.0", **described}))
    sheet = read_bids(root)
    assert sheet.problem_lines() == []
    assert [row.image for row in sheet.rows] == [str(root / "sub-01/anat/sub-01_T1w.nii")]
    assert len(sheet.warnings) == 1


def derivative(root: Path, count: int, **described: object) -> list[str]:
    subjects = [f"sub-{number:02}" for number in range(1, count + 1)]
    dataset(root, ["CN"] * count, tuple(f"{subject}/anat/{subject}_desc-brain_T1w.nii" for subject in subjects))
    (root / "dataset_description.json").write_text(json.dumps({"Name": "x", "BIDSVersion": "1.4.0", **described}))
    return problems(root)


def problems(root: Path) -> list[str]:
    sheet = read_bids(root)
    for lack in sheet.lacking:
        sheet.report(lack.row.number, lack.column, lack.text)
    return sheet.problem_lines()


def test_a_derivative_is_one_in_any_case_and_pointed_to_its_type_once(tmp_path: Path) -> None:
    assert derivative(tmp_path, 5, DatasetType="Derivative") == []
    [line] = derivative(tmp_path, 5, GeneratedBy=[{"Name": "HD-BET"}])
    assert 'has a name of a derivative: write "DatasetType": "derivative" to dataset_description.json; 4 more' in line


def test_quotes_are_letters_but_around_a_whole_cell(tmp_path: Path) -> None:
    rows = ['CN\t"tall" man', '"AD"\t"see', 'AD\tbelow"', 'CN\t"a, b"']
    sheet = read_bids(dataset(tmp_path, rows, header='"participant_id"\tdiagnosis\tnotes'))
    assert sheet.problem_lines() == []
    assert [row.label for row in sheet.rows] == ["CN", "AD", "AD", "CN"]


@pytest.mark.parametrize("part", ["ses-M00", "sub-01"])
def test_a_filter_chooses_no_visits_and_says_what_does(part: str) -> None:
    with pytest.raises(ValueError, match=r"visits are not chosen here; leave out others by lines of \.bidsignore"):
        parsed_filter(f"run-1,{part}")


def test_an_empty_column_of_labels_is_one_line_that_names_a_full_one(tmp_path: Path) -> None:
    rows = ["n/a\tCN", "\tAD", "n/a\tAD"]
    [line] = problems(dataset(tmp_path, rows, header="participant_id\tdiagnosis\tGroup"))
    assert line.startswith(
        "participants.tsv, label: 3 scans have no label, and the column 'diagnosis' is empty, though 'Group' is not: "
        "remove the empty one"
    )
    [line] = problems(dataset(tmp_path, ["n/a", "", "n/a"]))
    assert "the column 'diagnosis' is empty; write one of" in line


def test_participants_that_are_not_called_quite_as_their_folders_are_one_line(tmp_path: Path) -> None:
    root = dataset(tmp_path, ["CN"] * 9)
    lines = [f"{number}\tCN" for number in range(1, 10)]
    (root / "participants.tsv").write_text("\n".join(["participant_id\tdiagnosis", *lines]) + "\n")
    [line] = problems(root)
    assert "'sub-1' has no T1w image, and 'sub-01' has images and no row; they differ only in zeros or case" in line
    assert "; 8 more like this: 'sub-2' (row 3)" in line


def test_sessions_that_are_not_called_quite_as_their_folders_are_one_line(tmp_path: Path) -> None:
    places = [f"sub-01/ses-{visit:02}/anat/sub-01_ses-{visit:02}_T1w.nii" for visit in range(1, 7)]
    root = dataset(tmp_path, ["CN"], tuple(places))
    tell_visits(root, *(f"{visit}\tCN" for visit in range(1, 7)))
    [line] = problems(root)
    assert "'ses-1' is no session of sub-01, which has ses-01, ses-02" in line
    assert "5 more like this: 'ses-2' (row 2)" in line


def test_several_images_of_every_visit_are_one_line(tmp_path: Path) -> None:
    subjects = [f"sub-{number:02}" for number in range(1, 6)]
    names = ("desc-preproc", "space-MNI152NLin2009cAsym_res-2_desc-preproc")
    places = [f"{subject}/anat/{subject}_{name}_T1w.nii" for subject in subjects for name in names]
    root = dataset(tmp_path, ["CN"] * 5, tuple(places))
    described = {"Name": "x", "BIDSVersion": "1.8.0", "DatasetType": "derivative"}
    (root / "dataset_description.json").write_text(json.dumps(described))
    [line] = problems(root)
    assert "choose one of them by --t1w_filter" in line
    assert "; 4 more like this: " in line


@pytest.mark.parametrize("place", ["qc_failed", "old", "rawdata", "results/bids", "work/ab/cdef/bids"])
def test_images_beside_the_subjects_folders_are_no_scans_of_a_derivative(tmp_path: Path, place: str) -> None:
    images = ("sub-01/anat/sub-01_T1w.nii", f"{place}/sub-01/anat/sub-01_desc-anomaly_T1w.nii")
    aside = f"{place}/sub-02/anat/sub-02_T1w.nii"
    dataset(tmp_path, ["CN", "AD"], (*images, aside))
    described = {"Name": "x", "BIDSVersion": "1.8.0", "DatasetType": "derivative"}
    (tmp_path / "dataset_description.json").write_text(json.dumps(described))
    [line] = problems(tmp_path)
    assert "'sub-02' has no T1w image; add sub-02/anat/" in line
    assert [row.image for row in read_bids(tmp_path).rows] == [str(tmp_path / images[0]), ""]
