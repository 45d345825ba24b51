"""Heads with their skulls on, made around the template's brain."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from healthward.imaging.template import load_brain, load_t1, position

FLUID, SCALP, NECK = 0.12, 0.8, 0.5
RIM_MM, SKULL_MM, SKIN_MM = 24, 6, 14


class MadeHead(NamedTuple):
    """A head whose brain is the template's, in MNI millimetres: voxels, where its brain is, affine."""

    voxels: NDArray[np.float32]
    brain: NDArray[np.bool_]
    affine: NDArray[np.float64]


def made_head(step: int = 4) -> MadeHead:
    """The template's head, on voxels of `step` millimetres."""
    brain, affine = load_brain(step)
    return headed(load_t1(step), brain, affine)


def headed(t1: NDArray[np.float32], brain: NDArray[np.bool_], affine: NDArray[np.float64]) -> MadeHead:
    """A brain in [0, 1] with fluid, a dark skull, bright scalp and a neck about it, and with noise.

    Voxels are isotropic, along the world's axes.
    """
    step = float(affine[0, 0])
    rim = round(RIM_MM / step)
    margins = [(rim, rim), (rim, rim), (4 * rim, rim)]
    brain, t1 = np.pad(brain, margins), np.pad(t1, margins)
    affine = affine.copy()
    affine[:3, 3] -= [low * step for low, _ in margins]
    outside = ndimage.distance_transform_edt(~ndimage.binary_closing(brain, iterations=3), sampling=step)
    x, y, z = position(brain.shape, affine)
    neck = (x**2 + (y + 30) ** 2 < 50**2) & (z < -55) & ~brain & (outside >= SKULL_MM)
    scalp = (outside >= SKULL_MM) & (outside < SKIN_MM)
    values = np.select([brain, neck, scalp, outside < SKULL_MM], [t1, NECK, SCALP, FLUID], 0.0)
    noise = np.random.default_rng(0).normal(0, 0.015, values.shape)
    return MadeHead(np.float32(400 * (values + np.abs(noise))), brain, affine)
