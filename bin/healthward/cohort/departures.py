"""How far the scans of a cohort depart from its held-out controls: what calibrate.py left of each, put together."""

from pathlib import Path

import numpy as np
import pandas as pd

from healthward.cohort.comparisons import IDENTITY
from healthward.errors import InputError
from healthward.inputs.controls import held_out_controls
from healthward.inputs.results import read_table
from healthward.norms.calibration import FEWEST_CONTROLS
from healthward.wording import shown

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
        The scans with the columns of `healthward.norms.abnormality.calibration_row`; and a row for each scan and
        region, none where no atlas fitted: scan, subject, label, split and `REGION_COLUMNS`.

    Raises:
        InputError: a scan has no calibration, or that of another one.
    """
    rows, regions = [], []
    for scan in scans["scan"]:
        path = folder / scan / "calibration.csv"
        if not path.is_file():
            raise InputError(f"{path}: missing; calibrate every scan with calibrate.py, or none")
        rows.append(_read(path, scan))
        if (folder / scan / "regions.csv").is_file():
            regions.append(_read(folder / scan / "regions.csv", scan))
    calibrated = scans.merge(pd.concat(rows), on="scan", how="left", validate="1:1")
    if not regions:
        return calibrated, pd.DataFrame(columns=[*IDENTITY, *REGION_COLUMNS])
    scans = scans[[*IDENTITY]].assign(control=held_out_controls(scans, healthy))
    table = scans.merge(pd.concat(regions), on="scan", validate="1:m")
    return calibrated, region_percentiles(table)[[*IDENTITY, *REGION_COLUMNS]]


def region_percentiles(table: pd.DataFrame) -> pd.DataFrame:
    """Say where each region of each scan lies among the control subjects.

    Args:
        table: `healthward.imaging.regions.region_table` of every scan one after another, with the columns subject and
            `control`, which is true for held-out healthy scans.

    Returns:
        The table with `percentile`: the share in % of control subjects, each the mean of its scans and the scan's own
        left out, whose mean_z is below the scan's. NaN where the scan's is not known, or that of fewer than
        `FEWEST_CONTROLS` others.
    """
    controls = table[table["control"]].groupby(["region", "subject"])["mean_z"].mean().dropna()
    z = table["mean_z"].to_numpy()
    below, others = np.zeros(len(table)), np.zeros(len(table))
    for region, rows in table.groupby("region").indices.items():
        values = np.sort(controls[controls.index.get_level_values("region") == region])
        below[rows], others[rows] = np.searchsorted(values, z[rows]), len(values)
    own = controls.reindex(pd.MultiIndex.from_frame(table[["region", "subject"]])).to_numpy()
    below -= own < z
    others -= np.isfinite(own)
    known = np.isfinite(z) & (others >= FEWEST_CONTROLS)
    return table.assign(percentile=np.where(known, 100 * below / np.maximum(others, 1), np.nan))


def _read(path: Path, scan: str) -> pd.DataFrame:
    single = path.name == "calibration.csv"
    table = read_table(path, CALIBRATE_AGAIN, ["scan"], NUMBERS if single else ())
    if single and len(table) != 1:
        raise InputError(f"{path}: has {len(table)} rows, not one; {CALIBRATE_AGAIN}")
    if others := sorted({*table["scan"].fillna("")} - {scan}):
        raise InputError(f"{path}: is of scan {shown(others[0])}, not of {shown(scan)}; {CALIBRATE_AGAIN}")
    return table
