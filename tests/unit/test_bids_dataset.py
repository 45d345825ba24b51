"""A BIDS dataset as a samplesheet: names, labels and covariates, and what can be wrong with it."""

import json
from pathlib import Path

import pytest

from healthward.inputs.bids_dataset import read_bids
from healthward.inputs.bids_images import parsed_filter
from healthward.inputs.bids_tables import NAMES

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


def problems(root: Path, t1w_filter: str = "") -> list[str]:
    """Return what a check says that leaves nothing out."""
    sheet = read_bids(root, parsed_filter(t1w_filter) if t1w_filter else None)
    for lack in sheet.lacking:
        sheet.report(lack.row.number, lack.column, lack.text)
    return sheet.problem_lines()


def add_images(root: Path, *places: str) -> None:
    for place in places:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).touch()


def tell_visits(root: Path, *rows: str, header: str = "session_id\tdiagnosis") -> None:
    (root / "sub-01/sub-01_sessions.tsv").write_text("\n".join([header, *rows]) + "\n")


def scans_of(root: Path, t1w_filter: str = "") -> dict[str, str]:
    assert problems(root, t1w_filter) == []
    return {row.scan: row.label for row in read_bids(root, parsed_filter(t1w_filter) if t1w_filter else None).rows}


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


def test_labels_may_be_given_by_visit_alone(root: Path) -> None:
    fill_in(root, "sub-01", header="participant_id")
    (root / "sub-01/sub-01_sessions.tsv").write_text("session_id\tdiagnosis\nses-M00\tCN\nses-M12\tMCI\n")
    (root / "sub-02/anat/sub-02_T1w.nii").unlink()
    assert [row[2] for row in rows_of(root)] == ["CN", "MCI", "MCI"]


@pytest.mark.parametrize("name", [*NAMES["label"], "Group", "DX"])
def test_names_of_the_column_of_labels(root: Path, name: str) -> None:
    fill_in(root, "sub-01\tAD", "sub-02\tCN", header=f"participant_id\t{name}")
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


def test_without_a_column_of_labels_the_names_are_listed(root: Path) -> None:
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
    (root / "sub-01/sub-01_sessions.tsv").write_text("session_id\tdiagnosis\nses-M12\tsick\nses-M00\tCN\n")
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
def test_a_table_of_another_form_is_reported_not_raised(root: Path, content: bytes, named: str) -> None:
    (root / "participants.tsv").write_bytes(content)
    assert named in problems(root)[0]


NUMBER = "is no class, and a number means another one in each study; write one of CN, EMCI, MCI, LMCI, AD, or say what"


def test_numbers_are_no_labels_and_the_same_mistake_is_said_once(root: Path) -> None:
    fill_in(root, "sub-01\t1", "sub-02\t1", header="participant_id\tdiagnosis")
    [line] = problems(root)
    assert line.startswith(f"participants.tsv row 2, diagnosis: '1' {NUMBER}")
    assert line.endswith("--label_codes 1=CN,2=MCI,3=AD; the same in row 3")


def test_codes_say_what_labels_stand_for_in_both_tables(root: Path) -> None:
    fill_in(root, "sub-01\t2", "sub-02\tControl", header="participant_id\tgroup")
    tell_visits(root, "ses-M00\t2", "ses-M12\t3")
    sheet = read_bids(root, codes={"2": "MCI", "3": "AD", "control": "CN"})
    assert sheet.problem_lines() == []
    assert [row.label for row in sheet.rows] == ["MCI", "AD", "AD", "CN"]


@pytest.mark.parametrize("header", ["participant_id\tdiagnosis\tdx", "participant_id\tgroup\tDiagnosis"])
def test_two_columns_of_labels_that_disagree_are_named_with_the_first_row(root: Path, header: str) -> None:
    fill_in(root, "sub-01\tAD\tad", "sub-02\tCN\tMCI", header=header)
    [line] = problems(root)
    assert line.startswith("participants.tsv row 3, ")
    assert all(f"{name!r}" in line or f", {name}:" in line for name in header.split("\t")[1:])
    assert "'CN'" in line
    assert "'MCI'" in line
    fill_in(root, "sub-01\tAD\tad", "sub-02\tCN\tn/a", header="participant_id\tdiagnosis\tdx")
    assert problems(root) == []


@pytest.mark.parametrize("names", ["diagnosis\tdiagnosis", "Diagnosis\tdiagnosis", "age\tAGE"])
def test_a_column_twice_is_reported_unless_both_say_the_same(root: Path, names: str) -> None:
    label = names.split("\t")[0].lower() == "diagnosis"
    for other, count in (("CN" if label else "71", 0), ("AD" if label else "72", 1)):
        value = "CN" if label else "71"
        fill_in(
            root,
            f"sub-01\tCN\t{value}\t{other}",
            f"sub-02\tCN\t{value}\t{value}",
            header=f"participant_id\tdx\t{names}",
        )
        lines = [line for line in problems(root) if "is there twice; keep one column of that name" in line]
        assert len(lines) == count


