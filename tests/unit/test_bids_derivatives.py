"""Names of derivatives, and a dataset that pybids reads."""

import csv
import json
import re
from pathlib import Path

import pytest
from bids import BIDSLayout
from bidsschematools.schema import load_schema

from healthward.errors import InputError
from healthward.maps.bids_derivatives import dataset_root, export, sources
from healthward.names import MAPS

COLUMNS = ("scan", "subject", "image", "label", "split", "mask", "age", "sex", "site")


def sheet_of(*rows: tuple[str, str, str]) -> list[dict[str, str]]:
    return [dict.fromkeys(COLUMNS, "") | dict(zip(COLUMNS[:3], row, strict=True)) for row in rows]


def prefixes(*rows: tuple[str, str, str]) -> list[str]:
    sheet = sheet_of(*rows)
    named = sources(sheet, dataset_root(sheet))
    return [named[row["scan"]].prefix for row in sheet]


def write_run(folder: Path, sheet: list[dict[str, str]], kinds: tuple[str, ...] = tuple(MAPS)) -> list[Path]:
    folder.mkdir()
    with (folder / "samplesheet.csv").open("w") as lines:
        writer = csv.DictWriter(lines, COLUMNS)
        writer.writeheader()
        writer.writerows(sheet)
    maps = [folder / f"{row['scan']}_{kind}.nii.gz" for row in sheet for kind in kinds]
    for path in maps:
        path.write_text(path.name)
    (folder / "outlier_scans.csv").write_text("scan,distance\n")
    (folder / "scans.csv").write_text('scan,fid\n"a,b",\n')
    return maps


@pytest.fixture
def derived(tmp_path: Path) -> Path:
    sheet = sheet_of(
        ("sub-01_ses-M00", "sub-01", "/data/ds/sub-01/ses-M00/anat/sub-01_ses-M00_T1w.nii.gz"),
        ("sub-02_run-2", "sub-02", "/data/ds/sub-02/anat/sub-02_run-2_T1w.nii.gz"),
    )
    sheet[0]["sex"] = "F"
    maps = write_run(tmp_path / "run", sheet)
    tables = [tmp_path / "run" / name for name in ("scans.csv", "outlier_scans.csv")]
    export(maps, tables, tmp_path / "run/samplesheet.csv", tmp_path / "bids", "1.2.3")
    return tmp_path / "bids"


