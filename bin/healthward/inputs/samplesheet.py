"""The table of scans: a CSV sheet, the prototype's dataset.json, or one scan as JSON.

Reading never stops at the first mistake: a `Sheet` holds the rows with what could be understood of them. No image is
opened here.
"""

from collections.abc import Mapping
from pathlib import Path

from healthward.inputs.csv_entries import csv_entries
from healthward.inputs.json_entries import json_entries, json_entry
from healthward.inputs.sheet import Sheet, fill
from healthward.labels import ADNI, Classes

SHEET_SUFFIXES = (".csv", ".json")


def read_sheet(
    path: Path,
    base: Path | None = None,
    codes: Mapping[str, str] | None = None,
    classes: Classes = ADNI,
    may_lack_label: bool = False,
) -> Sheet:
    """Read a CSV sheet, or a dataset.json when the name of the file ends in .json.

    `base` is the folder that relative paths start from: by default the folder of the sheet. `codes` are the `classes`
    that values of a label stand for: by default the prototype's numbers in its slice_label, and nothing elsewhere. The
    sheet that check.py writes of a single scan `may_lack_label`.
    """
    base = path.parent if base is None else base
    codes = codes or {}
    if path.suffix.lower() not in SHEET_SUFFIXES:
        sheet = Sheet(path.name, "row")
        sheet.report(0, "", "is neither .csv nor .json, nor the folder of a BIDS dataset; save the sheet as CSV")
        return sheet
    is_json = path.suffix.lower() == ".json"
    sheet = Sheet(path.name, "entry" if is_json else "row", codes=codes, classes=classes, may_lack_label=may_lack_label)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        sheet.report(0, "", f"cannot be read ({error.strerror}); see to its permissions")
        return sheet
    except UnicodeDecodeError as error:
        sheet.report(0, "", f"is not UTF-8 text (byte {error.start + 1}); save the sheet as 'CSV UTF-8'")
        return sheet
    entries = json_entries(text, sheet) if is_json else csv_entries(text, sheet)
    fill(sheet, entries, base)
    if not sheet.rows and not sheet.problems:
        sheet.report(0, "", "holds no scan; add a row for each scan")
    return sheet


def read_scan(text: str, base: Path, codes: Mapping[str, str] | None = None, classes: Classes = ADNI) -> Sheet:
    """Read a single scan: the path of its volume, or JSON such as {"image": "ad0.nii.gz", "label": 5}.

    That is how the prototype has it; without a label the scan's is UNKNOWN. Relative paths start from `base`; `codes`
    and `classes` as for `read_sheet`, with the prototype's numbers in label, too.
    """
    sheet = Sheet("--scan", "", codes=codes or {}, classes=classes, may_lack_label=True)
    fill(sheet, json_entry(text, sheet), base)
    return sheet
