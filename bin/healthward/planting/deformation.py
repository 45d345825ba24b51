"""Change of a region's volume by a smooth invertible deformation of a person's own anatomy.

A stationary velocity whose divergence is what shrinks or grows in the regions, and its opposite in what gives way: its
exponential is a diffeomorphism (Arsigny et al., MICCAI 2006), and the amplitudes are corrected until each region's
volume is changed as stated. As in Karaçali & Davatzikos (IEEE Trans Med Imaging 2006), who match Jacobians.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from monai.networks.blocks import Warp
from monai.networks.blocks.warp import DVF2DDF
from numpy.typing import NDArray
from scipy import fft, ndimage

from healthward.errors import InputError
from healthward.imaging.foreground import Array, Mask

STEP_MM = 2.0
"""Edge of the voxels of the lattice on which the deformation is computed, whatever the scan's."""

REACH_MM, FADE_MM = 10.0, 8.0
"""Distance from the regions up to which the deformation is whole, and over which it then fades to nothing."""

SKULL_MM = 5.0
"""... outside the brain mask, over which it fades, too: skulls stay."""

GIVES_WAY_MM = 12.0
"""Distance over which what gives way to a region does so less by a factor of e."""

TISSUE_GIVES = 0.002
"""How much tissue about a region that shrinks gives way beside fluid: as good as nothing where there is fluid."""

EDGE_MM = 2.0
"""Standard deviation by which the divergence is smoothed."""

MOST_OFF, ENOUGH, MOST_ROUNDS = 0.1, 0.02, 12
"""Share of its stated change by which a region's may be off; by which it is good enough; corrections until then."""

LEAST = 1e-3
"""Voxels below which a displacement is none."""

SMALLEST_ML = 0.1


@dataclass(frozen=True)
class Deformation:
    """A deformation of a scan's grid.

    Attributes:
        displacement: float32 (3, X, Y, Z), voxels: the deformed image at p is the image at p + displacement(p).
        achieved: of each region the change of its volume, as a share of it.
        jacobian: least and largest determinant of it, by which volumes are divided from place to place; above 0.
    """

    displacement: Array
    achieved: dict[int, float]
    jacobian: tuple[float, float]


def deformation(
    labels: NDArray[np.integer],
    affine: NDArray[np.float64],
    changes: Mapping[int, float],
    brain: Mask,
    fluid: Mask,
) -> Deformation:
    """Return a deformation that changes the volumes of regions; nothing moves farther than 18 mm away from them.

    Fluid near a region takes the room that it leaves; what is near one that grows gives way.

    Args:
        labels: (X, Y, Z), the region of each voxel of a scan.
        affine: (4, 4), voxel to millimetres.
        changes: of each region to be changed the share of its volume, above -1: -0.2 leaves four fifths.
        brain: where there is brain, of the same shape.
        fluid: where that is fluid.

    Raises:
        InputError: a region is not there, or the changes cannot be had together.
    """
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    _check(labels, float(np.prod(spacing)) / 1000, changes)
    box = _box(np.isin(labels, list(changes)), np.ceil((REACH_MM + FADE_MM + 2 * STEP_MM) / spacing).astype(int))
    shape = np.maximum(np.rint(np.array([part.stop - part.start for part in box]) * spacing / STEP_MM), 4).astype(int)
    scale = np.array([part.stop - part.start for part in box]) / shape

    def on_lattice(mask: NDArray[np.bool_]) -> Array:
        smooth = ndimage.gaussian_filter(mask[box].astype(np.float32), np.maximum(0, (scale - 1) / 2))
        coordinates = [(np.arange(length) + 0.5) * step - 0.5 for length, step in zip(shape, scale, strict=True)]
        return ndimage.map_coordinates(smooth, np.meshgrid(*coordinates, indexing="ij"), order=1, mode="nearest")

    regions = {label: on_lattice(labels == label) for label in changes}
    edge = scale * spacing
    inside, wet = on_lattice(brain), on_lattice(brain & fluid)
    sources = {
        label: _source(region, inside, np.minimum(wet, 1 - region), changes[label], edge)
        for label, region in regions.items()
    }
    fade = _fade(np.max(list(regions.values()), axis=0), REACH_MM, FADE_MM, edge) * _fade(inside, 0, SKULL_MM, edge)
    displacement, achieved = _matched(sources, regions, changes, fade, edge)
    jacobian = _jacobian(displacement)
    if jacobian.min() <= 0:
        raise InputError(f"the deformation folds (a Jacobian of {jacobian.min():.2f}); ask for smaller changes")
    whole = np.zeros((3, *labels.shape), np.float32)
    where = np.meshgrid(
        *[(np.arange(part.stop - part.start) + 0.5) / step - 0.5 for part, step in zip(box, scale, strict=True)],
        indexing="ij",
    )
    for axis in range(3):
        fine = ndimage.map_coordinates(displacement[axis], where, order=1, mode="nearest")
        whole[axis][box] = fine * scale[axis]
    whole[:, np.abs(whole).max(axis=0) < LEAST] = 0
    return Deformation(whole, achieved, (float(jacobian.min()), float(jacobian.max())))


