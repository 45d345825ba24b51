"""The cohort's tables: all scores together, the scans that depart, the lowest slices, the classes described."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from healthward.cohort.comparisons import (
    CURVE_COLUMNS,
    IDENTITY,
    compare_classes,
    scopes,
    score_names,
    subject_scores,
)
from healthward.cohort.covariates import COVARIATES, adjust, false_positives
from healthward.cohort.departures import REGION_COLUMNS, with_departures
from healthward.cohort.origins import with_learned
from healthward.errors import InputError
from healthward.imaging.slices import AXES
from healthward.inputs.controls import held_out_controls
from healthward.inputs.fields import ID
from healthward.inputs.results import SCORE_AGAIN, read_lowest, read_table
from healthward.labels import ADNI, UNKNOWN, Classes
from healthward.names import PREPARED, SLICE_METRICS
from healthward.preparation.gate import LOOK
from healthward.wording import shown

SOMETIMES_EMPTY = ("localisation", "false_positives", "regions", "skipped")
LOCALISED_COLUMNS = "split label map measure scans mean sd low high chance"

SHEET_OF_SCORES = "give the sheet that it was scored from"

MINIMUM_SCANS = 8
"""Fewer curves than this have no spread from which one could be said to depart."""

HEADLINE_SCORE = "log_odds"
"""One score, named beforehand, sums up a scan: the best of many would flatter."""

RESAMPLES = 2000
SD_OF_MAD = 1.4826


@dataclass(frozen=True)
class Cohort:
    """All that is known of a cohort once every scan is scored; each table is sorted and ready to be written.

    Attributes:
        slices: a row a slice: scan, subject, label, axis, index, the metrics that were computed, then the rest.
        scans: a row a scan: mean metrics, map summaries, voxel metrics, distance of its curve, whether an outlier.
        outliers: the scans whose SSIM curve departs from the cohort's, farthest first.
        lowest: every slice with SSIM below `threshold` and the lowest of the cohort, lowest first.
        groups: mean, deviation and 95 % bootstrap interval of every score in every class.
        comparisons: the classes against each other and against the healthy one.
        false_positives: in which controls the headline score is high; empty without age, sex and site.
        localisation: how well the maps find the true voxels, with chance beside; empty without truth.
        regions: how far each region of each scan departs from controls; empty without controls or atlas.
        skipped: the scans that the check or the gate left out, and why.
        preparation: how each scan was prepared: scan, verdict, reasons and figures; empty where none was.
        others: what the sheet says of each scan in columns that we do not know: scan, and these, text.
        places: each scan's folder of scores.
        classes: those that a label may be.
        healthy, threshold: the class that scans were translated to; the SSIM below which a slice is listed.
        covariates: what the scores ending in `_adjusted` are adjusted for, if there are any.
    """

    slices: pd.DataFrame
    scans: pd.DataFrame
    outliers: pd.DataFrame
    lowest: pd.DataFrame
    groups: pd.DataFrame
    comparisons: pd.DataFrame
    false_positives: pd.DataFrame
    localisation: pd.DataFrame
    regions: pd.DataFrame
    skipped: pd.DataFrame
    preparation: pd.DataFrame
    others: pd.DataFrame
    places: dict[str, Path]
    classes: Classes
    healthy: str
    threshold: float
    covariates: tuple[str, ...]

    @property
    def controls(self) -> pd.DataFrame:
        """The scans of healthy subjects that were not trained on, which every scan is held against."""
        return self.scans[held_out_controls(self.scans, self.healthy)]

    @property
    def doubted(self) -> dict[str, str]:
        """Why the preparation of a scan is to be looked at, by scan."""
        if self.preparation.empty:
            return {}
        table = self.preparation[self.preparation["verdict"] == LOOK]
        return dict(zip(table["scan"], table["reasons"], strict=True))

    def write(self, folder: Path) -> None:
        """Write every table into `folder` as CSV, those of `SOMETIMES_EMPTY` only where they are not; others go."""
        folder.mkdir(parents=True, exist_ok=True)
        files = {"outliers": "outlier_scans", "lowest": "lowest_slices"}
        for name in ("slices", "scans", "outliers", "lowest", "groups", "comparisons", *SOMETIMES_EMPTY):
            table: pd.DataFrame = getattr(self, name)
            if name == "scans":
                known = (
                    [self.others] if self.preparation.empty else [self.preparation[["scan", *PREPARED]], self.others]
                )
                for more in known:
                    table = table.merge(more, on="scan", how="left", validate="1:1")
            file = folder / f"{files.get(name, name)}.csv"
            if name not in SOMETIMES_EMPTY or len(table):
                table.to_csv(file, index=False, float_format="%.6g")
            else:
                file.unlink(missing_ok=True)


def summarise(
    folders: Iterable[Path],
    healthy: str = "CN",
    threshold: float = 0.6,
    lowest: int = 12,
    outlier_z: float = 3.5,
    covariates: pd.DataFrame | None = None,
    calibrations: Path | None = None,
    skipped: pd.DataFrame | None = None,
    classes: Classes = ADNI,
    others: pd.DataFrame | None = None,
    learned: Collection[str] = (),
    preparation: pd.DataFrame | None = None,
) -> Cohort:
    """Collect the score folders of a cohort, in any order, into its tables.

    `covariates` has a row for each scan: scan, age (years), sex, site, missing where unknown; maybe subject and label,
    which must be those of the scores; and maybe control, "no" for a healthy scan that others must not be held against
    (`healthward.inputs.split.mark_controls`). `calibrations` holds the folder of calibrate.py of each scan. `skipped`
    has a row for each scan that the check left out: scan, subject, label, reason. `others` is of
    `healthward.inputs.other_columns.other_columns`. `preparation` is of
    `healthward.preparation.table.preparation_table`. `learned` are scans that the model was trained on whatever their
    split says.

    Raises:
        InputError: a folder lacks a table or a column, a label is no class, or a scan comes twice or lacks its
            covariates or calibration.
    """
    slices, scans, places = read_scores(folders, classes)
    scans = _with_controls(with_learned(scans, learned), covariates, healthy)
    if covariates is not None:
        scans = _with_covariates(scans, covariates)
    regions = pd.DataFrame(columns=[*IDENTITY, *REGION_COLUMNS])
    if calibrations is not None:
        scans, regions = with_departures(scans, calibrations, healthy)
    adjustment = adjust(scans, score_names(scans), healthy)
    scans = adjustment.table
    curves = curve_distances(slices, outlier_z)
    scans = scans.merge(curves[["scan", *CURVE_COLUMNS]], on="scan", validate="1:1")
    outliers = scans[[*IDENTITY]].merge(curves[curves["outlier"]].drop(columns="outlier"), on="scan")
    size = read_lowest(next(iter(places.values())))["input"].shape[-1]
    return Cohort(
        slices=slices,
        scans=scans,
        outliers=outliers.sort_values(["distance", "scan"], ascending=[False, True], ignore_index=True),
        lowest=lowest_slices(slices, threshold, lowest, size),
        groups=group_scores(scans, classes, places),
        comparisons=compare_classes(scans, classes, healthy),
        false_positives=false_positives(scans, HEADLINE_SCORE, healthy),
        localisation=localise(scans, classes),
        regions=regions,
        skipped=pd.DataFrame() if skipped is None else skipped,
        preparation=pd.DataFrame() if preparation is None else _of(preparation, scans),
        others=scans[["scan"]] if others is None else _of(others, scans),
        places=places,
        classes=classes,
        healthy=healthy,
        threshold=threshold,
        covariates=adjustment.covariates,
    )


def _of(table: pd.DataFrame, scans: pd.DataFrame) -> pd.DataFrame:
    return table[table["scan"].isin(scans["scan"])].reset_index(drop=True)


def _with_controls(scans: pd.DataFrame, sheet: pd.DataFrame | None, healthy: str) -> pd.DataFrame:
    """Return the table with the column control, yes or no: yes for what its rows show to be one and no sheet denies."""
    controls = held_out_controls(scans, healthy)
    if sheet is not None and "control" in sheet:
        controls &= ~scans["scan"].isin(sheet.loc[sheet["control"] == "no", "scan"])
    identity = list(IDENTITY)
    leading = scans[identity].assign(control=np.where(controls, "yes", "no"))
    return pd.concat([leading, scans.drop(columns=identity)], axis=1)


def _with_covariates(scans: pd.DataFrame, covariates: pd.DataFrame) -> pd.DataFrame:
    """Return the table with those covariates that any scan has, after `split`."""
    strangers = scans.loc[~scans["scan"].isin(covariates["scan"]), "scan"]
    if len(strangers):
        raise InputError(f"the samplesheet has no scan {strangers.iloc[0]}; {SHEET_OF_SCORES}")
    ours = scans[["scan"]].merge(covariates, on="scan", how="left", validate="1:1")
    for column in ("subject", "label"):
        if column in ours and (other := ours[column] != scans[column]).any():
            scan, sheets, scores = (
                scans["scan"][other].iloc[0],
                ours[column][other].iloc[0],
                scans[column][other].iloc[0],
            )
            conflict = f"{column} {shown(sheets)} to scan {scan}, its scores {shown(scores)}"
            raise InputError(f"the samplesheet gives {conflict}; {SHEET_OF_SCORES}")
    known = [name for name in COVARIATES if ours[name].notna().any()]
    identity = [*IDENTITY, "control"]
    return pd.concat([scans[identity], ours[known], scans.drop(columns=identity)], axis=1)


def read_scores(folders: Iterable[Path], classes: Classes) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Path]]:
    """Read score folders into the table of slices, the table of scans, and each scan's folder; see `summarise`."""
    slice_tables, scan_tables = [], []
    places: dict[str, Path] = {}
    for folder in folders:
        slices = _read(folder / "slices.csv", ("index", "ssim"))
        if slices.empty or "axis" not in slices or not slices["axis"].isin(AXES).all():
            raise InputError(f"{folder / 'slices.csv'}: has no slices along {', '.join(AXES)}; {SCORE_AGAIN}")
        slice_tables.append(slices)
        row = _read(folder / "scan.csv", (HEADLINE_SCORE,))
        if len(row) != 1:
            raise InputError(f"{folder / 'scan.csv'}: has {len(row)} rows, not one; score the scan again")
        scan = str(row.at[0, "scan"])
        if not ID.fullmatch(scan):
            raise InputError(f"{folder / 'scan.csv'}: scan {scan!r} is no valid id; use letters, digits, '_', '.', '-'")
        if not (folder / "lowest.npz").is_file():
            raise InputError(f"{folder / 'lowest.npz'}: missing; score the scan again")
        if scan in places:
            raise InputError(f"{folder}: scan {scan} is also in {places[scan]}; give each scan once")
        if row.at[0, "label"] not in (*classes, UNKNOWN):
            raise InputError(f"{folder / 'scan.csv'}: label {row.at[0, 'label']!r} is none of {', '.join(classes)}")
        scan_tables.append(row)
        places[scan] = folder
    if not places:
        raise InputError("no folder of scores was given; name at least one")
    slices = pd.concat(slice_tables, ignore_index=True)
    order = slices["axis"].map(AXES.index)
    slices = slices.assign(order=order).sort_values(["scan", "order", "index"], ignore_index=True).drop(columns="order")
    leading = ["scan", "subject", "label", "axis", "index", *(metric for metric in SLICE_METRICS if metric in slices)]
    slices = slices[[*leading, *slices.columns.difference(leading, sort=False)]]
    scans = pd.concat(scan_tables, ignore_index=True).sort_values("scan", ignore_index=True)
    return slices, scans, dict(sorted(places.items()))


