"""Image quality of pairs of slices, in batches, over the whole frame and over the brain.

Every function takes tensors of shape (N, H, W) with intensities in [0, 1] and returns one value a pair.

Over the brain, a metric that is a mean of a map (SSIM, LPIPS, the squared error behind PSNR) is the mean of that map
over the slice's brain pixels. A metric that is not (MS-SSIM, VSI, FID) is taken of frames that are zero outside the
brain and cropped to it by `isolate_brain`. A slice without a brain pixel has NaN there.
"""

import math

import numpy as np
import piq
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)

from healthward.diffusion.devices import in_portions
from healthward.evaluation.perceptual import Lpips

PSNR_CEILING = 100.0
"""PSNR in dB of identical slices, which would be infinite and would take every mean with it."""

KERNEL = 11
"""Width in pixels of the Gaussian window (sigma 1.5) of SSIM and MS-SSIM."""

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of MS-SSIM's scales, finest first (Wang, Simoncelli and Bovik 2003)."""

_PIXELS_AT_ONCE = 2**16


def scale_count(side: int) -> int:
    """Return on how many scales MS-SSIM can compare frames of this many pixels a side: 4 at 128, 5 from 176 on."""
    return max(count for count in range(1, len(SCALE_WEIGHTS) + 1) if smallest_side(count) <= side)


def smallest_side(scales: int) -> int:
    """Return the smallest frame for so many scales: the coarsest must hold the window, and torchmetrics' bound hold."""
    return KERNEL * max(1 << (scales - 1), (scales - 1) * (scales - 1))


def ssim_map(x: Tensor, y: Tensor) -> Tensor:
    """Return the map of SSIM, (N, H, W): Gaussian window of 11 pixels, sigma 1.5, frame mirrored at its border.

    Its mean takes the border in, where scikit-image's leaves out the 5 outer pixels.
    """
    full: Tensor
    _, full = structural_similarity_index_measure(
        x[:, None], y[:, None], sigma=1.5, data_range=1.0, reduction="none", return_full_image=True
    )
    return full[:, 0]


def ms_ssim(x: Tensor, y: Tensor, scales: int) -> Tensor:
    """Return multi-scale SSIM in [0, 1] on the finest `scales` of the five standard scales.

    The standard weights of these are scaled up to the sum of all five, so that five scales give the standard value.
    A scale on which contrast is anticorrelated counts as 0: its fractional power would be no number.
    """
    share = sum(SCALE_WEIGHTS[:scales]) / sum(SCALE_WEIGHTS)
    return multiscale_structural_similarity_index_measure(
        x[:, None],
        y[:, None],
        kernel_size=KERNEL,
        sigma=1.5,
        data_range=1.0,
        reduction="none",
        betas=tuple(weight / share for weight in SCALE_WEIGHTS[:scales]),
        normalize="relu",
    )


