"""What of a volume is brain, whatever the value of its background and the scale of its intensities."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_multiotsu

from healthward.errors import InputError

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

SEARCH_VOXELS = 64
"""Voxels along the longest axis of a coarse copy, on which the brain is first searched for."""

FAINT = 0.05
"""Difference from the background below which a voxel may be a trace of a resampling, as a share of the brain's."""

OVERSHOOT = 0.1
"""... below which it may be the ringing of a spline beside an edge."""

LARGEST_GROWTH = 1.3
"""Ratio of what differs at all from the background to what does so clearly, up to which all of it is brain."""

SMALLEST_PIECE = 0.1
"""Share of the largest piece from which another is brain, too: empty slices cut a brain in two."""

MOST_NOISE = 6
"""Multiple of the background's median deviation that noise hardly exceeds."""

FULL_PLANE = 0.25
"""Of the most neighbours in a plane, from which a plane tells how many are equal."""

FEWEST_OWN = 20
"""Percentile of the planes that is taken; every fourth plane is its own where a grid was made four times finer."""

HOT = 2.0
"""Multiple of the 99th percentile of the brain beyond which an intensity tells nothing but that it is bright."""

MOST_OF_ONE_VALUE = 0.9
"""Share of the faces within a padding that are alike, from which they are the background, and the padding is not."""

FEW_BELOW, MOST_BELOW = 0.05, 0.98
"""Shares of the brain below its background between which intensities were normalised, and above which inverted."""


@dataclass(frozen=True)
class Levelled:
    """A volume whose background is darker than its brain.

    Attributes:
        voxels: float32, as given where that held already.
        background: value outside the brain.
        below: share of the brain that was darker than the background, where that was not left as given.
    """

    voxels: Array
    background: float
    below: float


def levelled(voxels: Array) -> Levelled:
    """Return a volume with its background made darker than its brain, and its hot voxels no brighter than the brain.

    Intensities that were normalised within the brain, with a constant outside, run below that constant; a fill value
    such as -1024 lies far below all. There the constant tells nothing of what air looked like, and is put where the
    rim of the brain, which is part air, leads to: that keeps the order of the brain's intensities, which is all that
    a T1 image has.

    Raises:
        InputError: there is no background, or it is the brightest there is; the text would follow the file's name.
    """
    voxels = unpadded(voxels)
    sample = sampled(voxels)
    faces = border(voxels)
    background = float(np.median(faces))
    distance = np.abs(sample - background)
    reach = float(np.percentile(distance[distance > 0], 99)) if distance.any() else 0.0
    differs = distance > OVERSHOOT * reach
    if not differs.any():
        return Levelled(voxels, background, 0.0)
    noise = float(np.median(np.abs(faces - background)))
    low, high = background - HOT * reach, background + HOT * reach
    if voxels.min() < low or voxels.max() > high:
        voxels = np.clip(voxels, low, high)
    if MOST_NOISE * noise > reach:
        raise InputError("varies on its faces as it does within: no brain stands out; give a whole brain in air")
    clear = sample[distance > max(OVERSHOOT * reach, MOST_NOISE * noise)]
    below = float(np.mean(clear < background)) if clear.size else 0.0
    if below > MOST_BELOW:
        reason = f"has {below:.0%} of what stands out darker than its background ({background:g})"
        raise InputError(f"{reason}: inverted intensities; give them as they were acquired")
    darkest, brightest = np.percentile(sample[differs], [0.5, 99.5])
    if below < FEW_BELOW and darkest - background <= brightest - darkest:
        return Levelled(voxels, background, 0.0)
    inside = _apart(np.abs(voxels - background), max(FAINT * reach, MOST_NOISE * noise))
    rim = voxels[inside & ~ndimage.binary_erosion(inside)]
    # A dark rim fades into air; one as bright as the rest was cut from it, and air lay farther below
    brightness = max(0.0, float(np.median(rim) - darkest) / (brightest - darkest))
    air = float(darkest - brightness**2 * (brightest - darkest))
    return Levelled(np.where(inside, np.maximum(voxels, np.float32(air)), np.float32(air)), air, below)


def foreground(voxels: Array) -> Mask:
    """Return the largest bright objects of a volume, holes filled: the brain, where the skull was stripped.

    The threshold is the lower of two by Otsu's criterion for three classes (Liao, Chen and Chung, J Inf Sci Eng
    2001): it parts the background from dark tissue, which a single threshold would lose with the background.
    """
    threshold = _darkest_tissue(voxels)
    bright = voxels > threshold
    pieces, count = ndimage.label(ndimage.binary_opening(bright) if min(bright.shape) > 16 else bright)
    if count == 0:
        return bright
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    large = (sizes >= SMALLEST_PIECE * sizes.max())[pieces]
    return ndimage.binary_fill_holes(ndimage.binary_closing(large, iterations=2) | large)


