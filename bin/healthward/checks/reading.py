"""The scans that a run is given, read by what its parameters say of labels and images."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from healthward.inputs.bids_dataset import read_bids
from healthward.inputs.bids_images import parsed_filter
from healthward.inputs.samplesheet import read_scan, read_sheet
from healthward.inputs.sheet import Sheet
from healthward.labels import Classes, parsed_codes


class UnreadError(ValueError):
    """Nothing can be said of the scans before a parameter is mended; the message is its line."""


def read_scans(
    path: Path | None, scan: str | None, base: Path | None, parameters: dict[str, Any], classes: Classes
) -> Sheet:
    """Read a sheet, a BIDS dataset or, without a path, a single scan.

    Raises:
        UnreadError: label_codes or t1w_filter is not valid.
    """
    codes = _parsed(parameters, "label_codes", lambda text: parsed_codes(text, classes))
    t1w_filter = _parsed(parameters, "t1w_filter", parsed_filter)
    if path is None:
        return read_scan(scan or "", base or Path(), codes, classes)
    if path.is_dir():
        return read_bids(Path(os.path.abspath(path)), t1w_filter, codes, classes)
    sheet = read_sheet(path, base, codes, classes)
    if t1w_filter:
        sheet.report(0, "", "is no BIDS dataset, of whose images --t1w_filter could choose; leave that out")
    return sheet


def _parsed(parameters: dict[str, Any], name: str, parse: Callable[[str], Mapping[str, Any]]) -> Mapping[str, Any]:
    try:
        return parse(parameters[name]) if parameters[name] else {}
    except ValueError as error:
        raise UnreadError(f"parameter {name}: {error}") from error
