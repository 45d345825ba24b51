"""Whether scores and calibrations belong together: made by one model, in one way, of one norm; and whom it learned."""

import logging
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import pandas as pd

from healthward.cohort.departures import CALIBRATE_AGAIN
from healthward.errors import InputError
from healthward.inputs.results import SCORE_AGAIN
from healthward.maps.origin import LONGEST_SAID, Method, Origin, differences, load_origin
from healthward.norms.control_scans import OF_NORMS
from healthward.wording import condensed, counted, listed, shown

ALIKE = "give what one model made in one way"


def read_origins(folders: Iterable[Path]) -> dict[Path, Origin]:
    """Read what each folder of scores was made of.

    Raises:
        InputError: one does not tell, or was made otherwise than the first one: a line for each way to differ.
    """
    origins = {folder: load_origin(folder, SCORE_AGAIN) for folder in folders}
    first = next(iter(origins))
    complaints = [
        (unlike, f"{folder}: made with {unlike} as {first}; {ALIKE}", folder)
        for folder, origin in origins.items()
        if (unlike := differences(origin.method, origins[first].method))
    ]
    _raise(complaints)
    return origins


def check_healthy(origins: Mapping[Path, Origin], healthy: str) -> None:
    """Raise an InputError where scans were translated to another class than the one that is taken for healthy."""
    folder, origin = next(iter(origins.items()))
    if (led := origin.method["healthy"]) != healthy:
        raise InputError(f"{folder}: made with {led} as the healthy class, not {healthy}; give --healthy {led}")


def check_model(origins: Mapping[Path, Origin], model: Path, digest: str) -> None:
    """Raise an InputError where another model than the one in a folder, of this digest, made the scores."""
    folder, origin = next(iter(origins.items()))
    if (made := str(origin.method["model"])) != digest:
        text = f"made with model {made[:LONGEST_SAID]}, and {model} is {digest[:LONGEST_SAID]}"
        raise InputError(f"{folder}: {text}; give the model that made the scores")


def check_calibrations(origins: Mapping[Path, Origin], calibrations: Path) -> None:
    """Raise an InputError where scans were calibrated by other norms, or maps were made otherwise than scores.

    Args:
        origins: of each folder of scores.
        calibrations: holds the folder of calibrate.py of each scan, under its name.
    """
    first: tuple[Path, Method] | None = None
    complaints = []
    for folder, origin in origins.items():
        place = calibrations / origin.scan
        if not place.is_dir():
            continue  # reported where its table is read
        found = load_origin(place, CALIBRATE_AGAIN)
        if (found.scan, found.fingerprint) != (origin.scan, origin.fingerprint):
            raise InputError(f"{place}: made of other slices than {folder}; {CALIBRATE_AGAIN}")
        norm = {name: found.method[name] for name in OF_NORMS if name in found.method}
        first = first or (place, norm)
        maps = {name: value for name, value in found.method.items() if name not in OF_NORMS}
        if unlike := differences(maps, origin.method):
            complaints.append((unlike, f"{place}: made with {unlike} as {folder}; {ALIKE}", place))
        elif unlike := differences(norm, first[1]):
            mend = "calibrate all scans by one norm, with one score and atlas"
            complaints.append((unlike, f"{place}: made with {unlike} as {first[0]}; {mend}", place))
    _raise(complaints)


def with_learned(scans: pd.DataFrame, learned: Collection[str]) -> pd.DataFrame:
    """Return a table of scans with the split train for those that the model learned, and for all of their subjects.

    Args:
        scans: with scan, subject and split.
        learned: ids of scans.
    """
    people = scans.loc[scans["scan"].isin(learned), "subject"]
    moved = scans["subject"].isin(people) & (scans["split"] != "train")
    if moved.any():
        many = f"{counted(int(moved.sum()), 'scan')} of people that the model was trained on"
        names = listed(map(shown, scans.loc[moved, "scan"]))
        logging.getLogger(__name__).warning(f"{many}, whatever their split says: {names}; train, and no controls")
    return scans.assign(split=scans["split"].mask(moved, "train"))


def _raise(complaints: list[tuple[str, str, Path]]) -> None:
    if complaints:
        raise InputError("\n".join(condensed(((kind, line, str(folder)) for kind, line, folder in complaints), most=1)))
