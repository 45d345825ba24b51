"""Reading sheets: every mistake is reported with its place, value and mend, and none hides another."""

import json
import time
from pathlib import Path

import pytest

from healthward.inputs.other_columns import other_columns
from healthward.inputs.samplesheet import read_scan, read_sheet
from healthward.inputs.sheet import Sheet
from healthward.inputs.subjects import subject_in_path
from healthward.labels import UNKNOWN, Classes, parsed_codes

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


GOOD_VALUES = [
    ("label", "ad", "label", "AD"),
    ("label", " Lmci ", "label", "LMCI"),
    ("scan", "002_S_0413.m12-a", "scan", "002_S_0413.m12-a"),
    ("scan", "007", "scan", "007"),
    ("split", "VAL", "split", "val"),
    ("split", "n/a", "split", ""),
    ("age", "72.5", "age", 72.5),
    ("age", "n/a", "age", None),
    ("sex", "f", "sex", "F"),
    ("site", "Zürich 3T", "site", "Zürich 3T"),
    *(("site", missing, "site", "") for missing in ("#N/A", "Unknown", "None", ".", "-", "?")),
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
    path = write(
        tmp_path, "scan,subject,image,label\n" + "".join(f"s{i},p{i // 2},{i}.nii,EMCI\n" for i in range(50_000))
    )
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


@pytest.mark.parametrize(
    ("image", "subject"),
    [
        ("OAS1_0001_MR2.nii", "OAS1_0001"),
        ("oas2_0001_mr2.nii", "OAS2_0001"),
        ("OAS30001_MR_d0129.nii.gz", "OAS30001"),
        ("002_s_0413_bl.nii", "002_S_0413"),
        ("ADNI_002-S-0413_m12.nii", "002_S_0413"),
        ("002_S_0413/I1.nii", "002_S_0413"),
        ("/data/002_S_0413/2006-05-02/I2.nii", "002_S_0413"),
        ("sub-07/ses-1/anat/T1.nii", "sub-07"),
        ("Sub-07_T1.nii", "sub-07"),
        ("sub-07/002_S_0413.nii", "002_S_0413"),
        ("sub-01_v2.nii", "sub-01"),
        ("sub-01_T1w_brain.nii", "sub-01"),
        ("sub-002_S_0413_T1.nii.gz", "002_S_0413"),
        ("sub-002_S_0413/a.nii.gz", "002_S_0413"),
        ("sub-OAS1_0001_MR1.nii.gz", "OAS1_0001"),
        ("sub-CN_001/T1.nii.gz", "sub-CN_001"),
        ("sub-CN_001.nii.gz", None),
        ("sub-01_0001.nii.gz", None),
        ("sub-NYU_S_51.nii.gz", None),
        ("ADNI/1002_S_04135.nii", None),
        ("OAS1_00012.nii", None),
        ("subject-7/cn0.nii", None),
    ],
)
def test_a_path_names_its_subject(image: str, subject: str | None) -> None:
    assert subject_in_path(image) == subject


def test_a_folder_of_all_images_names_nobody(tmp_path: Path) -> None:
    for images, subjects in (
        (["/d/sub-study/x/a.nii", "/d/sub-study/x/b.nii"], ["a", "b"]),
        (["sub-study/sub-1/a.nii", "sub-study/sub-2/b.nii"], ["sub-1", "sub-2"]),
        (["sub-1/a.nii"], ["sub-1"]),
        (["/d/sub-1/a.nii", "sub-2/b.nii"], ["sub-1", "sub-2"]),
    ):
        sheet = read_json(tmp_path, [{"image": image, "slice_label": 1} for image in images])
        assert [row.subject for row in sheet.rows] == subjects
        assert len(sheet.warnings) == (subjects == ["a", "b"])


def test_two_visits_of_a_path_s_person_are_of_one_subject_and_other_files_are_reported(tmp_path: Path) -> None:
    images = ["002_S_0413/I1.nii", "002_S_0413/I2.nii", "002_s_0413_bl.nii"]
    sheet = read_json(tmp_path, [{"image": image, "slice_label": 1} for image in images])
    assert {row.subject for row in sheet.rows} == {"002_S_0413"}
    assert sheet.warnings == []
    named = [{"image": "x.nii", "slice_label": 1, "subject": "x"}, {"image": "sub-1/y.nii", "slice_label": 1}]
    sheet = read_json(tmp_path, [*named, {"image": "anna1.nii", "slice_label": 1}])
    (line,) = sheet.warnings
    assert line.startswith("dataset.json: 1 of 3 entries name no subject; each file counts as a person of its own")


def test_a_key_given_twice_is_reported(tmp_path: Path) -> None:
    text = '{"image": "i0.nii", "slice_label": 1, "slice_label": 5}'
    twice = "slice_label: 'slice_label' is there twice; keep one"
    assert only(read_sheet(write(tmp_path, f"[{text}]", "dataset.json"))) == f"dataset.json entry 1, {twice}"
    assert only(read_scan(text, tmp_path)) == f"--scan, {twice}"


@pytest.mark.parametrize("value", ["1", "1.0", "01", "1."])
def test_a_code_holds_however_a_spreadsheet_writes_its_number(tmp_path: Path, value: str) -> None:
    path = write(tmp_path, f"scan,subject,image,label\na,p,a.nii,{value}\n")
    for given in ("1=CN,3=AD", "01=CN", "1.0=CN"):
        sheet = read_sheet(path, codes=parsed_codes(given))
        assert sheet.problem_lines() == []
        assert sheet.rows[0].label == "CN"
    assert "is no class" in only(read_sheet(path, codes=parsed_codes("11=CN,10=AD")))


def test_scans_of_one_file_name_are_distinguished_by_the_user(tmp_path: Path) -> None:
    entries = [{"image": "cn/0.nii", "slice_label": 1}, {"image": "ad/0.nii", "slice_label": 5}]
    assert only(read_json(tmp_path, entries)).startswith("dataset.json entry 2, scan: '0' is also the id of entry 1")


def test_a_single_scan_is_read(tmp_path: Path) -> None:
    sheet = read_scan('{"image": "ad0.nii.gz", "label": 5}', tmp_path)
    assert sheet.problem_lines() == []
    row = sheet.rows[0]
    assert (row.scan, row.subject, row.label, row.image) == ("ad0", "ad0", "AD", str(tmp_path / "ad0.nii.gz"))


@pytest.mark.parametrize("name", ["sheet.xlsx", "sheet", "scan.nii.gz"])
def test_a_file_that_is_no_sheet_is_reported_by_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x00\xff")
    [line] = read_sheet(tmp_path / name).problem_lines()
    assert line.startswith(f"{name}: is neither .csv nor .json, nor the folder of a BIDS dataset; save the sheet")


@pytest.mark.parametrize(
    "text",
    [
        "sep=,\nscan,subject,image,label\na,p,a.nii,CN\nb,q,b.nii,AD\n",
        "\ufeffSEP=,\r\nscan,subject,image,label\r\na,p,a.nii,CN\r\nb,q,b.nii,AD\r\n\x1a",
        '"sep=,"\nscan,subject,image,label\na,p,a.nii,CN\nb,q,b.nii,AD\n\x1a\n',
        "scan,subject,image,label,,\na,p,a.nii,CN,,\nb,q,b.nii,AD\n,,\n,,,,,,,\n",
        ",scan,subject,image,label\n0,a,p,a.nii,CN\n1,b,q,b.nii,AD\n",
        "Unnamed: 0,scan,subject,image,label\n0,a,p,a.nii,CN\n1,b,q,b.nii,AD\n",
    ],
)
def test_what_spreadsheets_add_does_no_harm(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes(text.encode())
    sheet = read_sheet(path)
    assert sheet.problem_lines() == []
    assert [(row.scan, row.label) for row in sheet.rows] == [("a", "CN"), ("b", "AD")]


def test_codes_say_what_labels_stand_for(tmp_path: Path) -> None:
    codes = {"1": "CN", "2": "MCI", "3": "AD", "dementia": "AD"}
    path = write(tmp_path, "scan,subject,image,label\na,p,a.nii,3\nb,q,b.nii,Dementia\nc,r,c.nii,mci\n")
    sheet = read_sheet(path, codes=codes)
    assert sheet.problem_lines() == []
    assert [row.label for row in sheet.rows] == ["AD", "AD", "MCI"]
    listed = write(tmp_path, json.dumps([{"image": "a.nii", "slice_label": 2}]), "dataset.json")
    assert [[row.label for row in read_sheet(listed, codes=given).rows] for given in (None, codes)] == [
        ["EMCI"],
        ["MCI"],
    ]
    assert read_scan('{"image": "a.nii", "label": 3}', tmp_path, codes).rows[0].label == "AD"
    assert only(read_sheet(listed, codes={"1": "CN"})).startswith("dataset.json entry 1, label: '2' is no class")


@pytest.mark.parametrize(
    "name",
    [
        *("mmse", "stage", "side", "size", "task", "ace", "apoe", "scanner", "scan_date", "age_at_onset", "diagnosis"),
        *("image_quality", "control_group", "Notes", "Größe (cm)", "$(id)", "-", "class", "p", "number", "sha256"),
    ],
)
def test_a_column_that_resembles_none_of_ours_is_kept_with_its_text(tmp_path: Path, name: str) -> None:
    sheet = read(tmp_path, f"scan,subject,image,label,{name}", "a,p,a.nii,CN, x,", "b,q,b.nii,AD,")
    assert sheet.problem_lines() == []
    assert [row.others for row in sheet.rows] == [((name, "x"),), ((name, ""),)]


@pytest.mark.parametrize("name", ["site2", "ages", "imge", "subject_id", "lable", "sex_at_birth"])
def test_what_resembles_a_column_that_is_there_is_another_one(tmp_path: Path, name: str) -> None:
    sheet = read(tmp_path, f"{HEADER},{name}", "a,p,a.nii,CN,,,,,,x")
    assert sheet.problem_lines() == []
    assert sheet.rows[0].others == ((name, "x"),)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        *(("splt", "split"), ("age_years", "age"), ("ages", "age"), ("sx", "sex"), ("s-e-x", "sex")),
        *(("age_bl", "age"), ("age_at_scan", "age"), ("Age [years]", "age"), ("age(y)", "age"), ("gender", "sex")),
        *(("sex_at_birth", "sex"), ("center_id", "site"), ("siteName", "site"), ("centre name", "site")),
        *(("Sites", "site"), ("Centre", "site"), ("SITE_ID", "site"), ("mask path", "mask"), ("controls", "control")),
    ],
)
def test_a_slip_of_the_pen_is_reported(tmp_path: Path, name: str, known: str) -> None:
    sheet = read(tmp_path, f"scan,subject,image,label,{name}", "a,p,a.nii,CN,")
    assert only(sheet) == f"sheet.csv row 1, {name}: {name!r} is no column of a sheet; did you mean {known!r}?"