def deformed(voxels: Array, displacement: Array) -> Array:
    """Return an image under a deformation, by cubic splines; what does not move is as it was.

    Args:
        voxels: (X, Y, Z).
        displacement: of `Deformation`.
    """
    moves = np.asarray(displacement.any(axis=0))
    if not moves.any():
        return voxels.copy()
    box = _box(moves, np.array([12] * 3))
    own = voxels[box]
    places = np.indices(own.shape) + displacement[(slice(None), *box)]
    warped = ndimage.map_coordinates(own, places, order=3, mode="nearest")
    result = voxels.copy()
    result[box] = np.where(moves[box], warped, own)
    return result


def noise_kept(displacement: Array) -> Array:
    """Return the share of the variance of white noise that `deformed` keeps at each voxel, (X, Y, Z)."""
    fractions = np.linspace(0, 1, 65)
    impulse = np.zeros(33)
    impulse[16] = 1
    kept = np.array(
        [(ndimage.map_coordinates(impulse, [np.arange(33) + part], order=3) ** 2).sum() for part in fractions]
    )
    share = np.ones(displacement.shape[1:], np.float32)
    for axis in displacement:
        share *= np.interp(axis - np.floor(axis), fractions, kept).astype(np.float32)
    return np.minimum(share, 1)


def _check(labels: NDArray[np.integer], voxel_ml: float, changes: Mapping[int, float]) -> None:
    for label, change in changes.items():
        volume = np.count_nonzero(labels == label) * voxel_ml
        if volume < SMALLEST_ML:
            raise InputError(f"label {label}: has {volume:.2g} ml; change a region of {SMALLEST_ML:g} ml or more")
        if not -0.8 <= change <= 4:
            raise InputError(f"label {label}: a change of {change:.0%}; ask for -80% to 400%")


def _box(mask: Mask, margin: NDArray[np.int_]) -> tuple[slice, ...]:
    [found] = ndimage.find_objects(mask.astype(np.uint8))
    return tuple(
        slice(max(0, part.start - room), min(length, part.stop + room))
        for part, room, length in zip(found, margin, mask.shape, strict=True)
    )


def _source(region: Array, brain: Array, fluid: Array, change: float, edge: NDArray[np.float64]) -> Array:
    """Return where a region's divergence is, and the opposite of what gives way; it adds up to 0."""
    distance = ndimage.distance_transform_edt(region < 0.5, sampling=edge)
    near = np.where(distance <= REACH_MM, np.exp(-distance / GIVES_WAY_MM), 0)
    around = np.clip(brain - region, 0, 1)
    room = np.clip(fluid + TISSUE_GIVES * around, 0, 1) if change < 0 else around
    # Smooth, but neither beyond its own edge, lest the neighbours change, too
    takes = region * ndimage.gaussian_filter(region, EDGE_MM / edge)
    gives = room * ndimage.gaussian_filter(near * room, EDGE_MM / edge)
    takes /= takes.max()
    return np.asarray(takes - gives * (takes.sum() / max(float(gives.sum()), 1e-9)), np.float32)


