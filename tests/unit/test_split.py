"""The split by subject: disjoint, stratified, repeatable; and the audit of what leaks."""

from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from healthward.inputs.controls import held_out_controls
from healthward.inputs.fields import Row
from healthward.inputs.sheet import Sheet
from healthward.inputs.split import (
    assign_subjects,
    audit_subjects,
    audit_validation,
    labels_of_subjects,
    mark_controls,
    split_for_model,
    split_for_training,
    worst_labels,
)
from healthward.labels import ADNI

cohorts = st.lists(st.tuples(st.integers(0, 25), st.sampled_from(ADNI)), min_size=1, max_size=60)
fractions = st.tuples(st.floats(0, 0.6), st.floats(0, 0.39))
seeds = st.integers(0, 2**32 - 1)


def row(number: int, subject: str, label: str = "CN", split: str = "") -> Row:
    return Row(number, f"s{number}", subject, f"/{number}.nii", label, split, "", None, "", "")


def sheet_of(*rows: Row) -> Sheet:
    return Sheet("sheet.csv", "row", list(rows))


def sheet_of_cohort(cohort: list[tuple[int, str]]) -> Sheet:
    return sheet_of(*(row(number, f"p{who}", label) for number, (who, label) in enumerate(cohort, start=2)))


@given(cohort=cohorts, shares=fractions, seed=seeds)
def test_a_subject_is_in_one_split_only(cohort: list[tuple[int, str]], shares: tuple[float, float], seed: int) -> None:
    sheet = sheet_of_cohort(cohort)
    split_for_training(sheet, *shares, seed, "CN")
    assert len({(row.subject, row.split) for row in sheet.rows}) == len({row.subject for row in sheet.rows})
    assert all(row.split in ("train", "val", "test") for row in sheet.rows)
    before = len(sheet.problems)
    audit_subjects(sheet)
    assert len(sheet.problems) == before


