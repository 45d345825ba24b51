"""Disease of known place and dose in anybody's scan, which as it is remains the true counterfactual."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_multiotsu

from healthward.errors import InputError
from healthward.imaging.foreground import Array, Mask, neighbours
from healthward.imaging.prepared import Prepared
from healthward.imaging.regions import doubted_names, load_atlas, template_atlas
from healthward.imaging.volume import Volume
from healthward.planting.deformation import deformation, deformed, noise_kept
from healthward.planting.focal import HOLES, SPOTS, foci
from healthward.wording import shown

CHANGED = 0.05
"""Least change of the smoothed brain that counts as disease, as a share of its range of intensities."""

MOST_OUTSIDE = 0.1
"""Share of a user's labels that may lie outside the brain: those of 150 heads have 0.03 at most."""

SMOOTH_MM = 1.0
"""Standard deviation by which noise is taken out before the change is measured."""


@dataclass(frozen=True)
class Planted:
    """A scan with disease.

    Attributes:
        voxels: float32 (X, Y, Z), in the scan's units.
        mask: bool, where disease changed it.
        achieved: of each region the change of its volume, as a share of it.
        jacobian: least and largest determinant of the deformation; None where nothing moved.
        spots_ml, holes_ml: volumes of what is at least half changed.
    """

    voxels: Array
    mask: Mask
    achieved: dict[int, float]
    jacobian: tuple[float, float] | None
    spots_ml: float
    holes_ml: float


def regions_of(
    scan: Volume, prepared: Prepared, labels: Path | None, names: Path | None
) -> tuple[NDArray[np.int32], dict[int, str], list[str]]:
    """Return the region of each voxel of a scan, what the regions are called, and what is doubtful of them.

    They are a user's, or those that come along.

    Raises:
        InputError: the labels lie on another grid or cannot be read, or the scan was not registered and has none.
    """
    if labels is not None and names is not None:
        atlas = load_atlas(labels, names)
        if atlas.labels.shape != scan.shape[:3] or not np.allclose(atlas.affine, scan.affine, rtol=0, atol=1e-2):
            raise InputError(f"{shown(str(labels))}: not on the grid of {shown(scan.path)}; resample it to that")
        doubts = [text for text in (doubted_names(atlas),) if text]
        outside = float(np.mean(~prepared.brain[atlas.labels > 0]))
        if outside > MOST_OUTSIDE:
            doubts.append(f"{outside:.0%} of its labels lie outside the brain; see that they are this scan's")
        return atlas.labels, atlas.names, [f"{shown(str(labels))}: {text}" for text in doubts]
    if prepared.matrix is None:
        raise InputError(f"{shown(scan.path)}: was not brought into MNI152 space; give --labels and --names")
    atlas = template_atlas()
    to_atlas = np.linalg.inv(prepared.matrix @ atlas.affine) @ scan.affine
    shape = scan.shape[:3]
    found = ndimage.affine_transform(atlas.labels, to_atlas[:3, :3], to_atlas[:3, 3], shape, order=0, cval=0)
    return np.where(prepared.brain, found, 0), atlas.names, []


def read_changes(texts: Sequence[str], names: Mapping[int, str]) -> dict[int, float]:
    """Return the change of each region that texts such as "left hippocampus=-0.2" or "47=-0.2" tell.

    Raises:
        ValueError: a text tells none.
    """
    labels = {name.lower(): label for label, name in names.items()} | {str(label): label for label in names}
    found: dict[int, float] = {}
    for text in texts:
        name, _, share = text.rpartition("=")
        label = labels.get(name.strip().lower())
        if label is None:
            raise ValueError(
                f"{shown(name or text)} is no region; write one of {', '.join(list(names.values())[:4])}, …"
            )
        try:
            found[label] = float(share)
            if not found[label]:
                raise ValueError
        except ValueError:
            raise ValueError(f"{shown(share)} is no share of a volume; write one such as -0.2") from None
    return found


def tissues(voxels: Array, prepared: Prepared) -> tuple[Mask, Mask]:
    """Return where a scan's brain is fluid and where white matter, by three classes of its evened intensities."""
    even, box = prepared.evened(voxels)
    inside = even > 0
    dark, bright = threshold_multiotsu(even[inside], classes=3)
    fluid, white = (np.zeros(voxels.shape, bool) for _ in range(2))
    fluid[box], white[box] = prepared.brain[box] & (even < dark), even > bright
    return fluid, white


def plant(
    voxels: Array,
    affine: NDArray[np.float64],
    prepared: Prepared,
    labels: NDArray[np.integer],
    changes: Mapping[int, float],
    spots: int,
    holes: int,
    rng: np.random.Generator,
) -> Planted:
    """Plant disease in a scan.

    What a cubic interpolation takes of the noise is given back where the brain moves, so that no map finds it by that.

    Args:
        voxels: (X, Y, Z), a whole head or a brain.
        affine: (4, 4), voxel to world millimetres.
        prepared: the scan, as it was made ready.
        labels: the region of each voxel.
        changes: of each region to be changed the share of its volume.
        spots, holes: how many.
        rng: what draws these, and the noise.

    Raises:
        InputError: the changes cannot be had.
    """
    fluid, white = tissues(voxels, prepared)
    gain, spacing = prepared.gain(), np.linalg.norm(affine[:3, :3], axis=0)
    smooth = ndimage.gaussian_filter(voxels, SMOOTH_MM / spacing)
    moved, clean, achieved, jacobian = voxels, smooth, {}, None
    if changes:
        field = deformation(labels, affine, changes, prepared.brain, fluid)
        achieved, jacobian = field.achieved, field.jacobian
        lost = np.sqrt(1 - noise_kept(field.displacement))
        moved = deformed(voxels, field.displacement) + _noise(voxels, prepared) * lost * rng.standard_normal(
            voxels.shape, dtype=np.float32
        )
        clean = deformed(smooth, field.displacement)
        white = deformed(white.astype(np.float32), field.displacement) > 0.5
    liquid = float(np.median(smooth[fluid])) if fluid.any() else prepared.units[0]
    volumes = []
    for count, kind in ((spots, SPOTS), (holes, HOLES)):
        share = foci(count, kind, white, affine, rng)
        moved, clean = (each + share * (liquid - clean) for each in (moved, clean))
        volumes.append(float(np.count_nonzero(share > kind.strength / 2) * np.prod(spacing)) / 1000)
    mask = prepared.brain & (np.abs(clean - smooth) > CHANGED * np.where(gain > 0, gain, np.inf))
    return Planted(moved.astype(np.float32), mask, achieved, jacobian, *volumes)


def _noise(voxels: Array, prepared: Prepared) -> np.float32:
    """Return the standard deviation of a scan's noise, in its units, by like neighbours."""
    even, _ = prepared.evened(voxels)
    one, other = neighbours(even)
    tissue = (one > 0.5) & (other > 0.5)
    unit = float(np.median(prepared.gain()[prepared.brain]))
    spread = np.median(np.abs(one - other)[tissue]) / 0.6745 / np.sqrt(2) if tissue.any() else 0.0
    return np.float32(spread * unit)
