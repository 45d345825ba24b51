"""Sheets whose every cell is valid and whose whole is odd: what is said of them, and what passes in silence."""

from dataclasses import replace

import pytest

from healthward.checks.doubts import doubts
from healthward.inputs.fields import Row
from healthward.inputs.sheet import Sheet

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
        *(
            (f"p1x{one}", f"p1x{other}")
            for one, other in (
                ("_time1", "_time2"),
                ("_timepoint1", "_timepoint2"),
                ("_wave1", "-wave-2"),
                ("_year1", "_year2"),
                ("_exam1", "_exam2"),
                ("_followup1", ""),
                ("_base", "_follow"),
                ("_baseline", "_followup"),
                ("_0m", "_12m"),
                ("_12mo", "_6mo"),
                ("_1y", "_2years"),
            )
        ),
        ("P01V1", "P01V2"),
        ("P1x_m00_brain", "P1x_m12_brain"),
        ("V1_P1x", "V2_P1x"),
        ("P01BL", "P01M12"),
        ("1000012_20252_2_0", "1000012_20252_3_0"),
        ("sub-P01T1", "sub-P01T2"),
        ("sub-P01ses1", "sub-P01ses2"),
        ("sub-ADNI002S1000bl", "sub-ADNI002S1000m12"),
    ],
)
def test_subjects_that_hold_a_visit_are_reported(pair: tuple[str, str]) -> None:
    first, second = pair
    sheet = sheet_of("a1", first, second, "b1")
    example = f"such as '{first}' (row 3) and '{second}' (row 4)"
    [line] = doubts(sheet)
    assert line.startswith(f"sheet.csv, subject: 2 subjects equal to another one up to a visit, {example}: {MEND}")
    assert sheet.problem_lines() == []


@pytest.mark.parametrize("ids", ["2021_MR001 2021_MR002 2022_MR001 2022_MR002", "3T001 3T002 3T003 1T001"])
def test_ids_that_count_scans_of_a_year_or_a_scanner_are_people(ids: str) -> None:
    sheet = sheet_of(*ids.split(), splits="train test test train")
    assert doubts(sheet) == []
    assert sheet.problem_lines() == []


def test_subjects_of_both_sexes_or_of_ages_decades_apart_are_people() -> None:
    sheet = sheet_of("p1_m00", "p1_m12")
    for changed in ({"sex": "F"}, {"age": 31.0}):
        first, second = (replace(row, sex="M", age=70.0) for row in sheet.rows)
        assert len(doubts(replace(sheet, rows=[first, second]))) == 1
        assert doubts(replace(sheet, rows=[first, replace(second, **changed)])) == []


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
        ["S01_M00", "S01_M01", "S01_F01", "S02_M00"],
        ["S1_C01", "S1_C02", "S1_D01", "S1_D02", "S2_C01", "S2_D01", "S2_D02", "S2_D03"],
        ["S1_W01", "S1_M01", "S1_M02", "S2_W01", "S2_M02", "S2_M03"],
        [f"{site}_20{number:02}" for site in ("01", "02") for number in range(1, 9)],
        [f"{site}-{number:02}" for site in (101, 102, 103) for number in range(1, 5)],
        ["002_S_0413", "002_S_0414", "003_S_0001", "003_S_0002", "004_S_0001", "004_S_0003"],
        ["HC_2001", "HC_2002", "1_brain", "2_brain"],
        ["ctrl_v1", "ctrl_v2", "pat_v1"],
        [f"site1_m{number:02}" for number in range(1, 41)],
        ["sub-1", "sub-2", "sub-v1", "1_2", "1_3"],
        ["1_1", "1_2", "1_3", "1_4", "1_5", "2_1", "2_2"],
        ["p1_1", "p1_2", "p2_1", "p3_1", "p4_1", "p5_1", "p6_1"],
        ["1a", "2b", "3a", "4b"],
        ["site_1", "site_2", "base_1", "base_2", "v1", "v2"],
    ],
    ids=lambda subjects: subjects[0],
)
def test_ids_that_end_like_a_visit_and_are_people_are_not_reported(subjects: list[str]) -> None:
    assert doubts(sheet_of(*subjects)) == []


