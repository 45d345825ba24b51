import numpy as np
import pandas as pd
import pytest
from scipy import stats

from healthward.cohort.comparisons import auroc_interval, compare_classes, scopes, score_names
from healthward.labels import ADNI


def test_auroc_interval_covers_the_true_value():
    generator = np.random.default_rng(0)
    true = stats.norm.cdf(1 / np.sqrt(2))
    covered = []
    for _ in range(300):
        well, ill = generator.normal(0, 1, 12), generator.normal(1, 1, 9)
        low, high = auroc_interval((ill[:, None] > well).mean(), 9, 12)
        covered.append(low <= true <= high)
    assert 0.9 < np.mean(covered) < 0.995


def test_auroc_interval_at_the_ends():
    low, high = auroc_interval(1.0, 5, 5)
    assert 0.5 < low < 0.8
    assert high == 1
    assert auroc_interval(0.0, 5, 5) == pytest.approx((0, 1 - low))


def score_table(values: dict[str, list[float]], split: str = "test") -> pd.DataFrame:
    rows = [
        {"scan": f"{label}{number}", "subject": f"{label}{number}", "label": label, "split": split, "ssim": value}
        for label, found in values.items()
        for number, value in enumerate(found)
    ]
    return pd.DataFrame(rows)


def test_comparison_agrees_with_known_answers():
    values = {"CN": [1.0, 2, 3, 4], "MCI": [2.5, 3.5, 4.5, 5.5], "AD": [5.0, 6, 7, 8]}
    table = compare_classes(score_table(values), ADNI, "CN")
    rows = table.set_index(["test", "group"])
    assert set(table["scope"]) == {"test"}
    assert rows.loc[("mann_whitney", "AD"), "estimate"] == 1
    assert rows.loc[("mann_whitney", "MCI"), "estimate"] == 13 / 16
    assert rows.loc[("mann_whitney", "AD"), "p"] == pytest.approx(2 / 70)
    assert rows.loc[("mann_whitney", "AD"), "p_holm"] == pytest.approx(4 / 70)
    whole = rows.loc[("kruskal_wallis", "CN MCI AD")]
    assert whole["estimate"] == pytest.approx(stats.kruskal(*values.values()).statistic)
    trend = rows.loc[("jonckheere", "CN MCI AD")]
    # of 66 pairs 18 are of one class; 44 of the others rise and 4 fall
    assert trend["estimate"] == pytest.approx((44 - 4) / np.sqrt((66 - 18) * 66))


def test_scans_of_one_subject_count_once():
    table = score_table({"CN": [1.0, 2, 3], "AD": [4.0, 5, 6]})
    table.loc[table["label"] == "AD", "subject"] = ["a", "a", "b"]
    compared = compare_classes(table, ADNI, "CN").set_index("test").loc["mann_whitney"]
    assert (compared["n"], compared["n_reference"]) == (2, 3)


def test_training_scans_are_compared_apart():
    table = score_table({"CN": [1.0, 2, 3, 4], "AD": [2.0, 3, 4, 5]})
    table.loc[table.index % 2 == 0, "split"] = "train"
    sizes = compare_classes(table, ADNI, "CN").set_index("scope")["n"]
    assert sizes.to_dict() == {"test": 2, "all": 4}


@pytest.mark.parametrize(("subjects", "expected"), [(1, {"all"}), (2, {"test", "all"})])
def test_held_out_scans_are_compared_where_two_classes_have_two_subjects(subjects: int, expected: set[str]):
    held_out = [(label, f"{label}{number}", "test") for label in ("CN", "AD") for number in range(subjects)]
    seen = [(label, f"seen{label}{number}", "train") for label in ("CN", "AD") for number in range(3)]
    scans = pd.DataFrame([*held_out, *seen], columns=["label", "subject", "split"])
    scans["scan"], scans["ssim_mean"] = scans["subject"], np.linspace(0, 1, len(scans))
    assert set(scopes(scans)) == expected
    assert set(compare_classes(scans, ADNI, "CN")["scope"]) == expected


def test_without_controls_or_spread_nothing_is_compared_with_them():
    assert compare_classes(score_table({"MCI": [1.0, 2], "AD": [3.0, 4]}), ADNI, "CN").empty
    assert compare_classes(score_table({"CN": [1.0, 1], "AD": [1.0, 1]}), ADNI, "CN").empty


KNOWLEDGE_OF_PERFORMANCE = {
    "CN": [40.0, 35, 38, 43, 44, 41],
    "MCI": [38.0, 40, 47, 44, 40, 42],
    "AD": [48.0, 40, 45, 43, 46, 44],
}
"""Hundal (1969), pieces made by workers of three groups: J = 79 in Hollander and Wolfe, Nonparametric Methods."""


def jonckheere(values: list[np.ndarray]) -> float:
    """Jonckheere's statistic as its definition has it."""
    pairs = [(low[:, None], high) for number, low in enumerate(values) for high in values[number + 1 :]]
    return sum((low < high).sum() + 0.5 * (low == high).sum() for low, high in pairs)


def test_trend_is_jonckheeres_test():
    values = [np.array(found) for found in KNOWLEDGE_OF_PERFORMANCE.values()]
    assert jonckheere(values) == 79
    trend = compare_classes(score_table(KNOWLEDGE_OF_PERFORMANCE), ADNI, "CN").set_index("test").loc["jonckheere"]
    everyone = np.concatenate(values)
    equal = sum(count * (count - 1) / 2 for count in np.unique(everyone, return_counts=True)[1])
    pairs = 18 * 17 / 2
    # S = 2 J - 108, of 108 pairs of different groups
    assert trend["estimate"] == pytest.approx((2 * 79 - 108) / np.sqrt(108 * (pairs - equal)))
    generator = np.random.default_rng(0)
    drawn = [jonckheere(np.split(generator.permutation(everyone), 3)) for _ in range(10_000)]
    assert trend["p"] == pytest.approx(np.mean(np.abs(np.array(drawn) - 54) >= 25), abs=0.01)


def test_adjusted_scores_are_compared_and_covariates_are_not():
    table = score_table({"CN": [1.0, 2, 3], "AD": [4.0, 5, 6]})
    table = table.assign(age=[70.0, 71, 72, 73, 74, 75], sex="F", site="A", ssim_adjusted=table["ssim"])
    assert score_names(table) == ["ssim", "ssim_adjusted"]
    assert set(compare_classes(table, ADNI, "CN")["score"]) == {"ssim", "ssim_adjusted"}


def test_healthy_scans_of_people_who_convert_are_no_reference():
    table = score_table({"CN": [1.0, 2, 3, 9], "AD": [4.0, 5, 6]})
    by_label = table.assign(subject=table["subject"].replace("CN3", "AD0"))
    by_control = table.assign(control=["yes", "yes", "yes", "no", "no", "no", "no"])
    for scans in (by_label, by_control):
        compared = compare_classes(scans, ADNI, "CN").set_index("test").loc["mann_whitney"]
        assert compared[["n_reference", "estimate"]].tolist() == [3, 1]
    # What was trained on is no control, and a reference among all scans
    trained = score_table({"CN": [1.0, 2, 3], "AD": [4.0, 5, 6]}, split="train").assign(control="no")
    assert compare_classes(trained, ADNI, "CN").set_index("test").loc["mann_whitney", "n_reference"] == 3
