"""Maps of a scan on its own grid."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from healthward.imaging.prepared_files import load_prepared
from healthward.imaging.slices import ScanSlices
from healthward.imaging.volumes import Array, open_image_of, read_image_of, to_native
from healthward.maps.fusion import agreement, fuse
from healthward.names import MAPS


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


def remove_maps(folder: Path, image: Path) -> None:
    """Remove the maps that an earlier call left in a folder, whatever its scan; `image` stays, whatever its name."""
    for kind in (name for name, map_ in MAPS.items() if not map_.calibrated):
        for path in folder.glob(f"*_{kind}.nii.gz"):
            if not path.samefile(image):
                path.unlink()


def read_native(image: Path, scan: ScanSlices, folder: Path | None) -> tuple[Array, Array | None]:
    """Return the voxels of the image that slices were cut from, and the gain of `native_maps`.

    Args:
        image: of the scan.
        scan: the slices.
        folder: of prepare.py, where the scan was prepared.

    Raises:
        InputError: it is another image or folder, or cannot be used.
    """
    if folder is None:
        return read_image_of(image, scan.geometry, scan.cube, None), None
    prepared = load_prepared(folder, str(image), open_image_of(image, scan.geometry).read())
    return read_image_of(image, scan.geometry, scan.cube, prepared), prepared.gain()


def native_maps(
    scan: ScanSlices, voxels: Array, healthy: Array, unguided: Array, gain: Array | None = None
) -> NativeMaps:
    """Fuse the three axes and take the maps to the scan's own grid.

    Args:
        scan: the slices that were translated.
        voxels: the scan itself, on its own grid.
        healthy: pseudo-healthy slices, (3, count, size, size) in [0, 1].
        unguided: unguided round trip of the same shape.
        gain: how much 1 in the cube is in the scan's units at each voxel; None where it is the same everywhere.
    """
    first = scan.record.first
    change = fuse(scan.stack - healthy, first)
    contrast = fuse(unguided - healthy, first)
    native_change, native_contrast, confidence = (
        to_native(cube, scan.geometry) for cube in (change, contrast, agreement(scan.stack - healthy, first))
    )
    unit = scan.geometry.brightest - scan.geometry.darkest if gain is None else gain
    return NativeMaps(
        pseudohealthy=(voxels - unit * native_change).astype(np.float32),
        anomaly=np.abs(native_change),
        contrast=np.abs(native_contrast),
        confidence=confidence,
    )
