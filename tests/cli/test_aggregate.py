import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from aggregate import aggregate
from healthward.diffusion.model import load_model
from healthward.inputs.other_columns import WRITTEN
from models import write_model
from unit.test_cohort import write_cohort


def run(*arguments: object):
    # Drawing the slices of lowest SSIM takes longest
    return CliRunner().invoke(aggregate, ["--lowest", "1", *(str(argument) for argument in arguments)])


@pytest.fixture
def scores(tmp_path: Path) -> list[Path]:
    return write_cohort(tmp_path / "scores", 5)


def test_cohort_becomes_tables_figures_report_and_summary(scores: list[Path], tmp_path: Path):
    parameters = tmp_path / "params.json"
    parameters.write_text('{"guidance_scale": 3.5}')
    result = run(*scores, "--parameters", parameters, "--lowest", 3, "--healthy", "cn", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    out = tmp_path / "out"
    for name in ("slices", "scans", "outlier_scans", "lowest_slices", "groups", "comparisons", "localisation"):
        assert (out / "tables" / f"{name}.csv").stat().st_size
    assert sorted(path.stem for path in (out / "figures" / "scans").iterdir()) == [place.name for place in scores]
    assert "guidance_scale" in (out / "report.html").read_text(encoding="utf-8")
    summary = (out / "summary.txt").read_text(encoding="utf-8")
    assert len(summary.splitlines()) == 3
    assert summary in result.output


def test_samplesheet_brings_age_sex_and_site(tmp_path: Path):
    scores = write_cohort(tmp_path / "scores", 40, ("CN", "AD"))
    lines = ["scan,subject,image,label,split,mask,age,sex,site"]
    lines += [
        f"s{n:02d},s{n:02d},/data/{n}.nii.gz,{('CN', 'AD')[n % 2]},test,,{50 + n / 2},{'MF'[n % 2]}," for n in range(40)
    ]
    (tmp_path / "samplesheet.csv").write_text("\n".join(lines))
    result = run(*scores, "--samplesheet", tmp_path / "samplesheet.csv", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    scans = pd.read_csv(tmp_path / "out" / "tables" / "scans.csv")
    assert list(scans.columns[3:8]) == ["split", "control", "age", "sex", "ssim"]
    assert scans["contrast_p99_adjusted"].notna().all()
    assert (tmp_path / "out" / "tables" / "false_positives.csv").is_file()


def label_of(place: Path) -> str:
    return pd.read_csv(place / "scan.csv").at[0, "label"]


def test_columns_of_ones_own_come_last_in_the_table_and_into_the_report(scores: list[Path], tmp_path: Path):
    notes = ['<b>bold</b>, ""said""', "007", "-3.2", "", "a\nb"]
    lines = ["scan,subject,image,label,Notes,mmse"]
    lines += [
        f'{place.name},{place.name},/data/{n}.nii.gz,{label_of(place)},"{note}",{n}'
        for n, (place, note) in enumerate(zip(scores, notes, strict=True))
    ]
    (tmp_path / "samplesheet.csv").write_text("\n".join([*lines, "s99,s99,/data/99.nii.gz,CN,stranger,9"]))
    outs = [tmp_path / "out", tmp_path / "plain"]
    assert run(*scores, "--samplesheet", tmp_path / "samplesheet.csv", "--out", outs[0]).exit_code == 0
    assert run(*scores, "--out", outs[1]).exit_code == 0
    scans, plain = (pd.read_csv(out / "tables/scans.csv", dtype=str, keep_default_na=False) for out in outs)
    assert list(scans) == [*plain, "Notes", "mmse"]
    assert scans["Notes"].tolist() == [note.replace('""', '"') for note in notes]
    pd.testing.assert_frame_equal(scans[list(plain)], plain)
    for name in ("comparisons.csv", "groups.csv"):
        assert len({(out / "tables" / name).read_bytes() for out in outs}) == 1
    report = (outs[0] / "report.html").read_text(encoding="utf-8")
    assert "<b>bold" not in report
    assert "&lt;b&gt;bold&lt;/b&gt;, &#34;said&#34;" in report
    assert ">Notes<" in report
    assert ">Notes<" not in (outs[1] / "report.html").read_text(encoding="utf-8")


def test_no_column_of_ones_own_can_be_called_as_a_column_of_the_table(tmp_path: Path):
    places = write_cohort(tmp_path / "scores", 40, ("CN", "AD"))
    sheet = tmp_path / "samplesheet.csv"
    rows = [
        f"{place.name},{place.name},/data/{n}.nii.gz,{label_of(place)},{50 + n / 2},{'MF'[n % 2]},{'AB'[n % 2]}"
        for n, place in enumerate(places)
    ]
    sheet.write_text("\n".join(["scan,subject,image,label,age,sex,site", *rows]))
    assert run(*places, "--samplesheet", sheet, "--out", tmp_path / "out").exit_code == 0
    columns = set(pd.read_csv(tmp_path / "out/tables/scans.csv"))
    assert "contrast_p99_adjusted" in columns
    assert columns <= WRITTEN


def made_with(place: Path, **changes: object) -> Path:
    """Change what a folder says that it was made of."""
    origin = json.loads((place / "origin.json").read_text())
    for key, value in changes.items():
        (origin if key in ("scan", "fingerprint", "learned") else origin["method"])[key] = value
    (place / "origin.json").write_text(json.dumps(origin))
    return place


def refused(tmp_path: Path, *arguments: object) -> str:
    result = run(*arguments, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert not (tmp_path / "out").exists()
    [line] = result.stderr.removeprefix("Error: ").splitlines()
    return line


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "beef"}, "made with model beef, not f00d as {0}; give what one model made in one way; 1 more"),
        ({"guidance_scale": 5.0}, "made with guidance_scale 5, not 3 as {0}; give what one model made in one way"),
        ({"disease": "MCI"}, "made with disease MCI, not AD as {0}; give what one model made in one way"),
        ({"size": 48}, "made with size 48, not 32 as {0}; give what one model made in one way"),
    ],
)
def test_scores_that_were_made_otherwise_are_refused(scores, tmp_path: Path, changes: dict[str, object], said: str):
    for place in scores[2:4]:
        made_with(place, **changes)
    assert refused(tmp_path, *scores).startswith(f"{scores[2]}: {said.format(scores[0])}")


