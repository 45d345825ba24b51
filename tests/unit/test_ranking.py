"""Scans ranked beside held-out controls."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from healthward.cohort.ranking import answers, rank
from healthward.cohort.summary import Cohort, summarise
from unit.test_cohort import slice_rows, write_scores

LOG_ODDS = {f"cn{number}": 0.1 * number for number in range(7)} | {"ad0": 0.65, "ad1": 0.05, "ad2": 2.0}


def cohort_of(folder: Path, controls: int = 7) -> Cohort:
    chosen = {scan: value for scan, value in LOG_ODDS.items() if scan[:2] == "ad" or int(scan[2:]) < controls}
    places = [
        write_scores(folder, slice_rows(scan, "CN" if scan.startswith("cn") else "AD", seed=seed), contrast=value)
        for seed, (scan, value) in enumerate(chosen.items())
    ]
    return summarise(places)


def test_percentile_and_p_are_ranks_among_the_other_controls(tmp_path: Path) -> None:
    table = rank(cohort_of(tmp_path)).set_index("scan")
    assert list(table.index[:3]) == ["ad2", "ad0", "cn6"]
    assert table.loc["ad2", ["controls", "percentile"]].tolist() == [7, 100]
    assert table.at["ad2", "p"] == pytest.approx(1 / 8)
    # of seven controls only the first is lower
    assert table.at["ad1", "percentile"] == pytest.approx(100 / 7)
    assert table.at["ad1", "p"] == pytest.approx(7 / 8)
    # a control is not compared with itself
    assert table.loc["cn6", ["controls", "percentile"]].tolist() == [6, 100]
    assert table.at["cn0", "p"] == 1


def test_nobody_is_held_against_people_who_convert(tmp_path: Path) -> None:
    later = slice_rows("later", "AD", seed=20).assign(subject="cn5")
    places = [*cohort_of(tmp_path).places.values(), write_scores(tmp_path, later, contrast=1.0)]
    sheet = pd.DataFrame({"scan": [place.name for place in places], "age": None, "sex": None, "site": None})
    sheet["control"] = ["no" if scan == "cn6" else "" for scan in sheet["scan"]]
    cohort = summarise(places, covariates=sheet)
    marked = cohort.scans.set_index("scan")["control"]
    assert set(marked.index[marked == "yes"]) == {f"cn{number}" for number in range(5)}
    assert sorted(cohort.controls["scan"]) == sorted(marked.index[marked == "yes"])
    assert rank(cohort).set_index("scan").at["ad2", "controls"] == 5


def test_nothing_is_judged_by_few_controls(tmp_path: Path) -> None:
    cohort = cohort_of(tmp_path, controls=4)
    table = rank(cohort)
    assert table["percentile"].isna().all()
    assert table["p"].isna().all()
    which, where, sure = (answer.text for answer in answers(cohort, table, "nothing is compared"))
    assert which.startswith("This cannot be determined")
    assert "ad2, ad0" in which
    assert "No table of regions" in where
    assert sure.startswith("Nothing is compared. No single scan")


def test_answers_name_scans_regions_and_the_least_p(tmp_path: Path) -> None:
    cohort = cohort_of(tmp_path)
    z = {("ad2", "left"): 3.0, ("ad2", "right"): 1.0, ("ad0", "left"): 1.0, ("ad0", "right"): 0.5, ("cn0", "left"): 9.0}
    rows = [
        {"scan": scan, "subject": scan, "label": "CN" if scan == "cn0" else "AD", "region": region, "mean_z": value}
        for (scan, region), value in z.items()
    ]
    object.__setattr__(cohort, "regions", pd.DataFrame(rows))
    table = rank(cohort)
    assert [region.name for region in table["regions"].iloc[0]] == ["left", "right"]
    which, where, sure = (answer.text for answer in answers(cohort, table, "AD is distinguished"))
    assert which.startswith("3 of 10 scans have higher log-odds of disease than 95 % of held-out controls (1 CN, 2 AD)")
    assert "In AD farthest above controls: left (+2.0), right (+0.8)" in where
    assert "7 held-out controls" in sure
    assert "0.12" in sure


def test_missing_score_is_last_and_not_judged(tmp_path: Path) -> None:
    cohort = cohort_of(tmp_path)
    cohort.scans.loc[cohort.scans["scan"] == "ad2", "log_odds"] = np.nan
    last = rank(cohort).iloc[-1]
    assert last["scan"] == "ad2"
    assert np.isnan(last["p"])