@pytest.mark.parametrize(
    "ends",
    ["_1 _2", "-1 -2", "a b", "_a _b", "_01 _02", "_0 _12", "_2 _3", "-000 -001", "_190312 _200414", "-2019 -2021"],
)
def test_subjects_that_come_in_pairs_are_asked_about(ends: str) -> None:
    subjects = [*(f"p{person}{end}" for end in ends.split() for person in (1, 2, 3)), "x"]
    sheet = sheet_of(*subjects, labels="CN MCI AD CN MCI AD CN")
    [line] = doubts(sheet)
    assert line.startswith("sheet.csv, subject: 6 of 7 subjects come in short series, such as 'p1")
    sheet.rows = [replace(row, sex="FMFMFMF"[index]) for index, row in enumerate(sheet.rows)]
    assert doubts(sheet) == []
    assert doubts(sheet_of(*subjects, labels="CN CN CN AD AD AD CN")) == []


ADNI_PATHS = "/d/002_S_0413/1/a.nii /d/002_S_0413/2/a.nii /d/003_S_0414/a.nii /d/003_S_0414/b.nii"


def test_one_person_of_the_paths_under_several_subjects_is_reported_or_a_problem() -> None:
    [line] = doubts(sheet_of("p1", "p2", "p3", "p3", images=ADNI_PATHS))
    assert line.startswith("sheet.csv, subject: 1 more subject of one person by paths of images or ids of scans")
    assert "'p1' (row 2) and 'p2' (row 3), both '002_S_0413'" in line
    sheet = sheet_of("p1", "p2", "p3", "p3", images=ADNI_PATHS, splits="train test test test")
    assert doubts(sheet) == []
    [line] = sheet.problem_lines()
    assert line.startswith("sheet.csv row 3, subject: 'p1' (row 2) and 'p2' are both '002_S_0413' by paths")
    assert line.endswith("in 'train' and 'test'; give all scans of a person one subject")
    assert doubts(sheet_of("p1", "p1", "p2", "p2", images=ADNI_PATHS)) == []
    visits = sheet_of("p1_m00", "p1_m12", "p2", "p2", images=ADNI_PATHS)
    assert len(doubts(visits)) == 1


def test_one_id_in_two_datasets_is_two_people() -> None:
    images = "/a/sub-01/anat/x.nii /b/sub-01/anat/x.nii /a/sub-02/anat/x.nii /a/sub-02/ses-2/anat/y.nii"
    assert doubts(sheet_of("a1", "b1", "a2", "a2", images=images, splits="train test test test")) == []
    [line] = doubts(sheet_of("a1", "b1", "a2", "c2", images=images))
    assert "'a2' (row 4) and 'c2' (row 5), both 'sub-02'" in line


def test_one_id_of_scans_in_two_datasets_is_two_people() -> None:
    scans, images = ("sub-01_ses-1_A", "sub-01_ses-1_B"), "/d/A/sub-01_ses-1.nii /d/B/sub-01_ses-1.nii"
    sheet = sheet_of("A01", "B01", images=images, splits="train test")
    sheet.rows = [replace(row, scan=scan) for row, scan in zip(sheet.rows, scans, strict=True)]
    assert doubts(sheet) == []
    assert sheet.problem_lines() == []


@pytest.mark.parametrize("scans", ["002_S_0413_I1 002_S_0413_I2", "sub-01_ses-1 sub-01_ses-2"])
def test_one_person_of_the_ids_of_scans_under_several_subjects_is_a_problem(scans: str) -> None:
    sheet = sheet_of("p1", "p2", splits="train test")
    sheet.rows = [replace(row, scan=scan) for row, scan in zip(sheet.rows, scans.split(), strict=True)]
    assert doubts(sheet) == []
    assert len(sheet.problem_lines()) == 1


def test_several_people_of_the_paths_under_one_subject_are_reported() -> None:
    images = "/d/002_S_0413/a.nii /d/003_S_0414/a.nii /d/004_S_0415/b.nii /d/x.nii /d/y.nii"
    [line] = doubts(sheet_of("p1", "p1", "p2", "p3", "p4", images=images))
    start = (
        "sheet.csv, subject: 1 subject with images of several people by their paths: 'p1' ('002_S_0413' in row 2 and"
    )
    assert line.startswith(start)
    visits = "/d/sub-P01V1/a.nii /d/sub-P01V2/a.nii /d/sub-P02x1/a.nii /d/sub-P02x2/a.nii"
    assert doubts(sheet_of("P01", "P01", "P02", "P02", images=visits)) == []


