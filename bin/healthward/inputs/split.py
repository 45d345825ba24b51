"""Which scans train, validate and test: the split by subject, and the audit that nothing leaks across it."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from healthward.inputs.fields import Row
from healthward.inputs.sheet import Sheet
from healthward.labels import Classes
from healthward.wording import counted, listed, shown

FEWEST_SUBJECTS_FOR_EVERY_SPLIT = 3


def assign_subjects(
    labels: dict[str, str], validation_fraction: float, test_fraction: float, seed: int
) -> dict[str, str]:
    """Return the split of each subject, from the label of each.

    Every class is divided by itself: the fractions rounded, at least one subject for validation and one for test in a
    class of three or more (when their fractions are above 0), and at least one left to train. A subject's place comes
    from the seed and its id alone, so the order of the sheet does not matter and a new subject moves few others.
    """
    splits: dict[str, str] = {}
    for label in sorted(set(labels.values())):
        subjects = sorted((subject for subject in labels if labels[subject] == label), key=lambda s: _draw(seed, s))
        validation = _share(len(subjects), validation_fraction)
        test = _share(len(subjects), test_fraction)
        while subjects and validation + test >= len(subjects):
            if validation > test:
                validation -= 1
            else:
                test -= 1
        for place, subject in enumerate(subjects):
            splits[subject] = "test" if place < test else "val" if place < test + validation else "train"
    return splits


def _draw(seed: int, subject: str) -> str:
    return hashlib.sha256(f"{seed}/{subject}".encode()).hexdigest()


def _share(subjects: int, fraction: float) -> int:
    least = 1 if fraction > 0 and subjects >= FEWEST_SUBJECTS_FOR_EVERY_SPLIT else 0
    return max(least, math.floor(subjects * fraction + 0.5))


def worst_labels(rows: Sequence[Row], classes: Classes) -> dict[str, str]:
    """Return for each subject the most severe label of its scans."""
    worst: dict[str, str] = {}
    for row in rows:
        known = worst.get(row.subject, row.label)
        worst[row.subject] = max(known, row.label, key=classes.index)
    return worst


def split_for_training(sheet: Sheet, validation_fraction: float, test_fraction: float, seed: int, healthy: str) -> None:
    """Give every row of a sheet to be trained on its split, unless the sheet prescribes it.

    Reports rows that give no split while others do, and a split that leaves no subject of the class `healthy`, or of
    no other class, to train on. Does nothing where the columns that it needs have problems already.
    """
    if any(not (row.subject and row.label) for row in sheet.rows):
        return
    if any(problem.column == "split" for problem in sheet.problems):
        return
    without = [row.number for row in sheet.rows if not row.split]
    if without and len(without) < len(sheet.rows):
        where = f"{sheet.unit} {listed(without)}"
        sheet.report(0, "split", f"is empty in {where} but not in others; fill it for all scans or for none")
        return
    if without:
        splits = assign_subjects(worst_labels(sheet.rows, sheet.classes), validation_fraction, test_fraction, seed)
        sheet.rows = [replace(row, split=splits[row.subject]) for row in sheet.rows]
    trained = {row.label for row in sheet.rows if row.split == "train"}
    found = f"the classes to train on are {listed(sheet.classes.among(trained)) or 'none'}"
    if sheet.rows and healthy not in trained:
        sheet.report(0, "split", f"{found}; add a subject of the healthy class {healthy} to train on")
    if sheet.rows and not trained - {healthy}:
        sheet.report(0, "split", f"{found}; add a subject of another class than {healthy} to train on")


def split_for_model(sheet: Sheet) -> None:
    """Give every row that prescribes no split to "test": a trained model meets these scans."""
    sheet.rows = [row if row.split else replace(row, split="test") for row in sheet.rows]


def audit_subjects(sheet: Sheet) -> None:
    """Report every row whose subject is in another split at an earlier row."""
    first: dict[str, Row] = {}
    for row in sheet.rows:
        if not (row.subject and row.split):
            continue
        earlier = first.setdefault(row.subject, row)
        if earlier.split != row.split:
            text = f"subject {shown(row.subject)} is in {shown(row.split)} here and in {shown(earlier.split)} at"
            mend = "give all scans of a subject the same split"
            sheet.report(row.number, "split", f"{text} {sheet.place(earlier.number)}; {mend}")


def audit_validation(sheet: Sheet, healthy: str) -> None:
    """Report a sheet without two healthy and two other subjects to choose settings on."""
    validated = [row for row in sheet.rows if row.split == "val"]
    others = {row.subject for row in validated if row.label != healthy}
    controls = {row.subject for row in validated} - others
    if min(len(controls), len(others)) < 2:
        text = f"{len(controls)} {healthy} and {len(others)} other subjects are for validation (val)"
        sheet.report(0, "split", f"{text}; --tune takes two of each, so give more, or leave it out")


def labels_of_subjects(sheet: Sheet) -> dict[str, set[str]]:
    """Return every label that a subject has, at visits without a usable scan, too."""
    labels = {subject: set(known) for subject, known in sheet.labels.items()}
    for row in sheet.rows:
        labels.setdefault(row.subject, set()).update({row.label} - {""})
    return labels


def mark_controls(rows: Sequence[Row], healthy: str, labels: Mapping[str, set[str]]) -> tuple[list[Row], list[str]]:
    """Say of each row whether it is of a control; return also a line for each reason why others are none.

    A control is of the class `healthy` at every visit, was not trained on, and is not denied by the sheet: whoever
    becomes ill later may show it already. `labels` are all labels of each subject.
    """
    marked, converted, denied, impossible = [], set(), [], []
    for row in rows:
        could_be = row.label == healthy and row.split != "train"
        is_steady = labels[row.subject] <= {healthy}
        if could_be and not is_steady:
            converted.add(row.subject)
        elif could_be and row.control == "no":
            denied.append(row.scan)
        is_control = could_be and is_steady and row.control != "no"
        if row.control == "yes" and not is_control:
            impossible.append(row.scan)
        marked.append(replace(row, control="yes" if is_control else "no"))
    lines = []
    if converted:
        text = f"{healthy} at a visit and of another class at another, in the sheet or its tables: no controls"
        lines.append(f"{counted(len(converted), 'subject')} {text}")
    if denied:
        text = "not trained on, no controls by the sheet's column control"
        mend = "where a check of another split wrote it, empty it"
        lines.append(f"{counted(len(denied), f'{healthy} scan')} {text}; {mend}: {listed(denied)}")
    if impossible:
        text = f"not always {healthy}, or trained on, no controls though the sheet's column control says yes"
        lines.append(f"{counted(len(impossible), 'scan')} {text}: {listed(impossible)}")
    return marked, lines
