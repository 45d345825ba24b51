"""Where the brain is in a head, with its skull or without."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from safetensors.torch import load_file
from scipy import ndimage
from torch import Tensor

from healthward.imaging.foreground import Array, Mask
from healthward.preparation.link_net import LinkNet

ASSETS = Path(__file__).with_name("assets")
BOX, BRAIN = "box.safetensors", "brain.safetensors"
"""Weights of deepbet's two networks, in half precision, which they are exact in; metadata hold their licence (MIT)."""

COARSE, FINE = 128, 256
"""Edges of the volumes that the first and the second network see."""

FAINT, BRIGHT = 0.005, 0.995
"""Quantiles of a head's intensities between which they are scaled."""

MEAN, DEVIATION = 0.449, 0.226
"""What intensities are normalised to, as in the networks' training."""

FULL_PLANE = 0.02
"""Share of a plane that is brain from which on it is part of the box."""

MARGIN = 0.1
"""Of the box's edge that is added on either side."""


@torch.inference_mode()
def find_brain(voxels: Array, device: str = "cpu") -> Mask:
    """Return the mask of what is within the skull, as deepbet does (Fisch et al., Comput Biol Med 2024).

    Args:
        voxels: a head, float32 (X, Y, Z), along the world's axes (RAS+), of any voxel size and intensity range.
        device: where the networks run.

    Returns:
        bool (X, Y, Z); nothing where no brain is found.
    """
    volume = torch.from_numpy(np.ascontiguousarray(voxels))[None, None]
    coarse = _resized(volume, COARSE)
    low, high = (float(value) for value in np.quantile(coarse.numpy(), [FAINT, BRIGHT]))
    if high <= low:
        return np.zeros(voxels.shape, dtype=bool)
    roughly = _largest(_probability(BOX, coarse, low, high, device)[0, 0].numpy() > 0.5)
    if not roughly.any():
        return roughly if roughly.shape == voxels.shape else np.zeros(voxels.shape, dtype=bool)
    box = tuple(_extent(roughly, axis, length) for axis, length in enumerate(voxels.shape))
    within = volume[(slice(None), slice(None), *box)]
    found = _probability(BRAIN, _resized(within, FINE), low, high, device)
    own = functional.interpolate(found, within.shape[2:], mode="nearest-exact")[0, 0].numpy()
    mask = np.zeros(voxels.shape, dtype=bool)
    mask[box] = ndimage.binary_fill_holes(_largest(own > 0.5))
    return mask


@cache
def _network(weights: str, device: str) -> LinkNet:
    network = LinkNet()
    network.load_state_dict(load_file(ASSETS / weights))
    return network.float().to(device).eval()


def _probability(weights: str, volume: Tensor, low: float, high: float, device: str) -> Tensor:
    scaled = ((volume - low) / (high - low)).clamp(0, 1)
    normal = DEVIATION * (scaled - scaled.mean()) / scaled.std() + MEAN
    found: Tensor = _network(weights, device)(normal.to(device))
    return found[:, 1:].cpu()


def _resized(volume: Tensor, edge: int) -> Tensor:
    return functional.interpolate(volume, (edge,) * 3, mode="nearest-exact")


def _extent(mask: NDArray[np.bool_], axis: int, length: int) -> slice:
    """Return the range along an axis that a coarse mask takes on a grid of this length, with its margin."""
    others = tuple(other for other in range(3) if other != axis)
    planes = np.flatnonzero(mask.mean(axis=others) > FULL_PLANE)
    if planes.size == 0:
        return slice(0, length)
    scale = length / mask.shape[axis]
    first, last = planes[0] * scale, (planes[-1] + 1) * scale
    middle, half = round((first + last) / 2), round((last - first) * (1 + 2 * MARGIN)) / 2
    return slice(max(0, int(middle - half)), min(length, int(middle + half)))


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    pieces, count = ndimage.label(mask)
    return np.asarray(pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])) if count else mask
