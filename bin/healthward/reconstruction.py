"""From a scan's translated slices to maps in its own space."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from healthward.fusion import agreement, fuse
from healthward.slices import AXES, ScanSlices
from healthward.translation import Translation, slice_errors
from healthward.volumes import Array, to_native


@dataclass(frozen=True)
class NativeMaps:
    """Maps on the scan's own grid, float32 of the scan's shape.

    Attributes:
        pseudohealthy: the scan with the change that guidance made, in the scan's intensity units. Where no slice lies,
            and in the detail that the cube cannot hold, it is the scan itself.
        anomaly: |scan - pseudo-healthy| in the units of the model, where 1 is the scan's robust intensity range.
        contrast: |unguided - pseudo-healthy|, same units: free of the round trip's error.
        confidence: agreement of the three axes on the direction of the change, in [0, 1].
    """

    pseudohealthy: Array
    anomaly: Array
    contrast: Array
    confidence: Array


def native_maps(scan: ScanSlices, voxels: Array, healthy: Array, unguided: Array) -> NativeMaps:
    """Fuse the three axes and take the maps to the scan's own grid.

    Args:
        scan: the slices that were translated.
        voxels: the scan itself, on its own grid.
        healthy: pseudo-healthy slices, (3, count, size, size) in [0, 1].
        unguided: unguided round trip of the same shape.
    """
    first = scan.record.first
    change, _ = fuse(scan.stack - healthy, first)
    contrast, _ = fuse(unguided - healthy, first)
    scale = scan.geometry.brightest - scan.geometry.darkest
    native_change, native_contrast, confidence = (
        to_native(cube, scan.geometry) for cube in (change, contrast, agreement(scan.stack - healthy, first))
    )
    return NativeMaps(
        pseudohealthy=(voxels - scale * native_change).astype(np.float32),
        anomaly=np.abs(native_change),
        contrast=np.abs(native_contrast),
        confidence=confidence,
    )


def slice_table(scan: ScanSlices, translation: Translation) -> pd.DataFrame:
    """Return a row for each slice: scan, axis, index in the cube, and the columns of `slice_errors`."""
    record = scan.record
    size = record.size
    errors = slice_errors(scan.stack.reshape(-1, size, size), translation)
    indices = range(record.first, record.first + record.count)
    return pd.DataFrame(
        {
            "scan": record.scan,
            "axis": np.repeat(AXES, record.count),
            "index": np.tile(indices, len(AXES)),
            **errors,
        }
    )
