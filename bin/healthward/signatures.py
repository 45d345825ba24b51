"""Recognising a scan by its voxels: the same volume turned, mirrored, rescaled or stored in another type."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save
from scipy.spatial import cKDTree

from healthward.errors import InputError

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
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Signature:
    """What a volume is recognised by; the same for a turned or mirrored copy, but for the order along the axes.

    Attributes:
        shape: voxels along each axis.
        values: float32, (POINTS³ + BLOCKS³,): single voxels, then means of blocks, each evenly over the volume.
        step: the distance between neighbouring grey values, 0 where they are not quantised.
    """

    shape: tuple[int, ...]
    values: NDArray[np.float32]
    step: float


def signature(voxels: NDArray[np.generic]) -> Signature:
    """Return the signature of a volume of three dimensions; what is not finite counts as 0."""
    finite = voxels.astype(np.float32, copy=False)
    if not np.isfinite(finite).all():
        finite = np.nan_to_num(finite, posinf=0.0, neginf=0.0)
    for axis, length in enumerate(voxels.shape):
        finite = finite.repeat(-(-POINTS // length), axis) if length < POINTS else finite
    means: NDArray[np.generic] = finite
    for axis, length in enumerate(finite.shape):
        edges = _mirrored([length * part // BLOCKS for part in range(1 + BLOCKS // 2)], length)
        sums = np.add.reduceat(means, edges[:-1], axis=axis, dtype=np.float64)
        means = sums / np.diff(edges).reshape([-1 if other == axis else 1 for other in range(3)])
    places = [
        _mirrored([(2 * part + 1) * length // (2 * POINTS) for part in range(POINTS // 2)], length - 1)
        for length in finite.shape
    ]
    values = np.concatenate([finite[np.ix_(*places)].ravel(), means.ravel()])
    return Signature(voxels.shape, values.astype(np.float32), _step(finite))


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
    """Return whether two signatures are of one volume, up to turns, mirroring, a scale of intensities and rounding.

    A map v → slope · v + offset, slope > 0 and not 1 unless the offset is 0, must take every value of one to that of
    the other: to the rounding of float32; or to the step of the coarser one, if nothing was rescaled or by more than
    `OTHER_SCALE`.
    """
    fine, coarse = sorted((one, other), key=_coarseness)
    values, target = fine.values.astype(float), coarse.values.astype(float)
    orders = [order for order in TURNS if tuple(fine.shape[axis] for axis in order) == coarse.shape]
    rounding = ROUNDING * float(target.max() - target.min())
    step = max(coarse.step, rounding)

    # Rounding moves a value by half a step, cutting off decimals by up to one towards 0, which shows in the means
    outward = np.sign(target) * _errors(values, target, orders, 1.02 * step)
    if ((outward.max(axis=1) <= 0.6 * step) & (outward[:, POINTS**3 :].min(axis=1) >= -0.75 * step)).any():
        return True
    slope = float(_deviation(target) / np.maximum(_deviation(values), 1e-30))
    offset = target.mean() - slope * values.mean()
    change = abs(slope - 1)
    # Where decimals were cut off, scale and offset are found less well
    most = 1.5 * step if change > OTHER_SCALE else rounding
    if change < SAME_SCALE or not len(_errors(slope * values + offset, target, orders, most)):
        return False
    return len(np.unique(target[: POINTS**3])) >= FEWEST_LEVELS


def _coarseness(each: Signature) -> float:
    return each.step / max(float(each.values.max() - each.values.min()), 1e-30)


def _errors(values: Values, target: Values, orders: Sequence[tuple[int, ...]], most: float) -> Values:
    """Return how far the target is from the values in each turn in which it is nowhere by over `most`, (k, values).

    The turns are all mirrorings of the given orders of the axes.
    """
    if not orders or np.abs(np.sort(values) - np.sort(target)).max() > most:
        return np.empty((0, len(target)))
    errors = np.concatenate([target - values[TURNS[order]] for order in orders])
    return errors[np.abs(errors).max(axis=1) <= most]


def _deviation(values: Values) -> NDArray[np.float64]:
    """Return the mean absolute deviation, which a single bright voxel moves little, along the last axis."""
    return np.abs(values - values.mean(axis=-1, keepdims=True)).mean(axis=-1)


def earliest_copies(signatures: Sequence[Signature | None]) -> dict[int, int]:
    """Return the index of each signature that is a copy of an earlier one, with the index of the first such."""
    alike = defaultdict[tuple[int, ...], list[int]](list)
    for index, each in enumerate(signatures):
        if each is not None:
            alike[tuple(sorted(each.shape))].append(index)
    copies: dict[int, int] = {}
    for indices in alike.values():
        group = [each for index in indices if (each := signatures[index]) is not None]
        for later, earlier in _resembling(group):
            place, first = indices[later], indices[earlier]
            if place not in copies and are_copies(group[earlier], group[later]):
                copies[place] = copies.get(first, first)
    return copies


def _resembling(group: Sequence[Signature]) -> list[tuple[int, int]]:
    """Return the pairs (later, earlier) that could be copies, in order: their scaled, sorted values nearly agree."""
    values = np.sort(np.stack([each.values for each in group]).astype(float), axis=1)
    spread = np.maximum(_deviation(values), 1e-30)
    scaled = (values - values.mean(axis=1, keepdims=True)) / spread[:, None]
    chosen = scaled[:, np.linspace(0, values.shape[1] - 1, QUANTILES).astype(int)]
    steps = np.array([each.step for each in group])
    reach = 3 * np.maximum(steps, ROUNDING * np.ptp(values, axis=1)) / spread
    tree = cKDTree(chosen)
    # Each looks as far as its own rounding may have moved it, so that the coarser of two finds the other
    near = tree.query_ball_point(chosen, reach, p=np.inf)
    pairs = ((one, other) for one, found in enumerate(near) for other in found if other != one)
    return sorted({(max(pair), min(pair)) for pair in pairs})


def save_signatures(file: Path, signatures: Sequence[Signature]) -> None:
    """Write signatures in their order."""
    stored = {
        "shape": np.array([each.shape for each in signatures], np.int32),
        "values": np.stack([each.values for each in signatures]),
        "step": np.array([each.step for each in signatures], np.float32),
    }
    # Not save_file, which keeps what it writes from other users
    file.write_bytes(save(stored))


def load_signatures(file: Path, mend: str) -> list[Signature]:
    """Read what `save_signatures` wrote.

    Raises:
        InputError: the file is missing, damaged or another one; `mend` says how to get a whole one.
    """
    try:
        stored = load_file(file)
        parts = zip(stored["shape"].tolist(), stored["values"], stored["step"].tolist(), strict=True)
        signatures = [Signature(tuple(shape), values, step) for shape, values, step in parts]
        length = POINTS**3 + BLOCKS**3
        if any(len(each.shape) != 3 or each.values.shape != (length,) for each in signatures):
            raise ValueError(f"no {length} values a scan")
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{file}: cannot be read ({' '.join(str(error).split())}); {mend}") from error
    return signatures