def test_words_for_the_sexes_are_read(tmp_path: Path) -> None:
    words = ("male", "Female", "m", "F", "n/a")
    lines = [f"s{number},p{number},{number}.nii,CN,{word}" for number, word in enumerate(words)]
    sheet = read(tmp_path, "scan,subject,image,label,sex", *lines)
    assert sheet.problem_lines() == []
    assert [row.sex for row in sheet.rows] == ["M", "F", "M", "F", ""]


@pytest.mark.parametrize("numbers", ["1 2", "0 2", "7 8"])
def test_other_numbers_without_a_name_are_reported(tmp_path: Path, numbers: str) -> None:
    first, second = numbers.split()
    sheet = read(tmp_path, ",scan,subject,image,label", f"{first},a,p,a.nii,CN", f"{second},b,q,b.nii,AD")
    assert "stands in a column without a name" in sheet.problem_lines()[0]


def test_keys_of_ones_own_are_columns_too(tmp_path: Path) -> None:
    entries = [{"image": "a.nii", "slice_label": 1, "note": "x"}, {"image": "b.nii", "slice_label": 5, "kg": 70.5}]
    sheet = read_json(tmp_path, entries)
    assert sheet.problem_lines() == []
    assert other_columns(sheet.rows).to_dict("list") == {"scan": ["a", "b"], "note": ["x", ""], "kg": ["", "70.5"]}