@pytest.mark.parametrize(
    ("rows", "parts"),
    [
        (["ses-M0\tCN", "ses-M06\tAD"], ["row 2: 'ses-M0' is no session", "row 3: 'ses-M06' is no session of sub-01"]),
        (
            ["ses-M00\tCN", "ses-M6\tAD"],
            ["sub-01_sessions.tsv row 3: 'ses-M6' is no session of sub-01, which has ses-M00,"],
        ),
        (["ses-m00\tCN", "ses-m12\tAD"], ["row 2: 'ses-m00'", "row 3: 'ses-m12'"]),
        (["ses-M00\tCN"], ["sub-01_sessions.tsv has no row of 'ses-M12', but of other sessions; add one"]),
    ],
)
def test_sessions_that_do_not_match_are_reported_and_no_label_is_taken(
    root: Path, rows: list[str], parts: list[str]
) -> None:
    tell_visits(root, *rows)
    lines = problems(root)
    assert len(lines) == len(parts), lines
    for line, part in zip(lines, parts, strict=True):
        assert line.startswith("participants.tsv row 2, session_id: ")
        assert part in line


def test_sessions_of_a_subject_whose_images_are_in_none_are_reported(root: Path) -> None:
    (root / "sub-02/sub-02_sessions.tsv").write_text("session_id\tdiagnosis\nses-M00\tAD\n")
    [line] = problems(root)
    assert "sub-02_sessions.tsv row 2: 'ses-M00' is no session of sub-02, whose images are in no folder ses-…" in line


def test_a_session_twice_is_reported_unless_both_say_the_same(root: Path) -> None:
    tell_visits(root, "ses-M00\tCN", "ses-M12\tMCI", "M12\tmci ", "ses-M00\tCN")
    assert [row[2] for row in rows_of(root)] == ["CN", "MCI", "MCI", "CN"]
    tell_visits(root, "ses-M00\tCN", "ses-M12\tMCI", "ses-M12\tAD")
    [line] = problems(root)
    assert "session_id: sub-01_sessions.tsv row 4: 'ses-M12' is there twice; keep one row of each session" in line


def test_a_table_of_sessions_about_other_things_need_not_name_each(root: Path) -> None:
    tell_visits(root, "ses-M00\t2010-01-01", header="session_id\tacq_time")
    assert [row[2] for row in rows_of(root)] == ["MCI", "MCI", "MCI", "CN"]


def test_sessions_without_a_folder_tell_a_label_and_that_is_said(root: Path) -> None:
    tell_visits(root, "ses-M00\tCN", "ses-M12\tCN", "ses-M24\tAD")
    sheet = read_bids(root)
    assert sheet.labels["sub-01"] >= {"CN", "AD"}
    [line] = [line for line in sheet.warnings if "without a folder" in line]
    assert line.endswith("sub-01_sessions.tsv row 4 (ses-M24)")


def test_a_session_without_a_label_has_that_of_the_participant_and_that_is_said(root: Path) -> None:
    tell_visits(root, "ses-M00\tn/a", "ses-M12\tAD")
    assert [row[2] for row in rows_of(root)] == ["MCI", "AD", "AD", "CN"]
    assert any(
        "given that of the participant: sub-01_sessions.tsv row 2 (ses-M00)" in line
        for line in read_bids(root).warnings
    )


def test_rows_of_participants_by_visit_are_read_by_session(root: Path) -> None:
    header = "participant_id\tsession_id\tdiagnosis"
    fill_in(root, "sub-01\tses-M00\tCN", "sub-01\tM12\tAD", "sub-02\tn/a\tCN", header=header)
    assert [row[2] for row in rows_of(root)] == ["CN", "AD", "AD", "CN"]
    fill_in(root, "sub-01\tses-M00\tCN", "sub-02\tn/a\tCN", header=header)
    [line] = problems(root)
    assert "participants.tsv has no row of 'ses-M12', but of other sessions" in line


def test_rows_of_participants_that_no_session_tells_apart_point_to_sessions(root: Path) -> None:
    fill_in(root, "sub-01\t1\tCN", "sub-01\t2\tAD", "sub-02\t1\tCN", header="participant_id\tvisit\tdiagnosis")
    [line] = problems(root)
    assert "'sub-01' is there twice; keep one row of each participant" in line
    assert "sub-01/sub-01_sessions.tsv" in line
    fill_in(root, "sub-01\tCN", "01\tAD", "sub-02\tCN", header="participant_id\tdiagnosis")
    assert len(problems(root)) == 1
    fill_in(root, "sub-01\tCN", "sub-01\tCN", "sub-02\tCN", header="participant_id\tdiagnosis")
    assert problems(root) == []