@given(cohort=cohorts, shares=fractions, seed=seeds, order=st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(cohort, shares, seed, order) -> None:
    shuffled = list(cohort)
    order.shuffle(shuffled)
    splits = []
    for rows in (cohort, shuffled):
        sheet = sheet_of_cohort(rows)
        split_for_training(sheet, *shares, seed, "CN")
        splits.append({row.subject: row.split for row in sheet.rows})
    assert splits[0] == splits[1]


@given(counts=st.lists(st.integers(0, 40), min_size=5, max_size=5), shares=fractions, seed=seeds)
def test_every_class_is_divided_by_its_fractions(counts, shares, seed) -> None:
    labels = {f"{label}{n}": label for label, count in zip(ADNI, counts, strict=True) for n in range(count)}
    splits = assign_subjects(labels, *shares, seed)
    assert splits.keys() == labels.keys()
    for label, count in zip(ADNI, counts, strict=True):
        found = Counter(splits[subject] for subject in labels if labels[subject] == label)
        assert found["train"] >= min(count, 1)
        for split, share in zip(("val", "test"), shares, strict=True):
            assert found[split] <= max(1, count * share + 0.5)
            if count >= 3 and share > 0:
                assert found[split] >= 1


def test_large_classes_meet_the_fractions_and_seeds_differ() -> None:
    labels = {f"p{n}": ADNI[n % 5] for n in range(1000)}
    splits = assign_subjects(labels, 0.15, 0.2, 0)
    assert Counter(splits.values()) == {"train": 650, "val": 150, "test": 200}
    other = assign_subjects(labels, 0.15, 0.2, 1)
    assert sum(splits[subject] != other[subject] for subject in labels) > 300


def test_a_new_subject_moves_few_others() -> None:
    labels = {f"p{n}": "CN" for n in range(200)}
    before = assign_subjects(labels, 0.15, 0.15, 0)
    after = assign_subjects(labels | {"new": "CN"}, 0.15, 0.15, 0)
    assert sum(before[subject] != after[subject] for subject in labels) <= 3


def test_a_subject_counts_by_its_most_severe_label() -> None:
    rows = [row(2, "a", "MCI"), row(3, "a", "AD"), row(4, "a", "CN"), row(5, "b", "CN")]
    assert worst_labels(rows, ADNI) == {"a": "AD", "b": "CN"}


def test_a_prescribed_split_is_kept() -> None:
    sheet = sheet_of(row(2, "a", split="train"), row(3, "b", "AD", "train"), row(4, "c", split="val"))
    split_for_training(sheet, 0.3, 0.3, 0, "CN")
    assert [row.split for row in sheet.rows] == ["train", "train", "val"]
    assert sheet.problem_lines() == []


def test_a_split_given_for_some_rows_only_is_a_problem() -> None:
    sheet = sheet_of(row(2, "a", split="train"), *(row(number, f"p{number}", "AD") for number in range(3, 12)))
    split_for_training(sheet, 0.15, 0.15, 0, "CN")
    assert sheet.problem_lines() == [
        "sheet.csv, split: is empty in row 3, 4, 5, 6, 7 and 4 more but not in others; "
        "fill it for all scans or for none"
    ]


@pytest.mark.parametrize(
    ("labels", "healthy", "parts"),
    [
        (["CN", "CN"], "CN", ["the classes to train on are CN", "add a subject of another class than CN"]),
        (["AD", "MCI"], "CN", ["the classes to train on are MCI, AD", "add a subject of the healthy class CN"]),
        (["CN", "AD"], "EMCI", ["add a subject of the healthy class EMCI"]),
    ],
)
def test_training_needs_the_healthy_class_and_another(labels: list[str], healthy: str, parts: list[str]) -> None:
    sheet = sheet_of(*(row(number, f"p{number}", label) for number, label in enumerate(labels, start=2)))
    split_for_training(sheet, 0.15, 0.15, 0, healthy)
    [line] = sheet.problem_lines()
    assert all(part in line for part in parts)


def test_a_class_that_a_prescribed_split_keeps_from_training_is_a_problem() -> None:
    sheet = sheet_of(row(2, "a", "CN", "test"), row(3, "b", "AD", "train"))
    split_for_training(sheet, 0.15, 0.15, 0, "CN")
    assert "add a subject of the healthy class CN" in sheet.problem_lines()[0]


def test_scans_for_a_model_are_test_scans_unless_the_sheet_says_otherwise() -> None:
    sheet = sheet_of(row(2, "a"), row(3, "b", split="val"))
    split_for_model(sheet)
    assert [row.split for row in sheet.rows] == ["test", "val"]


def test_a_subject_in_two_splits_is_reported_with_both_rows() -> None:
    sheet = sheet_of(row(2, "a", split="train"), row(3, "b", split="val"), row(4, "a", split="test"))
    audit_subjects(sheet)
    [line] = sheet.problem_lines()
    assert line.startswith("sheet.csv row 4, split: subject 'a' is in 'test' here and in 'train' at row 2; ")


def test_settings_are_chosen_on_two_controls_and_two_others() -> None:
    patients = [row(number, f"p{number}", "AD", "val") for number in (2, 3)]
    sheet = sheet_of(*patients, row(4, "c", split="val"), row(5, "c", split="val"), row(6, "d", split="train"))
    audit_validation(sheet, "CN")
    [line] = sheet.problem_lines()
    assert "1 CN and 2 other subjects are for validation (val); --tune takes two of each" in line
    enough = sheet_of(*patients, row(4, "c", split="val"), row(5, "d", split="val"))
    audit_validation(enough, "CN")
    assert not enough.problem_lines()


def test_people_who_have_another_label_anywhere_are_no_controls() -> None:
    sheet = sheet_of(
        row(2, "steady", split="test"),
        row(3, "converts", split="test"),
        row(4, "converts", "MCI", "test"),
        row(5, "elsewhere", split="val"),
        row(6, "elsewhere", split="val"),
        row(7, "learned", split="train"),
        row(8, "ill", "AD", "test"),
        replace(row(9, "denied", split="test"), control="no"),
    )
    sheet.labels["elsewhere"].add("AD")
    rows, lines = mark_controls(sheet.rows, "CN", labels_of_subjects(sheet))
    assert [each.control for each in rows] == ["yes", *["no"] * 7]
    assert [line.partition(" at a visit")[0] for line in lines[:1]] == ["2 subjects CN"]
    assert mark_controls(sheet.rows, "AD", labels_of_subjects(sheet))[0][6].control == "yes"


def controls_reported(*rows: Row) -> list[str]:
    return mark_controls(rows, "CN", labels_of_subjects(sheet_of(*rows)))[1]


def test_healthy_people_whom_the_sheet_denies_are_counted() -> None:
    no = [replace(row(number, f"p{number}", split="test"), control="no") for number in (2, 3)]
    trained = replace(row(4, "p4", split="train"), control="no")
    ill = replace(row(5, "p5", "AD", "test"), control="no")
    [line] = controls_reported(*no, trained, ill, row(6, "p6", split="test"))
    assert line.startswith("2 CN scans not trained on, no controls by the sheet's column control")
    assert line.endswith(": s2, s3")
    assert controls_reported(trained, ill, row(6, "p6", split="test")) == []


def test_who_cannot_be_a_control_is_none_though_the_sheet_says_so() -> None:
    yes = [
        replace(each, control="yes")
        for each in (row(2, "a", split="test"), row(3, "b", "AD", "test"), row(4, "c", split="train"))
    ]
    [line] = controls_reported(*yes)
    assert line.startswith("2 scans not always CN, or trained on, no controls though")
    assert line.endswith(": s3, s4")


def test_a_table_tells_its_controls_itself_unless_it_has_a_column_of_them() -> None:
    table = pd.DataFrame(
        [("a", "CN", "test"), ("a", "AD", "test"), ("b", "CN", "val"), ("c", "CN", "train"), ("d", "AD", "test")],
        columns=["subject", "label", "split"],
    )
    assert held_out_controls(table, "CN").tolist() == [False, False, True, False, False]
    marked = table.assign(control=["no", "no", "no", "no", "no"])
    assert not held_out_controls(marked, "CN").any()


def test_who_converts_is_none_of_the_healthy_to_tune_on() -> None:
    steady = [row(2, "a", split="val"), row(3, "b", "AD", "val"), row(4, "c", "AD", "val")]
    sheet = sheet_of(*steady, row(5, "b", "CN", "val"))
    audit_validation(sheet, "CN")
    assert "1 CN and 2 other subjects are for validation" in sheet.problem_lines()[0]