def test_scores_of_an_older_version_of_another_class_or_model_are_refused(scores: list[Path], tmp_path: Path):
    model = write_model(tmp_path / "model")
    digest = load_model(model).digest()[:12]
    said = f"made with model f00d, and {model} is {digest}; give the model that made the scores"
    assert refused(tmp_path, *scores, "--model", model) == f"{scores[0]}: {said}"
    assert f"{tmp_path / 'config.json'}: missing" in refused(tmp_path, *scores, "--model", tmp_path)
    said = "made with CN as the healthy class, not EMCI; give --healthy CN"
    assert refused(tmp_path, *scores, "--healthy", "EMCI") == f"{scores[0]}: {said}"
    (scores[1] / "origin.json").unlink()
    said = f"{scores[1]}: has no origin.json that tells what it was made of; score the scan again"
    assert refused(tmp_path, *scores) == said


@pytest.fixture
def calibrations(scores: list[Path], tmp_path: Path) -> Path:
    row = dict.fromkeys(("z_mean", "z_p99", "beyond_1", "beyond_5", "abnormal_ml", "round_trip_z_p99"), 0.0)
    for place in scores:
        made = tmp_path / "calibrations" / place.name
        made.mkdir(parents=True)
        shutil.copy(place / "origin.json", made)
        made_with(made, score="likeness", norm="n1")
        pd.DataFrame([{"scan": place.name, **row}]).to_csv(made / "calibration.csv", index=False)
    return tmp_path / "calibrations"


def test_calibrations_of_one_norm_are_taken(scores: list[Path], calibrations: Path, tmp_path: Path):
    assert run(*scores, "--calibrations", calibrations, "--out", tmp_path / "fine").exit_code == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "has no origin.json that tells what it was made of; calibrate the scan again"),
        ({"model": "beef"}, "made with model beef, not f00d as {scores}; give what one model made in one way"),
        ({"fingerprint": "11"}, "made of other slices than {scores}; calibrate the scan again"),
        (
            {"norm": "n2"},
            "made with norm n2, not n1 as {first}; calibrate all scans by one norm, with one score",
        ),
        ({"atlas": "a"}, "made with atlas a, not unknown as {first}; calibrate all scans by one norm, with one score"),
    ],
)
def test_calibrations_of_another_model_or_norm_are_refused(
    scores: list[Path], calibrations: Path, tmp_path: Path, changes: dict[str, object], said: str
):
    place = calibrations / scores[3].name
    if changes:
        made_with(place, **changes)
    else:
        (place / "origin.json").unlink()
    wanted = said.format(scores=scores[3], first=calibrations / scores[0].name)
    assert refused(tmp_path, *scores, "--calibrations", calibrations).startswith(f"{place}: {wanted}")


