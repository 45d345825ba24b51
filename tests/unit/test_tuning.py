"""Settings chosen on validation scans."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from choose import choose
from healthward.diffusion.translation import Settings
from healthward.errors import InputError
from healthward.maps.tuning import candidates, compare_candidates


def measured(gaps: dict[tuple[float, int], tuple[float, float]], spread: float = 0.001) -> pd.DataFrame:
    """Rows as of tune.py: for each setting the mean gap of controls and of patients."""
    rng = np.random.default_rng(0)
    rows = []
    for (scale, depth), pair in gaps.items():
        for label, gap in zip(("CN", "AD"), pair, strict=True):
            for number, noise in enumerate(rng.permutation(np.linspace(-1, 1, 5))):
                row = {"scan": f"{label}{number}", "subject": f"{label}{number}", "label": label, "healthy": "CN"}
                row |= {"guidance_scale": scale, "noise_depth": depth, "gap": gap + spread * noise, "error": 0.01}
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
    assert (tmp_path / "out/settings.json").read_text() == '{"guidance_scale": 3.0, "noise_depth": 149}\n'
    assert (tmp_path / "out/pareto.png").stat().st_size > 0
    assert len(pd.read_csv(tmp_path / "out/tuning.csv")) == 4
