"""The norm of a score in held-out controls, voxel by voxel, and how far a scan departs from it.

The comparison of one case with a control sample (Crawford and Howell, The Clinical Neuropsychologist 1998), with
variances moderated toward a prior (Smyth, Stat Appl Genet Mol Biol 2004, 3(1):3) that here is smooth in space: a quiet
voxel of few controls would else turn noise into a large z. What such a z is worth is read off the controls
themselves, each against all others.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize, special, stats

from healthward.errors import InputError, reading
from healthward.imaging.slices import ScanSlices
from healthward.imaging.volumes import Array
from healthward.inputs.results import read_arrays
from healthward.maps.fusion import coverage

FIT_AGAIN = "run norm.py again"
NORM_ARRAYS = ("count", "total", "squares", "prior", "strength", "null")

FEWEST_CONTROLS = 5
"""Control subjects that a voxel needs: with fewer the variance is a guess."""

PRIOR_WIDTH = 8.0
"""Standard deviation in millimetres of the Gaussian that makes the prior of the variance smooth."""

MEDIAN_VOXELS = 3
"""Edge of the median filter: single voxels of a score are noise of the network."""

EROSION = 3.0
"""Millimetres of brain surface left out: partial volume and skull stripping make every score large there."""

_EDGES = np.linspace(-10, 40, 5001)


class Departure(NamedTuple):
    """How far a scan departs from controls, each float32 (S, S, S) and NaN where that cannot be determined.

    Attributes:
        z: standard deviations of controls, moderated, above their mean.
        p: share of the voxels of controls that depart as far: one-sided, in (0, 1].
        q: Benjamini and Hochberg's false discovery rate over the scan's voxels at which the voxel is called, in (0, 1].
    """

    z: Array
    p: Array
    q: Array


def prepare(score: Array, scan: ScanSlices) -> Array:
    """Return a score of a scan as it is compared: median-filtered, and NaN outside the eroded brain or all slices.

    Args:
        score: float32 (S, S, S).
        scan: whose brain it is.
    """
    inner = ndimage.binary_erosion(scan.brain, iterations=max(1, round(EROSION / scan.record.spacing)))
    known = inner & (coverage(scan.record) > 0)
    return np.where(known, ndimage.median_filter(score, MEDIAN_VOXELS), np.nan).astype(np.float32)


@dataclass(frozen=True)
class Norm:
    """The norm of a score: sums of it over control subjects, in the conformed cube, each (S, S, S).

    Attributes:
        count: subjects that have the voxel in their brain.
        total, squares: sum of the score and of its square over them, float64.
        prior: smooth variance that a voxel is expected to have.
        strength: how many degrees of freedom the prior counts for; may be infinite.
        null: subjects' mean share of voxels in each bin of z between `_EDGES`, every control against the others.
        folder: where the sums and each control's own map are kept.
    """

    count: NDArray[np.int32]
    total: NDArray[np.float64]
    squares: NDArray[np.float64]
    prior: NDArray[np.float64]
    strength: float
    null: NDArray[np.float64]
    folder: Path

    def __contains__(self, subject: str) -> bool:
        return control_file(self.folder, subject).is_file()

    @property
    def subjects(self) -> int:
        """How many controls there are."""
        return int(self.count.max(initial=0))

    def z(self, score: NDArray[np.floating], subject: str) -> Array:
        """Return a prepared score in moderated standard deviations of the controls other than the subject itself.

        t = (x - mean) / sqrt(s² (1 + 1/n)), with s² = (d0 prior + (n - 1) variance) / (d0 + n - 1).
        """
        count, total, squares = self.count, self.total, self.squares
        if subject in self:
            own = _read_map(control_file(self.folder, subject))
            known = np.isfinite(own)
            own = np.where(known, own, 0)
            count, total, squares = count - known, total - own, squares - own**2
        enough = count >= FEWEST_CONTROLS
        n = np.where(enough, count, FEWEST_CONTROLS)
        mean = total / n
        variance = _moderated(np.maximum(squares / n - mean**2, 0) * n / (n - 1), n - 1, self.prior, self.strength)
        departure = (score - mean) / np.sqrt(variance * (1 + 1 / n))
        return np.where(enough & np.isfinite(score), departure, np.nan).astype(np.float32)

    def compare(self, score: Array, subject: str) -> Departure:
        """Return how far a prepared score departs from the controls other than `subject`, which is empty for none."""
        z = self.z(score, subject)
        known = np.isfinite(z)
        p, q = np.full_like(z, np.nan), np.full_like(z, np.nan)
        if known.any():
            p[known] = self.tail(z[known])
            q[known] = stats.false_discovery_control(p[known])
        return Departure(z, p, q)

    def tail(self, z: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the share of the controls' voxels with a z at least so large, never 0."""
        above = np.append(self.null[::-1].cumsum()[::-1], 0)
        bins = np.clip(np.searchsorted(_EDGES, z, side="right") - 1, 0, len(self.null) - 1)
        smallest = 1 / max(self.subjects * int((self.count >= FEWEST_CONTROLS).sum()), 1)
        return np.clip(above[bins], smallest, 1)


