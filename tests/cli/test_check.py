"""check.py as a user runs it: what it writes, what it prints, how it ends."""

import json
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from check import main
from models import write_model
from phantoms import small_brain

TOOL = Path(__file__).parents[2] / "bin" / "check.py"
LABELS = ["CN", "ad", "3", "1", "AD", "CN", "CN", "AD", "MCI", "MCI"]
OUTPUTS = ["conform.json", "inputs.csv", "samplesheet.csv", "split.csv", "versions.json", "warnings.txt"]


def save(path: Path, seed: int) -> None:
    nibabel.Nifti1Image(small_brain((12, 12, 12), seed), np.diag([12, 12, 12, 1])).to_filename(path)


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    lines = ["scan,subject,image,label,age"]
    for number, label in enumerate(LABELS):
        save(tmp_path / f"scan {number}.nii.gz", number)
        lines.append(f"s{number},00{number},scan {number}.nii.gz,{label},{60 + number}")
    path = tmp_path / "samplesheet.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model", size=64, slice_range=[0.4, 0.7], fov=180.0)


def run(out: Path, *arguments: object) -> Result:
    texts = [str(argument) for argument in arguments]
    return CliRunner().invoke(main, [*texts, "--workers", "1", "--out", str(out)])


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def test_a_good_sheet_gives_everything_that_the_run_starts_from(cohort: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(out, "--input", cohort)
    assert result.exit_code == 0, result.output
    assert "10 scans of 10 subjects" in result.stderr
    assert sorted(path.name for path in out.iterdir()) == OUTPUTS
    sheet = read(out / "samplesheet.csv")
    assert list(sheet) == ["scan", "subject", "image", "label", "split", "mask", "age", "sex", "site"]
    assert sheet.loc[1].to_dict() == {
        "scan": "s1",
        "subject": "001",
        "image": str(tmp_path / "scan 1.nii.gz"),
        "label": "AD",
        "split": sheet.loc[1, "split"],
        "mask": "",
        "age": "61",
        "sex": "",
        "site": "",
    }
    assert set(sheet["split"]) == {"train", "val", "test"}
    assert read(out / "split.csv").equals(sheet[["scan", "subject", "label", "split"]])
    inputs = read(out / "inputs.csv")
    assert inputs["sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert inputs["sha256"].is_unique
    assert json.loads((out / "conform.json").read_text()) == {"size": 128, "slice_range": [0.35, 0.75], "fov": 192.0}
    assert json.loads((out / "versions.json").read_text()).keys() >= {"python", "platform", "torch", "nibabel"}


def test_the_same_sheet_in_another_order_gives_the_same_files(cohort: Path, tmp_path: Path) -> None:
    header, *rows = cohort.read_text().splitlines()
    shuffled = tmp_path / "shuffled.csv"
    shuffled.write_text("\n".join([header, *rows[::-1]]))
    for name, sheet in (("a", cohort), ("b", shuffled)):
        assert run(tmp_path / name, "--input", sheet, "--seed", 3).exit_code == 0
    for name in OUTPUTS:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_several_workers_give_the_same_files(cohort: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "a", "--input", cohort).exit_code == 0
    command = [sys.executable, str(TOOL), "--input", str(cohort), "--workers", "2", "--out", str(tmp_path / "b")]
    assert subprocess.run(command, check=False).returncode == 0
    for name in OUTPUTS:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.fixture
def bad_cohort(cohort: Path, tmp_path: Path) -> Path:
    (tmp_path / "copy.nii.gz").write_bytes((tmp_path / "scan 0.nii.gz").read_bytes())
    extra = ["b1,p1,missing.nii.gz,XX,", "b2,p2,copy.nii.gz,CN,200"]
    cohort.write_text("\n".join([cohort.read_text(), *extra]))
    return cohort


BAD_COHORT_PROBLEMS = [
    f"samplesheet.csv row {row}, {column}: {text}"
    for row, column, text in (
        (12, "label", "'XX' is no class; write one of CN, EMCI, MCI, LMCI, AD or 1..5"),
        (12, "image", "'{folder}/missing.nii.gz' cannot be found (No such file or directory); correct the path"),
        (13, "age", "'200' is no age in years; write a number from 0 to 120, or leave it empty"),
        (
            13,
            "image",
            "'{folder}/copy.nii.gz' has the same voxels as row 2 ('{folder}/scan 0.nii.gz'); keep one of them",
        ),
    )
]


def test_all_problems_go_to_stderr_at_once_and_nothing_is_written(bad_cohort: Path, tmp_path: Path) -> None:
    result = run(tmp_path / "out", "--input", bad_cohort)
    assert result.exit_code == 1
    expected = [line.format(folder=tmp_path) for line in BAD_COHORT_PROBLEMS]
    assert result.stderr.removeprefix("Error: ").splitlines() == expected
    assert not (tmp_path / "out").exists()


def test_problems_go_to_a_file_with_status_0(bad_cohort: Path, tmp_path: Path) -> None:
    result = run(tmp_path / "out", "--input", bad_cohort, "--problems", tmp_path / "problems.txt")
    assert result.exit_code == 0
    expected = [line.format(folder=tmp_path) for line in BAD_COHORT_PROBLEMS]
    assert (tmp_path / "problems.txt").read_text().splitlines() == expected
    assert not (tmp_path / "out").exists()


def test_no_problems_are_an_empty_file(cohort: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "out", "--input", cohort, "--problems", tmp_path / "problems.txt").exit_code == 0
    assert (tmp_path / "problems.txt").read_text() == ""
    assert (tmp_path / "out" / "split.csv").exists()


def test_a_leaking_split_fails_the_run(tmp_path: Path) -> None:
    lines = ["scan,subject,image,label,split"]
    for number, (subject, split) in enumerate([("a", "train"), ("b", "train"), ("a", "test")]):
        save(tmp_path / f"{number}.nii", number)
        lines.append(f"s{number},{subject},{number}.nii,{'AD' if subject == 'b' else 'CN'},{split}")
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("\n".join(lines))
    result = run(tmp_path / "out", "--input", sheet)
    assert result.exit_code == 1
    assert "sheet.csv row 4, split: subject 'a' is in 'test' here and in 'train' at row 2" in result.stderr


def test_parameters_scans_and_model_are_reported_together(bad_cohort: Path, tmp_path: Path) -> None:
    parameters = tmp_path / "params.json"
    parameters.write_text(json.dumps({"input": "samplesheet.csv", "gidance_scale": 3, "size": 20}))
    result = run(tmp_path / "out", "--input", bad_cohort, "--parameters", parameters, "--model", tmp_path / "none")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert len(lines) == 3 + len(BAD_COHORT_PROBLEMS)
    assert "did you mean guidance_scale?" in lines[0]
    assert "parameter size: 20 is not valid" in lines[1]
    assert lines[2].startswith("model: ")


def test_the_healthy_class_comes_from_the_parameters(cohort: Path, tmp_path: Path) -> None:
    parameters = tmp_path / "params.json"
    parameters.write_text(json.dumps({"input": "samplesheet.csv", "healthy": "EMCI"}))
    result = run(tmp_path / "out", "--input", cohort, "--parameters", parameters)
    assert "add a subject of the healthy class EMCI" in result.stderr


def test_the_split_comes_from_the_options_before_the_parameters(cohort: Path, tmp_path: Path) -> None:
    parameters = tmp_path / "params.json"
    parameters.write_text(json.dumps({"input": "samplesheet.csv", "test_fraction": 0, "validation_fraction": "0.4"}))
    for out, options, expected in (("a", [], {"train", "val"}), ("b", ["--validation-fraction", 0], {"train"})):
        assert run(tmp_path / out, "--input", cohort, "--parameters", parameters, *options).exit_code == 0
        assert set(read(tmp_path / out / "split.csv")["split"]) == expected


def test_invalid_parameters_of_the_split_are_problems_beside_the_others(bad_cohort: Path, tmp_path: Path) -> None:
    parameters = tmp_path / "params.json"
    parameters.write_text(json.dumps({"input": "samplesheet.csv", "test_fraction": "many", "seed": "'$(id)'"}))
    result = run(tmp_path / "out", "--input", bad_cohort, "--parameters", parameters)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 2 + len(BAD_COHORT_PROBLEMS)


def test_conforming_follows_the_parameters(cohort: Path, tmp_path: Path) -> None:
    parameters = tmp_path / "params.json"
    parameters.write_text(json.dumps({"input": "samplesheet.csv", "size": 64, "slice_range": "0.3,0.8", "fov": 200}))
    assert run(tmp_path / "out", "--input", cohort, "--parameters", parameters).exit_code == 0
    found = json.loads((tmp_path / "out" / "conform.json").read_text())
    assert found == {"size": 64, "slice_range": [0.3, 0.8], "fov": 200}


def test_a_model_fixes_conforming_and_takes_every_scan_as_test(cohort: Path, model: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "out", "--input", cohort, "--model", model).exit_code == 0
    assert set(read(tmp_path / "out" / "split.csv")["split"]) == {"test"}
    found = json.loads((tmp_path / "out" / "conform.json").read_text())
    assert found == {"size": 64, "slice_range": [0.4, 0.7], "fov": 180.0}


def test_a_single_scan_for_a_model(cohort: Path, model: Path, tmp_path: Path) -> None:
    scan = json.dumps({"image": "scan 1.nii.gz", "label": 5, "scan": "mine"})
    result = run(tmp_path / "out", "--scan", scan, "--base", tmp_path, "--model", model)
    assert result.exit_code == 0, result.output
    sheet = read(tmp_path / "out" / "samplesheet.csv")
    assert sheet[["scan", "label", "split"]].to_numpy().tolist() == [["mine", "AD", "test"]]


def test_parameters_alone_can_be_checked(tmp_path: Path) -> None:
    parameters = tmp_path / "params.json"
    parameters.write_text(json.dumps({"simulate": 24}))
    assert run(tmp_path / "out", "--parameters", parameters).exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "conform.json",
        "versions.json",
        "warnings.txt",
    ]
    parameters.write_text('{"simulate": 24,}')
    result = run(tmp_path / "out", "--parameters", parameters)
    assert result.exit_code == 1
    assert "params.json: line 1, column 1" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--input", "missing.csv"],
        ["--input", str(TOOL), "--scan", "{}"],
        ["--scan", "{}", "--embedding", "x.pt"],
        ["--scan", "{}", "--test-fraction", "0.5", "--validation-fraction", "0.5"],
        ["--scan", "{}", "--test-fraction", "1"],
        ["--scan", "{}", "--sede", "1"],
    ],
)
def test_wrong_usage_ends_with_status_2(tmp_path: Path, arguments: list[str]) -> None:
    assert run(tmp_path / "out", *arguments).exit_code == 2


