"""What a map of z says region by region: atlases, the table of one scan, and its place among held-out controls."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from nibabel.processing import resample_from_to
from numpy.typing import NDArray
from scipy import ndimage

from healthward.errors import InputError
from healthward.imaging.atlas import FILE, REGIONS
from healthward.imaging.atlas_names import read_names
from healthward.imaging.formats import load_volume
from healthward.imaging.slices import ScanSlices
from healthward.imaging.template import load_brain
from healthward.imaging.volumes import Array, Mask

TEMPLATE_STEP = 2
"""Millimetres between the places of the template at which overlaps are counted."""

TEMPLATE_OVERLAP = 0.85
"""Least Dice of a scan's brain with the template's at which the template's regions are taken for the scan's.

Individuals simulated about the template reach 0.91 to 0.95. A brain 13 mm off or a tenth too small falls below, and no
region would have more than half of its voxels in place. This tells a scan that was never registered from one that was,
not a good registration from a poor one.
"""

LEAST_IN_PLACE = 0.75
"""Larger one of the shares of atlas in brain and brain in atlas: 0.9 and more on 150 heads, up to 0.68 if 40 mm off."""

MOST_UNNAMED = 0.1
"""Share of an atlas' labels that a table of its own may leave without a name."""

FARTHEST_ASIDE = 12.0
"""Millimetres by which a region may lie beside the mirrored place of its opposite: brains are no mirrors."""

LARGEST_LABEL = 2**24 - 1
"""Beyond it whole numbers are not distinguished as float32, the type that volumes are read in."""

_OPPOSITES = {"left": "right", "Left": "Right", "LEFT": "RIGHT", "lh": "rh", "LH": "RH", "l": "r", "L": "R"}
_OPPOSITES |= {right: left for left, right in _OPPOSITES.items()}
_SIDE = re.compile(rf"(?<![A-Za-z0-9])({'|'.join(_OPPOSITES)})(?![A-Za-z0-9])")


@dataclass(frozen=True)
class Atlas:
    """Regions of the brain in world space.

    Attributes:
        labels: int32 (X, Y, Z): the region of each voxel, 0 outside all.
        affine: (4, 4), voxel to world millimetres.
        names: of every region that has a voxel, by label.
        unnamed: how many of these its table does not name.
        unused: how many names of the table are of no region.
    """

    labels: NDArray[np.int32]
    affine: NDArray[np.float64]
    names: dict[int, str]
    unnamed: int = 0
    unused: int = 0

    def digest(self) -> str:
        """Return the SHA-256 of labels, place and names."""
        found = hashlib.sha256(repr((self.labels.shape, self.affine.tolist(), self.names)).encode())
        found.update(np.ascontiguousarray(self.labels).data)
        return found.hexdigest()


def load_atlas(path: Path, names_path: Path) -> Atlas:
    """Read an atlas: a volume of labels and its table of names.

    A label without a name is called "label 17"; a name without a voxel is left out.

    Raises:
        InputError: a file cannot be read, the volume is not one of whole numbers in three dimensions, or the table is
            wrong (`read_names`) or names no label in the volume.
    """
    voxels, affine = load_volume(path)
    whole = (voxels >= 0) & (voxels <= LARGEST_LABEL) & (voxels == np.rint(voxels))
    if not whole.all():
        mend = f"give whole numbers from 0 to {LARGEST_LABEL}, as a resampling to the nearest voxel keeps them"
        raise InputError(f"{path}: {voxels[~whole][0]:g} is no label; {mend}")
    labels = voxels.astype(np.int32)
    names = read_names(names_path)
    found = [int(label) for label in np.unique(labels) if label]
    if names.keys().isdisjoint(found):
        raise InputError(f"{names_path}: names no label that is in {path}; give the table of this atlas")
    named = {label: names.get(label, f"label {label}") for label in found}
    return Atlas(labels, affine, named, unnamed=len(named.keys() - names), unused=len(names.keys() - named - {0}))


