"""check.py as a user runs it: what it writes, what it prints, how it ends."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner, Result

from check import main
from healthward.diffusion.model import ConditionalUNet
from healthward.inputs.fields import COLUMNS
from models import TINY, write_model, write_training_scans
from phantoms import head_on, small_brain

TOOL = Path(__file__).parents[2] / "bin" / "check.py"
LABELS = ["CN", "ad", "mci", "cn", "AD", "CN", "CN", "AD", "MCI", "MCI"]
OUTPUTS = [
    *("conform.json", "cubes.txt", "inputs.csv", "rows.csv", "samplesheet.csv", "split.csv", "versions.json"),
    "warnings.txt",
]


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
    assert "healthy: CN; disease: AD; other classes: EMCI, MCI, LMCI" in result.stderr
    assert sorted(path.name for path in out.iterdir()) == OUTPUTS
    sheet = read(out / "samplesheet.csv")
    assert tuple(sheet) == COLUMNS
    expected = {
        "scan": "s1",
        "subject": "001",
        "image": str(tmp_path / "scan 1.nii.gz"),
        "label": "AD",
        "split": sheet.loc[1, "split"],
        "mask": "",
        "age": "61",
        "sex": "",
        "site": "",
        "control": "no",
    }
    assert sheet.loc[1, list(expected)].to_dict() == expected
    assert set(sheet["split"]) == {"train", "val", "test"}
    assert read(out / "split.csv").equals(sheet[["scan", "subject", "label", "split"]])
    inputs = read(out / "inputs.csv")
    assert inputs["sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert inputs["sha256"].is_unique
    assert json.loads((out / "conform.json").read_text()) == {
        "size": 128,
        "slice_range": [0.35, 0.75],
        "fov": 192.0,
        "space": "MNI152",
        "steps": {"strip": "auto", "bias": True, "register": True},
    }
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


LABEL_MEND = "write one of CN, EMCI, MCI, LMCI, AD, or say what it stands for, as in --label_codes 1=CN,2=MCI,3=AD"
BAD_COHORT_PROBLEMS = [
    f"samplesheet.csv row {row}, {column}: {text}"
    for row, column, text in (
        (12, "label", f"'XX' is no class; {LABEL_MEND}"),
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


def complaint(out: Path, folder: Path, parameters: dict[str, Any], *arguments: object) -> list[str]:
    """Return what is said of parameters, without the start of its first line."""
    (folder / "params.json").write_text(json.dumps({"input": "samplesheet.csv"} | parameters))
    result = run(out, *arguments, "--parameters", folder / "params.json")
    assert (result.exit_code == 0) == (out / "conform.json").exists(), result.output
    return result.stderr.removeprefix("Error: ").splitlines() if result.exit_code else []


@pytest.mark.parametrize(
    ("disease", "expected"),
    [
        (None, []),
        ("MCI", []),
        ("LMCI", []),
        ("AD", ["parameter disease: 'AD' was not trained on; give one of CN, MCI, LMCI"]),
        ("EMCI", ["parameter disease: 'EMCI' was not trained on; give one of CN, MCI, LMCI"]),
    ],
)
def test_the_disease_must_be_among_the_scans_to_train_on(
    tmp_path: Path, disease: str | None, expected: list[str]
) -> None:
    rows = [("CN", "train"), ("MCI", "train"), ("LMCI", "train"), ("AD", "test")]
    lines = ["scan,subject,image,label,split"]
    for number, (label, split) in enumerate(rows):
        save(tmp_path / f"{number}.nii.gz", number)
        lines.append(f"s{number},p{number},{number}.nii.gz,{label},{split}")
    (tmp_path / "sheet.csv").write_text("\n".join(lines))
    assert complaint(tmp_path / "out", tmp_path, {"disease": disease}, "--input", tmp_path / "sheet.csv") == expected
    only = {"disease": disease, "train_only": True}
    assert complaint(tmp_path / "only", tmp_path, only, "--input", tmp_path / "sheet.csv") == []


@pytest.mark.parametrize("training", [{"people": {"CN": 4, "MCI": 2, "AD": 0}}, {"scans": {"CN": ["a"], "MCI": ["b"]}}])
def test_the_classes_must_be_among_those_that_a_model_was_trained_on(
    cohort: Path, tmp_path: Path, training: dict[str, Any]
) -> None:
    model = write_model(tmp_path / "model", training=training)
    for number, (given, expected) in enumerate(
        [
            ({}, []),
            ({"disease": "MCI"}, []),
            ({"disease": "AD"}, ["parameter disease: 'AD' was not trained on; give one of CN, MCI"]),
            ({"healthy": "EMCI"}, ["parameter healthy: 'EMCI' was not trained on; give one of CN, MCI"]),
        ]
    ):
        found = complaint(tmp_path / f"{number}", tmp_path, given, "--input", cohort, "--model", model)
        assert found == expected


def test_the_classes_of_a_pair_are_stated_and_all_of_them(cohort: Path, tmp_path: Path) -> None:
    network = ConditionalUNet(replace(TINY, conditions=4))
    pair = tmp_path / "x.pt", tmp_path / "x_emb.pt"
    for part, file in zip((network.unet, network.embedding), pair, strict=True):
        torch.save(part.state_dict(), file)
    options = ["--input", cohort, "--model", pair[0], "--embedding", pair[1]]
    given = {"model": "x.pt", "embedding": "x_emb.pt", "head_channels": TINY.head_channels}
    [line] = complaint(tmp_path / "a", tmp_path, given, *options)
    held = "model: its embedding holds 3 classes and --classes names 5, CN,EMCI,MCI,LMCI,AD"
    assert line == f"{held}; name them all with --classes, in order"
    named = given | {"classes": "CN,MCI,AD"}
    assert complaint(tmp_path / "b", tmp_path, named, *options) == []
    assert complaint(tmp_path / "c", tmp_path, named | {"disease": "MCI"}, *options) == []
    [line] = complaint(tmp_path / "d", tmp_path, named | {"disease": "EMCI"}, *options)
    assert line == "parameter disease: 'EMCI' is none of the classes; give one of CN, MCI, AD"


def test_a_model_of_other_classes_than_the_run_s_is_one_line(cohort: Path, tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", replace(TINY, conditions=4), classes=["CN", "MCI", "AD"])
    options = ["--input", cohort, "--model", model]
    expected = "are not the classes of the model; give CN,MCI,AD"
    for number, classes in enumerate(("CN,EMCI,MCI,LMCI,AD", "CN,AD,MCI", "HC,SCD,DEM")):
        [line] = complaint(tmp_path / f"{number}", tmp_path, {"classes": classes}, *options)
        assert line == f"parameter classes: '{classes}' {expected}"
        result = run(tmp_path / "option", *options, "--classes", classes)
        assert result.stderr == f"Error: parameter classes: '{classes}' {expected}\n"
    assert complaint(tmp_path / "same", tmp_path, {"classes": "CN,MCI,AD"}, *options) == []
    assert run(tmp_path / "asked", *options).exit_code == 0


@pytest.mark.parametrize("classes", ["CN", "CN,cn", "1,2", "CN,,AD", "CN,A$D", "CN,all"])
def test_classes_that_are_none_are_one_line_whatever_the_sheet_says(cohort: Path, tmp_path: Path, classes: str) -> None:
    cohort.write_text(cohort.read_text().replace("mci", "sick"))
    [line] = complaint(tmp_path / "out", tmp_path, {"classes": classes}, "--input", cohort)
    assert line.startswith("parameter classes: '")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ({"label_codes": "1=sick"}, "parameter label_codes: '1=sick' is no value=CLASS; give pairs"),
        ({"classes": "HC,SCD", "label_codes": "1=CN"}, "parameter label_codes: '1=CN' is no value=CLASS; give pairs"),
        ({"t1w_filter": "ses-1"}, "parameter t1w_filter: 'ses-1' is no part that tells images of one visit apart"),
    ],
)
def test_codes_or_filters_that_are_none_are_one_line_beside_a_sheet(cohort, tmp_path, given, start) -> None:
    [line] = complaint(tmp_path / "out", tmp_path, given, "--input", cohort)
    assert line.startswith(start)


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
    assert (found["size"], found["slice_range"], found["fov"]) == (64, [0.3, 0.8], 200)


def test_what_the_wanted_scores_take_is_handed_to_the_reconstruction(cohort: Path, tmp_path: Path) -> None:
    for more, cubes in (("anomaly", ""), ("mahalanobis,forward", "ensemble,health_direction")):
        scores = f"round_trip,likeness,{more}"
        (tmp_path / "params.json").write_text(json.dumps({"input": "samplesheet.csv", "scores": scores}))
        given = ("--input", cohort, "--parameters", tmp_path / "params.json")
        assert run(tmp_path / "out", *given).exit_code == 0
        assert (tmp_path / "out/cubes.txt").read_text() == f"{cubes}\n"


def test_former_names_of_scores_mean_those_of_today_and_are_warned_of(cohort: Path, tmp_path: Path) -> None:
    former = {"scores": "round_trip,disease,mahalanobis", "calibrated_score": "disease"}
    assert complaint(tmp_path / "out", tmp_path, former, "--input", cohort) == []
    assert (tmp_path / "out/cubes.txt").read_text() == "ensemble\n"
    found = (tmp_path / "out/warnings.txt").read_text().splitlines()
    assert [line for line in found if "the old name" in line] == [
        f"parameter {name}: disease is called likeness now; the old name goes with the next release" for name in former
    ]


def test_a_model_fixes_conforming_and_takes_every_scan_as_test(cohort: Path, model: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "out", "--input", cohort, "--model", model).exit_code == 0
    assert set(read(tmp_path / "out" / "split.csv")["split"]) == {"test"}
    found = json.loads((tmp_path / "out" / "conform.json").read_text())
    assert (found["size"], found["slice_range"], found["fov"], found["space"]) == (64, [0.4, 0.7], 180.0, "scanner")
    assert "model: trained on heads as they lay in the scanner" in (tmp_path / "out/warnings.txt").read_text()


def test_a_model_without_its_training_scans_is_trusted_aloud(cohort: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "out", "--input", cohort, "--model", write_model(tmp_path / "plain")).exit_code == 0
    [line] = [line for line in (tmp_path / "out/warnings.txt").read_text().splitlines() if "the model" in line]
    assert line.endswith("is on trust")


@pytest.mark.parametrize("holds_scans", [True, False])
def test_ids_of_training_scans_are_reported_where_the_voxels_are_others(
    cohort: Path, tmp_path: Path, holds_scans: bool
) -> None:
    learned = {"CN": ["s3"], "AD": ["q"]} if holds_scans else {"CN": ["s3", "s5", "z"], "AD": ["q"]}
    model = write_model(tmp_path / "stated", training={"scans": learned})
    if holds_scans:
        known = nibabel.load(tmp_path / "scan 5.nii.gz").get_fdata()
        write_training_scans(model, [known] * 2)
    assert run(tmp_path / "out", "--input", cohort, "--model", model).exit_code == 0
    lines = [line for line in (tmp_path / "out/warnings.txt").read_text().splitlines() if "the model" in line]
    assert len(lines) == 2
    named = "1 scan with the ids of its training scans (s3)" if holds_scans else "2 scans with"
    assert lines[1].startswith(f"the model: give {named}")
    assert set(read(tmp_path / "out/split.csv")["split"]) == ({"test", "train"} if holds_scans else {"test"})
    (tmp_path / "params.json").write_text(json.dumps({"simulate": 30}))
    options = ["--input", cohort, "--model", model, "--parameters", tmp_path / "params.json"]
    assert "with the ids" not in run(tmp_path / "simulated", *options).stderr


def test_scans_that_a_model_was_trained_on_are_train_whatever_the_sheet_says(cohort: Path, model: Path, tmp_path: Path):
    voxels = [nibabel.load(tmp_path / f"scan {number}.nii.gz").get_fdata() for number in (2, 5)]
    learned = [voxels[0][:, ::-1] * 7, np.pad(np.where(voxels[1] == 0, -1, voxels[1]), 2, constant_values=-1)]
    write_training_scans(model, learned)
    result = run(tmp_path / "out", "--input", cohort, "--model", model)
    assert result.exit_code == 0, result.output
    assert "the model was trained on 2 of the 10 scans, as the voxels tell: s2, s5; train again" in result.stderr
    split = read(tmp_path / "out/split.csv").set_index("scan")["split"]
    assert split[split == "train"].index.tolist() == ["s2", "s5"]
    assert set(split.drop(["s2", "s5"])) == {"test"}


def test_people_that_a_model_was_trained_on_are_train_and_no_controls(cohort: Path, tmp_path: Path) -> None:
    people = pd.read_csv(cohort, dtype=str)
    people.assign(subject="IXI00" + people["subject"]).to_csv(cohort, index=False)
    model = write_model(tmp_path / "stated", training_subjects=["IXI3", "sub-ixi-005", "x"])
    result = run(tmp_path / "out", "--input", cohort, "--model", model)
    assert "the model: 2 scans of subjects with the ids of people that it learned from (s3, s5)" in result.stderr
    known = read(tmp_path / "out/samplesheet.csv").set_index("scan").loc[["s3", "s5"], ["split", "control"]]
    assert known.to_numpy().tolist() == [["train", "no"]] * 2


def test_a_model_that_knows_fewer_of_its_training_scans_than_it_lists_is_refused(cohort: Path, tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", training={"scans": {"CN": ["s3", "z"], "AD": ["q"]}})
    voxels = nibabel.load(tmp_path / "scan 2.nii.gz").get_fdata()
    for known, status in ((2, 1), (3, 0)):
        write_training_scans(model, [voxels] * known)
        result = run(tmp_path / f"out{known}", "--input", cohort, "--model", model)
        assert result.exit_code == status
        assert ("tells of 2 scans, and config.json of 3 that it was trained on" in result.stderr) == (status == 1)


def test_torn_training_scans_of_a_model_are_a_problem(cohort: Path, model: Path, tmp_path: Path) -> None:
    (model / "training_scans.safetensors").write_bytes(b"torn")
    result = run(tmp_path / "out", "--input", cohort, "--model", model)
    assert result.exit_code == 1
    assert "training_scans.safetensors: cannot be read (" in result.stderr


def test_one_person_written_two_ways_is_a_problem_and_a_copy_is_reported(cohort: Path, tmp_path: Path) -> None:
    save(tmp_path / "new.nii.gz", 99)
    voxels = nibabel.load(tmp_path / "scan 4.nii.gz").get_fdata()
    nibabel.Nifti1Image((voxels.T * 2000).astype(np.int16), np.diag([12, 12, 12, 1])).to_filename(
        tmp_path / "again.nii.gz"
    )
    cohort.write_text("\n".join([cohort.read_text(), "b1,sub-7,new.nii.gz,CN,", "b2,p2,again.nii.gz,CN,"]))
    result = run(tmp_path / "out", "--input", cohort)
    assert result.exit_code == 1
    first, second = result.stderr.removeprefix("Error: ").splitlines()
    assert first.startswith("samplesheet.csv row 12, subject: 'sub-7' and '007' of row 9 differ only in zeros")
    assert f"is a turned, mirrored, cropped, rescaled or retyped copy of row 6 ('{tmp_path}/scan 4.nii.gz')" in second
    assert not (tmp_path / "out").exists()


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
        "cubes.txt",
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
        ["--scan", "{}", "--atlas", "atlas.nii.gz"],
        ["--scan", "{}", "--atlas-names", "names.tsv"],
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


@pytest.mark.parametrize(
    ("shift", "status", "said"), [(0, 0, ""), (60, 0, "only"), (300, 1, "none of its regions lies in it")]
)
def test_an_atlas_elsewhere_is_told(tmp_path, shift, status, said):
    voxels, affine = head_on("isotropic")
    nibabel.save(nibabel.Nifti1Image(voxels, affine), tmp_path / "a.nii")
    moved = affine.copy()
    moved[1, 3] += shift
    nibabel.save(nibabel.Nifti1Image((voxels > 0.2 * voxels.max()).astype(np.int16), moved), tmp_path / "atlas.nii")
    (tmp_path / "names.tsv").write_text("index\tname\n1\tbrain\n")
    model = ("--model", write_model(tmp_path / "model"))
    atlas = ("--atlas", tmp_path / "atlas.nii", "--atlas-names", tmp_path / "names.tsv")
    result = run(
        tmp_path / "out", "--scan", json.dumps({"image": str(tmp_path / "a.nii"), "label": "CN"}), *model, *atlas
    )
    assert result.exit_code == status, result.output
    assert ("atlas.nii' on the brain of" in result.output) is bool(said)
    assert said in result.output


def test_atlas_is_read_before_anything_is_computed(cohort, tmp_path):
    (tmp_path / "names.tsv").write_text("number\tname\n1\tinsula\n")
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 4, 4), np.int16), np.eye(4)), tmp_path / "atlas.nii.gz")
    atlas = ("--atlas", tmp_path / "atlas.nii.gz", "--atlas-names", tmp_path / "names.tsv")
    result = run(tmp_path / "out", "--input", cohort, *atlas)
    assert result.exit_code == 1
    assert "names.tsv: has the columns" in result.stderr
    (tmp_path / "parameters.json").write_text("{}")
    result = run(tmp_path / "out", "--input", cohort, *atlas[:2], "--parameters", tmp_path / "parameters.json")
    assert result.exit_code == 1
    [line] = result.stderr.splitlines()[-1:]
    assert line.endswith("atlas.nii.gz' is given alone; give atlas_names, too")


def test_options_count_where_the_parameters_do_not_say(cohort: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "parameters.json").write_text('{"seed": 3}')
    parameters = ("--parameters", tmp_path / "parameters.json")
    scan = ("--scan", json.dumps({"image": str(tmp_path / "scan 0.nii.gz"), "label": "AD", "scan": "a"}))
    for options in (("--input", cohort), (*scan, "--model", model)):
        result = run(tmp_path / "out", *options, *parameters)
        assert result.exit_code == 0, result.output
    assert run(tmp_path / "none", *parameters).exit_code == 1


def write_bad_scans(cohort: Path, folder: Path) -> None:
    (folder / "torn.nii.gz").write_bytes((folder / "scan 0.nii.gz").read_bytes()[:1000])
    cohort.write_text("\n".join([cohort.read_text(), "b1,q1,missing.nii.gz,CN,", "b2,q2,torn.nii.gz,CN,60"]))


def test_bad_scans_are_left_out_when_asked_and_reported(cohort: Path, tmp_path: Path) -> None:
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


def test_many_scans_that_are_left_out_for_one_reason_are_a_line(cohort: Path, tmp_path: Path) -> None:
    gone = [f"b{number},q{number},gone/{number}.nii,CN," for number in range(9)]
    cohort.write_text("\n".join([cohort.read_text(), *gone]))
    result = run(tmp_path / "out", "--input", cohort, "--skip-bad-scans")
    assert result.exit_code == 0, result.output
    warnings = (tmp_path / "out/warnings.txt").read_text().splitlines()
    [line] = [line for line in warnings if line.startswith("left out: ")]
    assert line.endswith("; 8 more like this: b1, b2, b3 and 5 more")
    assert read(tmp_path / "out/skipped.csv")["scan"].tolist() == [f"b{number}" for number in range(9)]


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


def write_dataset(folder: Path, table: list[str], images: int) -> Path:
    """Write a BIDS dataset of healthy and ill subjects in turn; of those after `images` there is no image."""
    root = folder / "dataset"
    for number in range(1, images + 1):
        (root / f"sub-0{number}/anat").mkdir(parents=True)
        save(root / f"sub-0{number}/anat/sub-0{number}_T1w.nii.gz", number)
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.8.0"}')
    (root / "participants.tsv").write_text("\n".join(["participant_id\tdiagnosis", *table]) + "\n")
    return root


def test_people_without_an_image_or_a_label_are_left_out_when_asked_and_reported(tmp_path: Path) -> None:
    table = ["sub-01\tCN", "sub-02\tAD", "sub-03\tn/a", "sub-04\tMCI", "sub-05\tn/a"]
    root = write_dataset(tmp_path, table, images=3)
    stopped = run(tmp_path / "none", "--input", root)
    assert stopped.exit_code == 1
    assert [line.split(": ")[0] for line in stopped.stderr.removeprefix("Error: ").splitlines()] == [
        "participants.tsv row 4, diagnosis",
        "participants.tsv row 5, participant_id",
        "participants.tsv row 6, participant_id",
    ]
    result = run(tmp_path / "out", "--input", root, "--skip-bad-scans")
    assert result.exit_code == 0, result.output
    assert "left out by --skip_bad_scans: 3 scans of 5" in result.stderr
    skipped = read(tmp_path / "out/skipped.csv")
    assert skipped.to_numpy().tolist() == [
        ["sub-03", "sub-03", "", "no label"],
        ["sub-04", "sub-04", "MCI", "no T1w image"],
        ["sub-05", "sub-05", "", "no T1w image"],
    ]
    assert read(tmp_path / "out/samplesheet.csv")["scan"].tolist() == ["sub-01", "sub-02"]


def test_rows_of_a_sheet_without_a_label_are_left_out_when_asked(cohort: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "calm", "--input", cohort).exit_code == 0
    save(tmp_path / "more.nii.gz", 99)
    cohort.write_text(f"{cohort.read_text()}\nb1,q1,more.nii.gz,n/a,\nb2,q2,,CN,\n")
    assert run(tmp_path / "none", "--input", cohort).exit_code == 1
    assert run(tmp_path / "out", "--input", cohort, "--skip-bad-scans").exit_code == 0
    assert read(tmp_path / "out/skipped.csv")["reason"].tolist() == ["no label", "no image"]
    assert (tmp_path / "out/samplesheet.csv").read_bytes() == (tmp_path / "calm/samplesheet.csv").read_bytes()


@pytest.mark.parametrize("known_by", ["row", "bad scan", "session"])
def test_whoever_converts_is_no_control_and_that_is_said(
    known_by: str, cohort: Path, model: Path, tmp_path: Path
) -> None:
    if known_by == "session":
        source = write_dataset(tmp_path, ["sub-01\tCN", "sub-02\tCN", "sub-03\tAD"], images=3)
        folder = source / "sub-01/ses-1/anat"
        folder.mkdir(parents=True)
        (source / "sub-01/anat/sub-01_T1w.nii.gz").rename(folder / "sub-01_ses-1_T1w.nii.gz")
        (source / "sub-01/sub-01_sessions.tsv").write_text("session_id\tdiagnosis\nses-1\tCN\nses-2\tMCI\n")
        expected = {"sub-01": "no", "sub-02": "yes", "sub-03": "no"}
    else:
        source = cohort
        image = "gone.nii.gz" if known_by == "bad scan" else "extra.nii.gz"
        save(tmp_path / "extra.nii.gz", 50)
        cohort.write_text(f"{cohort.read_text()}\nlater,000,{image},MCI,\n")
        expected = {"000": "no", "003": "yes", "001": "no"}
    result = run(tmp_path / "out", "--input", source, "--model", model, "--skip-bad-scans")
    assert result.exit_code == 0, result.output
    assert (
        "1 subject CN at a visit and of another class at another, in the sheet or its tables: no control"
        in result.stderr
    )
    sheet = read(tmp_path / "out/samplesheet.csv").set_index("subject")["control"]
    assert {subject: sheet[sheet.index == subject].max() for subject in expected} == expected
    again = run(tmp_path / "again", "--input", tmp_path / "out/samplesheet.csv", "--model", model)
    assert again.exit_code == 0, again.output
    assert (tmp_path / "again/samplesheet.csv").read_bytes() == (tmp_path / "out/samplesheet.csv").read_bytes()


NOTES = ['he said ""so"", then left', "-3.2", "007", "n/a", "", "a\nb", "Zoë; $(id)", "--", "+1e-3", "50%"]


def with_notes(cohort: Path) -> Path:
    """Add two columns of the user's own to the sheet of ten scans."""
    header, *lines = cohort.read_text().splitlines()
    noted = [f'{line},"{note}",{number}' for number, (line, note) in enumerate(zip(lines, NOTES, strict=True))]
    cohort.write_text("\n".join([f"{header},Notes,mmse", *noted]), encoding="utf-8")
    return cohort


