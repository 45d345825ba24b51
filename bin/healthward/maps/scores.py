"""Anomaly scores: what one scan and its reconstructions say of each voxel. A score is a function and its entry below.

Every score is of the cube's shape and higher where more is wrong, in the units of scaled intensity unless it says
otherwise; none of them is calibrated.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from scipy import ndimage
from skimage.metrics import structural_similarity
from skimage.registration import optical_flow_ilk

from healthward.errors import InputError, reading
from healthward.imaging.volumes import Array
from healthward.inputs.results import read_arrays
from healthward.maps.fused import FusedCubes

SSIM_WINDOWS = (3, 5, 7, 9, 11)
"""Edges in voxels of the windows that the ensemble averages over."""

AGAIN = "map the scan again"
FILE = "scores.npz"
"""Where map.py leaves the scores of a scan."""

RESIDUAL_WIDTH = 1.5
"""Standard deviation in voxels of the Gaussian that the denoising error is smoothed by."""

SMALLEST_DEVIATION = 0.01
"""Spread of reconstructions, in scaled intensity, below which they are taken to agree by chance."""


def round_trip(cubes: FusedCubes) -> Array:
    """Return |x - x̂ unguided|: the error of inversion and network, and what the network has never seen."""
    return np.abs(cubes.input - cubes.unguided)


def anomaly(cubes: FusedCubes) -> Array:
    """Return |x - x̂ healthy|."""
    return np.abs(cubes.input - cubes.healthy)


def signed(cubes: FusedCubes) -> Array:
    """Return x̂ healthy - x: positive where health would be brighter, as where tissue gave way to fluid."""
    return cubes.healthy - cubes.input


def contrast(cubes: FusedCubes) -> Array:
    """Return |x̂ unguided - x̂ healthy|: one latent decoded twice, free of the round trip's error."""
    return np.abs(cubes.unguided - cubes.healthy)


def class_contrast(cubes: FusedCubes) -> Array:
    """Return |x̂₀ healthy - x̂₀ diseased|, one-step: where the classes would differ in this brain, whichever it is."""
    return np.abs(cubes.class_direction)


def likeness(cubes: FusedCubes) -> Array:
    """Return the likeness to the diseased class: √max(0, (x - x̂ healthy)(x̂₀ diseased - x̂₀ healthy)).

    The product is smoothed by a Gaussian of one voxel. This is the attribution of a classifier; the anomaly map is
    |x - x̂ healthy|.

    The second factor says where and in which direction this brain would show the disease, the first whether it does.
    The network's errors in the first have no part in the second, and so seldom agree with it.
    """
    change = (cubes.healthy - cubes.input) * cubes.class_direction
    return np.sqrt(np.clip(ndimage.gaussian_filter(change, 1), 0, None))


def residual(cubes: FusedCubes) -> Array:
    """Return |G ∗ (x - x̂₀ healthy)|, one-step from little noise: what does not look like any brain of the training.

    After denoising autoencoders (Kascenas et al., MIDL 2022). A converged inversion reproduces what training never
    showed; a network that has to tell it from noise does not. G averages that noise out.
    """
    return np.abs(ndimage.gaussian_filter(cubes.denoising_error, RESIDUAL_WIDTH))


def ssim_ensemble(cubes: FusedCubes) -> Array:
    """Return 1 - SSIM of input and pseudo-healthy, the mean over windows of several sizes (Behrendt et al. 2024)."""
    maps = [
        structural_similarity(cubes.input, cubes.healthy, win_size=window, data_range=1, full=True)[1]
        for window in SSIM_WINDOWS
        if window <= min(cubes.input.shape)
    ]
    return (1 - np.mean(maps, axis=0)).astype(np.float32)


def perceptual_anomaly(cubes: FusedCubes) -> Array:
    """Return |x - x̂ healthy| times LPIPS there (AutoDDPM: Bercea et al. 2023)."""
    return anomaly(cubes) * _given(cubes.perceptual)


def mahalanobis(cubes: FusedCubes) -> Array:
    """Return the distance of the scan from its reconstructions, in their standard deviations (Behrendt et al. 2024)."""
    ensemble = np.concatenate([cubes.healthy[None], _given(cubes.ensemble)])
    spread = np.sqrt(ensemble.var(axis=0, ddof=1) + SMALLEST_DEVIATION**2)
    return np.abs(cubes.input - ensemble.mean(axis=0)) / spread


def forward(cubes: FusedCubes) -> Array:
    """Return |x̂₀ unguided - x̂₀ healthy|, one-step (AnoFPDM: Che et al. 2024)."""
    return np.abs(_given(cubes.health_direction))


def deformation(cubes: FusedCubes) -> Array:
    """Return |log Jacobian| of the flow from the pseudo-healthy image to the scan: 0 where no volume changed.

    Atrophy is a change of shape (Morphade: Bercea et al. 2024). The flow is iterative Lucas-Kanade's (Le Besnerais and
    Champagnat, ICIP 2005).
    """
    flow = optical_flow_ilk(cubes.input, cubes.healthy, radius=3, gaussian=True, dtype=np.float32)
    gradient = np.stack([np.stack(np.gradient(component)) for component in flow])
    jacobian = np.linalg.det(np.moveaxis(gradient, (0, 1), (-2, -1)) + np.eye(3, dtype=np.float32))
    return np.abs(np.log(np.clip(jacobian, 0.1, 10))).astype(np.float32)


SCORES: dict[str, Callable[[FusedCubes], Array]] = {
    score.__name__: score
    for score in (
        *(round_trip, anomaly, signed, contrast, class_contrast, likeness, residual, ssim_ensemble),
        *(perceptual_anomaly, mahalanobis, forward, deformation),
    )
}
"""The scores by their names; which optional cubes each takes is in `healthward.names`."""


def make_scores(cubes: FusedCubes, names: Iterable[str]) -> dict[str, Array]:
    """Return the named scores."""
    return {name: SCORES[name](cubes) for name in names}


def save_scores(file: Path, scores: Mapping[str, Array]) -> None:
    """Write scores to an .npz file."""
    np.savez_compressed(file, allow_pickle=False, **scores)


def read_scores(file: Path, names: Iterable[str] | None = None) -> dict[str, Array]:
    """Read the named scores, or all that are there.

    Raises:
        InputError: one of them was not made, or the file is damaged.
    """
    stored = read_arrays(file, AGAIN)
    if not stored:
        raise InputError(f"{file}: holds no score; {AGAIN}")
    wanted = list(stored if names is None else names)
    for name in wanted:
        if name not in stored:
            raise InputError(f"{file}: lacks the score {name}; name it in map.py --scores")
        with reading(file, AGAIN):
            if stored[name].ndim != 3 or len(set(stored[name].shape)) != 1 or not np.isfinite(stored[name]).all():
                raise ValueError(f"{name} is no cube of finite numbers")
    return {name: stored[name] for name in wanted}


def _given(part: Array | None) -> Array:
    if part is None:
        raise ValueError("the cubes were fused without what this score needs")
    return part
