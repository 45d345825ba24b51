"""How far the scans of a cohort depart from its held-out controls: what calibrate.py left of each, put together."""

from pathlib import Path

import pandas as pd

from healthward.comparisons import IDENTITY
from healthward.controls import held_out_controls
from healthward.errors import InputError
from healthward.regions import region_percentiles
from healthward.results import read_table

CALIBRATE_AGAIN = "calibrate the scan again"
NUMBERS = ("z_mean", "z_p99", "beyond_1", "beyond_5", "abnormal_ml", "round_trip_z_p99")
REGION_COLUMNS = ["region", "voxels_ml", "mean_z", "beyond_ml", "asymmetry", "percentile"]


def with_departures(scans: pd.DataFrame, folder: Path, healthy: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Add to a table of scans what calibration says of each, and return the table of their regions, too.

    Args:
        scans: a row a scan, with scan, subject, label and split.
        folder: that holds the folder of calibrate.py of each scan, under its name.
        healthy: the class of the controls; those that were not trained on are what regions are ranked among.

    Returns:
        The scans with the columns of `healthward.abnormality.calibration_row`; and a row for each scan and region, none
        where no atlas fitted: scan, subject, label, split and `REGION_COLUMNS`.

    Raises:
        InputError: a scan has no calibration.
    """
    rows, regions = [], []
    for scan in scans["scan"]:
        path = folder / scan / "calibration.csv"
        if not path.is_file():
            raise InputError(f"{path}: missing; calibrate every scan with calibrate.py, or none")
        rows.append(_read(path))
        if (folder / scan / "regions.csv").is_file():
            regions.append(_read(folder / scan / "regions.csv"))
    calibrated = scans.merge(pd.concat(rows), on="scan", how="left", validate="1:1")
    if not regions:
        return calibrated, pd.DataFrame(columns=[*IDENTITY, *REGION_COLUMNS])
    scans = scans[[*IDENTITY]].assign(control=held_out_controls(scans, healthy))
    table = scans.merge(pd.concat(regions), on="scan", validate="1:m")
    return calibrated, region_percentiles(table)[[*IDENTITY, *REGION_COLUMNS]]


def _read(path: Path) -> pd.DataFrame:
    single = path.name == "calibration.csv"
    table = read_table(path, CALIBRATE_AGAIN, ["scan"], NUMBERS if single else ())
    if single and len(table) != 1:
        raise InputError(f"{path}: has {len(table)} rows, not one; {CALIBRATE_AGAIN}")
    return table
