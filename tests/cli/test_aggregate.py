import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from aggregate import aggregate
from healthward.inputs.other_columns import WRITTEN
from unit.test_cohort import write_cohort


def run(*arguments: object):
    return CliRunner().invoke(aggregate, [str(argument) for argument in arguments])


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