def test_labels_are_the_classes_of_the_run(tmp_path: Path) -> None:
    study = Classes(("HC", "SCD", "DEM"))
    path = write(tmp_path, "scan,subject,image,label\na,p,a.nii,hc\nb,q,b.nii,Dem\nc,r,c.nii,2\n")
    sheet = read_sheet(path, codes={"2": "SCD"}, classes=study)
    assert sheet.problem_lines() == []
    assert [row.label for row in sheet.rows] == ["HC", "DEM", "SCD"]
    expected = "write one of HC, SCD, DEM, or say what it stands for, as in --label_codes 1=HC,2=SCD,3=DEM"
    assert only(read_sheet(path, classes=study)).endswith(expected)
    # The prototype's numbers are of ADNI's classes
    assert "'5' is no class, and a number" in only(read_scan('{"image": "a.nii", "label": 5}', tmp_path, classes=study))


def test_rows_without_image_or_label_are_distinguished_from_mistakes(tmp_path: Path) -> None:
    sheet = read(tmp_path, "scan,subject,image,label", "a,p,a.nii,n/a", "b,q,,CN", "c,r,c.nii,XX", "d,s,d.nii,")
    assert [(lack.row.scan, lack.column, lack.reason) for lack in sheet.lacking] == [
        ("a", "label", "no label"),
        ("b", "image", "no image"),
        ("d", "label", "no label"),
    ]
    assert only(sheet).startswith("sheet.csv row 4, label: 'XX'")


def test_what_is_the_same_in_several_rows_is_said_once(tmp_path: Path) -> None:
    rows = [f"s{number},p{number},{number}.nii,{'XX' if number % 2 else 'sick'}" for number in range(16)]
    lines = read(tmp_path, "scan,subject,image,label", *rows).problem_lines()
    assert len(lines) == 2
    assert lines[0].startswith("sheet.csv row 2, label: 'sick' is no class")
    assert lines[0].endswith("; the same in row 4, 6, 8, 10, 12 and 2 more")


@pytest.mark.parametrize(
    "text", ["heads/ad0.mgz", '{"image": "heads/ad0.mgz"}', '{"image": "heads/ad0.mgz", "label": "n/a"}']
)
def test_a_single_scan_is_a_path_or_an_object_and_may_lack_its_label(tmp_path: Path, text: str) -> None:
    [row] = read_scan(text, tmp_path).rows
    assert (row.scan, row.subject, row.image, row.label) == ("ad0", "ad0", str(tmp_path / "heads/ad0.mgz"), UNKNOWN)
