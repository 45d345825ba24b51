"""Which scans a norm may be fitted to, and the record of how their scores were made."""

import json
from collections.abc import Sequence
from pathlib import Path

from healthward.errors import InputError
from healthward.imaging.slices import ScanRecord
from healthward.inputs.results import read_object
from healthward.maps.origin import Method, differences, read_origin
from healthward.norms.calibration import FIT_AGAIN
from healthward.wording import shown

METHOD = "method.json"


def method_of_controls(scans: Sequence[tuple[ScanRecord, Path]]) -> Method:
    """Return how the scores of controls were made, each a record of slices with the folder of the scores.

    Raises:
        InputError: a scan is none of a control, is given twice, or its scores were made otherwise than the others'.
    """
    methods = [read_origin(folder, record).method for record, folder in scans]
    healthy = str(methods[0]["healthy"])
    seen: dict[str, str] = {}
    lines = []
    for (record, folder), method in zip(scans, methods, strict=True):
        name = shown(record.scan)
        earlier = seen.setdefault(record.fingerprint, name)
        if record.split == "train":
            lines.append(f"scan {name} is a training scan, which the model knows; leave it out")
        if record.label != healthy:
            lines.append(f"scan {name} is of class {record.label}, and controls are {healthy}; leave it out")
        if [other.scan for other, _ in scans].count(record.scan) > 1 or earlier != name:
            lines.append(f"scan {name} is given twice{'' if earlier == name else f', as {earlier}, too'}; give it once")
        if unlike := differences(method, methods[0]):
            mend = "reconstruct all controls alike"
            lines.append(f"{folder}: made with {unlike} as those of {shown(scans[0][0].scan)}; {mend}")
    if lines:
        raise InputError("\n".join(dict.fromkeys(lines)))
    return methods[0]


def save_method(folder: Path, method: Method) -> None:
    """Write into the folder of a norm how the scores of its controls were made."""
    (folder / METHOD).write_text(json.dumps(method, indent=2) + "\n", encoding="utf-8")


def check_method(folder: Path, scores: Path, method: Method) -> None:
    """Raise an InputError where scores, which lie in the folder `scores`, were made otherwise than those of a norm."""
    file = folder / METHOD
    if not file.is_file():
        raise InputError(f"{folder}: has no {METHOD} that tells how its controls were made; {FIT_AGAIN}")
    if unlike := differences(method, read_object(file, FIT_AGAIN)):
        text = f"made with {unlike} as the controls of {folder}"
        raise InputError(f"{scores}: {text}; reconstruct scan and controls alike")


def remove_norms(folder: Path) -> None:
    """Remove the norms, of whatever score, that an earlier call left in a folder, with the maps of their controls."""
    files = [*folder.glob("*/norm.npz"), *folder.glob("*/controls/*.npz"), folder / METHOD]
    for file in files:
        file.unlink(missing_ok=True)
