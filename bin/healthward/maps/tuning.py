"""Guidance and depth chosen on validation scans, without lesion labels: by what guidance moves in whom."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from healthward.diffusion.model import ConditionalUNet
from healthward.diffusion.translation import Settings, decodings
from healthward.errors import InputError
from healthward.imaging.slices import ScanSlices
from healthward.inputs.controls import has_other_label
from healthward.labels import NULL_CONDITION
from healthward.maps.chosen_settings import MADE, SETTINGS
from healthward.maps.origin import differences
from healthward.wording import shown


def candidates(base: Settings, guidance_scales: Sequence[float], noise_depths: Sequence[int]) -> list[Settings]:
    """Return every pair of a guidance scale and a depth, the other settings being those of `base`.

    Raises:
        InputError: a depth is too shallow for the steps.
    """
    for depth in noise_depths:
        if base.ddim_steps > depth + 1:
            raise InputError(
                f"noise depth {depth}: {base.ddim_steps} DDIM steps do not fit above it; give a deeper one"
            )
    return [
        replace(base, guidance_scale=scale, noise_depth=depth)
        for depth, scale in itertools.product(noise_depths, guidance_scales)
    ]


def measure_scan(
    model: ConditionalUNet,
    scan: ScanSlices,
    healthy: int,
    settings: Sequence[Settings],
    every: int,
    device: torch.device,
    progress: str | None = None,
) -> pd.DataFrame:
    """Translate some slices of a scan under each candidate.

    Args:
        model: the network, in evaluation mode.
        scan: its slices.
        healthy: number of the healthy class.
        settings: the candidates.
        every: which slices of each axis: each so-manieth.
        device: where to compute.
        progress: text of progress bars.

    Returns:
        A row a candidate: scan, subject, label, `SETTINGS`; gap, the mean |unguided - guided| over brain pixels; error,
        that of |input - unguided|.
    """
    size = scan.record.size
    slices = np.array(scan.stack[:, ::every]).reshape(-1, size, size)
    brain = scan.brain_stack[:, ::every].reshape(slices.shape)
    rows = []
    for chosen in settings:
        (unguided, guided), _ = decodings(model, slices, [NULL_CONDITION, healthy], chosen, device, progress=progress)
        rows.append(
            {
                "scan": scan.record.scan,
                "subject": scan.record.subject,
                "label": scan.record.label,
                **{name: getattr(chosen, name) for name in SETTINGS},
                "gap": np.abs(unguided - guided)[brain].mean(),
                "error": np.abs(slices - unguided)[brain].mean(),
            }
        )
    return pd.DataFrame(rows)


def joined(tables: Mapping[Path, pd.DataFrame], healthy: str) -> pd.DataFrame:
    """Put the tables of tune.py together.

    Args:
        tables: by file, with scan, healthy, `SETTINGS` and `MADE`.
        healthy: the class of the controls.

    Raises:
        InputError: a scan is in two tables, scans were measured by another model, in other steps or under other
            candidates than the first one, or guidance led toward another class.
    """
    first: dict[str, Path] = {}
    candidates_of_first: list[tuple[float, ...]] | None = None
    made_first: dict[str, Any] = {}
    for file, table in tables.items():
        for row in table[MADE].drop_duplicates().itertuples(index=False):
            made = dict(zip(MADE, row, strict=True))
            made_first = made_first or made
            if unlike := differences(made, made_first):
                raise InputError(f"{file}: measured with {unlike} as {next(iter(tables))}; tune all scans alike")
        if others := sorted({*table["healthy"]} - {healthy}):
            raise InputError(
                f"{file}: guidance led toward {shown(others[0])}, not {shown(healthy)}; tune again, or give --healthy"
            )
        for scan, rows in ((str(scan), rows) for scan, rows in table.groupby("scan")):
            if scan in first:
                raise InputError(f"{file}: scan {shown(scan)} is in {first[scan]}, too; give a table of each scan once")
            first[scan] = file
            tried = sorted(rows[SETTINGS].itertuples(index=False, name=None))
            candidates_of_first = candidates_of_first or tried
            if tried != candidates_of_first:
                raise InputError(
                    f"{file}: scan {shown(scan)} was measured under other guidance scales and depths than those of "
                    f"{next(iter(first.values()))}; tune all scans alike"
                )
    return pd.concat(tables.values(), ignore_index=True)


def compare_candidates(table: pd.DataFrame, healthy: str) -> pd.DataFrame:
    """Compare candidates by how far apart they put patients and controls.

    Args:
        table: what `measure_scan` returned of every validation scan, one after another.
        healthy: the class of the controls; whoever has another label, too, is none.

    Returns:
        A row a candidate, the best first: `SETTINGS`; control_gap, the mean gap of control subjects; shift, how much
        larger it is in the others; error, the mean over all; separation, the shift in pooled standard deviations (Cohen
        1988; one of 0 counts as a tenth of control_gap); pareto, whether no other has both a lower control_gap and a
        larger shift.

    Raises:
        InputError: fewer than two subjects are healthy, or fewer than two are not; or guidance moved nobody.
    """
    table = table[(table["label"] != healthy) | ~has_other_label(table, healthy)]
    subjects = table.groupby([*SETTINGS, "label", "subject"], as_index=False)[["gap", "error"]].mean()
    control = subjects["label"] == healthy
    counts = [subjects.loc[which, "subject"].nunique() for which in (control, ~control)]
    if min(counts) < 2:
        raise InputError(
            f"{counts[0]} healthy and {counts[1]} other validation subjects; it takes two of each to choose settings"
        )
    if not table["gap"].any():
        raise InputError("guidance changed nothing in any scan (every gap is 0): train the model longer")
    rows = []
    for setting, members in subjects.groupby(SETTINGS):
        own = members["label"] == healthy
        controls, others = members.loc[own, "gap"], members.loc[~own, "gap"]
        freedom = len(controls) + len(others) - 2
        spread = np.sqrt((controls.var() * (len(controls) - 1) + others.var() * (len(others) - 1)) / freedom)
        shift = others.mean() - controls.mean()
        row = {"control_gap": controls.mean(), "shift": shift, "error": members["error"].mean()}
        rows.append(
            dict(zip(SETTINGS, setting, strict=True))
            | row
            | {"separation": shift / (spread or 0.1 * row["control_gap"] or np.inf)}
        )
    result = pd.DataFrame(rows).sort_values(["separation", *SETTINGS], ascending=False, ignore_index=True)
    result["pareto"] = [
        not (
            (result["control_gap"] <= row.control_gap) & (result["shift"] >= row.shift) & (result.index != row.Index)
        ).any()
        for row in result.itertuples()
    ]
    return result
