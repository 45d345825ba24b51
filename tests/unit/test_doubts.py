"""Sheets whose every cell is valid and whose whole is odd: what is said of them, and what passes in silence."""

from dataclasses import replace

import pytest

from healthward.checks.doubts import doubts
from healthward.inputs.fields import Row
from healthward.inputs.samplesheet import Sheet

MEND = "give all visits of a person one subject"


def sheet_of(*subjects: str, splits: str = "", images: str = "", labels: str = "", sites: str = "") -> Sheet:
    """Return a sheet of a row for each subject, the other columns as words with blanks between."""
    sheet = Sheet("sheet.csv", "row")
    for index, subject in enumerate(subjects):
        row = Row(index + 2, f"s{index}", subject, f"/d/{index}.nii", "CN" if index % 2 else "AD", "", "", None, "", "")
        sheet.rows.append(row)
    for column, words in (("split", splits), ("image", images), ("label", labels), ("site", sites)):
        if words:
            values = words.split(" ")
            sheet.rows = [replace(row, **{column: value}) for row, value in zip(sheet.rows, values, strict=True)]
    return sheet


@pytest.mark.parametrize(
    "pair",
    [
        ("002_S_0413_m00", "002_S_0413_m12"),
        ("sub-01_ses-M00", "sub-01_ses-M12"),
        ("p1x_v2", "p1x"),
        ("7_bl", "007-fu1"),
        ("OAS2_0001_MR1", "oas2_1_mr2"),
        ("OAS30001_MR_d0129", "OAS30001_MR_d0757"),
        ("p7_run-1", "p7_run-2"),
        ("s3.2006-05-02", "s3.20080502"),
        ("002_S_0413_m00_v1", "002_S_0413_m06"),
    ],
)
def test_subjects_that_hold_a_visit_are_reported(pair: tuple[str, str]) -> None:
    first, second = pair
    sheet = sheet_of("a1", first, second, "b1")
    example = f"such as '{first}' (row 3) and '{second}' (row 4)"
    [line] = doubts(sheet)
    assert line.startswith(f"sheet.csv, subject: 2 subjects equal to another one up to a visit, {example}: {MEND}")
    assert sheet.problem_lines() == []


def test_visits_of_a_person_in_two_splits_are_a_problem() -> None:
    sheet = sheet_of("p1_m00", "p2_m00", "p1_m12", "p2_m12", splits="train test test test")
    assert doubts(sheet) == []
    assert sheet.problem_lines() == [
        f"sheet.csv row 4, subject: 'p1_m12' in 'test' and 'p1_m00' in 'train' (row 2) are equal up to a visit; {MEND}"
    ]


@pytest.mark.parametrize(
    "subjects",
    [
        ["002_S_0413_m00", "003_S_0001_m00", "003_S_0002_m12"],
        ["CN_M01", "CN_M02", "AD_M01"],
        ["ctrl_v1", "ctrl_v2", "pat_v1"],
        [f"site1_m{number:02}" for number in range(1, 41)],
        ["sub-1", "sub-2", "sub-v1", "1_2", "1_3"],
    ],
    ids=lambda subjects: subjects[0],
)
def test_ids_that_end_like_a_visit_and_are_people_are_not_reported(subjects: list[str]) -> None:
    assert doubts(sheet_of(*subjects)) == []


def test_a_column_of_subjects_that_holds_the_labels_is_reported() -> None:
    [line] = doubts(sheet_of("ad", "CN", "AD", "cn"))
    assert line.startswith("sheet.csv, subject: the column says of every scan what the label says")
    coded = sheet_of("2", "1", "2")
    coded.codes = {"1": "CN", "2": "AD"}
    assert len(doubts(coded)) == 1
    assert doubts(sheet_of("ad", "CN", "p", "cn")) == []


def test_a_subject_of_most_scans_is_reported() -> None:
    [line] = doubts(sheet_of("ADNI", "ADNI", "p1", "ADNI", "p2"))
    assert line == "sheet.csv, subject: 'ADNI' has 3 of the 5 scans: one person? Give each an id of their own"
    assert len(doubts(sheet_of("ADNI", "ADNI", "ADNI", "ADNI"))) == 1
    assert doubts(sheet_of("p", "p", "q")) == []
    assert doubts(sheet_of("p", "p", "q", "q", "r", "s")) == []


def test_images_that_are_another_subject_s_by_their_path_are_reported() -> None:
    images = "/sub-9/sub-01/a.nii /sub-9/sub-02/b.nii /sub-9/sub-03/c.nii"
    [line] = doubts(sheet_of("2", "3", "1", images=images))
    assert line.startswith(
        "sheet.csv, subject: 3 scans with an image that is another subject's by its path: "
        "'2' (row 2, with an image of 'sub-01'), '3' (row 3, with"
    )
    assert line.endswith("see that no column was sorted or shifted by itself")
    for subjects in (("1", "2", "3"), ("sub-01", "sub-002", "9"), ("anna", "berta", "carla")):
        assert doubts(sheet_of(*subjects, images=images)) == []


def test_labels_that_contradict_the_folder_are_reported() -> None:
    images = "/AD/x/CN/1/a.nii /AD/x/cn/1/b.nii /AD/x/MCI/c.nii"
    assert doubts(sheet_of("a", "b", "c", images=images, labels="CN CN LMCI")) == []
    assert doubts(sheet_of("a", images="/users/ad/a.nii", labels="CN")) == []
    assert doubts(sheet_of("a", "b", images="/users/ad/x/a.nii /users/ad/y/b.nii", labels="CN CN")) == []
    [line] = doubts(sheet_of("a", "b", "c", images=images, labels="CN AD LMCI"))
    assert line.startswith(
        "sheet.csv, label: 1 scan in a folder that is called as another class: AD (row 3, in a folder of CN); see"
    )


def test_infants_among_adults_are_reported() -> None:
    sheet = sheet_of("a", "b", "c")
    for ages, count in (((0.0, 71.0, 80.0), 1), ((4.0, 3.0, 2.0), 0), ((4.0, 6.0, 30.0), 0), ((None, None, None), 0)):
        sheet.rows = [replace(row, age=age) for row, age in zip(sheet.rows, ages, strict=True)]
        lines = doubts(sheet)
        assert len(lines) == count
    assert all(line.startswith("sheet.csv, age: 0 (row 2) among adults") for line in lines)


@pytest.mark.parametrize("other", ["boston", "BOSTON", "Bos\u200bton", "\ufeffBoston", "Bos\u00a0ton"])
def test_sites_that_look_alike_are_reported(other: str) -> None:
    [line] = doubts(sheet_of("a", "b", "c", sites=f"Boston {other} Rome"))
    assert line.startswith(f"sheet.csv, site: 'Boston' (row 2) and {other!r} (row 3) differ only in case, blanks")


def test_accents_stored_in_two_ways_are_one_site_and_other_sites_are_several() -> None:
    assert len(doubts(sheet_of("a", "b", sites="Z\u00fcrich Zu\u0308rich"))) == 1
    assert doubts(sheet_of("a", "b", "c", sites="Zürich Zurich 1")) == []