def _read(path: Path, needed: tuple[str, ...]) -> pd.DataFrame:
    if not path.is_file() or path.stat().st_size == 0:
        raise InputError(f"{path}: missing or empty; {SCORE_AGAIN}")
    return read_table(path, SCORE_AGAIN, IDENTITY, needed)


def curve_distances(slices: pd.DataFrame, outlier_z: float) -> pd.DataFrame:
    """Measure how far each scan's SSIM curve lies from the cohort's.

    At every position a scan departs from the median of all by so many robust deviations; its distance is the root mean
    square departure along the axis where that is largest. `robust_z` says how unusual the distance is among the
    scans, as a normal deviate: the fewer scans, the less their spread is known and the more it takes. Both spreads
    have a lower bound (half the typical deviation, a quarter of the typical distance): curves that agree have no
    outliers.

    A row a scan: scan, distance, robust_z, outlier, and where it departs most: worst_axis, worst_index, worst_ssim,
    median_ssim. Fewer than `MINIMUM_SCANS` scans have no distance and no outlier.
    """
    curves = slices.pivot(index="scan", columns=["axis", "index"], values="ssim")
    result = pd.DataFrame({"scan": curves.index, "distance": np.nan, "robust_z": np.nan, "outlier": False})
    result[["worst_axis", "worst_index", "worst_ssim", "median_ssim"]] = None
    if len(curves) < MINIMUM_SCANS:
        return result
    median = curves.median()
    deviation = SD_OF_MAD * (curves - median).abs().median()
    # an SSIM that differs by a thousandth is the same
    departure = (curves - median).abs() / deviation.clip(lower=max(0.5 * deviation.median(), 1e-3))
    distance = (departure**2).T.groupby(level="axis").mean().max().pow(0.5).to_numpy()
    typical = np.median(distance)
    spread = max(SD_OF_MAD * np.median(np.abs(distance - typical)), 0.25 * typical, 0.1)
    # a spread estimated by the MAD of n values is worth that of 0.37 n by the standard deviation
    tail = stats.t.sf((distance - typical) / spread, 0.37 * (len(curves) - 1)).clip(min=np.finfo(float).tiny)
    worst = departure.to_numpy().argmax(axis=1)
    result["distance"] = distance
    result["robust_z"] = stats.norm.isf(tail)
    result["outlier"] = result["robust_z"] > outlier_z
    result["worst_axis"] = curves.columns.get_level_values("axis")[worst]
    result["worst_index"] = curves.columns.get_level_values("index")[worst]
    result["worst_ssim"] = curves.to_numpy()[np.arange(len(curves)), worst]
    result["median_ssim"] = median.to_numpy()[worst]
    return result