def test_pybids_finds_every_map_by_what_it_is(derived: Path) -> None:
    layout = BIDSLayout(derived, is_derivative=True, validate=False)
    assert layout.get_subjects() == ["01", "02"]
    for kind, entry in MAPS.items():
        found = layout.get(desc=kind, suffix=entry.suffix, space="T1w", datatype="anat", extension=".nii.gz")
        assert len(found) == 2, kind
        assert Path(found[0].path).read_text() == f"sub-01_ses-M00_{kind}.nii.gz"
        metadata = found[0].get_metadata()
        assert metadata["Description"] == entry.description
        assert metadata["Sources"] == ["bids:raw:sub-01/ses-M00/anat/sub-01_ses-M00_T1w.nii.gz"]
    assert (derived / "sub-01/ses-M00/anat/sub-01_ses-M00_space-T1w_desc-pseudohealthy_T1w.nii.gz").is_file()
    assert (derived / "sub-02/anat/sub-02_run-2_space-T1w_desc-abnormal_mask.json").is_file()
    description = json.loads((derived / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    assert description["GeneratedBy"] == [{"Name": "Healthward", "Version": "1.2.3"}]
    assert description["DatasetLinks"] == {"raw": "file:///data/ds"}


def test_suffixes_are_those_that_bids_allows_with_space_and_desc() -> None:
    rules = load_schema().rules.files.deriv.imaging
    allowed = {
        suffix
        for name in ("anat_nonparametric_volumetric", "anat_mask")
        for suffix in rules[name].suffixes
        if {"space", "description"} <= set(rules[name].entities)
    }
    assert {entry.suffix for entry in MAPS.values()} <= allowed
    assert all(kind.isalnum() for kind in MAPS)


def test_tables_keep_what_they_hold(derived: Path) -> None:
    assert (derived / "group_desc-scans_T1w.tsv").read_text() == "scan\tfid\na,b\tn/a\n"
    assert (derived / "group_desc-outlierscans_T1w.tsv").read_text() == "scan\tdistance\n"
    people = "participant_id\tsubject\tsex\tsite\nsub-01\tsub-01\tF\tn/a\nsub-02\tsub-02\tn/a\tn/a\n"
    assert (derived / "participants.tsv").read_text() == people


def test_scans_of_a_sheet_get_labels_of_their_subject_and_id() -> None:
    assert prefixes(("ad0.v1", "002_S_0413", "/a/ad0.nii"), ("ad0.v2", "002_S_0413", "/a/ad1.nii")) == [
        "sub-002S0413_ses-ad0v1",
        "sub-002S0413_ses-ad0v2",
    ]


def test_names_that_only_punctuation_tells_apart_stay_apart() -> None:
    assert prefixes(("a_1", "p_1", "/a.nii"), ("a.1", "p-1", "/b.nii"), ("A1", "p1", "/c.nii")) == [
        "sub-p1x3_ses-a1x3",
        "sub-p1_ses-a1x2",
        "sub-p1x2_ses-A1",
    ]


def test_what_a_map_has_of_its_own_is_left_out_and_scans_stay_apart() -> None:
    rows = [(f"sub-1_desc-{kind}", "sub-1", f"/d/sub-1/{kind}.nii.gz") for kind in ("brain", "mask")]
    assert prefixes(*rows) == ["sub-1", "sub-1_ses-sub1descmask"]


def test_images_of_no_one_dataset_are_referred_to_by_where_they_are() -> None:
    sheet = sheet_of(("sub-1", "sub-1", "/d/sub-1/a.nii.gz"), ("x", "x", "/e/x y.nii.gz"))
    assert dataset_root(sheet) is None
    assert sources(sheet, None)["x"].reference == "file:///e/x%20y.nii.gz"


def test_links_in_place_of_copies(tmp_path: Path) -> None:
    maps = write_run(tmp_path / "run", sheet_of(("ad0", "s", "/a.nii")), ("anomaly",))
    export(maps, [], tmp_path / "run/samplesheet.csv", tmp_path / "bids", "1", link=True)
    target = tmp_path / "bids/sub-s/ses-ad0/anat/sub-s_ses-ad0_space-T1w_desc-anomaly_T1w.nii.gz"
    assert target.is_symlink()
    assert target.read_text() == "ad0_anomaly.nii.gz"


@pytest.mark.parametrize("name", ["other_anomaly.nii.gz", "ad0_strange.nii.gz", "ad0.nii.gz"])
def test_a_file_that_is_no_map_is_named(tmp_path: Path, name: str) -> None:
    write_run(tmp_path / "run", sheet_of(("ad0", "s", "/a.nii")))
    (tmp_path / name).touch()
    with pytest.raises(InputError, match="is no map of a scan of samplesheet"):
        export([tmp_path / name], [], tmp_path / "run/samplesheet.csv", tmp_path / "bids", "1")


def test_a_discreet_dataset_names_no_file_that_it_was_made_of(tmp_path: Path) -> None:
    sheet = sheet_of(("s1", "p1", "/data/ds/sub-doe/anat/sub-doe_T1w.nii.gz"))
    maps = write_run(tmp_path / "run", sheet, ("anomaly",))
    for discreet in (False, True):
        export(maps, [], tmp_path / "run/samplesheet.csv", tmp_path / f"{discreet}", "1.2.3", discreet=discreet)
        written = "".join(path.read_text() for path in (tmp_path / f"{discreet}").rglob("*") if path.is_file())
        assert ("doe" in written) is not discreet


def test_people_who_are_no_more_go_and_what_others_wrote_stays(derived: Path, tmp_path: Path) -> None:
    other = derived / "sub-02/anat/sub-02_space-T1w_desc-anomaly_T1w.json"
    other.write_text('{"Description": "of another program", "Scan": "x"}')
    (other.with_name("sub-02_space-T1w_desc-brain_mask.json")).write_text("torn")
    sheet = sheet_of(("sub-03", "sub-03", "/data/ds/sub-03/anat/sub-03_T1w.nii.gz"))
    maps = write_run(tmp_path / "again", sheet, ("anomaly",))
    export(maps, [], tmp_path / "again/samplesheet.csv", derived, "1.2.3")
    assert not (derived / "sub-01").exists()
    left = sorted(path.name for path in derived.glob("sub-*/**/*") if path.is_file())
    assert left == [
        *(other.name, "sub-02_space-T1w_desc-brain_mask.json"),
        *("sub-03_space-T1w_desc-anomaly_T1w.json", "sub-03_space-T1w_desc-anomaly_T1w.nii.gz"),
    ]


def test_an_export_does_not_write_through_the_links_of_an_earlier_one(tmp_path: Path) -> None:
    sheet = sheet_of(("sub-03", "sub-03", "/data/ds/sub-03/anat/sub-03_T1w.nii.gz"))
    for name, link in (("one", True), ("two", False)):
        [path] = write_run(tmp_path / name, sheet, ("anomaly",))
        path.write_text(name)
        export([path], [], tmp_path / name / "samplesheet.csv", tmp_path / "bids", "1", link)
    assert (tmp_path / "one/sub-03_anomaly.nii.gz").read_text() == "one"
    assert (tmp_path / "bids/sub-03/anat/sub-03_space-T1w_desc-anomaly_T1w.nii.gz").read_text() == "two"


@pytest.mark.parametrize(("column", "value"), [("subject", "sub-09"), ("label", "AD")])
def test_tables_of_another_run_are_refused(tmp_path: Path, column: str, value: str) -> None:
    sheet = sheet_of(("sub-03", "sub-03", "/data/ds/sub-03/anat/sub-03_T1w.nii.gz"))
    maps = write_run(tmp_path / "run", sheet, ("anomaly",))
    row = {"scan": "sub-03", "subject": "sub-03", "label": ""} | {column: value}
    table = tmp_path / "run/scans.csv"
    table.write_text("\n".join([",".join(row), ",".join(row.values())]))
    with pytest.raises(InputError, match=f"scans.csv: {column} '{value}' of scan sub-03 is .* in the samplesheet"):
        export(maps, [table], tmp_path / "run/samplesheet.csv", tmp_path / "bids", "1")
    assert not (tmp_path / "bids").exists()


def test_one_map_of_two_runs_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    sheet = sheet_of(("a", "p", "/d/a.nii.gz"))
    maps = [*write_run(tmp_path / "one", sheet), *write_run(tmp_path / "two", sheet)]
    line = f"{tmp_path}/two/a_abnormal.nii.gz: the map abnormal of scan 'a', as {tmp_path}/one/a_abnormal.nii.gz is"
    with pytest.raises(InputError, match=f"^{re.escape(line)}; give that of one run$"):
        export(sorted(maps, key=lambda path: path.name), [], tmp_path / "one/samplesheet.csv", tmp_path / "out", "1")
    assert not (tmp_path / "out").exists()