def fine_foreground(voxels: Array) -> Mask:
    """Return the foreground of a volume to the voxel, searched for on a coarse copy.

    It is the same however the volume is stored, turned or padded; the coarse copy's own edges are not.
    """
    steps = [min(stride(voxels), extent) for extent in voxels.shape]
    coarse = ndimage.uniform_filter(voxels, steps)[:: steps[0], :: steps[1], :: steps[2]]
    near = ndimage.binary_dilation(foreground(coarse))
    for axis, step in enumerate(steps):
        nearest = (np.arange(voxels.shape[axis]) + step // 2) // step
        near = np.take(near, np.minimum(nearest, coarse.shape[axis] - 1), axis)
    return near & (voxels > _darkest_tissue(coarse))


def _darkest_tissue(voxels: Array) -> float:
    """Return the intensity above which voxels are tissue; infinity where there is only one value."""
    values = voxels[np.isfinite(voxels)]
    if values.size == 0 or values.min() == values.max():
        return np.inf
    try:
        return float(threshold_multiotsu(values, classes=3)[0])
    except ValueError:  # two grey values only
        return float(values.min())


def unpadded(voxels: Array) -> Array:
    """Return a volume whose padding has the value of the background within it, where that is another one.

    Intensities that were normalised over the whole volume have a background of another value than the zeros around.
    """
    padding = voxels.flat[0]
    if (border(voxels) != padding).any():
        return voxels
    [box] = ndimage.find_objects((voxels != padding).astype(np.uint8), max_label=1)
    if box is None:
        return voxels
    faces = border(voxels[box])
    background = np.median(faces)
    faint = FAINT * float(np.percentile(np.abs(sampled(voxels[box]) - background), 99))
    alike = float(np.mean(np.abs(faces - background) <= faint))
    if abs(padding - background) <= faint or alike < MOST_OF_ONE_VALUE:
        return voxels
    changed = np.full_like(voxels, background)
    changed[box] = voxels[box]
    return changed


def stride(voxels: Array) -> int:
    """Return the stride that leaves about `SEARCH_VOXELS` along the longest axis."""
    return max(1, -(-max(voxels.shape) // SEARCH_VOXELS))


def sampled(voxels: Array) -> Array:
    """Return the voxels of a volume at its `stride`."""
    step = stride(voxels)
    return voxels[::step, ::step, ::step]


def neighbours(voxels: Array) -> tuple[Array, Array]:
    """Return the values of some voxels and of their next neighbours along each axis, one after another."""
    step = stride(voxels)
    pairs = []
    for axis in range(3):
        along = np.moveaxis(voxels, axis, 0)
        first, second = along[:-1:step, ::step, ::step], along[1::step, ::step, ::step]
        pairs.append((first.ravel(), second.ravel()))
    return np.concatenate([one for one, _ in pairs]), np.concatenate([other for _, other in pairs])


def repeats(voxels: Array, wanted: Callable[[Array], Mask]) -> float:
    """Return the share of neighbours of one value among those `wanted`, where planes do not merely repeat another.

    Along each axis it is that of the planes in which the fewest are equal to their neighbours: a grid that was made
    finer by the nearest voxel repeats planes, but not all of them.
    """
    step = stride(voxels)
    shares = []
    for axis in range(3):
        along = np.moveaxis(voxels, axis, 0)[:, ::step, ::step]
        inside = wanted(along)
        pairs = (inside[:-1] & inside[1:]).sum(axis=(1, 2))
        equal = (inside[:-1] & inside[1:] & (along[:-1] == along[1:])).sum(axis=(1, 2))
        enough = pairs >= FULL_PLANE * pairs.max(initial=1)
        if enough.any():
            shares.append(float(np.percentile(equal[enough] / pairs[enough], FEWEST_OWN)))
    return float(np.mean(shares)) if shares else 0.0


def _apart(distance: Array, faint: float) -> Mask:
    """Return where a volume is not its background, voxels of the brain that happen to be near it included."""
    clear = ndimage.binary_fill_holes(distance > faint)
    any_difference = distance > 0
    # Neither noise nor the ringing of a spline around the brain
    if any_difference.sum() < LARGEST_GROWTH * clear.sum():
        return np.asarray(clear | any_difference)
    return np.asarray(clear | (ndimage.binary_closing(clear, iterations=2) & any_difference))


def border(voxels: Array) -> Array:
    """Return the values on the six faces of a volume."""
    return np.concatenate([np.take(voxels, (0, -1), axis).ravel() for axis in range(3)])