def psnr(mean_squared_error: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio in dB at a data range of 1, at most `PSNR_CEILING`."""
    return -10 * torch.log10(mean_squared_error.clamp(min=10 ** (-PSNR_CEILING / 10)))


def vsi(x: Tensor, y: Tensor) -> Tensor:
    """Return the visual-saliency-induced index in [0, 1] of grey slices taken as RGB."""
    index: Tensor = piq.vsi(_as_rgb(x), _as_rgb(y), data_range=1.0, reduction="none")
    return index.reshape(-1)


def region_mean(values: Tensor, region: Tensor) -> Tensor:
    """Return the mean of each map (N, H, W) where its region is true; NaN where that is nowhere."""
    return torch.where(region, values, 0).sum(dim=(1, 2)) / region.sum(dim=(1, 2))


def isolate_brain(stack: Tensor, brain: Tensor) -> Tensor:
    """Set slices to zero outside the brain and crop them to it.

    One window an axis, square and of one side for all axes, so that all slices stay one batch: the smallest that holds
    the brain of every slice and that MS-SSIM can compare on as many scales as at the whole frame.

    Args:
        stack: (A, n, S, S), slices along A axes.
        brain: bool, of that shape.

    Returns:
        (A·n, side, side).
    """
    frame = stack.shape[-1]
    extents = [[_extent(plane.any(dim=0).any(dim=dim)) for dim in (1, 0)] for plane in brain]
    longest = max(stop - start for axis in extents for start, stop in axis)
    side = max(longest, smallest_side(scale_count(frame)))
    windows = [[_widen(*extent, side, frame) for extent in axis] for axis in extents]
    masked = torch.where(brain, stack, 0)
    return torch.cat([plane[:, rows, columns] for plane, (rows, columns) in zip(masked, windows, strict=True)])


def slice_metrics(
    x: Tensor, y: Tensor, brain: Tensor, wanted: tuple[str, ...], lpips: Lpips | None = None
) -> dict[str, NDArray[np.float32]]:
    """Measure every pair of slices, some dozens at a time.

    Args:
        x, y: input and pseudo-healthy slices, (A, n, S, S) along A axes, float32 in [0, 1], on one device.
        brain: bool, of that shape.
        wanted: names from `healthward.names.SLICE_METRICS`; lpips goes by the next argument.
        lpips: the network, where lpips is wanted.

    Returns:
        Each metric over the frame under its name, then each over the brain under its name with `_brain`, in the order
        of `healthward.names.SLICE_METRICS`: (A·n,), axis by axis.
    """
    isolated = (isolate_brain(x, brain), isolate_brain(y, brain))
    x, y, brain = (tensor.flatten(0, 1) for tensor in (x, y, brain))
    empty = ~brain.flatten(1).any(dim=1)
    at_once = max(1, _PIXELS_AT_ONCE // x[0].numel())
    chunks = in_portions(
        len(x),
        at_once,
        lambda rows: _measure(x[rows], y[rows], brain[rows], (isolated[0][rows], isolated[1][rows]), wanted, lpips),
    )
    values = {name: torch.cat([chunk[name] for chunk in chunks]) for name in chunks[0]}
    for name, column in values.items():
        if name.endswith("_brain"):
            column[empty] = torch.nan
    return {name: column.cpu().numpy() for name, column in values.items()}


def frechet_distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the Fréchet distance between two sets of features, (N, D) and (M, D): FID, of Inception's features.

    It equals torchmetrics' FrechetInceptionDistance, which takes the eigenvalues of the product of the covariances, D
    by D. The trace of that product's root is the sum of the singular values of A·Bᵀ, A and B the centred features:
    for a scan's hundred-odd slices and 2048 features hundreds of times faster, and 0 for equal sets.

    Returns:
        The distance, at least 0; NaN where a set has fewer than two rows.
    """
    if min(len(a), len(b)) < 2:
        return float("nan")
    first, second = (_centred(torch.from_numpy(features).double()) for features in (a, b))
    shift = torch.from_numpy(a).double().mean(dim=0) - torch.from_numpy(b).double().mean(dim=0)
    # QR keeps the singular values and brings a set of more rows than features down to the number of features.
    reduced = [torch.linalg.qr(part, mode="r")[1] if len(part) > part.shape[1] else part for part in (first, second)]
    overlap = torch.linalg.svdvals(reduced[0] @ reduced[1].T).sum()
    distance = shift.square().sum() + first.square().sum() + second.square().sum() - 2 * overlap
    return max(0.0, float(distance))


def _measure(
    x: Tensor,
    y: Tensor,
    brain: Tensor,
    isolated: tuple[Tensor, Tensor],
    wanted: tuple[str, ...],
    lpips: Lpips | None,
) -> dict[str, Tensor]:
    frame, region = {}, {}
    if "ssim" in wanted:
        similarity = ssim_map(x, y)
        frame["ssim"], region["ssim_brain"] = similarity.mean(dim=(1, 2)), region_mean(similarity, brain)
    if "ms_ssim" in wanted:
        scales = scale_count(x.shape[-1])
        frame["ms_ssim"], region["ms_ssim_brain"] = ms_ssim(x, y, scales), ms_ssim(*isolated, scales)
    if "psnr" in wanted:
        error = (x - y).square()
        frame["psnr"], region["psnr_brain"] = psnr(error.mean(dim=(1, 2))), psnr(region_mean(error, brain))
    if lpips is not None:
        frame["lpips"], distance = lpips(x, y)
        region["lpips_brain"] = region_mean(distance, brain)
    if "vsi" in wanted:
        frame["vsi"], region["vsi_brain"] = vsi(x, y), vsi(*isolated)
    return frame | region


def _as_rgb(grey: Tensor) -> Tensor:
    return grey[:, None].expand(-1, 3, -1, -1)


def _extent(occupied: Tensor) -> tuple[int, int]:
    indices = torch.nonzero(occupied)
    return (int(indices[0]), int(indices[-1]) + 1) if len(indices) else (0, 0)


def _widen(start: int, stop: int, side: int, frame: int) -> slice:
    start = min(max(0, (start + stop - side) // 2), frame - side)
    return slice(start, start + side)


def _centred(features: Tensor) -> Tensor:
    """Return a matrix A of at most D rows whose AᵀA is the covariance of the features (N, D)."""
    centred = (features - features.mean(dim=0)) / math.sqrt(len(features) - 1)
    if len(features) <= features.shape[1]:
        return centred
    triangle: Tensor = torch.linalg.qr(centred, mode="r").R
    return triangle
