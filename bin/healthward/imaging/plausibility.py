"""Whether a volume can be the T1 image of a brain: what cannot be is refused, what is odd is warned of."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from healthward.errors import InputError
from healthward.imaging.contrast import odd_contrast
from healthward.imaging.foreground import (
    FAINT,
    Array,
    Mask,
    border,
    foreground,
    levelled,
    neighbours,
    repeats,
    sampled,
    stride,
    unpadded,
)
from healthward.imaging.planes import odd_planes
from healthward.imaging.shape import odd_shape, odd_voxels

USUAL_FOV = 192.0
"""Edge of the cube in millimetres where nothing else was asked for."""

LABELS = (1002, 1005)
"""NIfTI's intent codes of labels, and of names of structures."""

STATISTICS = range(2, 25)
"""... of statistics, from a correlation to a negative logarithm of p."""

MOST_OF_BACKGROUND = 0.03
"""Share of the brain at the very value of its background: 150 brains have up to 0.003, clipped z-scores from 0.05."""

LEAST_FILLED, FEWEST_VALUES = 0.05, 64
"""Share of a volume's faces from which a second value is a fill value; fewer values in all are those of labels."""

MOST_EQUAL = 0.5
"""Share of neighbours of one value: real scans of 256 grey values have up to 0.1, segmentations from 0.6."""

MOST_SATURATED = 0.05
"""Share of the brain at its highest value: real scans have up to 0.002, probability maps of tissue from 0.09."""

MOST_JUMPS, JUMP = 0.002, 0.75
"""Share of neighbours that are a `JUMP` of the range apart: whole heads have up to 0.0005."""

MOST_HIGHEST = 0.001
"""Share of voxels of one highest value, from which an image was cut off there."""

FEWEST_PAIRS = 5000
"""Neighbours from which jumps are counted: tissues are neighbours in a volume of a few voxels."""

LARGEST_SHARE = 0.95
"""Of the volume that stands out: a box around an ellipsoid has 0.52 of it."""

POSSIBLE_ML = (100.0, 6000.0)
"""Half of a brain born eight weeks early, and more than a head with its neck."""

USUAL_ML = (600.0, 2200.0)
"""A child of a year, and more than the largest brains with their fluid. Whole heads have 2900 ml and more."""

MOST_CUT = 0.01
"""Share of the brain beyond the cube from which it is warned of."""


MOST_AT_END = 0.3
"""Section in which a brain ends, as a share of its widest one: 150 whole brains have up to 0.17."""

FEWEST_SECTIONS = 16
"""... of a brain that is long enough in voxels; one of a few ends in wide sections."""

ORDINALS = ("first", "second", "third")


class Oddity(NamedTuple):
    """Something to look at in a scan that is used all the same.

    Attributes:
        kind: the same for the same thing in other scans.
        text: what and the mend; it would follow the file's name.
    """

    kind: str
    text: str


