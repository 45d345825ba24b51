"""Complaints of one kind, and how many of them are said."""

from healthward.inputs.sheet import Sheet
from healthward.wording import kind_of, value_in


def test_complaints_that_differ_in_values_alone_are_of_one_kind() -> None:
    for texts in (
        ("'/d/a.nii' cannot be found (No file); correct it", "'b c.nii' cannot be found (No file); correct it"),
        ("'A' is also the id of row 2; give each its own", "'don\\'t' is also the id of row 37; give each its own"),
        ("'ses-1' is no session of sub-01, which has ses-M00", "'2' is no session of sub-anna, which has ses-1, ses-2"),
        ("the image's 'a' and 'b' are of one visit", "the image's 'c' and 'd' are of one visit"),
    ):
        assert len(set(map(kind_of, texts))) == 1
    assert kind_of("'a' is no age; write a number") != kind_of("'a' is no class; write a number")


def test_the_value_of_a_complaint_is_what_it_quotes_first() -> None:
    assert value_in("table row 2: 'a' is no session of 'b'") == "'a'"
    assert value_in("the image's grid is another") == ""


def sheet_with(values: str) -> Sheet:
    sheet = Sheet("sheet.csv", "row")
    for number, value in enumerate(values, start=2):
        sheet.report(number, "label", f"{value!r} is no class; write one")
    return sheet


def test_a_few_complaints_of_a_kind_are_a_line_each() -> None:
    assert sheet_with("aabc").problem_lines() == [
        "sheet.csv row 2, label: 'a' is no class; write one; the same in row 3",
        "sheet.csv row 4, label: 'b' is no class; write one",
        "sheet.csv row 5, label: 'c' is no class; write one",
    ]


def test_many_are_one_line_with_their_values_and_others_stand_beside_it() -> None:
    sheet = sheet_with("aabcdefgha")
    sheet.report(4, "age", "'x' is no age; write one")
    assert sheet.problem_lines() == [
        "sheet.csv row 2, label: 'a' is no class; write one; the same in row 3, 11; 7 more like this: 'b' (row 4), "
        "'c' (row 5), 'd' (row 6) and 4 more",
        "sheet.csv row 4, age: 'x' is no age; write one",
    ]
