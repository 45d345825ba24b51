"""What contradicts the labels of a sheet: folders, names of files, other columns, a person's own other label."""

import re
from pathlib import PurePosixPath

from healthward.checks.class_words import DISEASE, says_health, side
from healthward.inputs.bids_tables import NAMES
from healthward.inputs.fields import MISSING, Row
from healthward.inputs.sheet import Sheet
from healthward.inputs.subjects import common_folder
from healthward.inputs.volume_names import without_suffix
from healthward.labels import plain_code
from healthward.wording import counted, listed, plain, shown

SHIFTED = "see that no column was sorted or shifted by itself"
SHORTEST_WORD = 2
LABELS = {plain(name) for name in NAMES["label"] if not name.endswith(("_bl", "_sc"))} | {
    *("class", "diag", "diagnosisgroup", "dxgroup", "clinicaldiagnosis", "cohort", "status", "target")
}
"""What columns that hold a label are called, without those of another time, which may well say another one."""

OF_BASELINE = {"group", "researchgroup", "cohort"}
"""... and those that often hold the label of a person's first visit beside later ones."""


def audit_folders(sheet: Sheet) -> list[str]:
    """Warn of scans whose image is in a folder that is called as another class, MCI being for EMCI and LMCI, too."""
    if len(sheet.rows) < 2:
        return []  # any folder above a single image might be one of a user's
    above = PurePosixPath(common_folder(row.image for row in sheet.rows if row.image))
    found = []
    for row in sheet.rows:
        folders = PurePosixPath(row.image).parts[len(above.parts) : -1]
        named = next(filter(None, (class_in(sheet, folder) for folder in reversed(folders))), None)
        if named and row.label and not row.label.endswith(named):
            found.append(f"{row.label} ({sheet.place(row.number)}, in a folder of {named})")
    text = "in a folder that is called as another class"
    return [f"label: {counted(len(found), 'scan')} {text}: {listed(found)}; {SHIFTED}"] if found else []


def audit_names(sheet: Sheet) -> list[str]:
    """Warn where most names of files, or most ids of scans, that hold a class as a word hold another than the label.

    A word that all of them hold, as the name of a study, says nothing; neither does a name with two classes.
    """
    lines = []
    for what, names in (
        ("name of a file", [without_suffix(PurePosixPath(row.image).name) for row in sheet.rows]),
        ("id of a scan", [row.scan for row in sheet.rows]),
    ):
        said = [(row, _only_class_in(sheet, name)) for row, name in zip(sheet.rows, names, strict=True)]
        telling = [(row, named) for row, named in said if named and row.label]
        wrong = [(row, named) for row, named in telling if not row.label.endswith(named)]
        if len({named for _, named in telling}) > 1 and 2 * len(wrong) > len(telling):
            found = [f"{row.label} ({sheet.place(row.number)}, {named} in the {what})" for row, named in wrong]
            lines.append(f"label: {counted(len(found), 'scan')} called as another class: {listed(found)}; {SHIFTED}")
    return lines[:1]


def audit_sides(sheet: Sheet) -> list[str]:
    """Warn where most folders, files, ids or cells of a column that say health or disease say not what the label says.

    Where only one of the two is said, it is perhaps the name of a study. What class_words.doubted_health or another
    audit tells is not told again.
    """
    healthy = sheet.classes.healthy
    if plain(healthy) in DISEASE or any(audit(sheet) for audit in (audit_folders, audit_names, audit_other_labels)):
        return []
    above = len(PurePosixPath(common_folder(row.image for row in sheet.rows if row.image)).parts)
    names: dict[str, list[tuple[Row, str]]] = {}
    for row in sheet.rows:
        *folders, file = PurePosixPath(row.image).parts[above:] or [""]
        said = next(filter(None, map(side, reversed(folders))), "")
        names.setdefault("image, by its folder", []).append((row, said))
        for what, name in (("image, by its name", file), ("subject", row.subject), ("scan", row.scan)):
            names.setdefault(what, []).append((row, side(without_suffix(name))))
        for column, text in row.others:
            if plain(column) in LABELS:
                names.setdefault(column, []).append((row, side(text)))
    lines = []
    for what, found in names.items():
        telling = [(row, said) for row, said in found if said and row.label]
        wrong = [(row, said) for row, said in telling if (said == "health") != (row.label == healthy)]
        if len({said for _, said in telling}) == 2 and 2 * len(wrong) > len(telling):
            row, said = wrong[0]
            text = f"{len(wrong)} of {counted(len(telling), 'scan')} contradict the label, such as {said} beside"
            lines.append(f"{what}: {text} {row.label} ({sheet.place(row.number)}): see that no label was turned round")
    return lines[:1]


def audit_other_labels(sheet: Sheet) -> list[str]:
    """Warn of a column of the user's own, called as labels are and of classes alone, that contradicts the label."""
    columns: dict[str, list[tuple[Row, str]]] = {}
    for row in sheet.rows:
        for name, text in row.others:
            if plain(name) in LABELS and text.lower() not in MISSING:
                columns.setdefault(name, []).append((row, class_in(sheet, sheet.codes.get(plain_code(text), text))))
    lines = []
    for name, cells in columns.items():
        fewest = len(cells) // 2 + 1 if plain(name) in OF_BASELINE else 1
        wrong = [(row, named) for row, named in cells if not (row.label.endswith(named) or named.endswith(row.label))]
        if len(wrong) >= fewest and all(named for _, named in cells):
            row, named = wrong[0]
            text = f"{counted(len(wrong), 'scan')} with another class than the label, as {named} beside {row.label}"
            lines.append(f"{name}: {text} ({sheet.place(row.number)}): see that the label is the right column")
    return lines


def audit_labels_of_people(sheet: Sheet) -> list[str]:
    """Warn of people with two labels at one age; of ages in whole years only where these are the extreme classes."""
    present = sheet.classes.among(row.label for row in sheet.rows)
    people: dict[tuple[str, float], list[Row]] = {}
    for row in sheet.rows:
        if row.subject and row.label and row.age is not None:
            people.setdefault((row.subject, row.age), []).append(row)
    found = []
    for (subject, age), rows in people.items():
        other = next((row for row in rows if row.label != rows[0].label), None)
        extreme = {present[0], present[-1]} <= {row.label for row in rows}
        if other and (extreme or not age.is_integer()):
            two = [f"{row.label} in {sheet.place(row.number)}" for row in (rows[0], other)]
            found.append(f"{shown(subject)} at {age:g} ({' and '.join(two)})")
    text = "with two labels at one age: see that label and age are those of the visit"
    return [f"label: {counted(len(found), 'subject')} {text}: {listed(found)}"] if found else []


def class_in(sheet: Sheet, text: str) -> str:
    """Return the class that `text` names, "" where it names none."""
    try:
        return sheet.classes.named(text)
    except ValueError:
        return ""


def _only_class_in(sheet: Sheet, name: str) -> str:
    """Return the class that a name holds as a word of two letters or more, "" for none or several."""
    words = {*re.split(r"[^A-Za-z0-9]+", name), *re.findall("[A-Za-z]+", name)}
    named = {class_in(sheet, word) for word in words if len(word) >= SHORTEST_WORD}
    if says_health(sheet.classes.healthy):
        named |= {sheet.classes.healthy for word in words if len(word) >= SHORTEST_WORD and says_health(word)}
    named.discard("")
    return named.pop() if len(named) == 1 else ""