def test_help_shows_an_example_and_the_version_is_there() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert "check.py --input samplesheet.csv --out checked" in result.output
    assert CliRunner().invoke(main, ["--version"]).exit_code == 0


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; import check; print([m for m in ('nibabel', 'pandas', 'numpy', 'torch') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=TOOL.parent, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_metrics_without_weights_are_a_problem_when_named_and_a_warning_otherwise(cohort, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    result = run(tmp_path / "out", "--input", cohort)
    assert "lpips: no weights" in result.stderr
    assert "fid: no weights" in (tmp_path / "out/warnings.txt").read_text()
    (tmp_path / "parameters.json").write_text('{"input": "sheet.csv", "metrics": "ssim,lpips"}')
    refused = run(tmp_path / "none", "--input", cohort, "--parameters", tmp_path / "parameters.json")
    assert refused.exit_code == 1
    assert "parameter metrics: lpips: no weights of AlexNet" in refused.stderr
    assert "fid" not in refused.stderr


def test_atlas_is_read_before_anything_is_computed(cohort, tmp_path):
    (tmp_path / "names.tsv").write_text("number\tname\n1\tinsula\n")
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 4, 4), np.int16), np.eye(4)), tmp_path / "atlas.nii.gz")
    atlas = ("--atlas", tmp_path / "atlas.nii.gz", "--atlas-names", tmp_path / "names.tsv")
    result = run(tmp_path / "out", "--input", cohort, *atlas)
    assert result.exit_code == 1
    assert "names.tsv: has the columns" in result.stderr


