"""Maps and tables under the names that BIDS gives to derivatives of a dataset, each map with a JSON sidecar."""

import csv
import json
import os
import re
import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from healthward.errors import InputError, reading
from healthward.names import MAPS
from healthward.wording import shown

BIDS_VERSION = "1.10.0"
ENTITY = re.compile(r"([a-z]+)-([A-Za-z0-9]+)")
OWN_ENTITIES = {"space", "res", "desc", "label"}
"""Entities of a source that the name of a map has of its own."""


Rows = list[dict[str, str]]
"""The rows of a table, by column."""


CHECK_AGAIN = "give the samplesheet.csv that check.py wrote"


@dataclass(frozen=True)
class Source:
    """A scan of the samplesheet: the start of its maps' names, and its image as a sidecar refers to it."""

    prefix: str
    reference: str

    def path(self, kind: str) -> PurePath:
        """Return where a map goes, such as sub-01/ses-M00/anat/sub-01_ses-M00_space-T1w_desc-anomaly_T1w.nii.gz."""
        folders = [part for part in self.prefix.split("_") if part.startswith(("sub-", "ses-"))]
        return PurePath(*folders, "anat", f"{self.prefix}_space-T1w_desc-{kind}_{MAPS[kind].suffix}.nii.gz")


def export(
    maps: Sequence[Path],
    tables: Sequence[Path],
    samplesheet: Path,
    out: Path,
    version: str,
    link: bool = False,
    discreet: bool = False,
) -> None:
    """Write a derivative dataset; what an earlier one of ours in the folder holds of scans that are no more goes.

    Args:
        maps: files <scan>_<kind>.nii.gz of scans of the samplesheet.
        tables: CSV files of the cohort; their rows keep naming scans as the samplesheet does.
        samplesheet: the normalised one.
        out: folder to write.
        version: of what made the maps.
        link: link to the maps instead of copying them.
        discreet: say nothing of the files that the maps were made of, as where ids are pseudonyms.

    Raises:
        InputError: a file is no map of a scan of the samplesheet, two are the same map of one, or a table gives a scan
            another subject or label.
    """
    sheet = _read_sheet(samplesheet)
    root = dataset_root(sheet)
    named = sources(sheet, root)
    grouped = {path: _read_rows(path) for path in sorted(tables)}
    if discreet:
        root, named = None, {scan: replace(source, reference="") for scan, source in named.items()}
    for path, rows in grouped.items():
        _check_identity(path, rows, sheet)
    exported: dict[tuple[str, str], Path] = {}
    for path in sorted(maps):
        scan, _, kind = path.name.removesuffix(".nii.gz").rpartition("_")
        if scan not in named or kind not in MAPS:
            raise InputError(f"{shown(path.name)} is no map of a scan of {samplesheet.name}; leave it out")
        other = exported.setdefault((scan, kind), path)
        if other != path:
            raise InputError(f"{path}: the map {kind} of scan {shown(scan)}, as {other} is; give that of one run")
    out.mkdir(parents=True, exist_ok=True)
    _remove_others(out, named.keys())
    for (scan, kind), path in exported.items():
        target = out / named[scan].path(kind)
        target.parent.mkdir(parents=True, exist_ok=True)
        # Never through a link of an earlier export into another run
        target.unlink(missing_ok=True)
        if link:
            target.symlink_to(os.path.realpath(path))
        else:
            shutil.copyfile(path, target)
        _write_json(target.with_name(f"{target.name.removesuffix('.nii.gz')}.json"), _sidecar(scan, named[scan], kind))
    for path, rows in grouped.items():
        _write_tsv(out / f"group_desc-{path.stem.replace('_', '')}_T1w.tsv", rows)
    _write_tsv(out / "participants.tsv", participants(sheet, named))
    _write_json(out / "dataset_description.json", _description(root, version))
    # A validator knows no tables of a whole cohort
    (out / ".bidsignore").write_text("group_*.tsv\n", encoding="utf-8")


def _read_sheet(file: Path) -> Rows:
    """Return the rows of a normalised samplesheet, images by absolute paths."""
    with reading(file, CHECK_AGAIN), file.open(encoding="utf-8", newline="") as lines:
        sheet = list(csv.DictReader(lines))
        for row in sheet:
            if None in row or not all(isinstance(row[name], str) for name in ("scan", "subject", "image")):
                raise ValueError(f"row of {row.get('scan')!r} has other columns")
            if not Path(row["image"]).is_absolute():
                raise ValueError(f"image {row['image']!r} is no absolute path")
    return sheet


def _read_rows(file: Path) -> list[list[str]]:
    with reading(file, "give tables that aggregate.py wrote"), file.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


def _check_identity(file: Path, rows: list[list[str]], sheet: Rows) -> None:
    """Raise an InputError where a table gives a scan of the sheet another subject or label than the sheet does."""
    known = {row["scan"]: row for row in sheet}
    for line in (dict(zip(rows[0], row, strict=False)) for row in rows[1:]):
        for column in {"subject", "label"} & line.keys():
            given = known.get(line.get("scan", ""), line).get(column, line[column])
            if given != line[column]:
                raise InputError(
                    f"{file}: {column} {shown(line[column])} of scan {line['scan']} is {shown(given)} in the "
                    f"samplesheet; give the sheet and the tables of one run"
                )


