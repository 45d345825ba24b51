"""Scans in JSON: a list as the prototype's dataset.json, or one object."""

import json
import os
from collections import Counter
from typing import Any

from healthward.inputs.fields import COLUMNS, ID
from healthward.inputs.other_columns import meant, name_problem
from healthward.inputs.sheet import NEEDED_OF_A_SCAN, Entries, Sheet
from healthward.inputs.subjects import common_folder, subject_in_path
from healthward.inputs.volume_names import without_suffix
from healthward.labels import ADNI, PROTOTYPE_CODES, plain_code
from healthward.wording import shown

JSON_STARTS = ("{", "[", '"')
"""What text in JSON begins with, and the path of a volume does not."""

JSON_MEND = "a comma, a quote or a bracket is often missing just before that place"


class _Object(dict[str, Any]):
    """A JSON object that knows which of its keys it was given more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]


def _parsed_json(text: str, sheet: Sheet) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_Object)
    except json.JSONDecodeError as error:
        sheet.report(0, "", f"line {error.lineno}, column {error.colno}: is not valid JSON ({error.msg}); {JSON_MEND}")
    except (RecursionError, ValueError) as error:
        sheet.report(0, "", f"cannot be read as a list of scans ({error}); write a flat list of objects")
    return None


def json_entries(text: str, sheet: Sheet) -> Entries:
    """Return the objects of a list in JSON; what is wrong with it is reported."""
    values = _parsed_json(text, sheet)
    if sheet.problems:
        return []
    if not isinstance(values, list):
        sheet.report(0, "", 'holds no list; write a list such as [{"image": "cn/cn0.nii.gz", "slice_label": 1}]')
        return []
    entries: Entries = []
    objects = [value for value in values if isinstance(value, _Object)]
    common = common_folder(str(value.get("image") or "").strip() for value in objects)
    for number, value in enumerate(values, start=1):
        if isinstance(value, _Object):
            entries.append((number, _fields(sheet, number, value, common)))
        else:
            sheet.report(number, "", f'{shown(value)} is no object; write {{"image": …, "slice_label": …}}')
    nameless = [value for value in objects if value.get("subject") in (None, "")]
    unnamed = sum(subject_in_path(str(value.get("image")), common) is None for value in nameless)
    if unnamed and len(objects) > 1:
        mend = 'each file counts as a person of its own: add "subject" where one person has several'
        sheet.warnings.append(f"{sheet.name}: {unnamed} of {len(objects)} entries name no subject; {mend}")
    return entries


def _fields(
    sheet: Sheet, number: int, value: _Object, common: str, numbered: tuple[str, ...] = ("slice_label",)
) -> dict[str, str]:
    """Return the fields of a JSON entry as the text of a sheet's cells, scan and subject completed.

    `common` is a folder above all images; `numbered` are the keys whose numbers are the prototype's, unless the sheet
    has codes or classes of its own.
    """
    numbers = PROTOTYPE_CODES if sheet.classes == ADNI and not sheet.codes else {}
    fields: dict[str, str] = {}
    for key in value.repeated:
        sheet.report(number, key, f"{shown(key)} is there twice; keep one")
    keys = ["label" if key == "slice_label" else key for key in value]
    absent = [column for column in COLUMNS if column not in keys]
    missing = [column for column in NEEDED_OF_A_SCAN if column in absent]
    for column, (key, item) in zip(keys, value.items(), strict=True):
        is_other = column not in COLUMNS
        if is_other and (near := meant(key, absent, missing)):
            sheet.report(number, key, f"{shown(key)} is no key of a scan; did you mean {near!r}?")
        elif is_other and (problem := name_problem(key)):
            sheet.report(number, key, problem)
        elif column in fields:
            sheet.report(number, key, "both 'label' and 'slice_label' are given; keep one")
        elif isinstance(item, bool | list | dict):
            sheet.report(number, key, f"{shown(item)} is neither text nor number; write one")
        elif item is not None:
            text = str(item).strip()
            fields[column] = numbers.get(plain_code(text), text) if key in numbered else text
    for column in ("image", "label"):
        fields.setdefault(column, "")
    if fields["image"]:
        _complete_ids(sheet, number, fields, common)
    return fields


def _complete_ids(sheet: Sheet, number: int, fields: dict[str, str], common: str) -> None:
    """Take scan and subject from the path of the image, where they are not given."""
    stem = without_suffix(os.path.basename(fields["image"]))
    if not fields.get("scan"):
        if ID.fullmatch(stem):
            fields["scan"] = stem
        else:
            fields.pop("scan", None)
            mend = 'add a "scan" of letters, digits, _ . and - to the entry'
            sheet.report(number, "scan", f"the file name {shown(stem)} is no id; {mend}")
    if not fields.get("subject"):
        known = subject_in_path(fields["image"], common)
        named = known or (stem if ID.fullmatch(stem) else fields.get("scan"))
        if named:
            fields["subject"] = named


def json_entry(text: str, sheet: Sheet) -> Entries:
    """Return one object in JSON, or what stands for it where the text is a path; what is wrong is reported.

    Its label may be a number of the prototype, too.
    """
    value = _parsed_json(text, sheet) if text.lstrip().startswith(JSON_STARTS) else _Object([("image", text)])
    if isinstance(value, _Object):
        return [(0, _fields(sheet, 0, value, "", ("label", "slice_label")))]
    if not sheet.problems:
        sheet.report(0, "", f'{shown(text)} is no object; write it like {{"image": "ad0.nii.gz", "label": 5}}')
    return []