def write_bad_scans(cohort: Path, folder: Path) -> None:
    (folder / "torn.nii.gz").write_bytes((folder / "scan 0.nii.gz").read_bytes()[:1000])
    cohort.write_text("\n".join([cohort.read_text(), "b1,q1,missing.nii.gz,CN,", "b2,q2,torn.nii.gz,CN,60"]))


def test_bad_scans_are_left_out_when_asked_and_told(cohort: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "calm", "--input", cohort).exit_code == 0
    write_bad_scans(cohort, tmp_path)
    stopped = run(tmp_path / "none", "--input", cohort)
    assert stopped.exit_code == 1
    assert len(stopped.stderr.splitlines()) == 2
    result = run(tmp_path / "out", "--input", cohort, "--skip-bad-scans")
    assert result.exit_code == 0, result.output
    assert "left out by --skip_bad_scans: 2 scans of 12, listed in tables/skipped.csv" in result.stderr
    assert "left out: samplesheet.csv row 12, scan b1, image: '" in result.stderr
    skipped = read(tmp_path / "out/skipped.csv")
    assert skipped["scan"].tolist() == ["b1", "b2"]
    assert skipped["reason"].str.startswith("the image cannot be").all()
    assert not skipped["reason"].str.contains(str(tmp_path)).any()
    for name in ("samplesheet.csv", "split.csv", "inputs.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "calm" / name).read_bytes()


def test_mistakes_of_the_sheet_stop_though_bad_scans_are_left_out(cohort: Path, tmp_path: Path) -> None:
    write_bad_scans(cohort, tmp_path)
    cohort.write_text(f"{cohort.read_text()}\nb3,q3,scan 1.nii.gz,XX,\n")
    result = run(tmp_path / "out", "--input", cohort, "--skip-bad-scans")
    assert result.exit_code == 1
    assert [line.split(":")[0] for line in result.stderr.removeprefix("Error: ").splitlines()] == [
        "samplesheet.csv row 14, label",
        "samplesheet.csv row 14, image",
    ]


def test_a_sheet_of_bad_scans_only_stops(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("scan,subject,image,label\na,p,a.nii,CN\nb,q,b.nii,AD\n")
    result = run(tmp_path / "out", "--input", sheet, "--skip-bad-scans")
    assert result.exit_code == 1
    assert len([line for line in result.stderr.splitlines() if "cannot be found" in line]) == 2


def test_pseudonyms_change_names_and_nothing_else(cohort: Path, tmp_path: Path) -> None:
    write_bad_scans(cohort, tmp_path)
    parameters = tmp_path / "params.json"
    for name, salt in (("a", "the first salt"), ("b", "the second salt"), ("c", "the first salt"), ("plain", None)):
        given = {"input": "x.csv", "skip_bad_scans": True, "pseudonymise": salt is not None, "pseudonym_salt": salt}
        parameters.write_text(json.dumps(given))
        assert run(tmp_path / name, "--input", cohort, "--parameters", parameters).exit_code == 0
    plain, named = (read(tmp_path / name / "samplesheet.csv") for name in ("plain", "a"))
    assert named["scan"].is_monotonic_increasing
    assert not {*plain["scan"], *plain["subject"]} & {*named["scan"], *named["subject"]}
    others = ["image", "label", "split", "mask", "age", "sex", "site"]
    in_order = [table.sort_values("image")[others].to_numpy().tolist() for table in (plain, named)]
    assert in_order[0] == in_order[1]
    assert (tmp_path / "a/pseudonyms.csv").stat().st_mode & 0o077 == 0
    key = read(tmp_path / "a/pseudonyms.csv")
    assert key.sort_values("original_scan")["original_scan"].tolist() == ["b1", "b2", *plain["scan"]]
    assert list(read(tmp_path / "a/inputs.csv")) == ["scan", "sha256"]
    for name in ("samplesheet.csv", "split.csv", "inputs.csv", "skipped.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "c" / name).read_bytes()
        assert (tmp_path / "a" / name).read_bytes() != (tmp_path / "b" / name).read_bytes()


def test_scans_that_are_odd_are_told_and_used(cohort: Path, tmp_path: Path) -> None:
    for number in range(7):
        voxels = small_brain((12, 12, 12), 100 + number)
        nibabel.Nifti1Image(voxels, np.diag([19, 19, 19, 1])).to_filename(tmp_path / f"head{number}.nii")
    cohort.write_text("\n".join([cohort.read_text(), *(f"h{n},q{n},head{n}.nii,CN,60" for n in range(7))]))
    result = run(tmp_path / "out", "--input", cohort)
    assert result.exit_code == 0, result.output
    warnings = (tmp_path / "out/warnings.txt").read_text().splitlines()
    heads = [line for line in warnings if "a whole head rather than a brain; strip the skull" in line]
    assert len(heads) == 5
    assert heads[0].startswith(f"samplesheet.csv row 12, scan h0, image: '{tmp_path / 'head0.nii'}' shows ")
    assert "the same of 2 more scans: h5, h6" in warnings
    assert all(line in result.stderr for line in warnings)