def judge(
    voxels: Array, affine: NDArray[np.float64], intent: int, fov: float | None, integers: bool = True
) -> tuple[Oddity, ...]:
    """Return what is odd about a scan.

    Args:
        voxels: finite, three dimensions.
        affine: (4, 4), voxel to world millimetres.
        intent: NIfTI's code of what the voxels mean.
        fov: edge of the cube that it would be conformed to, in millimetres; None for one that is prepared first, so
            that its skull and its size do not matter.
        integers: whether the file holds integers, which can wrap around.

    Raises:
        InputError: this is no brain, or its intensities tell nothing; the text would follow the file's name.
    """
    if intent in LABELS:
        raise InputError(f"is marked as labels (intent code {intent}); give the T1 image itself")
    if intent in STATISTICS:
        raise InputError(f"is marked as a statistic (intent code {intent}); give the T1 image itself")
    if voxels.min() == voxels.max():
        raise InputError(f"holds the value {voxels.flat[0]:g} everywhere; give the scan itself")
    voxels = unpadded(voxels)
    saturated = _judge_values(voxels, integers)
    plain = levelled(sampled(voxels))
    brain = foreground(plain.voxels)
    share = float(brain.mean())
    if not 0 < share < LARGEST_SHARE:
        found = "nothing" if share == 0 else f"{share:.0%} of the volume"
        raise InputError(f"shows no brain before a background ({found} stands out); look at the volume")
    step = stride(voxels)
    coarse_affine = affine @ np.diag([step, step, step, 1.0])
    size = _judge_size(brain, coarse_affine)
    gaps = _judge_gaps(voxels, brain)
    odd = [*saturated, *gaps]
    if fov is not None:
        odd += [*size, *_judge_place(brain, coarse_affine, fov)]
    thick = odd_voxels(affine)
    if not any(each.kind == "whole head" for each in size):
        ends = _judge_ends(brain)
        odd += ends
        if not (ends or thick) and (text := odd_shape(plain.voxels, brain, coarse_affine)):
            odd.append(Oddity("shape", text))
        if contrast := odd_contrast(plain.voxels, brain):
            odd.append(Oddity("contrast", contrast))
    if thick:
        odd.append(Oddity("thick slices", thick))
    if not gaps:
        odd += _judge_clipped(sampled(voxels), brain) + _judge_planes(voxels, brain)
    if plain.below:
        text = f"{plain.below:.0%} of its brain darker than the background (normalised?)"
        odd.append(Oddity("normalised", f"has {text}; air was taken to be darker than the brain"))
    return tuple(odd)


def _judge_values(voxels: Array, integers: bool) -> list[Oddity]:
    """Raise where neighbouring voxels show that these are no intensities, or not as they were."""
    sample = sampled(voxels)
    background = float(np.median(np.concatenate([np.take(sample, (0, -1), axis).ravel() for axis in range(3)])))
    distance = np.abs(sample - background)
    if not distance.any():
        return []
    faint = FAINT * float(np.percentile(distance[distance > 0], 99))
    _judge_fill(voxels, sample, faint)
    equal = repeats(voxels, lambda values: np.abs(values - background) > faint)
    if equal > MOST_EQUAL:
        text = f"looks like labels or a mask ({equal:.0%} of its neighbouring voxels are equal)"
        raise InputError(f"{text}; give the T1 image itself")
    one, other = neighbours(voxels)
    inside = (np.abs(one - background) > faint) & (np.abs(other - background) > faint)
    one, other = one[inside], other[inside]
    if one.size == 0 or one.min() == one.max():
        return []
    low, high = np.percentile(one, [0.1, 99.9])
    jumps = float(np.mean(np.abs(one - other) > JUMP * (high - low)))
    # What was cut off at the top, as bright scalp often is for 8 bits, has not wrapped, and its range is short
    *below, highest = (np.count_nonzero(one == value) for value in np.unique(one)[-5:])
    cut_off = highest > MOST_HIGHEST * one.size and highest > 3 * max(below)
    can_wrap = integers or bool((sample == np.rint(sample)).all())
    if can_wrap and not cut_off and one.size >= FEWEST_PAIRS and jumps > MOST_JUMPS:
        text = (
            f"jumps through its range between {jumps:.1%} of neighbouring voxels (wrapped integers, noise in the air?)"
        )
        raise InputError(f"{text}; convert it anew with a wider data type, or take out noise as of MP2RAGE")
    brain = sample[distance > faint]
    saturated = float(np.mean(brain.max() - brain <= 0.01 * (brain.max() - low)))
    if saturated <= MOST_SATURATED:
        return []
    text = f"has {saturated:.0%} of its brain at the highest value (a probability map, or cut off?); look at the volume"
    return [Oddity("saturated", text)]


def _judge_fill(voxels: Array, sample: Array, faint: float) -> None:
    """Raise where a volume has two backgrounds: air, and what was filled in where nothing was scanned."""
    values, counts = np.unique(border(voxels), return_counts=True)
    common = values[counts >= LEAST_FILLED * counts.sum()]
    if common.size and np.ptp(common) > faint and np.unique(sample).size > FEWEST_VALUES:
        text = f"holds {common[0]:g} and {common[-1]:g} around the brain, of which one is a fill value"
        raise InputError(f"{text}; set both to the same")