def lowest_slices(slices: pd.DataFrame, threshold: float, count: int, size: int) -> pd.DataFrame:
    """List every slice with SSIM below `threshold`, and at least the `count` lowest, lowest first.

    `position` names a slice by its three cube indices, of which only the slicing axis's is not `size`:
    `128_95_128` is coronal slice 95 of a cube of 128.
    """
    table = slices.sort_values("ssim", kind="stable", ignore_index=True)
    below = table["ssim"] < threshold
    table.insert(5, "position", "")
    for axis, form in zip(AXES, ("{0}_{1}_{1}", "{1}_{0}_{1}", "{1}_{1}_{0}"), strict=True):
        here = table["axis"] == axis
        table.loc[here, "position"] = [form.format(index, size) for index in table.loc[here, "index"]]
    table["below_threshold"] = below
    return table[below | (table.index < count)].reset_index(drop=True)


def describe(values: pd.DataFrame) -> pd.DataFrame:
    """Describe each column by n, mean, sd and the 95 % percentile bootstrap interval of the mean (from 3 values)."""
    table = pd.DataFrame({"n": values.count(), "mean": values.mean(), "sd": values.std()})
    table = table.assign(low=np.nan, high=np.nan)
    # Columns that are known of the same members are resampled together
    known = pd.Series({name: values[name].notna().to_numpy().tobytes() for name in values}, dtype=object)
    for names in known.groupby(known).groups.values():
        numbers = values[names].dropna().to_numpy(dtype=float)
        if len(numbers) >= 3:
            found = stats.bootstrap((numbers,), np.mean, n_resamples=RESAMPLES, batch=100, method="percentile", rng=0)
            table.loc[names, ["low", "high"]] = np.column_stack(found.confidence_interval)
    return table