def _remove_others(out: Path, scans: Collection[str]) -> None:
    """Remove maps that an earlier export left of other scans, as their sidecars tell, and folders empty then."""
    for sidecar in sorted(out.glob("sub-*/**/anat/*_space-T1w_desc-*.json")):
        kind = sidecar.stem.rpartition("_desc-")[2].partition("_")[0]
        try:
            found = json.loads(sidecar.read_text(encoding="utf-8"))
            ours = kind in MAPS and found["Description"] == MAPS[kind].description
            if not ours or found["Scan"] in scans:
                continue
        except (ValueError, LookupError, TypeError):  # another program's
            continue
        for file in (sidecar, sidecar.with_name(f"{sidecar.stem}.nii.gz")):
            file.unlink(missing_ok=True)
        folder = sidecar.parent
        while folder != out and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent


def dataset_root(sheet: Rows) -> PurePath | None:
    """Return the folder of the BIDS dataset that every scan of a sheet is from, None when there is no such."""
    roots = set()
    for row in sheet:
        parts, subject = PurePath(row["image"]).parts, row["subject"]
        inside = subject.startswith("sub-") and subject in parts
        roots.add(PurePath(*parts[: parts.index(subject)]) if inside else None)
    return roots.pop() if len(roots) == 1 else None


def sources(sheet: Rows, root: PurePath | None) -> dict[str, Source]:
    """Return each scan's source.

    A scan that is called as BIDS has it, sub-01_ses-M00, gives its maps that name. Of any other, or of a second one
    of that name (which differed in what a map has of its own), subject and id become sub- and ses-.
    """
    subjects = _labels({row["subject"].removeprefix("sub-") for row in sheet})
    sessions = _labels({row["scan"] for row in sheet})
    found: dict[str, Source] = {}
    taken = set()
    for row in sorted(sheet, key=lambda row: row["scan"]):
        scan, subject, image = row["scan"], row["subject"], PurePath(row["image"])
        prefix = "_".join(f"{key}-{value}" for key, value in _entities(scan, subject) if key not in OWN_ENTITIES)
        if not prefix or prefix in taken:
            prefix = f"sub-{subjects[subject.removeprefix('sub-')]}_ses-{sessions[scan]}"
        if prefix in taken:
            raise InputError(f"scan {shown(scan)} and another one would both be {prefix}; rename one of them")
        taken.add(prefix)
        reference = f"bids:raw:{image.relative_to(root).as_posix()}" if root is not None else image.as_uri()
        found[scan] = Source(prefix, reference)
    return found


def _entities(scan: str, subject: str) -> list[tuple[str, str]]:
    """Return (key, label) of each part of an id such as sub-01_ses-M00; nothing of an id of another form."""
    parts = [ENTITY.fullmatch(part) for part in scan.split("_")]
    if scan.split("_")[0] != subject or not all(parts):
        return []
    return [(part[1], part[2]) for part in parts if part]


def _labels(names: set[str]) -> dict[str, str]:
    """Return the letters and digits of each name, with a number where that of an earlier name is the same."""
    labels: dict[str, str] = {}
    taken = set()
    for name in sorted(names):
        plain = label = re.sub(r"[^A-Za-z0-9]", "", name)
        count = 1
        while label.lower() in taken:
            count += 1
            label = f"{plain}x{count}"
        taken.add(label.lower())
        labels[name] = label
    return labels


def participants(sheet: Rows, named: dict[str, Source]) -> list[tuple[str, ...]]:
    """Return a header and a row for each subject: its name here and in the samplesheet, sex and site of a scan."""
    rows: dict[str, tuple[str, ...]] = {}
    for row in sheet:
        identity = named[row["scan"]].prefix.split("_")[0]
        rows.setdefault(identity, (identity, row["subject"], row["sex"], row["site"]))
    return [("participant_id", "subject", "sex", "site"), *(rows[identity] for identity in sorted(rows))]


def _sidecar(scan: str, source: Source, kind: str) -> dict[str, object]:
    shown_by = MAPS[kind]
    mask = {"Type": "ROI"} if shown_by.suffix == "mask" else {}
    origin = {"Sources": [source.reference], "SpatialReference": source.reference} if source.reference else {}
    return {
        "Description": shown_by.description,
        "Units": shown_by.units,
        **origin,
        "SkullStripped": True,
        "Scan": scan,
        **mask,
    }


def _description(root: PurePath | None, version: str) -> dict[str, object]:
    links = {"DatasetLinks": {"raw": root.as_uri()}} if root is not None else {}
    return {
        "Name": "Healthward: pseudo-healthy images and anomaly maps",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "Healthward", "Version": version}],
        **links,
    }


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _write_tsv(path: Path, lines: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t", lineterminator="\n").writerows(
            [cell or "n/a" for cell in line] for line in lines
        )
