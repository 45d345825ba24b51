"""Which scans a norm may be fitted to, and the record of who they are and how their scores were made."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from healthward.errors import InputError, reading
from healthward.imaging.people import copies, namesakes, of_copies, of_namesakes
from healthward.imaging.slices import ScanRecord
from healthward.inputs.results import read_object
from healthward.inputs.subjects import bare
from healthward.maps.origin import Method, Origin, differences, read_origin
from healthward.norms.calibration import FIT_AGAIN, control_file
from healthward.wording import condensed, listed, shown

METHOD = "method.json"
ROUND_TRIP = "round_trip"
"""The score that every norm is of, too, beside the one that guidance makes."""

OF_NORMS = ("norm", "score", "atlas")
"""What the method of a calibrated scan has beside that of its maps."""


@dataclass(frozen=True)
class Control:
    """A scan that a norm was fitted to; the fingerprint is that of its slices."""

    scan: str
    subject: str
    fingerprint: str


@dataclass(frozen=True)
class NormRecord:
    """What a norm says of itself: the score it is of, how the scores of its controls were made, and who these are."""

    score: str
    method: Method
    controls: tuple[Control, ...]

    def digest(self) -> str:
        """Return the SHA-256 of all that."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def own(self, record: ScanRecord) -> str:
        """Return the subject among the controls that a scan is of, by its slices or its id; empty for none."""
        alike = [each.subject for each in self.controls if each.fingerprint == record.fingerprint]
        alike += [each.subject for each in self.controls if bare(each.subject) == bare(record.subject)]
        return alike[0] if alike else ""


def record_of_controls(score: str, scans: Sequence[tuple[Path, ScanRecord, Path]]) -> NormRecord:
    """Return the record of a norm that is to be fitted to scans.

    Args:
        score: the one that guidance makes.
        scans: folder of slices, their record and folder of maps of each control.

    Raises:
        InputError: a scan is none of a control, is given twice, or its scores were made otherwise than the first one's.
    """
    origins = [read_origin(maps, record) for _, record, maps in scans]
    healthy = str(origins[0].method["healthy"])
    complaints = _twice([record for _, record, _ in scans])
    for (_, record, maps), origin in zip(scans, origins, strict=True):
        name = shown(record.scan)
        if record.split == "train":
            text = "is a training scan, which the model knows; leave it out"
            complaints.append(("train", f"scan {name} {text}", record.scan))
        elif origin.learned:
            text = f"is one that the model was trained on, though its split is {record.split}; leave it out"
            complaints.append(("learned", f"scan {name} {text}", record.scan))
        if record.label != healthy:
            text = f"is of class {record.label}, and controls are {healthy}; leave it out"
            complaints.append(("class", f"scan {name} {text}", record.scan))
        if unlike := differences(origin.method, origins[0].method):
            text = f"made with {unlike} as those of {shown(scans[0][1].scan)}; reconstruct all controls alike"
            complaints.append((unlike, f"{maps}: {text}", record.scan))
    if not complaints:
        folders, records = [folder for folder, _, _ in scans], [record for _, record, _ in scans]
        complaints = of_namesakes(namesakes(records)) + of_copies(copies(folders, records))
    if complaints:
        raise InputError("\n".join(condensed(complaints)))
    controls = tuple(Control(record.scan, record.subject, record.fingerprint) for _, record, _ in scans)
    return NormRecord(score, origins[0].method, controls)


def _twice(records: Sequence[ScanRecord]) -> list[tuple[str, str, str]]:
    """Return a complaint about each scan whose name or slices an earlier one has."""
    names: set[str] = set()
    first: dict[str, str] = {}
    found = []
    for record in records:
        earlier = first.setdefault(record.fingerprint, record.scan)
        if earlier != record.scan or record.scan in names:
            other = "" if earlier == record.scan else f", as {shown(earlier)}, too"
            found.append(("twice", f"scan {shown(record.scan)} is given twice{other}; give it once", record.scan))
        names.add(record.scan)
    return found


def save_record(folder: Path, record: NormRecord) -> None:
    """Write the record of a norm into its folder."""
    (folder / METHOD).write_text(json.dumps(asdict(record), indent=2) + "\n", encoding="utf-8")


def read_record(folder: Path) -> NormRecord:
    """Read the record of a norm.

    Raises:
        InputError: there is none, it is damaged, or the map of one of its controls is missing, by which a control is
            compared with the others.
    """
    file = folder / METHOD
    if not file.is_file():
        raise InputError(f"{folder}: has no {METHOD} that tells how its controls were made; {FIT_AGAIN}")
    found = read_object(file, FIT_AGAIN)
    if "controls" not in found:
        raise InputError(f"{file}: does not tell who its controls are; {FIT_AGAIN}")
    with reading(file, FIT_AGAIN):
        record = NormRecord(**found | {"controls": tuple(Control(**each) for each in found["controls"])})
        if not isinstance(record.method, dict):
            raise ValueError("no method")
    files = [
        control_file(folder / kind, subject)
        for kind in (record.score, ROUND_TRIP)
        for subject in dict.fromkeys(each.subject for each in record.controls)
    ]
    if missing := [str(file.relative_to(folder)) for file in files if not file.is_file()]:
        raise InputError(f"{folder}: lacks maps of its controls ({listed(missing, 3)}); copy it whole, or {FIT_AGAIN}")
    return record


def check_calibrated(folder: Path, norm: NormRecord, score: str, maps: Path, origin: Origin) -> None:
    """Raise an InputError where a scan's score is not what the norm in a folder is of.

    Args:
        folder: of the norm, whose record is `norm`.
        score: the one that is to be compared.
        maps: folder of the scan's maps, whose origin is `origin`.
    """
    if score != norm.score:
        raise InputError(f"{folder}: is of the score {norm.score}, not of {score}; give --score {norm.score}")
    if unlike := differences(origin.method, norm.method):
        text = f"made with {unlike} as the controls of {folder}"
        raise InputError(f"{maps}: {text}; reconstruct scan and controls alike")


def remove_norms(folder: Path) -> None:
    """Remove the norms, of whatever score, that an earlier call left in a folder, with the maps of their controls."""
    # The record first: without it nothing is compared with what is left
    for file in (folder / METHOD, *folder.glob("*/norm.npz"), *folder.glob("*/controls/*.npz")):
        file.unlink(missing_ok=True)