def template_atlas() -> Atlas:
    """Return the regions of the MNI152 template that come along (`healthward.imaging.atlas`), each left and right."""
    voxels, affine = load_volume(FILE)
    names = [f"{side} {name}" for name in REGIONS for side in ("left", "right")]
    return Atlas(voxels.astype(np.int32), affine, dict(enumerate(names, start=1)))


def find_atlas(scan: ScanSlices, path: Path | None, names_path: Path | None) -> Atlas | None:
    """Return the atlas in the files, or without them the template's where the scan's brain lies in its space.

    None where neither is the case.

    Raises:
        InputError: see `load_atlas`.
    """
    if path is not None and names_path is not None:
        return load_atlas(path, names_path)
    fits = in_template_space(scan.brain, scan.geometry.cube_affine) >= TEMPLATE_OVERLAP
    return template_atlas() if fits else None


def check_place(atlas: Atlas, brain: Mask, affine: NDArray[np.float64], place: str) -> str | None:
    """Return a line about an atlas that hardly lies on a scan's brain, None where it does.

    An atlas may know a small part of the brain, or reach beyond it; one that is elsewhere does both.

    Args:
        atlas: to be laid on the brain.
        brain: of any shape (X, Y, Z).
        affine: (4, 4), voxel to world millimetres.
        place: how the line is to name both.

    Raises:
        InputError: no region lies in the brain at all.
    """
    inside = int(np.count_nonzero(brain & (atlas_on(atlas, brain.shape, affine) > 0)))
    voxel, own_voxel = (float(abs(np.linalg.det(each))) for each in (affine, atlas.affine))
    of_atlas = min(1.0, inside * voxel / (int(np.count_nonzero(atlas.labels)) * own_voxel))
    of_brain = inside / max(1, int(np.count_nonzero(brain)))
    mend = "give one in MNI152 space, or of scans that are not registered in their own"
    if not inside:
        raise InputError(f"{place}: none of its regions lies in it; {mend}")
    if max(of_atlas, of_brain) >= LEAST_IN_PLACE:
        return None
    return f"{place}: only {of_atlas:.0%} of its regions lie in it, and {of_brain:.0%} of it in a region; {mend}"


def in_template_space(brain: Mask, affine: NDArray[np.float64]) -> float:
    """Return the Dice overlap, in world space, of a scan's brain with the template's, in [0, 1].

    Args:
        brain: of any shape (X, Y, Z).
        affine: (4, 4), voxel to world millimetres.
    """
    template, template_affine = load_brain(TEMPLATE_STEP)
    moved = _nearest(brain.astype(np.int32), affine, template.shape, template_affine)
    voxel, template_voxel = abs(np.linalg.det(affine)), abs(np.linalg.det(template_affine))
    both = np.count_nonzero(template & (moved > 0)) * template_voxel
    return float(2 * both / (np.count_nonzero(brain) * voxel + np.count_nonzero(template) * template_voxel))