def group_scores(scans: pd.DataFrame, classes: Classes, places: dict[str, Path]) -> pd.DataFrame:
    """Describe every score in every class, over its subjects, and the class's FID where features were kept."""
    rows = []
    for scope, chosen in scopes(scans).items():
        subjects = subject_scores(chosen)
        for label in classes.among(chosen["label"]):
            members = chosen[chosen["label"] == label]
            table = describe(subjects.loc[subjects["label"] == label, score_names(scans)])
            table = table.rename_axis("score").reset_index().rename(columns={"n": "subjects"})
            for region in ("", "_brain"):
                distance = group_fid([places[scan] for scan in members["scan"]], region)
                if distance is not None:
                    row = (f"group_fid{region}", table["subjects"].max(), distance)
                    table.loc[len(table), ["score", "subjects", "mean"]] = row
            table.insert(0, "scope", scope)
            table.insert(1, "label", label)
            table.insert(3, "scans", len(members))
            rows.append(table)
    return pd.concat(rows, ignore_index=True)


def group_fid(folders: Sequence[Path], region: str = "") -> float | None:
    """Return the Fréchet distance of a group's inputs to its pseudo-healthy slices, or None without features.

    `region` is empty for the whole frame, `_brain` for the brain.
    """
    if not all((folder / "features.npz").exists() for folder in folders):
        return None
    from healthward.evaluation.metrics import frechet_distance

    sides: dict[str, list[NDArray[Any]]] = {f"input{region}": [], f"healthy{region}": []}
    for folder in folders:
        with np.load(folder / "features.npz") as stored:
            for side, features in sides.items():
                features.append(stored[side])
    return float(frechet_distance(*(np.concatenate(features) for features in sides.values())))


def localise(scans: pd.DataFrame, classes: Classes) -> pd.DataFrame:
    """Describe how well each map finds the true voxels, over scans with truth, by class and split.

    A row for each split (and "all"), label (and "all"), map and measure: scans, mean, sd, low, high (95 % bootstrap)
    and `chance`, what a map that knows nothing gets: the mean prevalence for AUPRC, 0.5 for AUROC.
    """
    measured = [name for name in map(str, scans) if name.endswith(("_auprc", "_auroc"))]
    known = scans[scans[measured].notna().any(axis=1)] if measured else scans.head(0)
    rows = []
    for split in ("test", "val", "train", "all"):
        here = known if split == "all" else known[known["split"] == split]
        for label in [*classes.among(here["label"]), *(["all"] if len(here) else [])]:
            members = here if label == "all" else here[here["label"] == label]
            for name, numbers in describe(members[measured]).iterrows():
                which, measure = str(name).rsplit("_", 1)
                chance = members["prevalence"].mean() if measure == "auprc" else 0.5
                place = {"split": split, "label": label, "map": which, "measure": measure}
                rows.append({**place, **numbers.rename({"n": "scans"}), "chance": chance})
    return pd.DataFrame(rows, columns=LOCALISED_COLUMNS.split()).astype({"scans": int})
