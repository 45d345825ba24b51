import numpy as np
import pandas as pd
import pytest
from scipy import stats

from healthward.cohort.covariates import adjust, false_positives

SLOPE, SEX_EFFECT, SITE_EFFECT = 0.1, 0.7, 2.0


def cohort(controls: int = 40, patients: int = 20, noise: float = 0.3, seed: int = 0) -> pd.DataFrame:
    """Scans whose score x rises with age, in men and at site B, and by 1 with disease; patients are older."""
    generator = np.random.default_rng(seed)
    count = controls + patients
    ill = np.arange(count) >= controls
    table = pd.DataFrame(
        {
            "scan": [f"s{number}" for number in range(count)],
            "subject": [f"p{number}" for number in range(count)],
            "label": np.where(ill, "AD", "CN"),
            "split": "test",
            "age": generator.uniform(55, 75, count) + 10 * ill,
            "sex": np.where(np.arange(count) % 2, "M", "F"),
            "site": np.where(np.arange(count) // 2 % 2, "B", "A"),
        }
    )
    effect = SLOPE * table["age"] + SEX_EFFECT * (table["sex"] == "M") + SITE_EFFECT * (table["site"] == "B")
    return table.assign(x=effect + ill + generator.normal(0, noise, count))


def adjusted(table: pd.DataFrame) -> pd.Series:
    return adjust(table, ["x"], "CN").table["x_adjusted"]


def test_known_effects_are_taken_out():
    table = cohort(noise=0)
    adjustment = adjust(table, ["x"], "CN")
    assert adjustment.covariates == ("age", "sex", "site")
    mean = table.loc[table["label"] == "CN", "x"].mean()
    assert adjustment.table["x_adjusted"].to_numpy() == pytest.approx(mean + (table["label"] == "AD"))
    pd.testing.assert_frame_equal(adjustment.table[list(table)], table)


def test_subjects_are_predicted_by_the_fit_without_them():
    table = cohort()
    # the first subject has a second scan, at another age, and a third one after conversion
    table = pd.concat([table, table.iloc[[0, 0]]], ignore_index=True)
    table.loc[60, ["scan", "age", "x"]] = ["again", 80.0, 9.0]
    table.loc[61, ["scan", "age", "x", "label"]] = ["converted", 81.0, 10.0, "AD"]
    design = np.column_stack([np.ones(62), table["age"], table["sex"] == "M", table["site"] == "B"])
    numbers = pd.DataFrame(design, columns=["one", "age", "man", "b"]).assign(x=table["x"])
    # whoever converts is no control
    steady = (table["label"] == "CN") & (table["subject"] != "p0")
    controls = numbers[steady].groupby(table["subject"]).mean()
    found = adjusted(table)
    for subject in ("p0", "p7", "p50"):
        others = controls.drop(index=subject, errors="ignore")
        fit = np.linalg.lstsq(others.drop(columns="x"), others["x"], rcond=None)[0]
        mine = table["subject"] == subject
        expected = table["x"] - design @ fit + controls["x"].mean()
        assert found[mine].to_numpy() == pytest.approx(expected[mine].to_numpy())


def test_training_scans_are_no_controls():
    table = cohort()
    trained = table.index % 4 == 0
    table.loc[trained, "split"] = "train"
    before = adjusted(table)
    table.loc[trained, "x"] += 100
    change = adjusted(table) - before
    assert change.to_numpy() == pytest.approx(100.0 * trained)


def test_missing_covariate_score_or_unknown_site_leaves_a_gap():
    table = cohort()
    table.loc[3, "age"] = np.nan
    table.loc[4, "sex"] = None
    table.loc[[5, 6], "site"] = "seldom"
    table.loc[50, "site"] = "elsewhere"
    table.loc[51, "x"] = np.inf
    gaps = adjusted(table).isna()
    assert list(gaps.index[gaps]) == [3, 4, 5, 6, 50, 51]


@pytest.mark.parametrize(
    ("controls", "covariates"),
    [(9, ()), (10, ("age",)), (14, ("age",)), (16, ("age", "sex")), (20, ("age", "sex", "site"))],
)
def test_few_controls_carry_few_parameters(controls: int, covariates: tuple[str, ...]):
    adjustment = adjust(cohort(controls), ["x"], "CN")
    assert adjustment.covariates == covariates
    assert ("x_adjusted" in adjustment.table) == bool(covariates)


def test_subjects_count_not_scans():
    table = cohort(20)
    table["subject"] = table["subject"].where(table["label"] == "AD", [f"p{number // 4}" for number in range(40)])
    assert adjust(table, ["x"], "CN").covariates == ()


def test_covariates_that_cannot_be_distinguished_are_not_used_together():
    table = cohort()
    confounded = table.assign(site=np.where(table["sex"] == "M", "B", "A"))
    assert adjust(confounded, ["x"], "CN").covariates == ("age", "sex")
    assert adjust(table.assign(sex="F", site="A"), ["x"], "CN").covariates == ("age",)
    assert adjust(table.drop(columns=["age", "site"]), ["x"], "CN").covariates == ("sex",)
    lone = table.assign(age=np.where(table["scan"] == "s0", 80.0, 70.0))[
        ["scan", "subject", "label", "split", "age", "x"]
    ]
    assert adjust(lone, ["x"], "CN").covariates == ()


def test_site_that_few_controls_have_costs_the_others_nothing():
    table = cohort()
    table.loc[8:, "site"] = None
    adjustment = adjust(table, ["x"], "CN")
    assert adjustment.covariates == ("age", "sex")
    assert adjustment.table["x_adjusted"].notna().all()


def test_names_of_sites_do_not_meet_those_of_sexes():
    table = cohort()
    renamed = table.assign(site=table["site"].map({"A": "F", "B": "M"}))
    assert adjusted(renamed).to_numpy() == pytest.approx(adjusted(table).to_numpy())


def test_score_that_does_not_vary_is_left_out():
    table = cohort().assign(still=0.1, absent=np.nan)
    assert list(adjust(table, ["still", "x", "absent"], "CN").table)[-1:] == ["x_adjusted"]
    assert "still_adjusted" not in adjust(table, ["still", "x"], "CN").table
    assert adjust(table, ["still"], "CN").covariates == ()


def test_false_positives_are_counted_where_they_are():
    table = cohort(40)
    table["x"] = np.arange(60.0)
    table.loc[[0, 1], "x"] = 100.0
    table.loc[:39, "age"] = [66.0, 69.9] + [59.0] * 18 + [70.0] * 20
    table.loc[:39, "site"] = ["B"] * 4 + ["A"] * 36
    found = false_positives(table, "x", "CN").set_index(["covariate", "group"])
    assert list(found.loc["age"].index) == ["50–59", "60–69", "70–79"]
    assert found["positives"].to_dict() == {
        ("age", "50–59"): 0, ("age", "60–69"): 2, ("age", "70–79"): 0,
        ("sex", "F"): 1, ("sex", "M"): 1, ("site", "A"): 0, ("site", "B"): 2,
    }  # fmt: skip
    assert found.loc[("site", "B"), ["subjects", "rate"]].tolist() == [4, 0.5]
    # Wilson's interval of 2 among 4, by its formula
    z = stats.norm.isf(0.025)
    half = z / (1 + z**2 / 4) * np.sqrt(0.25 / 4 + z**2 / 64)
    assert found.loc[("site", "B"), ["low", "high"]].tolist() == pytest.approx([0.5 - half, 0.5 + half])


def test_many_controls_are_grouped_by_decile():
    found = false_positives(cohort(200), "x", "CN")
    ages = found[found["covariate"] == "age"]
    assert ages["subjects"].tolist() == [20] * 10
    assert ages["positives"].sum() == 10
    assert ages["rate"].iloc[-1] > ages["rate"].iloc[0]


def test_false_positives_count_a_subject_once_and_no_training_scan():
    table = cohort(40)
    table = pd.concat([table, table.head(5)], ignore_index=True)
    assert false_positives(table, "x", "CN").groupby("covariate")["subjects"].sum().unique() == 40
    table.loc[table["scan"] == "s1", "split"] = "train"
    assert false_positives(table, "x", "CN").groupby("covariate")["subjects"].sum().unique() == 39


def test_no_covariates_or_controls_make_an_empty_table():
    columns = ["covariate", "group", "subjects", "positives", "rate", "low", "high"]
    table = cohort()
    for scans in (
        table.drop(columns=["age", "sex", "site"]),
        table[table["label"] == "AD"],
        table.assign(split="train"),
    ):
        empty = false_positives(scans, "x", "CN")
        assert empty.empty
        assert list(empty) == columns
