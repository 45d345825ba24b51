"""A BIDS dataset as a table of scans: every T1w image of its participants, found through pybids.

Labels and covariates come from participants.tsv and, where a subject's sessions.tsv gives them by visit, from there.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from healthward.fields import field_value
from healthward.samplesheet import Sheet, fill
from healthward.wording import listed, shown

DESCRIPTION = "dataset_description.json"
PARTICIPANTS = "participants.tsv"
NAMES = {
    "label": ("label", "diagnosis", "dx", "group", "research_group", "diagnosis_bl", "diagnosis_sc"),
    "age": ("age", "age_bl"),
    "sex": ("sex", "gender"),
    "site": ("site",),
}
"""What each column of a samplesheet may be called in a dataset, in any case; the first that is there is taken."""

MISSING = {"", "n/a"}
SEXES = {"male": "M", "female": "F"}
OTHER_SEXES = {"o", "other"}
"""Values that BIDS allows and no score is adjusted for."""


@dataclass(frozen=True)
class _Table:
    """A TSV file: what each column of a samplesheet is called in it, and its rows by line number."""

    names: dict[str, str]
    rows: list[tuple[int, dict[str, str]]]


def read_bids(root: Path) -> Sheet:
    """Read the T1w images of a dataset; each is a scan that is called as its file is, without the suffix."""
    sheet = Sheet(PARTICIPANTS, "row")
    description = _description(root, sheet)
    participants = None if sheet.problems else _table(root / PARTICIPANTS, "participant_id", sheet, 0)
    if participants is None:
        return sheet
    images = _images(root, derivative=description.get("DatasetType") == "derivative")
    known = set()
    unlabelled = []
    entries = []
    for number, row in participants.rows:
        subject = row["participant_id"]
        subject = subject if subject.startswith("sub-") else f"sub-{subject}"
        if subject in known:
            sheet.report(number, "participant_id", f"{shown(subject)} is there twice; keep one row of each participant")
            continue
        known.add(subject)
        if subject not in images:
            mend = f"add {subject}/anat/{subject}_T1w.nii.gz, in a folder ses-… with several visits, or remove the row"
            sheet.report(number, "participant_id", f"{shown(subject)} has no T1w image; {mend}")
            continue
        of_subject = _values(row, participants.names, root, sheet, number, "")
        visits = dict(_visits(root / subject / f"{subject}_sessions.tsv", root, sheet, number))
        for session, path in images[subject]:
            values = of_subject | visits.get(session, {})
            scan = path.name.removesuffix(".gz").removesuffix(".nii").removesuffix("_T1w")
            if "label" not in values:
                unlabelled.append((number, scan))
            entries.append((number, {"scan": scan, "subject": subject, "image": str(path), **values}))
    _report_unlabelled(unlabelled, participants, sheet)
    for subject in sorted(set(images) - known):
        sheet.report(0, "participant_id", f"{shown(subject)} has T1w images and no row; add one, or remove its folder")
    # An empty text would be reported once more as a missing one
    fill(sheet, [(number, {name: text for name, text in fields.items() if text}) for number, fields in entries], root)
    if not sheet.rows and not sheet.problems:
        sheet.report(0, "", "holds no participant; add a row for each")
    return sheet


def _description(root: Path, sheet: Sheet) -> dict[str, Any]:
    mend = f'write at least {{"Name": "…", "BIDSVersion": "1.10.0"}} to {DESCRIPTION}'
    try:
        found = json.loads((root / DESCRIPTION).read_text(encoding="utf-8-sig"))
    except OSError:
        sheet.report(0, "", f"the folder {shown(str(root))} is no BIDS dataset: it has no {DESCRIPTION}; {mend}")
    except ValueError as error:
        sheet.report(0, "", f"{DESCRIPTION} is not valid JSON ({error}); {mend}")
    else:
        if isinstance(found, dict) and {"Name", "BIDSVersion"} <= set(found):
            return found
        sheet.report(0, "", f"{DESCRIPTION} lacks Name or BIDSVersion; {mend}")
    return {}


def _images(root: Path, derivative: bool) -> dict[str, list[tuple[str, Path]]]:
    """Return (session, T1w image) of each subject, in the order of their paths; the session is empty without any."""
    from bids import BIDSLayout  # slow, and only datasets need it
    from bids.layout import BIDSLayoutIndexer

    # pybids takes what a processed dataset adds to the names, such as desc-brain, for no BIDS at all
    indexer = BIDSLayoutIndexer(validate=not derivative, index_metadata=False)
    layout = BIDSLayout(root, validate=not derivative, is_derivative=derivative, indexer=indexer)
    images: dict[str, list[tuple[str, Path]]] = {}
    found = layout.get(suffix="T1w", datatype="anat", extension=[".nii", ".nii.gz"])
    for image in sorted(found, key=lambda image: image.path):
        session = f"ses-{image.entities['session']}" if "session" in image.entities else ""
        images.setdefault(f"sub-{image.entities['subject']}", []).append((session, Path(image.path)))
    return images


def _table(path: Path, key: str, sheet: Sheet, number: int) -> _Table | None:
    """Read a TSV file with a column `key`; what is wrong with it is reported at row `number` of the sheet."""
    place = "" if path.name == PARTICIPANTS else f"{path.name}: "
    try:
        table = pd.read_csv(
            path,
            sep="\t",
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
            index_col=False,
            encoding="utf-8-sig",
        )
    except OSError as error:
        sheet.report(number, "", f"{place}{shown(str(path))} cannot be read ({error.strerror}); add one row a {key}")
    except ValueError as error:
        reason = " ".join(str(error).split())
        sheet.report(number, "", f"{place}is no table ({reason}); save it as UTF-8 text with tabs between the columns")
    else:
        table = table.fillna("").apply(lambda column: column.str.strip())
        if key in table:
            lower = {str(name).lower(): str(name) for name in reversed(table.columns)}
            names = {
                column: next(lower[name] for name in known if name in lower)
                for column, known in NAMES.items()
                if any(name in lower for name in known)
            }
            rows = [(line, row) for line, row in enumerate(table.to_dict("records"), start=2) if row[key]]
            return _Table(names, rows)
        found = listed([str(name) for name in table.columns])
        sheet.report(number, key, f"{place}the column is missing among {found}; add it, with tabs between the columns")
    return None


def _values(
    row: dict[str, str], names: dict[str, str], root: Path, sheet: Sheet, number: int, place: str
) -> dict[str, str]:
    """Return what a row gives, in a samplesheet's words; of a value that is not valid, reported, the empty text."""
    values = {}
    for column, name in names.items():
        text = row[name]
        if column == "sex":
            text = "" if text.lower() in OTHER_SEXES else SEXES.get(text.lower(), text)
        elif column == "age":
            text = text.removesuffix("+")  # 89+ is how BIDS asks to write the ages of the oldest
        if text.lower() in MISSING:
            continue
        try:
            field_value(column, text, root)
        except ValueError as error:
            sheet.report(number, name, f"{place}{error}")
            text = ""
        values[column] = text
    return values


def _visits(path: Path, root: Path, sheet: Sheet, number: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each session of a subject's sessions.tsv, when there is one, with what it gives."""
    table = _table(path, "session_id", sheet, number) if path.exists() else None
    for line, row in table.rows if table else []:
        session = row["session_id"]
        values = _values(row, table.names if table else {}, root, sheet, number, f"{path.name} row {line}: ")
        yield session if session.startswith("ses-") else f"ses-{session}", values


def _report_unlabelled(scans: list[tuple[int, str]], participants: _Table, sheet: Sheet) -> None:
    """Report scans without a label: at once when the dataset has no column of labels, else each."""
    name = participants.names.get("label")
    where = "here or, by visit, in the sessions.tsv of the subject"
    if scans and name is None:
        text = f"{len(scans)} scans have no label, and no column is called {', '.join(NAMES['label'])}"
        sheet.report(0, "label", f"{text}; add one of CN, EMCI, MCI, LMCI, AD, {where}")
        return
    for number, scan in scans:
        sheet.report(
            number, name or "label", f"{shown(scan)} has no label; write one of CN, EMCI, MCI, LMCI, AD, {where}"
        )
