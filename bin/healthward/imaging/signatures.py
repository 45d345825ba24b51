"""Recognising a scan by its voxels: the same volume turned, mirrored, rescaled or stored in another type.

So it is recognised by its brain alone: cropped, padded, clipped, on another background or normalised within the brain.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations, product
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save
from scipy.spatial import cKDTree

from healthward.errors import InputError
from healthward.imaging.foreground import border

SIGNATURE = "signature.safetensors"
"""The signature of one scan, within its folder of slices."""

POINTS = 8
"""Voxels read along each axis. Even, for an even axis has no voxel in its middle to be its own mirror image."""

BLOCKS = 5
"""Means taken along each axis. Odd, for an odd axis cannot be halved."""

DRAWN_VOXELS = 2**16
FEWEST_LEVELS = 16
"""With fewer grey values than that, the gap between two of them is no rounding, and any two volumes lie on a line."""

ROUNDING = 2e-6
"""What arithmetic in float32 may move a value by, in parts of the volume's range."""

SAME_SCALE, OTHER_SCALE = 1e-4, 0.01
"""A slope differs from 1 by the latter where an image was rescaled and rounded: by less, two quantised scans merely
resemble. By less than the former it is 1, and an offset alone is no rescaling that anyone does to an MR image."""

QUANTILES = 16

CLIPPED_TO = (0.1, 0.8)
"""Quantiles of the brain that its values are clipped to: clipping a volume at outer ones changes nothing of these."""

BACKGROUND = 1e30
"""What stands for the background beside the values of a brain: it differs from all of them, and not from itself."""

LEAST_SHARE = 0.1
"""Share of a block that is brain from which on its mean is one of many voxels."""
Values = NDArray[np.float64]
Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True)
class Signature:
    """What a volume is recognised by; the same for a turned or mirrored copy, but for the order along the axes.

    Attributes:
        shape: voxels along each axis.
        values: float32, (POINTS³ + BLOCKS³,): single voxels, then means of blocks, each evenly over the volume.
            NaN in the background, where that is left out.
        step: the distance between neighbouring grey values, 0 where they are not quantised.
        brain: the signature of the box around what differs from the background, without that; None if too little does.
    """

    shape: tuple[int, ...]
    values: NDArray[np.float32]
    step: float
    brain: "Signature | None" = None


LENGTH = POINTS**3 + BLOCKS**3
NO_BRAIN = Signature((0, 0, 0), np.full(LENGTH, np.nan, np.float32), 0.0)
"""What is stored of a scan without a signature of its brain."""


def signature(voxels: NDArray[np.generic]) -> Signature:
    """Return the signature of a volume of three dimensions; what is not finite counts as 0."""
    finite = voxels.astype(np.float32, copy=False)
    if not np.isfinite(finite).all():
        finite = np.nan_to_num(finite, posinf=0.0, neginf=0.0)
    stretched = _stretched(finite)
    values = np.concatenate([_points(stretched).ravel(), _means(stretched).ravel()])
    return Signature(voxels.shape, values.astype(np.float32), _step(stretched), _brain_signature(finite))


def _brain_signature(voxels: NDArray[np.float32]) -> Signature | None:
    brain = voxels != np.float32(np.median(border(voxels)))
    box = tuple(
        slice(places[0], places[-1] + 1)
        for axis in range(3)
        if len(places := np.flatnonzero(brain.any(axis=tuple({0, 1, 2} - {axis}))))
    )
    if not box:
        return None
    voxels, brain = voxels[box], brain[box]
    inside = voxels[brain]
    low, high = (int(quantile * (len(inside) - 1)) for quantile in CLIPPED_TO)
    inside = inside.clip(*np.partition(inside, (low, high))[[low, high]])
    clipped = np.zeros_like(voxels)
    clipped[brain] = inside
    clipped, brain = _stretched(clipped), _stretched(brain)
    shares = _means(brain)
    points = np.where(_points(brain), _points(clipped), np.nan)
    means = np.where(shares > LEAST_SHARE, _means(clipped) / np.maximum(shares, LEAST_SHARE), np.nan)
    values = np.concatenate([points.ravel(), means.ravel()]).astype(np.float32)
    return Signature(voxels.shape, values, _step(inside)) if _levels(values) >= FEWEST_LEVELS else None