def test_sites_that_number_their_people_by_themselves_are_asked_about() -> None:
    [line] = doubts(sheet_of("1", "2", "3", "1", "2", "3", "4", sites="A A A B B B B"))
    assert line.startswith("sheet.csv, subject: 3 of 4 subjects are at several sites, such as '1' (row 2 and row 5)")
    travelled = sheet_of("1", "2", "3", "1", "2", "4", "5", "6", sites="A A A B B B B B")
    assert doubts(travelled) == []


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


def test_visits_of_one_patient_are_not() -> None:
    assert doubts(sheet_of("7", "7", "7", "7", "7", labels="AD AD AD AD AD")) == []


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


@pytest.mark.parametrize(
    ("subjects", "images"),
    [
        ("P1 P2 P10", "/d/P2.nii /d/P10.nii /d/P1.nii"),
        ("P001 P002 P003", "/fs/P002/mri/brain.nii /fs/P003/mri/brain.nii /fs/P001/mri/brain.nii"),
        ("3004 3005 3006", "/ppmi/3005/T1/a.nii /ppmi/3006/T1/a.nii /ppmi/3004/T1/a.nii"),
        ("IXI012 IXI013 IXI014", "/d/IXI013-HH-1211-T1.nii /d/IXI014-G-1-T1.nii /d/IXI012-IOP-7-T1.nii"),
        ("1 2 3", "/d/2_T1w.nii.gz /d/03.nii.gz /d/1.nii.gz"),
    ],
)
def test_images_under_another_id_of_the_sheet_are_reported(subjects: str, images: str) -> None:
    [line] = doubts(sheet_of(*subjects.split(), images=images, labels="CN CN AD"))
    assert line.startswith("sheet.csv, subject: 3 scans with an image that is another subject's by its path:")
    first, second, third = images.split()
    assert doubts(sheet_of(*subjects.split(), images=f"{third} {first} {second}", labels="CN CN AD")) == []


def test_a_path_that_holds_the_own_id_anywhere_names_nobody_else() -> None:
    images = "/d/P3_pair_A7.nii /d/P4_pair_A8.nii /d/P3.nii /d/P4.nii"
    assert doubts(sheet_of("A7", "A8", "P3", "P4", images=images, labels="CN CN AD AD")) == []


def test_files_that_only_count_name_nobody() -> None:
    assert (
        doubts(sheet_of("1", "2", "3", "3", images="/d/1.nii /d/2.nii /d/3.nii /d/4.nii", labels="CN CN AD AD")) == []
    )
    assert doubts(sheet_of("a", "b", "c", images="/d/1/a.nii /d/2/b.nii /d/1/c.nii", labels="CN CN AD")) == []


def test_one_id_of_several_subjects_is_asked_about() -> None:
    sheet = with_column(sheet_of("1", "2", "3", labels="CN CN AD"), "PTID", "002_S_0413_m00 002_S_0413_m12 3_S_1")
    [line] = doubts(sheet)
    assert line.startswith("sheet.csv, PTID: 1 id of several subjects, such as that of '1' (row 2) and '2' (row 3);")
    assert sheet.problem_lines() == []


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("patient", "no no yes yes"),
        ("PatientID", "ANON1 ANON1 ANON1 ANON1"),
        ("participant", "1 2 1 2"),
        ("PTID", "-4 -4 -4 7"),
        ("PTID", "unknown unknown 5 7"),
        ("father", "A1 A1 A2 A3"),
    ],
)
def test_columns_that_are_no_ids_or_count_within_a_class_are_not(column: str, cells: str) -> None:
    assert doubts(with_column(sheet_of("a", "b", "c", "d", labels="CN CN AD AD"), column, cells)) == []


def test_folders_of_one_person_each_with_several_subjects_are_asked_about() -> None:
    images = " ".join(f"/d/P{person}/m{month}/T1.nii" for person in (3, 4, 5) for month in ("00", "12"))
    sheet = sheet_of(*(str(100 + number) for number in range(6)), images=images, labels="CN CN AD AD AD AD")
    [line] = doubts(sheet)
    assert line.startswith("sheet.csv, subject: 3 folders with images of several subjects, such as 'P3' ('100' and")
    sheet.rows = [replace(row, sex="FM"[index % 2]) for index, row in enumerate(sheet.rows)]
    assert doubts(sheet) == []
    sites = [replace(row, sex="", image=row.image.replace("/P", "/site")) for row in sheet.rows]
    assert doubts(replace(sheet, rows=sites)) == []


