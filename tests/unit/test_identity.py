"""Who is who: ids that say the same, and images that are the same."""

from dataclasses import replace

import numpy as np
import pytest

from healthward.checks.identity import (
    audit_ids,
    audit_people,
    audit_voxels,
)
from healthward.imaging.signatures import Signature, signature
from healthward.inputs.fields import Row
from healthward.inputs.sheet import Sheet
from healthward.inputs.subjects import bare

RANDOM = np.random.default_rng(0)
SCANS = [signature(RANDOM.normal(500, 100, (12, 13, 14))) for _ in range(4)]


def row(number: int, subject: str, split: str = "", scan: str = "") -> Row:
    return Row(number, scan or f"s{number}x", subject, f"/{number}.nii", "CN", split, "", None, "", "")


def sheet_of(*rows: Row) -> Sheet:
    return Sheet("sheet.csv", "row", list(rows))


def halved(each: Signature) -> Signature:
    return Signature(each.shape, each.values / 2, each.step / 2)


@pytest.mark.parametrize(
    "names",
    [
        ("1", "001", "01", "1.0", "sub-01", "sub-1", "Sub_001", "subject1"),
        (
            "002_S_0413",
            "2_S_413",
            "002-S-0413",
            "002S0413",
            "sub-002S0413",
            "002.s.0413",
            "ADNI002S0413",
            "sub-ADNI_2_S_413",
        ),
        ("a01", "a1", "A-1", "a_01"),
        ("0", "00", "sub-0"),
        ("sub", "SUB"),
        ("sub-01_ses-02", "sub-1_ses-2"),
    ],
    ids=lambda names: names[0],
)
def test_ids_of_one_person_say_the_same(names: tuple[str, ...]) -> None:
    assert len({bare(name) for name in names}) == 1


def test_ids_of_different_people_do_not() -> None:
    names = [
        "1",
        "10",
        "100",
        "1_23",
        "12_3",
        "123",
        "a1",
        "b1",
        "a",
        "ab",
        "a-b",
        "sub-1a",
        "sub-a1",
        "1.10",
        "10.0.1",
    ]
    names += [
        "ADNI1",
        "ADNI_413",
        "ADNI_2_a_413",
        "2_a_413",
        "002_S_0413",
        "002_S_4130",
        "012_S_0413",
        "sub",
        "sub-01-1",
        "s1",
        "p1",
        "1e3",
        "1.05",
        "0",
    ]
    assert len({bare(name) for name in names}) == len(names) - 1  # a1 and sub-a1 say the same


def test_one_person_under_two_ids_in_two_splits_is_a_problem_with_both_rows() -> None:
    sheet = sheet_of(row(2, "001", "train"), row(3, "7", "test"), row(4, "1", "test"), row(5, "1", "test"))
    assert audit_ids(sheet) == []
    assert sheet.problem_lines() == [
        "sheet.csv row 4, subject: '1' and '001' of row 2 differ only in zeros, separators, prefix or case; "
        "write one subject's id one way, or rename one of two people"
    ]


def test_one_person_under_two_ids_who_is_to_be_divided_is_a_problem() -> None:
    sheet = sheet_of(row(2, "sub-01"), row(3, "sub-1"))
    assert audit_ids(sheet) == []
    assert len(sheet.problems) == 1


@pytest.mark.parametrize(
    ("written", "again", "same"),
    [
        ("101-021", "sub-101021", True),
        ("sub-TUMMS021", "TUM_MS_021", True),
        ("NDAR_INV21A1B1C3D", "sub-NDARINV21A1B1C3D", True),
        ("101-021", "sub-10121", False),
        ("11-2345", "112-345", False),
        ("1_23", "123", False),
    ],
)
def test_an_id_that_lost_its_separators_is_the_same_person(written: str, again: str, same: bool) -> None:
    sheet = sheet_of(row(2, written, "train"), row(3, again, "test"))
    assert audit_ids(sheet) == []
    assert len(sheet.problems) == same


def test_any_scan_of_either_id_in_another_split_makes_it_a_problem() -> None:
    sheet = sheet_of(row(2, "001", "test"), row(3, "1", "test"), row(4, "001", "train"))
    assert audit_ids(sheet) == []
    assert [problem.number for problem in sheet.problems] == [3]


def test_within_a_split_two_ids_of_one_person_are_a_warning() -> None:
    sheet = sheet_of(row(2, "001", "test", "001"), row(3, "1", "test", "1"), row(4, "2", "train"))
    [line] = audit_ids(sheet)
    assert line == "sheet.csv, subject: '1' (row 3) and '001' (row 2) differ only in zeros, separators, prefix or case"
    assert not sheet.problems


def test_scans_whose_ids_say_the_same_are_a_warning() -> None:
    sheet = sheet_of(row(2, "a", "", "007"), row(3, "b", "", "7"), row(4, "c", "", "70"))
    [line] = audit_ids(sheet)
    assert line == "sheet.csv, scan: '7' (row 3) and '007' (row 2) differ only in zeros, separators, prefix or case"
    assert not sheet.problems


def person(number: int, subject: str, sex: str = "", age: float | None = None) -> Row:
    return replace(row(number, subject), sex=sex, age=age)


def test_two_people_under_one_id_are_reported() -> None:
    sheet = sheet_of(
        person(2, "01", "F", 70), person(3, "01", "M", 72), person(4, "02", "", 81), person(5, "02", "M", 29),
        person(6, "03", "M", 50), person(7, "03", "", 80), person(8, "04", "F"), person(9, "05", "M", 20),
    )  # fmt: skip
    [line] = audit_people(sheet)
    people = "'01' (F in row 2 and M in row 3), '02' (29 years in row 5 and 81 years in row 4)"
    assert line == f"sheet.csv, subject: {people}: two people under one id? Give each their own"
    assert audit_people(sheet_of(*sheet.rows[4:])) == []


def test_a_sound_cohort_raises_no_alarm() -> None:
    names = [f"sub-{number}" for number in range(1, 120)] + [
        f"{site:03}_S_{who:04}" for site in (2, 12) for who in (2, 20)
    ]
    sheet = sheet_of(*(row(number, name, "", name) for number, name in enumerate(names, start=2)))
    assert audit_ids(sheet) == []
    assert not sheet.problems


def test_ids_in_another_case_only_are_left_to_the_reading_of_the_sheet() -> None:
    sheet = sheet_of(row(2, "S1"), row(3, "s1"))
    assert audit_ids(sheet) == []
    assert not sheet.problems


def test_the_same_voxels_under_two_names_are_reported_with_both_rows() -> None:
    sheet = sheet_of(row(2, "a"), row(3, "b"), row(4, "c"), row(5, "d"))
    audit_voxels(sheet, ["x", "", "x", ""], [SCANS[0], None, SCANS[0], None])
    [line] = sheet.problem_lines()
    assert line == "sheet.csv row 4, image: '/4.nii' has the same voxels as row 2 ('/2.nii'); keep one of them"


def test_a_copy_is_reported_with_both_rows() -> None:
    sheet = sheet_of(row(2, "a"), row(3, "b"), row(4, "c"))
    audit_voxels(sheet, ["x", "y", "z"], [SCANS[0], SCANS[1], halved(SCANS[0])])
    assert sheet.problem_lines() == [
        "sheet.csv row 4, image: '/4.nii' is a turned, mirrored, cropped, rescaled or retyped copy of row 2 "
        "('/2.nii'); keep one of them"
    ]