@pytest.mark.parametrize("name", ["sub-002_S_0413", "002_S_0413", "sub-01.b", "sub-01-b", "sub-é1"])
def test_a_name_that_is_none_of_bids_is_reported_as_such(root: Path, name: str) -> None:
    folder = f"sub-{name.removeprefix('sub-')}"
    add_images(root, f"{folder}/anat/{folder}_T1w.nii.gz")
    fill_in(root, "sub-01\tCN", "sub-02\tAD", f"{name}\tCN", header="participant_id\tdiagnosis")
    [line] = problems(root)
    assert line.startswith(
        f"participants.tsv row 4, participant_id: '{name}' is no name of BIDS, which has letters and digits"
    )
    fill_in(root, "sub-01\tCN", "sub-02\tAD", header="participant_id\tdiagnosis")
    assert len(problems(root)) == 1


@pytest.mark.parametrize(
    ("patterns", "left_out"),
    [
        (["*_run-2_T1w.nii.gz"], ["sub-01_ses-M12_run-2"]),
        (["**/*_run-2_*"], ["sub-01_ses-M12_run-2"]),
        (["sub-01/ses-M12/"], ["sub-01_ses-M12_run-1", "sub-01_ses-M12_run-2"]),
        (["ses-M12"], ["sub-01_ses-M12_run-1", "sub-01_ses-M12_run-2"]),
        (["# *", "", "*_run-?_T1w*", "!*run-1*"], ["sub-01_ses-M12_run-2"]),
        (["/sub-02"], ["sub-02"]),
        (["sub-01/*_T1w.nii.gz", "anat/sub-02_T1w.nii", "T1w", "sub-02_T1w.nii/"], []),
    ],
)
def test_what_bidsignore_names_is_left_out_and_counted(root: Path, patterns: list[str], left_out: list[str]) -> None:
    everything = scans_of(root)
    (root / ".bidsignore").write_text("\n".join(patterns) + "\r\n")
    assert set(everything) - set(scans_of(root)) == set(left_out)
    lines = [line for line in read_bids(root).warnings if "named by .bidsignore, left out" in line]
    assert len(lines) == bool(left_out)
    assert not left_out or lines[0].startswith(f"{len(left_out)} T1w image")


@pytest.mark.parametrize("part", ["phase", "real", "imag"])
def test_only_the_magnitude_is_a_scan(root: Path, part: str) -> None:
    add_images(root, f"sub-02/anat/sub-02_part-{part}_T1w.nii.gz")
    assert [scan for scan in scans_of(root) if scan.startswith("sub-02")] == ["sub-02"]
    assert any("another part than the magnitude" in line for line in read_bids(root).warnings)


SEVERAL = [
    # A visit of two runs, which say nothing against the filter, is taken as it is
    (("rec-norm", "rec-raw", "acq-hippo"), "rec-norm", "rec-norm"),
    (("acq-mprage", "acq-spgr"), "acq-spgr", "acq-spgr"),
    (("", "acq-hippo"), "acq-none", ""),
    (("echo-1", "echo-2"), "echo-1", "echo-1"),
    (("ce-gadolinium", ""), "ce-none", ""),
    (("acq-a_run-1", "acq-a_run-2", "acq-b_run-01"), "acq-a,run-01", "acq-a_run-1"),
]


@pytest.mark.parametrize(("names", "t1w_filter", "expected"), SEVERAL)
def test_several_images_of_a_visit_are_listed_and_one_is_chosen(
    root: Path, names: tuple[str, ...], t1w_filter: str, expected: str
) -> None:
    (root / "sub-02/anat/sub-02_T1w.nii").unlink()
    scans = [f"sub-02_{name}".rstrip("_") for name in names]
    add_images(root, *(f"sub-02/anat/{scan}_T1w.nii.gz" for scan in scans))
    [line] = problems(root)
    assert line.startswith("participants.tsv row 3, participant_id: 'sub-02/anat/")
    assert all(f"{scan}_T1w" in line for scan in scans)
    assert "choose one of them by --t1w_filter" in line
    of_subject = [scan for scan in scans_of(root, t1w_filter) if scan.startswith("sub-02")]
    assert of_subject == [f"sub-02_{expected}".rstrip("_")]


def test_one_name_with_and_without_gz_is_no_two_runs(root: Path) -> None:
    add_images(root, "sub-02/anat/sub-02_T1w.nii.gz")
    [line] = problems(root)
    assert "have one name; keep one of the two files" in line