def test_columns_of_ones_own_are_kept_as_they_are(cohort: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "plain", "--input", cohort).exit_code == 0
    assert run(tmp_path / "out", "--input", with_notes(cohort)).exit_code == 0
    sheet = read(tmp_path / "out/samplesheet.csv")
    assert tuple(sheet) == (*COLUMNS, "Notes", "mmse")
    assert sheet["Notes"].tolist() == [note.replace('""', '"') for note in NOTES]
    assert sheet["mmse"].tolist() == [str(number) for number in range(10)]
    # What tasks are made of is as it is without them
    for name in ("rows.csv", "split.csv", "inputs.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
    again = run(tmp_path / "again", "--input", tmp_path / "out/samplesheet.csv")
    assert again.exit_code == 0, again.output
    assert (tmp_path / "again/samplesheet.csv").read_bytes() == (tmp_path / "out/samplesheet.csv").read_bytes()


def test_columns_of_ones_own_are_left_out_where_ids_are_pseudonyms(cohort: Path, tmp_path: Path) -> None:
    hidden = {"pseudonymise": True, "pseudonym_salt": "a long secret"}
    assert complaint(tmp_path / "out", tmp_path, hidden, "--input", with_notes(cohort)) == []
    assert tuple(read(tmp_path / "out/samplesheet.csv")) == COLUMNS
    assert "left" not in (tmp_path / "out/samplesheet.csv").read_text()
    expected = "left out where ids are pseudonyms: Notes, mmse, which could name people"
    assert expected in (tmp_path / "out/warnings.txt").read_text().splitlines()


def test_codes_and_filter_come_from_the_options(cohort: Path, tmp_path: Path) -> None:
    cohort.write_text(cohort.read_text().replace(",mci,", ",2,").replace(",MCI,", ",2,"))
    assert run(tmp_path / "none", "--input", cohort).exit_code == 1
    assert run(tmp_path / "out", "--input", cohort, "--label-codes", "2=MCI").exit_code == 0
    assert read(tmp_path / "out/samplesheet.csv")["label"].value_counts()["MCI"] == 3
    for option, value in (("--label-codes", "2"), ("--label-codes", "1=CN,1=AD"), ("--t1w-filter", "norm")):
        refused = run(tmp_path / "none", "--input", cohort, option, value)
        assert refused.exit_code == 1
        [line] = refused.stderr.splitlines()
        assert line.startswith(f"Error: parameter {option[2:].replace('-', '_')}: ")
    refused = run(tmp_path / "none", "--input", cohort, "--label-codes", "2=MCI", "--t1w-filter", "rec-norm")
    assert "samplesheet.csv: is no BIDS dataset, of whose images --t1w_filter could choose" in refused.stderr


def test_scans_that_are_odd_are_reported_and_used(cohort: Path, tmp_path: Path) -> None:
    for number in range(7):
        voxels = small_brain((12, 12, 12), 100 + number)
        nibabel.Nifti1Image(voxels, np.diag([19, 19, 19, 1])).to_filename(tmp_path / f"head{number}.nii")
    cohort.write_text("\n".join([cohort.read_text(), *(f"h{n},q{n},head{n}.nii,CN,60" for n in range(7))]))
    (tmp_path / "params.json").write_text(json.dumps({"input": "samplesheet.csv", "prepare": "never"}))
    result = run(tmp_path / "out", "--input", cohort, "--parameters", tmp_path / "params.json")
    assert result.exit_code == 0, result.output
    warnings = (tmp_path / "out/warnings.txt").read_text().splitlines()
    heads = [line for line in warnings if "a whole head rather than a brain; strip the skull" in line]
    [line] = heads
    assert line.startswith(f"samplesheet.csv row 12, scan h0, image: '{tmp_path / 'head0.nii'}' shows ")
    assert line.endswith("; 6 more like this: h1, h2, h3 and 3 more")
    assert all(line in result.stderr for line in warnings)


def test_what_an_earlier_check_left_out_and_renamed_goes_with_it(cohort: Path, tmp_path: Path) -> None:
    out, parameters = tmp_path / "out", tmp_path / "params.json"
    parameters.write_text(
        json.dumps({"input": "x.csv", "pseudonymise": True, "pseudonym_salt": "much too long to guess"})
    )
    sound = cohort.read_text()
    cohort.write_text(f"{sound}\ngone,p,gone.nii.gz,AD,")
    assert run(out, "--input", cohort, "--skip-bad-scans", "--parameters", parameters).exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == sorted([*OUTPUTS, "pseudonyms.csv", "skipped.csv"])
    cohort.write_text(sound)
    assert run(out, "--input", cohort).exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == OUTPUTS


def test_a_written_sheet_given_again_with_a_model_tells_whom_it_denies(
    cohort: Path, model: Path, tmp_path: Path
) -> None:
    assert run(tmp_path / "out", "--input", cohort).exit_code == 0
    written = tmp_path / "out/samplesheet.csv"
    again = run(tmp_path / "again", "--input", written)
    assert "column control" not in again.stderr
    sheet = read(written)
    trained = (sheet["label"] == "CN") & (sheet["split"] == "train")
    sheet.drop(columns="split").to_csv(written, index=False)
    result = run(tmp_path / "model's", "--input", written, "--model", model)
    assert result.exit_code == 0, result.output
    assert f"{trained.sum()} CN scans not trained on, no controls by the sheet's column control" in result.stderr
