"""The tools one after another, on people of three classes that are not ADNI's."""

import importlib
import json
from pathlib import Path

import click
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from healthward.inputs.other_columns import WRITTEN

ARCHITECTURE = "--channels 16,16 --attention-levels 0,1 --head-channels 16 --conditioning-dim 8"
CLASSES = ("--classes", "HC,SCD,DEM")
QUICK = ("--noise-depth", 99, "--ddim-steps", 2, "--inversion-iterations", 1)


def call(tool: str, *arguments: object) -> Result:
    [command] = [found for found in vars(importlib.import_module(tool)).values() if isinstance(found, click.Command)]
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def done(tool: str, *arguments: object) -> None:
    result = call(tool, *arguments)
    assert result.exit_code == 0, result.output


def translate(folder: Path, name: str, *options: object):
    line = (folder / f"slices/{name}", "--model", folder / "model")
    return call("reconstruct", *line, *QUICK, *options, "--out", folder / "reconstructions")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the tools make of six simulated people, a row of the sheet each."""
    folder = tmp_path_factory.mktemp("study")
    done("simulate", "--subjects", 6, "--size", 32, *CLASSES, "--out", folder / "people")
    sheet = pd.read_csv(folder / "people/samplesheet.csv").assign(split=["train"] * 3 + ["test"] * 3)
    sheet.to_csv(folder / "people/samplesheet.csv", index=False)
    done("check", "--input", folder / "people/samplesheet.csv", *CLASSES, "--workers", 1, "--out", folder / "checked")
    for row in pd.read_csv(folder / "checked/samplesheet.csv").to_dict("records"):
        named = ("--scan", row["scan"], "--subject", row["subject"], "--label", row["label"].lower())
        options = ("--split", row["split"], "--size", 32, "--slice-range", 0.45, 0.55, *CLASSES)
        done("slice", row["image"], *named, *options, "--out", folder / "slices" / row["scan"])
    slices = sorted((folder / "slices").iterdir())
    done(
        "train", *slices, *CLASSES, *ARCHITECTURE.split(), "--iterations", 2, "--batch-size", 2, "--warmup", 1,
        "--validate-every", 2, "--checkpoints", folder / "checkpoints", "--out", folder / "model",
    )  # fmt: skip
    for place in slices:
        result = translate(folder, place.name)
        assert result.exit_code == 0, result.output
        made = (place, folder / "reconstructions" / place.name)
        done("map", *made, folder / f"people/{place.name}.nii.gz", "--out", folder / "maps" / place.name)
    made = ("--reconstructions", folder / "reconstructions", "--maps", folder / "maps")
    done("score", *slices, *made, "--metrics", "ssim", "--out", folder / "scores")
    scores = sorted((folder / "scores").iterdir())
    options = ("--samplesheet", folder / "checked/samplesheet.csv", "--lowest", 1)
    done("aggregate", *scores, *CLASSES, "--model", folder / "model", *options, "--out", folder / "report")
    return folder


def test_the_model_says_its_classes_in_order(study: Path) -> None:
    config = json.loads((study / "model/config.json").read_text())
    assert config["classes"] == ["HC", "SCD", "DEM"]
    assert config["architecture"]["conditions"] == 4
    assert config["training"]["people"] == {"HC": 1, "SCD": 1, "DEM": 1}


def test_the_tables_and_the_report_are_of_these_classes(study: Path) -> None:
    scans = pd.read_csv(study / "report/tables/scans.csv").set_index("scan")
    assert scans["label"].to_dict() == {f"{name}00{n}": name.upper() for name in ("dem", "hc", "scd") for n in (0, 1)}
    assert set(scans["log_odds_of"]) == {"DEM"}
    assert {"scan", *scans} <= WRITTEN
    assert scans.index[scans["control"] == "yes"].tolist() == ["hc001"]
    groups = pd.read_csv(study / "report/tables/groups.csv")
    assert list(groups["label"].unique()) == ["HC", "SCD", "DEM"]
    compared = pd.read_csv(study / "report/tables/comparisons.csv")
    assert set(compared["reference"].dropna()) == {"HC"}
    assert "HC SCD DEM" in set(compared["group"])
    assert "to look like class HC" in (study / "report/report.html").read_text(encoding="utf-8")


def test_a_model_is_asked_for_its_classes(study: Path, tmp_path: Path) -> None:
    for options, line in (
        (("--healthy", "CN"), "Error: --healthy: 'CN' is no class; write one of HC, SCD, DEM"),
        (("--disease", "hc"), "Error: --disease: 'HC' is the healthy class, too; give another one"),
        (("--classes", "CN,MCI,AD"), "Error: --classes: 'CN,MCI,AD' are not the classes of the model; give HC,SCD,DEM"),
    ):
        result = call(
            "reconstruct", study / "slices/hc000", "--model", study / "model",
            *QUICK, *options, "--out", tmp_path / "out",
        )  # fmt: skip
        assert result.exit_code == 1
        assert result.output.splitlines()[-1] == line
        assert not (tmp_path / "out").exists()


def test_settings_are_chosen_by_the_first_class(study: Path, tmp_path: Path) -> None:
    done(
        "tune", study / "slices/scd001", "--model", study / "model", "--guidance-scales", "1,2", "--noise-depths", 49,
        "--ddim-steps", 2, "--every", 2, "--out", tmp_path,
    )  # fmt: skip
    table = pd.read_csv(tmp_path / "scd001.csv")
    people = [("a", "HC"), ("b", "HC"), ("c", "SCD"), ("d", "DEM")]
    pd.concat(table.assign(scan=scan, subject=scan, label=label) for scan, label in people).to_csv(
        tmp_path / "all.csv", index=False
    )
    done("choose", tmp_path / "all.csv", *CLASSES, "--out", tmp_path / "chosen")
    result = call("choose", tmp_path / "all.csv", "--out", tmp_path / "other")
    assert "guidance led toward 'HC', not 'CN'; tune again, or give --healthy" in result.output


def test_other_classes_than_those_of_the_scans_are_one_line(study: Path, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "out")
    slices, scores = study / "slices/scd000", study / "scores/scd000"
    for tool, arguments, part in (
        ("train", (slices, "--checkpoints", tmp_path / "c"), "scan scd000 has the label 'SCD', none of CN, EMCI, MCI,"),
        ("aggregate", (scores,), "scan.csv: label 'SCD' is none of CN, EMCI, MCI, LMCI, AD"),
        ("aggregate", (scores, "--classes", "CN,cn"), "'CN' and 'cn' are one name; give each class its own"),
        ("aggregate", (scores, *CLASSES, "--healthy", "cn"), "'cn' is no class; write one of HC, SCD, DEM"),
        ("simulate", ("--subjects", 5, "--classes", "1,2"), "'1' is no name of a class; write letters, digits"),
    ):
        result = call(tool, *arguments, *out)
        assert result.exit_code in (1, 2)
        [line] = [line for line in result.output.splitlines() if line.startswith("Error: ")]
        assert part in line
        assert not (tmp_path / "out").exists()
