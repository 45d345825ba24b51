"""What the scores of a scan were made of, so that nothing is compared with what was made otherwise."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from healthward.errors import InputError, reading
from healthward.imaging.slices import ScanRecord
from healthward.inputs.results import read_object
from healthward.wording import shown

FILE = "origin.json"
AGAIN = "reconstruct the scan again"
FRAME = ("size", "first", "count", "fov", "space")
"""What of a record of slices tells which part of the head they show, and how finely."""

LONGEST_SAID = 12
"""Characters of a value in a message: digests differ in the first ones."""

Method = dict[str, str | int | float]
"""How scores were made, by name: `FRAME`, digest of the model, classes compared, settings of the translation."""


@dataclass(frozen=True)
class Origin:
    """Of which slices scores were made, and how.

    Attributes:
        scan, fingerprint: of the slices (`healthward.imaging.slices.ScanRecord`).
        method: what must be alike wherever scores are compared.
        learned: whether the model was trained on this scan; None where that cannot be told.
    """

    scan: str
    fingerprint: str
    method: Method
    learned: bool | None = None


def origin_of(
    record: ScanRecord,
    model: str,
    healthy: str,
    disease: str,
    settings: Mapping[str, float],
    learned: bool | None = None,
) -> Origin:
    """Return the origin of what a model of this digest makes of slices, which it was or was not trained on."""
    frame = {name: getattr(record, name) for name in FRAME}
    method = {**frame, "model": model, "healthy": healthy, "disease": disease, **settings}
    return Origin(record.scan, record.fingerprint, method, learned)


def save_origin(folder: Path, origin: Origin) -> None:
    """Write an origin into the folder of what it tells of."""
    (folder / FILE).write_text(json.dumps(asdict(origin), indent=2) + "\n", encoding="utf-8")


def renew(folder: Path, scan: str) -> None:
    """Make a folder ready for what is about to be made of a scan; until `save_origin` it belongs to none.

    Raises:
        InputError: it holds what was made of another scan.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    try:
        other = read_object(file, AGAIN).get("scan") if file.is_file() else None
    except InputError:  # half written
        other = None
    if other not in (None, scan):
        raise InputError(
            f"{folder}: holds what was made of scan {shown(other)}; give {shown(scan)} a folder of its own"
        )
    file.unlink(missing_ok=True)


def load_origin(folder: Path, mend: str) -> Origin:
    """Read the origin of what lies in a folder.

    Raises:
        InputError: nothing tells it, or the file is damaged; `mend` says how to get a whole one.
    """
    file = folder / FILE
    if not file.is_file():
        raise InputError(f"{folder}: has no {FILE} that tells what it was made of; {mend}")
    found = read_object(file, mend)
    with reading(file, mend):
        origin = Origin(**found)
        if not isinstance(origin.method, dict) or not {*FRAME, "model", "healthy"} <= origin.method.keys():
            raise ValueError("no method")
    return origin


def read_origin(folder: Path, record: ScanRecord) -> Origin:
    """Read the origin of what lies in a folder, which must be the slices of `record`.

    Raises:
        InputError: it is another scan, or the slices were cut anew since; or nothing tells.
    """
    origin = load_origin(folder, AGAIN)
    if origin.scan != record.scan:
        raise InputError(
            f"{folder}: made of scan {shown(origin.scan)}, not of {shown(record.scan)}; give the folder of this scan"
        )
    frame = tuple(origin.method[name] for name in FRAME)
    if origin.fingerprint != record.fingerprint or frame != tuple(getattr(record, name) for name in FRAME):
        raise InputError(f"{folder}: made of other slices of {shown(record.scan)} than these; {AGAIN}")
    return origin


def differences(method: Method, other: Method) -> str:
    """Return in words what differs between two methods, empty where nothing does."""
    names = [name for name in {**method, **other} if method.get(name) != other.get(name)]
    return ", ".join(f"{name} {_said(method.get(name))}, not {_said(other.get(name))}" for name in names)


def _said(value: object) -> str:
    return "unknown" if value is None else f"{value:g}" if isinstance(value, float) else str(value)[:LONGEST_SAID]