def test_runs_are_scans_each_and_that_is_said(root: Path) -> None:
    assert "sub-01_ses-M12_run-2" in scans_of(root)
    [line] = read_bids(root).warnings
    assert line.startswith("1 visit of several runs, each a scan; --t1w_filter run-1 takes one")
    assert list(scans_of(root, "run-1")) == ["sub-01_ses-M00", "sub-01_ses-M12_run-1", "sub-02"]


def test_a_filter_that_no_image_of_a_visit_meets_is_reported(root: Path) -> None:
    lines = problems(root, "run-3")
    assert (
        lines[0]
        == "participants.tsv, participant_id: no T1w image of the dataset is what --t1w_filter asks for; correct it"
    )
    assert "none of 'sub-01/ses-M12/anat/sub-01_ses-M12_run-1_T1w.nii.gz'" in lines[1]
    add_images(root, "sub-01/ses-M12/anat/sub-01_ses-M12_acq-a_run-3_T1w.nii.gz")
    assert "sub-01_ses-M12_acq-a_run-3" in scans_of(root, "run-3")
    (root / "sub-02/anat/sub-02_T1w.nii").rename(root / "sub-02/anat/sub-02_run-1_T1w.nii")
    [line] = problems(root, "run-3")
    assert "none of 'sub-02/anat/sub-02_run-1_T1w.nii' is what --t1w_filter asks for" in line


def test_an_only_image_without_the_part_that_is_asked_for_is_taken_and_reported(root: Path) -> None:
    assert "sub-02" in scans_of(root, "run-1")
    warnings = read_bids(root, parsed_filter("run-1")).warnings
    assert any(
        line.startswith("2 visits without what --t1w_filter asks for") and "sub-02_T1w.nii" in line for line in warnings
    )


@pytest.mark.parametrize(
    "place",
    [
        "sub-02/anat/sub-02_run-1_acq-a_T1w.nii.gz",
        "sub-02/anat/sub-01_T1w.nii.gz",
        "sub-02/sub-02_T1w.nii.gz",
        "sub-02/anat/sub-02_ses-1_T1w.nii.gz",
        "sub-02/anat/sub-02_t1w.nii.gz",
        "sub-02/ses-1/anat/sub-02_T1w.nii.gz",
        "sub-02/anat/sub-02_x_T1w.nii.gz",
    ],
)
def test_an_image_without_its_bids_name_is_left_out_and_named(root: Path, place: str) -> None:
    before = scans_of(root)
    add_images(root, place)
    assert scans_of(root) == before
    assert any(
        line.startswith("1 T1w image under a name that BIDS has not for it") for line in read_bids(root).warnings
    )
    (root / "sub-02/anat/sub-02_T1w.nii").unlink()
    [line] = problems(root)
    assert line.startswith(
        f"participants.tsv row 3, participant_id: 'sub-02' has no T1w image; {place} has no name that BIDS"
    )


@pytest.mark.parametrize("encode", [lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(), str.encode])
def test_tables_of_other_systems_are_read(root: Path, encode) -> None:
    (root / "participants.tsv").write_bytes(encode("participant_id\tdiagnosis\nsub-01\tMCI\nsub-02\tCN\n\n"))
    assert [row[2] for row in rows_of(root)] == ["MCI", "MCI", "MCI", "CN"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_tables_in_utf_16_are_a_line(root: Path, encoding: str) -> None:
    (root / "participants.tsv").write_bytes("participant_id\tdiagnosis\nsub-01\tMCI\n".encode(encoding))
    [line] = problems(root)
    assert "is no table" in line or "the column is missing" in line
    assert line.isprintable()


def test_a_path_with_dots_is_the_same_dataset(root: Path) -> None:
    from healthward.checks.check import check

    checked = check(
        sheet_path=root / "sub-01" / "..", scan=None, base=None, parameters_path=None,
        schema_path=Path(__file__).parents[2] / "nextflow_schema.json", model=None, embedding=None, weights=None,
        atlas=None, atlas_names=None, overrides={}, workers=1,
    )  # fmt: skip
    assert any("cannot be read as NIfTI" in line for line in checked.problems)
    assert not any("misnamed" in line or "BIDS" in line for line in checked.problems)


@pytest.mark.parametrize("name", ["sub-01/sub-01_session.tsv", "sub-01/sub-02_sessions.tsv", "sessions.tsv"])
def test_a_table_of_sessions_under_another_name_is_reported(root: Path, name: str) -> None:
    tell_visits(root, "ses-M00\tCN", "ses-M12\tAD")
    assert not any("not read" in line for line in read_bids(root).warnings)
    (root / "sub-01/sub-01_sessions.tsv").rename(root / name)
    assert any(
        line.startswith("1 table of sessions not read") and line.endswith(name) for line in read_bids(root).warnings
    )