def fit_norm(maps: Iterable[tuple[str, Array]], spacing: float, folder: Path) -> Norm:
    """Fit the norm to controls, and keep it in a folder.

    Args:
        maps: (subject, prepared score), a subject's scans one after another: they count as their mean.
        spacing: edge of a voxel in millimetres.
        folder: to write.

    Raises:
        InputError: fewer subjects than `FEWEST_CONTROLS` + 1, so that none can be compared with the others.
    """
    control_file(folder, "").parent.mkdir(parents=True, exist_ok=True)
    subjects: list[str] = []
    sums: NDArray[np.float64] | None = None
    for subject, scans in _by_subject(maps):
        known = np.isfinite(scans).any(axis=0)
        own = np.where(known, np.nansum(scans, axis=0) / np.maximum(np.isfinite(scans).sum(axis=0), 1), np.nan)
        np.savez_compressed(control_file(folder, subject), score=own.astype(np.float32))
        own = np.where(known, own.astype(np.float32).astype(np.float64), 0)
        added = np.stack([known, own, own**2])
        sums = added if sums is None else sums + added
        subjects.append(subject)
    if sums is None or len(subjects) <= FEWEST_CONTROLS:
        raise InputError(f"{len(subjects)} held-out control subjects; it takes {FEWEST_CONTROLS + 1} to calibrate")
    count, total, squares = sums[0].astype(np.int32), sums[1], sums[2]
    prior, strength = _prior(count, total, squares, spacing)
    norm = Norm(count, total, squares, prior, strength, np.zeros(0), folder)
    null = np.zeros(len(_EDGES) - 1)
    for subject in subjects:
        z = norm.z(_read_map(control_file(folder, subject)), subject)
        inside = np.clip(z[np.isfinite(z)], _EDGES[0], np.nextafter(_EDGES[-1], 0))
        null += np.histogram(inside, _EDGES)[0] / max(inside.size, 1) / len(subjects)
    np.savez_compressed(
        folder / "norm.npz",
        count=count, total=total, squares=squares, prior=prior, strength=strength, null=null,
    )  # fmt: skip
    return read_norm(folder)


def read_norm(folder: Path) -> Norm:
    """Read what `fit_norm` wrote."""
    file = folder / "norm.npz"
    arrays = read_arrays(file, FIT_AGAIN, NORM_ARRAYS)
    with reading(file, FIT_AGAIN):
        cubes = [arrays[name] for name in ("count", "total", "squares", "prior")]
        if len({cube.shape for cube in cubes}) != 1 or cubes[0].ndim != 3 or len(set(cubes[0].shape)) != 1:
            raise ValueError("no cubes of one size")
        if not all(np.isfinite(cube).all() for cube in cubes):
            raise ValueError("numbers that are not finite")
        return Norm(
            count=arrays["count"].astype(np.int32),
            total=arrays["total"],
            squares=arrays["squares"],
            prior=arrays["prior"],
            strength=float(arrays["strength"]),
            null=arrays["null"],
            folder=folder,
        )


def _by_subject(maps: Iterable[tuple[str, Array]]) -> Iterator[tuple[str, Array]]:
    """Yield each subject with its maps, (scans, S, S, S)."""
    present, scans = "", list[Array]()
    for subject, score in maps:
        if scans and subject != present:
            yield present, np.stack(scans)
            scans = []
        present = subject
        scans.append(score)
    if scans:
        yield present, np.stack(scans)


def control_file(folder: Path, subject: str) -> Path:
    """Return where the norm in a folder keeps the map of a control."""
    return folder / "controls" / f"{subject}.npz"


def _read_map(path: Path) -> NDArray[np.float64]:
    score = read_arrays(path, FIT_AGAIN, ["score"])["score"]
    with reading(path, FIT_AGAIN):
        return score.astype(np.float64)


def _moderated(
    variance: NDArray[np.float64], freedom: NDArray[np.int32], prior: NDArray[np.float64], strength: float
) -> NDArray[np.float64]:
    if np.isinf(strength):
        return prior
    return (strength * prior + freedom * variance) / (strength + freedom)


def _prior(
    count: NDArray[np.int32], total: NDArray[np.float64], squares: NDArray[np.float64], spacing: float
) -> tuple[NDArray[np.float64], float]:
    """Return the smooth prior variance and its degrees of freedom, by moments of log-variances (Smyth 2004, 6.2)."""
    known = count >= FEWEST_CONTROLS
    n = np.where(known, count, FEWEST_CONTROLS)
    variance = np.where(known, np.maximum(squares - total**2 / n, 0) / (n - 1), 0)
    if not variance.any():
        return np.full(count.shape, np.finfo(float).tiny), np.inf
    width = PRIOR_WIDTH / spacing
    weight = ndimage.gaussian_filter(known.astype(float), width)
    smooth = ndimage.gaussian_filter(variance, width) / np.maximum(weight, 1e-6)
    # A variance of 0 has no logarithm, and a voxel that never varies is the network's saturation
    smooth = np.maximum(smooth, 1e-3 * variance[known].mean())
    used = known & (variance > 0)
    ratio, half = np.log(variance[used] / smooth[used]), (n[used] - 1) / 2
    centred = ratio - special.digamma(half) + np.log(half)
    excess = centred.var(ddof=1) - special.polygamma(1, half).mean() if centred.size > 1 else 0.0
    if excess <= special.polygamma(1, 1e4):
        return smooth * np.exp(centred.mean()), np.inf
    d0 = 2 * optimize.brentq(lambda x: special.polygamma(1, x) - excess, 1e-3, 1e4)
    return smooth * np.exp(centred.mean() + special.digamma(d0 / 2) - np.log(d0 / 2)), float(d0)