@pytest.mark.parametrize(
    ("subjects", "images", "column"),
    [
        ("a b c d", "/d/controls/1.nii /d/controls/2.nii /d/patients/3.nii /d/patients/4.nii", ""),
        ("a b c d", "/d/NonDemented/1.nii /d/not-demented/2.nii /d/MildDemented/3.nii /d/VeryMildDemented/4.nii", ""),
        ("a b c d", "/d/ctl_1.nii /d/ctl_2.nii /d/pat_3.nii /d/pat_4.nii", ""),
        ("CTL1 CTL2 PAT1 PAT2", "", ""),
        ("a b c d", "", "control Control patient Patient"),
    ],
    ids=["folders", "degrees", "files", "subjects", "column"],
)
def test_labels_that_are_turned_round_are_reported(subjects: str, images: str, column: str) -> None:
    def lines(labels: str) -> list[str]:
        return doubts(
            with_column(sheet_of(*subjects.split(), images=images, labels=labels), "Group", column or "- - - -")
        )

    [line] = lines("AD AD CN CN")
    assert ": 4 of 4 scans contradict the label, such as health beside AD (row 2)" in line
    assert lines("CN CN AD AD") == []
    assert lines("CN CN AD CN") == []


@pytest.mark.parametrize("column", ["brain", "mask"])
def test_masks_of_another_subject_or_of_several_are_reported(column: str) -> None:
    images = " ".join(f"/d/sub-{number}/T1.nii" for number in (11, 12, 13, 14))
    sheet = sheet_of("sub-11", "sub-12", "sub-13", "sub-14", images=images)

    def lines(*masks: str) -> list[str]:
        return doubts(
            replace(sheet, rows=[replace(row, **{column: m}) for row, m in zip(sheet.rows, masks, strict=True)])
        )

    own = [f"/d/sub-{number}/mask.nii" for number in (11, 12, 13, 14)]
    assert lines(*own) == []
    assert lines("", *own[1:]) == []
    [line] = lines(*own[1:], own[0])
    assert "subject: 4 scans with a" in line
    assert "mask that is another subject's by its path" in line
    [line] = lines(*["/d/mask.nii"] * 4)
    assert line.startswith(
        f"sheet.csv, {column}: 1 mask of several subjects, such as '/d/mask.nii' (row 2 and row 3): see"
    )


def test_words_of_one_side_alone_are_the_name_of_a_study() -> None:
    assert doubts(sheet_of("PD_1", "PD_2", "PD_3", labels="CN CN AD", images="/d/PD/1 /d/PD/2 /d/PD2/3")) == []


def test_labels_that_contradict_the_folder_are_reported() -> None:
    images = "/AD/x/CN/1/a.nii /AD/x/cn/1/b.nii /AD/x/MCI/c.nii"
    assert doubts(sheet_of("a", "b", "c", images=images, labels="CN CN LMCI")) == []
    assert doubts(sheet_of("a", images="/users/ad/a.nii", labels="CN")) == []
    assert doubts(sheet_of("a", "b", images="/users/ad/x/a.nii /users/ad/y/b.nii", labels="CN CN")) == []
    [line] = doubts(sheet_of("a", "b", "c", images=images, labels="CN AD LMCI"))
    assert line.startswith(
        "sheet.csv, label: 1 scan in a folder that is called as another class: AD (row 3, in a folder of CN); see"
    )


def test_labels_that_contradict_names_of_files_or_scans_are_reported() -> None:
    images = "/x/m_188_AD_1.nii /x/m_189_HC_1.nii /x/m_190_ad_1.nii /x/m_191.nii"
    [line] = doubts(sheet_of("a", "b", "c", "d", images=images, labels="CN AD AD CN"))
    assert line.startswith(
        "sheet.csv, label: 2 scans called as another class: CN (row 2, AD in the name of a file), AD (row 3, CN in"
    )
    for labels in ("AD CN AD CN", "AD CN CN CN"):
        assert doubts(sheet_of("a", "b", "c", "d", images=images, labels=labels)) == []
    assert doubts(sheet_of("a", "b", "c", images="/x/AD_1.nii /x/AD_2.nii /x/AD_3.nii", labels="CN CN AD")) == []
    both = sheet_of("a", "b", "c", images="/x/AD_CN_1.nii /x/AD_CN_2.nii /x/madrid.nii", labels="CN CN AD")
    assert doubts(both) == []
    sheet = sheet_of("a", "b", "c", labels="CN AD MCI")
    sheet.rows = [replace(row, scan=scan) for row, scan in zip(sheet.rows, ("ad0", "cn3", "emci1"), strict=True)]
    [line] = doubts(sheet)
    assert "called as another class" in line