def _judge_clipped(sample: Array, brain: Mask) -> list[Oddity]:
    """Warn of a brain that holds the very value of its background."""
    share = float(np.mean(sample[brain] == np.median(border(sample))))
    if share <= MOST_OF_BACKGROUND:
        return []
    text = f"has {share:.0%} of its brain at the value of its background (clipped, or with holes?); look at the volume"
    return [Oddity("clipped", text)]


def _judge_size(brain: Mask, affine: NDArray[np.float64]) -> list[Oddity]:
    volume = float(brain.sum() * abs(np.linalg.det(affine[:3, :3])) / 1000)
    smallest, largest = POSSIBLE_ML
    if not smallest <= volume <= largest:
        raise InputError(f"would have a brain of {volume:.3g} ml; correct its voxel sizes, or give a whole brain")
    small, large = USUAL_ML
    if volume > large:
        text = f"shows {volume:.0f} ml, a whole head rather than a brain; strip the skull, or correct its voxel sizes"
        return [Oddity("whole head", text)]
    if volume < small:
        text = f"shows a brain of {volume:.0f} ml only; see whether it is whole, and its voxel sizes are right"
        return [Oddity("small", text)]
    return []


def _judge_gaps(voxels: Array, brain: Mask) -> list[Oddity]:
    """Warn of slices of one value between others that hold brain."""
    step = stride(voxels)
    gaps = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        places = np.flatnonzero(brain.any(axis=others)) * step
        within = np.moveaxis(voxels, axis, 0)[places[0] : places[-1] + 1]
        empty = np.flatnonzero(within.max(axis=(1, 2)) == within.min(axis=(1, 2))) + places[0]
        if empty.size:
            noun = "1 empty slice" if empty.size == 1 else f"{empty.size} empty slices"
            text = f"has {noun} between slices of brain along its {ORDINALS[axis]} axis"
            where = f"from {empty[0]} to {empty[-1]}, counted from 0"
            gaps.append(Oddity("gap", f"{text} ({where}); convert it anew, or look at the volume"))
    return gaps


def _judge_planes(voxels: Array, brain: Mask) -> list[Oddity]:
    """Warn of slices that are there several times, or in another order."""
    found = [(axis, odd) for axis in range(3) if (odd := odd_planes(voxels, brain, axis))]
    return [Oddity(kind, f"along its {ORDINALS[axis]} axis: {text}") for axis, (kind, text) in found]


def _judge_ends(brain: Mask) -> list[Oddity]:
    """Warn of a brain that ends where it is still wide, at a face of the image or within."""
    widest = 0.0
    for axis in range(3):
        areas = np.trim_zeros(np.moveaxis(brain, axis, 0).sum(axis=(1, 2)))
        if areas.size >= FEWEST_SECTIONS:
            widest = max(widest, float(max(areas[0], areas[-1]) / areas.max()))
    if widest <= MOST_AT_END:
        return []
    text = f"has a brain that ends in a plane, with {widest:.0%} of its widest section (cut by the image's edge?)"
    return [Oddity("end", f"{text}; give a whole brain with air around it")]


def _judge_place(brain: Mask, affine: NDArray[np.float64], fov: float) -> list[Oddity]:
    """Warn of a brain that a cube of `fov` millimetres along the world's axes, centred on it, would cut."""
    world = np.argwhere(brain) @ affine[:3, :3].T
    low, high = np.percentile(world, [0.2, 99.8], axis=0)
    cut = float(np.mean((np.abs(world - (low + high) / 2) > fov / 2).any(axis=1)))
    if cut <= MOST_CUT:
        return []
    text = f"{cut:.0%} of its brain beyond the cube of {fov:g} mm (it is {max(high - low):.0f} mm long)"
    return [Oddity("cut", f"has {text}; strip the skull, or give a larger --fov")]