def _fade(within: Array, reach_mm: float, fade_mm: float, edge: NDArray[np.float64]) -> Array:
    """Return 1 up to a distance from what is `within`, and from there down to 0."""
    distance = ndimage.distance_transform_edt(within < 0.5, sampling=edge)
    share = np.clip((distance - reach_mm) / fade_mm, 0, 1)
    return (np.cos(share * np.pi / 2) ** 2).astype(np.float32)


def _matched(
    sources: Mapping[int, Array],
    regions: Mapping[int, Array],
    changes: Mapping[int, float],
    fade: Array,
    edge: NDArray[np.float64],
) -> tuple[Array, dict[int, float]]:
    """Return the displacement, in voxels of the lattice, that changes all regions as stated, and how far it does."""
    potentials = {label: _velocity(source, edge) * fade for label, source in sources.items()}
    amplitudes = {label: float(np.log1p(change)) for label, change in changes.items()}
    integrate = DVF2DDF(num_steps=7, mode="bilinear", padding_mode="border")
    warp = Warp(mode="bilinear", padding_mode="border")
    stacked = torch.from_numpy(np.stack(list(regions.values())))[None]
    before = stacked.sum(dim=(0, 2, 3, 4)).numpy()
    for _ in range(MOST_ROUNDS):
        velocity = sum(amplitudes[label] * potentials[label] for label in changes)
        with torch.no_grad():
            # The image is sampled where the tissue came from
            displacement = integrate(torch.from_numpy(-np.asarray(velocity, np.float32))[None])
            after = warp(stacked, displacement).sum(dim=(0, 2, 3, 4)).numpy()
        achieved = dict(zip(changes, map(float, after / before - 1), strict=True))
        off = max(abs(achieved[label] / change - 1) for label, change in changes.items())
        if off <= ENOUGH:
            break
        for label, change in changes.items():
            amplitudes[label] += float(np.log1p(change) - np.log1p(max(achieved[label], -0.95)))
    if off > MOST_OFF:
        worst = max(changes, key=lambda label: abs(achieved[label] / changes[label] - 1))
        text = f"label {worst}: only {achieved[worst]:+.1%} of {changes[worst]:+.1%} can be had beside the others"
        raise InputError(f"{text}; ask for smaller changes")
    return displacement[0].numpy(), achieved


def _velocity(divergence: Array, edge: NDArray[np.float64]) -> Array:
    """Return the gradient field, (3, X, Y, Z) in voxels, of a divergence that adds up to 0; the faces are walls."""
    transformed = fft.dctn(divergence, type=2)
    waves = [
        (2 - 2 * np.cos(np.pi * np.arange(length) / length)) / size**2
        for length, size in zip(divergence.shape, edge, strict=True)
    ]
    total = -np.sum(np.meshgrid(*waves, indexing="ij"), axis=0)
    total.flat[0] = 1
    transformed /= total
    transformed.flat[0] = 0
    potential = fft.idctn(transformed, type=2)
    # Per voxel of the lattice, whose edges are in millimetres
    return np.stack([slope / size for slope, size in zip(np.gradient(potential, *edge), edge, strict=True)]).astype(
        np.float32
    )


def _jacobian(displacement: Array) -> Array:
    slopes = np.stack([np.stack(np.gradient(component)) for component in displacement])
    matrix = np.moveaxis(slopes, (0, 1), (-2, -1)) + np.eye(3)
    return np.linalg.det(matrix)
