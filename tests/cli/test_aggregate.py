import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from aggregate import aggregate
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


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--parameters", "broken.json", "no valid JSON"),
        ("--parameters", "list.json", "no JSON object"),
    ],
)
def test_users_mistake_is_one_line(scores: list[Path], tmp_path: Path, option: str, value: str, message: str):
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    result = run(*scores, option, tmp_path / value, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_bad_usage_is_a_usage_error(scores: list[Path], tmp_path: Path):
    assert run("--out", tmp_path).exit_code == 2
    assert "label 'well' is none of" in run(*scores, "--healthy", "well", "--out", tmp_path).stderr


def test_help_waits_for_no_heavy_import():
    code = "import sys, aggregate; sys.exit(any(name in sys.modules for name in ('numpy', 'pandas', 'torch')))"
    folder = Path(__file__).parents[2] / "bin"
    assert subprocess.run([sys.executable, "-c", code], cwd=folder, check=False).returncode == 0
