"""Volumes for the report's viewer: each a small script, the one kind of file that a page may load from a disk.

A browser lets a page opened from a disk fetch nothing beside it, yet run a script that lies there. So each volume is a
script of one call, `healthwardVolume(scan, name, base64 of a .nii.gz)`, in `viewer/<scan>/<name>.js` beside the report.
"""

import base64
import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from healthward.imaging.slices import ScanSlices
from healthward.imaging.volumes import Array
from healthward.maps.fusion import coverage, fuse
from healthward.names import MAPS

STEPS = 255


def scan_volumes(scan: ScanSlices, healthy: Array, scores: Mapping[str, Array]) -> dict[str, Array]:
    """Return what to show of a scan on its cube, by name, each float32 (S, S, S).

    Args:
        scan: the scan.
        healthy: float32 (3, n, S, S) in [0, 1], its slices decoded toward the healthy class; where none lies the
            pseudo-healthy volume is the scan.
        scores: cubes of voxel scores by their names in `healthward.maps.scores.SCORES`.
    """
    fused = np.where(coverage(scan.record) > 0, fuse(healthy, scan.record.first), scan.cube)
    maps = {name: scores[name] for name, map_ in MAPS.items() if map_.viewed and name in scores}
    return {"scan": scan.cube, "pseudohealthy": fused, **maps}


def write_volumes(
    folder: Path, scan: str, volumes: Mapping[str, NDArray[np.generic]], affine: NDArray[np.float64]
) -> None:
    """Write each volume into `folder` as <name>.js; the same volume gives the same bytes.

    Args:
        folder: is made.
        scan: the id of the scan.
        volumes: by name, three dimensions, with the meaning that `quantised` gives them.
        affine: (4, 4), voxel to world millimetres.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, voxels in volumes.items():
        packed = gzip.compress(quantised(voxels, affine), mtime=0)
        said = ", ".join(json.dumps(text) for text in (scan, name, base64.b64encode(packed).decode()))
        (folder / f"{name}.js").write_text(f"healthwardVolume({said});\n", encoding="ascii")


def quantised(voxels: NDArray[np.generic], affine: NDArray[np.float64]) -> bytes:
    """Return a volume as the bytes of a NIfTI file of uint8 with its scale in the header.

    What is below 0 or unknown (NaN) becomes 0; from there to its highest value a volume has 255 steps.
    """
    known = np.clip(np.nan_to_num(voxels.astype(np.float32), posinf=0), 0, None)
    step = float(known.max()) / STEPS or 1.0
    image = nib.Nifti1Image(np.rint(known / step).astype(np.uint8), affine)  # type: ignore[attr-defined]
    image.header.set_slope_inter(step, 0)
    image.header.set_xyzt_units("mm")
    return image.to_bytes()  # type: ignore[no-any-return]
