"""Reading sheets: every mistake is reported with its place, value and mend, and none hides another."""

import json
import time
from pathlib import Path

import pytest

from healthward.samplesheet import Sheet, read_scan, read_sheet

HEADER = "scan,subject,image,label,split,mask,age,sex,site"


def write(folder: Path, text: str, name: str = "sheet.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, *lines: str) -> Sheet:
    return read_sheet(write(folder, "\n".join(lines) + "\n"))


def only(sheet: Sheet) -> str:
    lines = sheet.problem_lines()
    assert len(lines) == 1, lines
    return lines[0]


BAD_VALUES = [
    ("label", "XX", "write one of CN, EMCI, MCI, LMCI, AD or 1..5"),
    ("label", "0", "write one of"),
    ("label", "6", "write one of"),
    ("label", "5.0", "write one of"),
    ("label", "", "every row needs its label"),
    ("scan", "", "every row needs its scan"),
    ("scan", "a b", "a letter or digit first"),
    ("scan", "-rf", "a letter or digit first"),
    ("scan", ".hidden", "a letter or digit first"),
    ("scan", "../up", "write letters, digits"),
    ("scan", "a/b", "write letters, digits"),
    ("scan", "à", "write letters, digits"),
    ("scan", "$(id)", "write letters, digits"),
    ("scan", "x" * 129, "at most 128"),
    ("subject", "", "every row needs its subject"),
    ("subject", "NA", "write the id itself"),
    ("subject", "nan", "write the id itself"),
    ("subject", "p;1", "write letters, digits"),
    ("image", "", "every row needs its image"),
    ("image", "$HOME/a.nii", "rename it without that character"),
    ("image", "`id`.nii", "rename it without that character"),
    ("image", "a'b.nii", "rename it without that character"),
    ("image", "a*.nii", "rename it without that character"),
    ("image", "a?.nii", "rename it without that character"),
    ("image", "a[1].nii", "rename it without that character"),
    ("image", "{a}.nii", "rename it without that character"),
    ("image", "a\tb.nii", "rename it without that character"),
    ("image", "a\x00b.nii", "rename it without that character"),
    ("image", "a\u2028b.nii", "rename it without that character"),
    ("image", "data\\a.nii", "write / between folders"),
    ("mask", "m$.nii", "rename it without that character"),
    ("split", "training", "write one of these or leave it empty"),
    ("age", "141", "write a number from 0 to 120"),
    ("age", "-1", "write a number from 0 to 120"),
    ("age", "old", "write a number from 0 to 120"),
    ("age", "7_2", "write a number from 0 to 120"),
    ("age", "inf", "write a number from 0 to 120"),
    ("sex", "X", "write one of these or leave it empty"),
    ("site", "`id`", "rename it without that character"),
]


@pytest.mark.parametrize(("column", "value", "mend"), BAD_VALUES)
def test_a_bad_value_is_reported_with_row_column_value_and_mend(
    tmp_path: Path, column: str, value: str, mend: str
) -> None:
    fields = {"scan": "s1", "subject": "p1", "image": "a.nii", "label": "CN"} | {column: value}
    names = HEADER.split(",")
    sheet = read(tmp_path, HEADER, ",".join("" for _ in names), ",".join(fields.get(name, "") for name in names))
    line = only(sheet)
    assert line.startswith(f"sheet.csv row 3, {column}: ")
    assert mend in line
    if value and len(value) < 100:
        assert repr(value) in line
    assert line.isprintable()


GOOD_VALUES = [
    ("label", "ad", "label", "AD"),
    ("label", " Lmci ", "label", "LMCI"),
    ("label", "1", "label", "CN"),
    ("label", "3", "label", "MCI"),
    ("scan", "002_S_0413.m12-a", "scan", "002_S_0413.m12-a"),
    ("scan", "007", "scan", "007"),
    ("split", "VAL", "split", "val"),
    ("split", "n/a", "split", ""),
    ("age", "72.5", "age", 72.5),
    ("age", "n/a", "age", None),
    ("sex", "f", "sex", "F"),
    ("site", "Zürich 3T", "site", "Zürich 3T"),
]


@pytest.mark.parametrize(("column", "value", "attribute", "expected"), GOOD_VALUES)
def test_good_values_are_brought_to_one_form(
    tmp_path: Path, column: str, value: str, attribute: str, expected: object
) -> None:
    fields = {"scan": "s1", "subject": "p1", "image": "a.nii", "label": "CN"} | {column: value}
    names = HEADER.split(",")
    sheet = read(tmp_path, HEADER, ",".join(fields.get(name, "") for name in names))
    assert sheet.problem_lines() == []
    assert getattr(sheet.rows[0], attribute) == expected


def test_paths_start_from_the_sheet_or_the_base_and_may_hold_spaces_and_unicode(tmp_path: Path) -> None:
    lines = ("scan,subject,image,label", 'a,p,"tête, à plat (1)/x y.nii.gz",CN', "b,q,/abs/../b.nii,AD")
    path = write(tmp_path, "\n".join(lines))
    assert read_sheet(path).rows[0].image == str(tmp_path / "tête, à plat (1)/x y.nii.gz")
    assert read_sheet(path, Path("/elsewhere")).rows[0].image == "/elsewhere/tête, à plat (1)/x y.nii.gz"
    assert read_sheet(path).rows[1].image == "/b.nii"


def test_an_unsafe_folder_is_one_problem_of_the_sheet(tmp_path: Path) -> None:
    folder = tmp_path / "a$b"
    folder.mkdir()
    sheet = read(folder, "scan,subject,image,label", "a,p,a.nii,CN", "b,q,b.nii,AD")
    assert "the folder of the images" in only(sheet)


def test_byte_order_mark_blank_lines_windows_ends_and_empty_columns_do_no_harm(tmp_path: Path) -> None:
    text = "\ufeff\r\nScan, Subject ,image,LABEL,,\r\n\r\na,p,a.nii,CN,,\r\n,,,,,\r\nb,q,b.nii,XX,,\r\n"
    path = tmp_path / "sheet.csv"
    path.write_bytes(text.encode())
    sheet = read_sheet(path)
    assert only(sheet).startswith("sheet.csv row 6, label: 'XX'")
    assert [row.scan for row in sheet.rows] == ["a", "b"]


BAD_SHEETS = [
    ("scan,subject,image,lable\na,p,a.nii,CN", ["row 1, lable: 'lable' is no column", "did you mean 'label'?"]),
    ("scan,subject,image,lable\na,p,a.nii,CN", ["row 1, label: the column is missing"]),
    ("scan,subject,image,label,diagnosis\na,p,a.nii,CN,x", ["row 1, diagnosis: 'diagnosis' is no column"]),
    ("scan,subject,image,label,Label\na,p,a.nii,CN,CN", ["row 1, label: 'Label' is there twice; keep one"]),
    ("scan,subject,image,label\na,p,a,1.nii,CN", ["row 2: has 5 fields where the header has 4", "double quotes"]),
    ("scan,subject,image,label\na,p,a.nii", ["row 2: has 3 fields where the header has 4"]),
    ("scan,subject,image,label,\na,p,a.nii,CN,note", ["row 2: 'note' stands in a column without a name"]),
    ("scan;subject;image;label\na;p;a.nii;CN", ["row 1: the columns are separated by semicolons; save"]),
    ("scan\tsubject\timage\tlabel\na\tp\ta.nii\tCN", ["row 1: the columns are separated by tabs"]),
    ('scan,subject,image,label\na,p,"a.nii,CN\n', ["row 2: is not valid CSV", "partner"]),
    ("", ["sheet.csv: holds no scan; add a row"]),
    ("scan,subject,image,label\n", ["sheet.csv: holds no scan; add a row"]),
    ("scan,subject,image,label\na,p,a.nii,CN\nA,q,b.nii,AD", ["row 3, scan: 'A' is also the id of row 2"]),
    ("scan,subject,image,label\na,p,a.nii,CN\nb,P,b.nii,CN", ["row 3, subject: 'P' and 'p' of row 2 differ in case"]),
    ('scan,subject,image,label\na,p,"a\nb.nii",XX', ["row 2, label: 'XX'"]),
    ('scan,subject,image,label\na,p,"a\nb.nii",CN\nb,q,b.nii,XX', ["row 4, label: 'XX'"]),
]


@pytest.mark.parametrize(("text", "parts"), BAD_SHEETS)
def test_a_bad_sheet_is_reported_with_its_place_and_mend(tmp_path: Path, text: str, parts: list[str]) -> None:
    lines = read_sheet(write(tmp_path, text)).problem_lines()
    assert any(all(part in line for part in parts) for line in lines), lines


def test_what_is_not_utf8_names_the_byte_and_the_mend(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes("scan,subject,image,label\na,p,tête.nii,CN".encode("latin-1"))
    assert "(byte 31); save the sheet as 'CSV UTF-8'" in only(read_sheet(path))


def test_all_problems_come_at_once_in_the_order_of_the_rows(tmp_path: Path) -> None:
    sheet = read(tmp_path, HEADER, "a,p,a.nii,XX,,,200,,", "b,q,$.nii,CN,foo,,,,", "A,,c.nii,AD,,,,Q,")
    places = [line.split(": ")[0].removeprefix("sheet.csv ") for line in sheet.problem_lines()]
    assert places == [
        "row 2, label",
        "row 2, age",
        "row 3, image",
        "row 3, split",
        "row 4, subject",
        "row 4, sex",
        "row 4, scan",
    ]


def test_fifty_thousand_rows_take_seconds(tmp_path: Path) -> None:
    path = write(tmp_path, "scan,subject,image,label\n" + "".join(f"s{i},p{i // 2},{i}.nii,2\n" for i in range(50_000)))
    start = time.perf_counter()
    sheet = read_sheet(path)
    assert time.perf_counter() - start < 10
    assert len(sheet.rows) == 50_000
    assert sheet.problem_lines() == []


def read_json(folder: Path, value: object) -> Sheet:
    return read_sheet(write(folder, json.dumps(value), "dataset.json"))


def test_the_prototypes_list_is_read_with_ids_from_file_names(tmp_path: Path) -> None:
    sheet = read_json(
        tmp_path,
        [
            {"image": "cn/cn0.nii.gz", "slice_label": 1},
            {"image": "ad/sub-07_ses-2_T1w.nii", "slice_label": 5},
            {"image": "ad/ADNI_002_S_0413_MR.nii.gz", "slice_label": "ad", "scan": "m12"},
            {"image": "my scan.nii", "slice_label": 2, "scan": "mine"},
            {"image": "x.nii", "slice_label": 3, "subject": 12, "scan": None, "age": 71, "site": "B"},
        ],
    )
    assert sheet.problem_lines() == []
    assert [(row.scan, row.subject, row.label) for row in sheet.rows] == [
        ("cn0", "cn0", "CN"),
        ("sub-07_ses-2_T1w", "sub-07", "AD"),
        ("m12", "002_S_0413", "AD"),
        ("mine", "mine", "EMCI"),
        ("x", "12", "MCI"),
    ]
    assert sheet.rows[0].image == str(tmp_path / "cn/cn0.nii.gz")
    assert (sheet.rows[4].age, sheet.rows[4].site) == (71, "B")


BAD_ENTRIES = [
    ({"image": "a.nii", "slice_label": 9}, "entry 1, label: '9' is no class"),
    ({"image": "a.nii"}, "entry 1, label: is empty"),
    ({"slice_label": 1}, "entry 1, image: is empty"),
    ({"imge": "a.nii", "image": "a.nii", "slice_label": 1}, "entry 1, imge: 'imge' is no key of a scan; did you mean"),
    ({"image": ["a.nii"], "slice_label": 1}, "entry 1, image: ['a.nii'] is neither text nor number"),
    ({"image": "a.nii", "slice_label": True}, "entry 1, slice_label: True is neither text nor number"),
    ({"image": "a.nii", "slice_label": 1, "label": 2}, "entry 1, label: both 'label' and 'slice_label'"),
    ({"image": "a b.nii", "slice_label": 1}, "entry 1, scan: the file name 'a b' is no id; add a \"scan\""),
    ("a.nii", "entry 1: 'a.nii' is no object"),
]


@pytest.mark.parametrize(("entry", "start"), BAD_ENTRIES)
def test_a_bad_entry_of_the_list_is_reported(tmp_path: Path, entry: object, start: str) -> None:
    lines = read_json(tmp_path, [entry]).problem_lines()
    assert any(line.startswith(f"dataset.json {start}") for line in lines), lines


def test_scans_of_one_file_name_are_told_apart_by_the_user(tmp_path: Path) -> None:
    entries = [{"image": "cn/0.nii", "slice_label": 1}, {"image": "ad/0.nii", "slice_label": 5}]
    assert only(read_json(tmp_path, entries)).startswith("dataset.json entry 2, scan: '0' is also the id of entry 1")


BAD_JSON = [
    ('[\n  {"image": "a.nii", "slice_label": 1}\n  {"image": "b.nii", "slice_label": 1}\n]', "line 3, column 3"),
    ('[{"image": "a.nii", "slice_label": 1}', "line 1, column 38"),
    ('{"training": []}', "holds no list"),
    ("[" * 100_000, "cannot be read as a list of scans"),
    ('[{"image": "a.nii", "slice_label": ' + "1" * 5000 + "}]", "cannot be read as a list of scans"),
    ("[]", "holds no scan"),
]


@pytest.mark.parametrize(("text", "part"), BAD_JSON, ids=[part for _, part in BAD_JSON])
def test_bad_json_is_one_problem_that_names_the_place(tmp_path: Path, text: str, part: str) -> None:
    assert part in only(read_sheet(write(tmp_path, text, "dataset.json")))


def test_a_single_scan_is_read(tmp_path: Path) -> None:
    sheet = read_scan('{"image": "ad0.nii.gz", "label": 5}', tmp_path)
    assert sheet.problem_lines() == []
    row = sheet.rows[0]
    assert (row.scan, row.subject, row.label, row.image) == ("ad0", "ad0", "AD", str(tmp_path / "ad0.nii.gz"))


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("ad0.nii.gz", "--scan: line 1, column 1: is not valid JSON"),
        ("[1]", "--scan: '[1]' is no object; write it like"),
        ("null", "--scan: 'null' is no object; write it like"),
        ('{"image": "a.nii", "label": "XX"}', "--scan, label: 'XX' is no class"),
        ('{"image": "a.nii"}', "--scan, label: is empty"),
    ],
)
def test_a_bad_single_scan_is_reported(tmp_path: Path, text: str, start: str) -> None:
    assert only(read_scan(text, tmp_path)).startswith(start)