def test_a_scan_that_the_model_learned_is_a_training_scan_whatever_its_split_says(scores: list[Path], tmp_path: Path):
    made_with(scores[0], learned=True)
    result = run(*scores, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    said = "1 scan of people that the model was trained on, whatever their split says: 's00'; train, and no controls"
    assert said in result.stderr.splitlines()
    scans = pd.read_csv(tmp_path / "out/tables/scans.csv").set_index("scan")
    assert scans.loc["s00", ["split", "control"]].tolist() == ["train", "no"]
    assert set(scans.drop("s00")["split"]) == {"test"}


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--samplesheet", "broken.json", "broken.json: line 1"),
        ("--samplesheet", "age.csv", "age.csv row 2, age: 'old' is no age in years"),
        ("--parameters", "broken.json", "no valid JSON"),
        ("--parameters", "list.json", "no JSON object"),
    ],
)
def test_users_mistake_is_one_line(scores: list[Path], tmp_path: Path, option: str, value: str, message: str):
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "age.csv").write_text("scan,subject,image,label,age\ns00,s00,a.nii.gz,CN,old\n")
    result = run(*scores, option, tmp_path / value, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("subject", "label", "expected"),
    [
        ("s01", "CN", "gives subject 's01' to scan s00, its scores 's00'; give the sheet that it was scored from"),
        ("s00", "AD", "gives label 'AD' to scan s00, its scores 'CN'; give the sheet that it was scored from"),
    ],
)
def test_a_sheet_of_another_cohort_is_refused(
    scores: list[Path], tmp_path: Path, subject: str, label: str, expected: str
):
    sheet = f"scan,subject,image,label\ns00,{subject},a.nii.gz,{label}\n"
    (tmp_path / "sheet.csv").write_text(sheet)
    result = run(scores[0], "--samplesheet", tmp_path / "sheet.csv", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert expected in result.stderr
    assert not (tmp_path / "out").exists()


def test_nothing_of_an_earlier_cohort_stays(scores: list[Path], tmp_path: Path):
    (tmp_path / "skipped.csv").write_text("scan,subject,label,reason\nx,x,CN,torn\n")
    (tmp_path / "out/figures").mkdir(parents=True)
    (tmp_path / "out/figures/my own.png").touch()
    assert run(*scores, "--skipped", tmp_path / "skipped.csv", "--out", tmp_path / "out").exit_code == 0
    assert (tmp_path / "out/tables/skipped.csv").is_file()
    assert (tmp_path / "out/tables/localisation.csv").is_file()
    for path in scores[:1]:
        table = pd.read_csv(path / "scan.csv")
        table.drop(columns=[name for name in table if name.endswith(("_auprc", "_auroc"))]).to_csv(
            path / "scan.csv", index=False
        )
    assert run(scores[0], "--out", tmp_path / "out").exit_code == 0
    assert not (tmp_path / "out/tables/skipped.csv").exists()
    assert not (tmp_path / "out/tables/localisation.csv").exists()
    assert [path.stem for path in (tmp_path / "out/figures/scans").iterdir()] == ["s00"]
    figures = {path.stem for path in (tmp_path / "out/figures").iterdir()}
    assert figures == {"scans", "my own", "ssim_curves", "round_trip", "lowest_slices"}


def test_bad_usage_is_a_usage_error(scores: list[Path], tmp_path: Path):
    assert run("--out", tmp_path).exit_code == 2
    assert "'well' is no class; write one of" in run(*scores, "--healthy", "well", "--out", tmp_path).stderr


def test_help_waits_for_no_heavy_import():
    code = "import sys, aggregate; sys.exit(any(name in sys.modules for name in ('numpy', 'pandas', 'torch')))"
    folder = Path(__file__).parents[2] / "bin"
    assert subprocess.run([sys.executable, "-c", code], cwd=folder, check=False).returncode == 0