def _stretched(voxels: NDArray[Number]) -> NDArray[Number]:
    """Return a volume with voxels repeated along the axes that have fewer than are read."""
    for axis, length in enumerate(voxels.shape):
        voxels = voxels.repeat(-(-POINTS // length), axis) if length < POINTS else voxels
    return voxels


def _points(voxels: NDArray[Number]) -> NDArray[Number]:
    places = [
        _mirrored([(2 * part + 1) * length // (2 * POINTS) for part in range(POINTS // 2)], length - 1)
        for length in voxels.shape
    ]
    return voxels[np.ix_(*places)]


def _means(voxels: NDArray[np.generic]) -> Values:
    means: NDArray[Any] = voxels
    for axis, length in enumerate(voxels.shape):
        edges = _mirrored([length * part // BLOCKS for part in range(1 + BLOCKS // 2)], length)
        sums = np.add.reduceat(means, edges[:-1], axis=axis, dtype=np.float64)
        means = sums / np.diff(edges).reshape([-1 if other == axis else 1 for other in range(3)])
    return means


def _levels(values: NDArray[np.floating]) -> int:
    """Return how many different values are among the points of a signature."""
    points = values[: POINTS**3]
    return len(np.unique(points[np.isfinite(points)]))


def _mirrored(lower: list[int], end: int) -> list[int]:
    """Return places from 0 to `end` that are the same counted from either end, given those of the lower half."""
    return [*lower, *(end - place for place in reversed(lower))]


def _step(voxels: NDArray[np.float32]) -> float:
    drawn = voxels.ravel()
    if len(drawn) > DRAWN_VOXELS:
        drawn = drawn[np.random.default_rng(0).integers(len(drawn), size=DRAWN_VOXELS)]
    levels = np.unique(drawn).astype(float)
    gaps = np.diff(levels)
    gaps = gaps[gaps > ROUNDING / 2 * (levels[-1] - levels[0])]
    return float(gaps.min()) if len(gaps) >= FEWEST_LEVELS else 0.0


def _turns() -> dict[tuple[int, ...], NDArray[np.intp]]:
    """Return for each order of the axes the places of a signature's values in the eight mirrorings of it."""
    turns: dict[tuple[int, ...], NDArray[np.intp]] = {}
    for order in permutations(range(3)):
        mirrored = []
        for signs in product((1, -1), repeat=3):
            flip = tuple(slice(None, None, sign) for sign in signs)
            grids = (np.arange(side**3).reshape(side, side, side) for side in (POINTS, BLOCKS))
            points, blocks = (grid.transpose(order)[flip].ravel() for grid in grids)
            mirrored.append(np.concatenate([points, POINTS**3 + blocks]))
        turns[order] = np.stack(mirrored)
    return turns


TURNS = _turns()


def are_copies(one: Signature, other: Signature) -> bool:
    """Return whether two signatures are of one volume or brain, up to turns, mirroring, a scale and rounding.

    A map v → slope · v + offset, slope > 0 and not 1 unless the offset is 0, must take every value of one to that of
    the other: to the rounding of float32; or to the step of the coarser one, if nothing was rescaled or by more than
    `OTHER_SCALE`.
    """
    if one.brain and other.brain and _agree(one.brain, other.brain):
        return True
    return _agree(one, other)


def _agree(one: Signature, other: Signature) -> bool:
    fine, coarse = sorted((one, other), key=_coarseness)
    values, target = fine.values.astype(float), coarse.values.astype(float)
    orders = [order for order in TURNS if tuple(fine.shape[axis] for axis in order) == coarse.shape]
    rounding = ROUNDING * _range(target)
    step = max(coarse.step, rounding)

    # Rounding moves a value by half a step, cutting off decimals by up to one towards 0, which shows in the means
    outward = np.sign(np.nan_to_num(target)) * _errors(values, target, orders, 1.02 * step)
    if ((outward.max(axis=1) <= 0.6 * step) & (outward[:, POINTS**3 :].min(axis=1) >= -0.75 * step)).any():
        return True
    slope = float(_deviation(target) / np.maximum(_deviation(values), 1e-30))
    offset = np.nanmean(target) - slope * np.nanmean(values)
    change = abs(slope - 1)
    # Where decimals were cut off, scale and offset are found less well
    most = 1.5 * step if change > OTHER_SCALE else rounding
    if change < SAME_SCALE or not len(_errors(slope * values + offset, target, orders, most)):
        return False
    return _levels(target) >= FEWEST_LEVELS


def _coarseness(each: Signature) -> float:
    return each.step / max(_range(each.values), 1e-30)


def _range(values: NDArray[np.floating]) -> float:
    return float(np.nanmax(values) - np.nanmin(values))


def _errors(values: Values, target: Values, orders: Sequence[tuple[int, ...]], most: float) -> Values:
    """Return how far the target is from the values in each turn in which it is nowhere by over `most`, (k, values).

    The turns are all mirrorings of the given orders of the axes.
    """
    values, target = (np.nan_to_num(each, nan=BACKGROUND) for each in (values, target))
    if not orders or np.abs(np.sort(values) - np.sort(target)).max() > most:
        return np.empty((0, len(target)))
    errors = np.concatenate([target - values[TURNS[order]] for order in orders])
    return errors[np.abs(errors).max(axis=1) <= most]


def _deviation(values: Values) -> NDArray[np.float64]:
    """Return the mean absolute deviation, which a single bright voxel moves little, along the last axis."""
    return np.nanmean(np.abs(values - np.nanmean(values, axis=-1, keepdims=True)), axis=-1)


def earliest_copies(signatures: Sequence[Signature | None]) -> dict[int, int]:
    """Return the index of each signature that is a copy of an earlier one, with the index of the first such."""
    brains = [each and each.brain for each in signatures]
    pairs = sorted({*_alike(signatures), *_alike(brains)})
    copies: dict[int, int] = {}
    for later, earlier in pairs:
        one, other = signatures[earlier], signatures[later]
        if later not in copies and one and other and are_copies(one, other):
            copies[later] = copies.get(earlier, earlier)
    return copies


def _alike(signatures: Sequence[Signature | None]) -> list[tuple[int, int]]:
    """Return the pairs of indices (later, earlier) of signatures that could be copies."""
    groups = defaultdict[tuple[int, ...], list[tuple[int, Signature]]](list)
    for index, each in enumerate(signatures):
        if each is not None:
            groups[*sorted(each.shape), int(np.isnan(each.values).sum())].append((index, each))
    return [
        (group[later][0], group[earlier][0])
        for group in groups.values()
        for later, earlier in _resembling([each for _, each in group])
    ]


def _resembling(group: Sequence[Signature]) -> list[tuple[int, int]]:
    """Return the pairs (later, earlier) that could be copies, for their scaled, sorted values nearly agree.

    All have as many values outside the background.
    """
    values = np.stack([each.values[~np.isnan(each.values)] for each in group]).astype(float)
    values.sort(axis=1)
    spread = np.maximum(_deviation(values), 1e-30)
    scaled = (values - values.mean(axis=1, keepdims=True)) / spread[:, None]
    chosen = scaled[:, np.linspace(0, values.shape[1] - 1, QUANTILES).astype(int)]
    steps = np.array([each.step for each in group])
    reach = 3 * np.maximum(steps, ROUNDING * np.ptp(values, axis=1)) / spread
    tree = cKDTree(chosen)
    # Each looks as far as its own rounding may have moved it, so that the coarser of two finds the other
    near = tree.query_ball_point(chosen, reach, p=np.inf)
    pairs = ((one, other) for one, found in enumerate(near) for other in found if other != one)
    return list({(max(pair), min(pair)) for pair in pairs})


def save_signatures(file: Path, signatures: Sequence[Signature]) -> None:
    """Write signatures in their order."""
    brains = [each.brain or NO_BRAIN for each in signatures]
    stored = {
        prefix + name: array
        for prefix, kind in (("", signatures), ("brain_", brains))
        for name, array in {
            "shape": np.array([each.shape for each in kind], np.int32),
            "values": np.stack([each.values for each in kind]),
            "step": np.array([each.step for each in kind], np.float32),
        }.items()
    }
    # Not save_file, which keeps what it writes from other users
    file.write_bytes(save(stored))


def load_signatures(file: Path, mend: str) -> list[Signature]:
    """Read what `save_signatures` wrote, or wrote before it knew of brains.

    Raises:
        InputError: the file is missing, damaged or another one; `mend` says how to get a whole one.
    """
    try:
        stored = load_file(file)
        whole = _unpacked(stored, "")
        if "brain_shape" not in stored:
            return whole
        brains = _unpacked(stored, "brain_")
        return [
            replace(each, brain=brain if all(brain.shape) else None) for each, brain in zip(whole, brains, strict=True)
        ]
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{file}: cannot be read ({' '.join(str(error).split())}); {mend}") from error


def _unpacked(stored: dict[str, NDArray[np.generic]], prefix: str) -> list[Signature]:
    shapes, values, steps = (stored[prefix + name] for name in ("shape", "values", "step"))
    parts = zip(shapes.tolist(), values, steps.tolist(), strict=True)
    signatures = [Signature(tuple(shape), each, step) for shape, each, step in parts]
    if any(len(each.shape) != 3 or each.values.shape != (LENGTH,) for each in signatures):
        raise ValueError(f"no {LENGTH} values a scan")
    return signatures