def with_column(sheet: Sheet, name: str, words: str) -> Sheet:
    pairs = zip(sheet.rows, words.split(" "), strict=True)
    sheet.rows = [replace(row, others=((name, word),)) for row, word in pairs]
    return sheet


@pytest.mark.parametrize(
    ("name", "words", "told"),
    [
        ("diagnosis", "CN AD CN", 1),
        ("DX_Group", "cn ad ad", 1),
        ("diagnosis", "CN MCI n/a", 0),
        ("diagnosis", "CN AD patient", 0),
        ("Group", "CN CN AD", 0),
        ("Group", "AD CN AD", 1),
        ("diagnosis_bl", "AD CN CN", 0),
        ("father", "AD CN CN", 0),
        ("dx", "CN EMCI AD", 0),
    ],
)
def test_another_column_of_labels_that_contradicts_is_reported(name: str, words: str, told: int) -> None:
    lines = doubts(with_column(sheet_of("a", "b", "c", labels="CN MCI AD"), name, words))
    assert len(lines) == told
    assert all(
        line.startswith(f"sheet.csv, {name}: ") and "with another class than the label" in line for line in lines
    )


def test_two_labels_of_a_person_at_one_age_are_reported() -> None:
    for ages, labels, told in (
        ("70 70", "CN AD", 1),
        ("70.5 70.5", "CN MCI", 1),
        ("70 70", "CN MCI", 0),
        ("70 71", "CN AD", 0),
        ("70 70", "AD AD", 0),
    ):
        sheet = sheet_of("p", "p", "q", "r", labels=f"{labels} CN AD")
        aged = [*map(float, ages.split()), None, None]
        sheet.rows = [replace(row, age=age) for row, age in zip(sheet.rows, aged, strict=True)]
        lines = [line for line in doubts(sheet) if "1 subject with two labels at one age" in line]
        assert len(lines) == told, (ages, labels)


@pytest.mark.parametrize("words", ["train test test", "Training validation ", "dev testing dev"])
def test_a_split_under_another_name_is_reported(words: str) -> None:
    [line] = doubts(with_column(sheet_of("a", "b", "c"), "set", words))
    assert line.startswith("sheet.csv, set: the column holds words of a split alone and is not read")
    assert doubts(with_column(sheet_of("a", "b", "c", splits="train test test"), "set", words)) == []
    for silent in ("test test test", "train test pilot", "  "):
        assert doubts(with_column(sheet_of("a", "b", "c"), "set", silent)) == []


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


@pytest.mark.parametrize("pair", ["1 01", "1 1.0", "GE_1 GE-1", "GE1 ge.01", "St.Mary StMary"])
def test_sites_that_differ_in_zeros_or_punctuation_are_reported(pair: str) -> None:
    [line] = doubts(sheet_of("a", "b", "c", sites=f"{pair} Rome"))
    assert "differ only in case, blanks, punctuation, zeros" in line


def test_words_for_no_site_are_reported() -> None:
    for word in ("missing", "N.A.", "999", "TBD"):
        [line] = doubts(sheet_of("a", "b", sites=f"{word} Rome"))
        assert line.startswith(f"sheet.csv, site: {word!r} (row 2) would be a site of its own")
    assert len(doubts(sheet_of("a", "b", "c", sites="missing MISSING Rome"))) == 1
    assert doubts(sheet_of("a", "b", "c", "d", sites="99 100 1-2 12")) == []


def test_accents_stored_in_two_ways_are_one_site_and_other_sites_are_several() -> None:
    assert len(doubts(sheet_of("a", "b", sites="Z\u00fcrich Zu\u0308rich"))) == 1
    assert doubts(sheet_of("a", "b", "c", sites="Zürich Zurich 1")) == []
