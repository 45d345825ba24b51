"""Settings chosen on validation scans."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from choose import choose
from healthward.diffusion.translation import Settings
from healthward.errors import InputError
from healthward.maps.chosen_settings import check_chosen, read_settings
from healthward.maps.tuning import candidates, compare_candidates, joined

MADE = {"model": "f00d", "ddim_steps": 10, "inversion_iterations": 1, "every": 4}


def measured(gaps: dict[tuple[float, int], tuple[float, float]], spread: float = 0.001) -> pd.DataFrame:
    """Rows as of tune.py: for each setting the mean gap of controls and of patients."""
    rng = np.random.default_rng(0)
    rows = []
    for (scale, depth), pair in gaps.items():
        for label, gap in zip(("CN", "AD"), pair, strict=True):
            for number, noise in enumerate(rng.permutation(np.linspace(-1, 1, 5))):
                row = {"scan": f"{label}{number}", "subject": f"{label}{number}", "label": label, "healthy": "CN"}
                row |= {"guidance_scale": scale, "noise_depth": depth, "gap": gap + spread * noise, "error": 0.01}
                row |= MADE
                rows.append(row)
    return pd.DataFrame(rows)


GAPS = {(1.0, 149): (0.010, 0.011), (3.0, 149): (0.012, 0.018), (3.0, 249): (0.020, 0.019), (5.0, 249): (0.030, 0.035)}


def test_the_widest_separation_wins_not_the_widest_gap() -> None:
    compared = compare_candidates(measured(GAPS), "CN")
    assert tuple(compared.loc[0, ["guidance_scale", "noise_depth"]]) == (3.0, 149)
    np.testing.assert_allclose(compared["control_gap"].iloc[0], 0.012)
    np.testing.assert_allclose(compared["shift"].iloc[0], 0.006)
    spread = np.std(np.linspace(-1, 1, 5), ddof=1) * 0.001
    np.testing.assert_allclose(compared["separation"].iloc[0], 0.006 / spread, rtol=1e-6)


def test_pareto_front_holds_what_nothing_beats_on_both_axes() -> None:
    compared = compare_candidates(measured(GAPS), "CN").set_index(["guidance_scale", "noise_depth"])
    assert compared["pareto"].to_dict() == {(3.0, 149): True, (1.0, 149): True, (3.0, 249): False, (5.0, 249): False}


def test_scans_of_a_subject_count_once() -> None:
    table = measured(GAPS)
    twice = pd.concat([table, table[table["subject"] == "AD0"].assign(scan="again")])
    pd.testing.assert_frame_equal(compare_candidates(twice, "CN"), compare_candidates(table, "CN"))


def test_whoever_converts_is_none_of_the_healthy() -> None:
    table = measured(GAPS)
    before = table[table["subject"] == "CN0"].assign(scan="before", subject="AD0", gap=5.0)
    pd.testing.assert_frame_equal(compare_candidates(pd.concat([table, before]), "CN"), compare_candidates(table, "CN"))


def test_too_few_subjects_are_refused() -> None:
    table = measured(GAPS)
    with pytest.raises(InputError, match="1 healthy and 5 other validation subjects; it takes two of each"):
        compare_candidates(table[table["label"].eq("AD") | table["subject"].eq("CN0")], "CN")


def test_steps_must_fit_above_every_depth() -> None:
    assert len(candidates(Settings(ddim_steps=10), (1, 2), (49, 99))) == 4
    with pytest.raises(InputError, match="noise depth 5: 10 DDIM steps"):
        candidates(Settings(ddim_steps=10), (1,), (5, 99))


def test_choice_is_written_for_reconstruct(tmp_path: Path) -> None:
    table = measured(GAPS)
    files = []
    for scan, rows in table.groupby("scan"):
        files.append(str(tmp_path / f"{scan}.csv"))
        rows.to_csv(files[-1], index=False)
    result = CliRunner().invoke(choose, [*files, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out/settings.json").read_text() == json.dumps(
        {"guidance_scale": 3.0, "noise_depth": 149} | MADE
    ) + "\n"
    assert (tmp_path / "out/pareto.png").stat().st_size > 0
    assert len(pd.read_csv(tmp_path / "out/tuning.csv")) == 4


@pytest.mark.parametrize(
    ("column", "value", "said"), [("model", "beef", "model beef, not f00d"), ("ddim_steps", 4, "ddim_steps 4, not 10")]
)
def test_tables_that_were_measured_otherwise_are_refused(column: str, value: object, said: str) -> None:
    table = measured(GAPS)
    tables = {Path("a.csv"): table, Path("b.csv"): table.assign(**{column: value})}
    line = f"b.csv: measured with {said} as a.csv; tune all scans alike"
    with pytest.raises(InputError, match=f"^{re.escape(line)}$"):
        joined(tables, "CN")


def test_a_model_that_guidance_does_not_move_is_one_line() -> None:
    with pytest.raises(InputError, match=r"^guidance changed nothing in any scan \(every gap is 0\)"):
        compare_candidates(measured(GAPS).assign(gap=0.0), "CN")
    one_moves = {(1.0, 149): (0.0, 0.0), (3.0, 149): (0.012, 0.018)}
    compared = compare_candidates(measured(one_moves, spread=0.0), "CN")
    assert compared["separation"].tolist() == pytest.approx([5.0, 0.0])


def test_settings_of_another_model_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"guidance_scale": 3.0, "noise_depth": 149} | MADE))
    settings, model = read_settings(file, Settings(ddim_steps=7))
    assert (settings.guidance_scale, settings.noise_depth, settings.ddim_steps) == (3.0, 149, 7)
    check_chosen(file, model, Path("model"), "f00d")
    line = f"{file}: chosen for model f00d, and model is beef; tune and choose for this one"
    with pytest.raises(InputError, match=f"^{re.escape(line)}$"):
        check_chosen(file, model, Path("model"), "beef")