def atlas_on(atlas: Atlas, shape: tuple[int, ...], affine: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return the atlas' label at each voxel of another grid: the nearest one, 0 outside the atlas.

    Args:
        atlas: in the same world space as the grid.
        shape: three sizes.
        affine: (4, 4), voxel of the grid to world millimetres.
    """
    return _nearest(atlas.labels, atlas.affine, shape, affine)


def _nearest(
    labels: NDArray[np.int32], own: NDArray[np.float64], shape: tuple[int, ...], affine: NDArray[np.float64]
) -> NDArray[np.int32]:
    image = nib.Nifti1Image(labels, own)  # type: ignore[attr-defined]
    return np.asarray(resample_from_to(image, (shape, affine), order=0).dataobj, dtype=np.int32)


def opposite_regions(atlas: Atlas) -> dict[str, str]:
    """Return the right region of every left one that has its name and, mirrored, its place.

    Parcels that each hemisphere numbers by itself share names and not places. The mirror stands across the mean way
    from left to right, however the head lies.
    """
    pairs, ways = _ways_across(atlas)
    if not pairs:
        return {}
    across = ways.sum(axis=0)
    across /= max(float(np.linalg.norm(across)), 1e-6)
    aside = np.linalg.norm(ways - np.outer(ways @ across, across), axis=1)
    return {name: other for (name, other), far in zip(pairs, aside, strict=True) if far <= FARTHEST_ASIDE}


def doubted_names(atlas: Atlas) -> str:
    """Return why the names of an atlas are perhaps not its own, empty where nothing says so."""
    mend = "see that the table is that of this atlas"
    if atlas.unnamed > MOST_UNNAMED * len(atlas.names):
        return f"{atlas.unnamed} of its {len(atlas.names)} labels have no name; {mend}"
    if atlas.unused > len(atlas.names):
        return f"{atlas.unused} names of {len(atlas.names) + atlas.unused} are of no label that it has; {mend}"
    pairs, ways = _ways_across(atlas)
    exchanged = int(np.count_nonzero(ways[:, 0] < 0))
    if 2 * exchanged <= len(pairs):
        return ""
    reason = f"{exchanged} of {len(pairs)} left regions lie right of the right ones"
    return f"{reason}; see that its names are its own, and that it is not mirrored"


def _ways_across(atlas: Atlas) -> tuple[list[tuple[str, str]], NDArray[np.float64]]:
    """Return the pairs of left and right regions by name, and (n, 3) millimetres from each left to its right centre."""
    labels = {name: label for label, name in atlas.names.items()}
    pairs = [(name, str(other)) for name in labels if (other := mirrored(name)) in labels and _is_left(name)]
    if not pairs:
        return [], np.zeros((0, 3))
    sides = [[labels[pair[side]] for pair in pairs] for side in (0, 1)]
    left, right = (np.array(ndimage.center_of_mass(atlas.labels > 0, atlas.labels, side)) for side in sides)
    return pairs, (right - left) @ atlas.affine[:3, :3].T


def region_table(
    z: Array,
    labels: NDArray[np.int32],
    names: dict[int, str],
    opposites: dict[str, str],
    beyond: Mask,
    voxel_ml: float,
) -> pd.DataFrame:
    """Describe a map of z in every region.

    Args:
        z: float32, NaN where it is not known.
        labels: of z's shape, from `atlas_on`.
        names: of the atlas.
        opposites: of the atlas, from `opposite_regions`.
        beyond: of z's shape: voxels that depart from controls.
        voxel_ml: volume of a voxel in millilitres.

    Returns:
        A row a region, by label: region; voxels_ml, how much of it is known; mean_z; beyond_ml, how much of it departs;
        asymmetry, mean_z of the left region less that of the right one, the same in both rows. What cannot be
        determined is NaN: mean_z of a region that is not known anywhere, asymmetry without a partner.
    """
    keys = np.array(sorted(names), dtype=np.int32)
    inside = np.isfinite(z) & np.isin(labels, keys)
    region = np.searchsorted(keys, labels[inside])
    voxels = np.bincount(region, minlength=len(keys))
    total = np.bincount(region, weights=z[inside], minlength=len(keys))
    departing = np.bincount(region, weights=beyond[inside], minlength=len(keys))
    table = pd.DataFrame(
        {
            "region": [names[key] for key in keys],
            "voxels_ml": voxels * voxel_ml,
            "mean_z": np.where(voxels > 0, total / np.maximum(voxels, 1), np.nan),
            "beyond_ml": departing * voxel_ml,
        }
    )
    mean = dict(zip(table["region"], table["mean_z"], strict=True))
    difference = {left: mean[left] - mean[right] for left, right in opposites.items()}
    difference |= {right: difference[left] for left, right in opposites.items()}
    table["asymmetry"] = [difference.get(name, np.nan) for name in table["region"]]
    return table


def mirrored(name: str) -> str | None:
    """Return the name of the region on the other side, None where the name has no side.

    The first word that is a side tells it: "left insula", "Left-Amygdala", "ctx-lh-insula", "Insula_L".
    """
    side = _SIDE.search(name)
    return f"{name[: side.start()]}{_OPPOSITES[side[0]]}{name[side.end() :]}" if side else None


def _is_left(name: str) -> bool:
    side = _SIDE.search(name)
    return side is not None and side[0].lower().startswith("l")
