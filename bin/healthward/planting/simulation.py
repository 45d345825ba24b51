"""A cohort of individuals with disease of known place and dose, made from the MNI152 T1 template.

Each individual is the template under a random diffeomorphism, with a contrast, bias field and noise of its own. Disease
moves the boundaries of ventricles, medial temporal lobe or cortex by a smooth invertible deformation, or is a focal
lesion. The same individual without it is the true counterfactual.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from monai.networks.blocks import Warp
from monai.networks.blocks.warp import DVF2DDF
from nibabel.nifti1 import Nifti1Image
from nibabel.processing import resample_from_to
from numpy.typing import NDArray
from scipy import ndimage

from healthward.imaging.template import load_anatomy
from healthward.imaging.volumes import Array, Mask
from healthward.labels import ADNI, Classes

FOV = 192.0
"""Edge of the simulated volumes in millimetres."""

CENTRE = (0.0, -18.0, 8.0)
"""MNI position of the middle of the volumes, in millimetres."""

DOSE_SPREAD = 0.06
"""Standard deviation of the dose within a class."""

SHIFT = {"ventricles": 3.5, "medial temporal": -3.0, "cortex": -2.0}
"""Displacement of each region's boundary at dose 1, in millimetres; positive grows the region."""

KINDS = ("atrophy", *SHIFT, "lesion")
"""Kinds of disease: atrophy of all regions of `SHIFT`, of one of them alone, or a focal lesion."""

LESION_DARKENING = 0.6
"""Share of the intensity that a lesion takes from its heart at dose 1: dark on T1 as an infarct or plaque is."""

LESION_AXES = (5.0, 10.0)
"""Range of a lesion's semi-axes in millimetres, drawn one by one; at them the darkening is down to half."""

LESION_EDGE = 0.3
"""Half the width of the edge over which the darkening fades, as a share of the semi-axes."""

LESION_DEPTH, LESION_MARGIN = 12.0, 4.0
"""Least distance in millimetres of a lesion's heart from the brain's hull, and from fluid: wider than the cortex."""

BACKGROUND = 0.02
"""Intensity up to which a voxel is outside the brain, as a share of white matter's."""

CHANGED = 0.05
"""Least change of the noise-free image that counts as anomaly, as a share of white matter's intensity."""

NOISE_CELL = 8.0
"""Spacing in millimetres of the grid on which random fields are drawn: the same individual at any size."""


@dataclass(frozen=True)
class Template:
    """The MNI152 T1 template in the simulation's grid.

    Attributes:
        affine: (4, 4), voxel to MNI millimetres.
        spacing: edge of a voxel in millimetres.
        image: float32 (1, 1, size, size, size), white matter near 1, 0 outside the brain.
        regions: float32 (1, R, size, size, size) in [0, 1]: the regions of `SHIFT`, in that order.
        weights: float32 (R, size, size, size): where each region's boundary may move.
    """

    affine: NDArray[np.float64]
    spacing: float
    image: torch.Tensor
    regions: torch.Tensor
    weights: torch.Tensor


@dataclass(frozen=True)
class Individual:
    """One simulated scan.

    Attributes:
        scan, subject, label, age, sex: its row of the samplesheet.
        dose: of disease, 0 for controls, about 1 for the most severe class.
        affine: (4, 4), voxel to world millimetres.
        image: int16 (size, size, size), arbitrary scanner units.
        counterfactual: the same individual, scanner and noise without disease.
        mask: bool, where disease changed the image.
    """

    scan: str
    subject: str
    label: str
    age: float
    sex: str
    dose: float
    affine: NDArray[np.float64]
    image: NDArray[np.int16]
    counterfactual: NDArray[np.int16]
    mask: Mask


def load_template(size: int) -> Template:
    """Read the template and its tissue maps, which nilearn's wheel carries, and resample them to `size`³ voxels."""
    spacing = FOV / size
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = np.array(CENTRE) - spacing * (size - 1) / 2

    anatomy = load_anatomy(step=1)
    regions = [anatomy.ventricles, anatomy.medial_temporal, anatomy.grey + anatomy.white > 0.5]
    # Sulci widen; the outer hull stays, since a stripped template has nothing to put outside it.
    sulci = np.clip(anatomy.temporal + anatomy.parietal, 0, 1) * (anatomy.depth > 4) * (anatomy.depth < 25)
    weights = [np.ones(sulci.shape), np.ones(sulci.shape), sulci]

    def on_grid(volume: NDArray[np.generic]) -> Array:
        smooth = ndimage.gaussian_filter(volume.astype(np.float32), max(0, (spacing - 1) / 2))
        resampled = resample_from_to(Nifti1Image(smooth, anatomy.affine), ((size,) * 3, affine), order=1)
        return np.asarray(resampled.dataobj, dtype=np.float32)

    image = on_grid(anatomy.t1 / np.percentile(anatomy.t1[anatomy.white > 0.9], 50))
    return Template(
        affine=affine,
        spacing=spacing,
        image=torch.from_numpy(image)[None, None],
        regions=torch.from_numpy(np.stack([on_grid(region) for region in regions]))[None],
        weights=torch.from_numpy(
            np.stack([ndimage.gaussian_filter(on_grid(weight), 3 / spacing) for weight in weights])
        ),
    )


def mean_dose(label: str, classes: Classes) -> float:
    """Return a class's mean dose, as a share of `SHIFT` or `LESION_DARKENING`: 0 in the first, 1 in the last class."""
    return classes.index(label) / (len(classes) - 1)


def simulate(
    subjects: int, size: int, seed: int, kind: str = "atrophy", classes: Classes = ADNI
) -> Iterator[Individual]:
    """Draw a cohort, one scan a subject, the classes in turn from the healthy to the most severe one.

    Args:
        subjects: how many.
        size: edge of the volumes in voxels; 192 mm are covered.
        seed: the same seed gives the same individuals, at any size and with any disease.
        kind: of the disease, one of `KINDS`. A label is always that of the dose: a lesion labelled AD is a dark one, no
            dementia.
        classes: the labels; the first is of people without disease.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is none of {', '.join(KINDS)}")
    template = load_template(size)
    for number in range(subjects):
        yield _individual(template, number, seed, kind, classes)


def _individual(template: Template, number: int, seed: int, kind: str, classes: Classes) -> Individual:
    rng = np.random.default_rng([seed, number])
    size, spacing = template.image.shape[-1], template.spacing
    label = classes[number % len(classes)]
    mean = mean_dose(label, classes)
    jitter = DOSE_SPREAD * rng.standard_normal()
    dose = max(0.0, mean + jitter) if mean else 0.0
    age, sex = float(round(rng.uniform(55, 90), 1)), str(rng.choice(["F", "M"]))
    gamma, gain = rng.uniform(0.85, 1.15), rng.uniform(300, 1500)

    velocity = np.stack([3.0 * _field(rng, size, 22) + 0.8 * _field(rng, size, 9) for _ in range(3)])
    bias = np.exp(0.08 * _field(rng, size, 45))
    noise = rng.uniform(0.01, 0.02) * rng.standard_normal((size,) * 3)

    warp = Warp(mode="bilinear", padding_mode="zeros")
    integrate = DVF2DDF(num_steps=6, mode="bilinear", padding_mode="border")
    with torch.no_grad():
        anatomy = integrate(torch.from_numpy(velocity.astype(np.float32) / spacing)[None])
        regions = warp(template.regions, anatomy)
        healthy = warp(template.image, anatomy)[0, 0].numpy()
        if kind == "lesion":
            # A generator of its own, so that the individual is the same whatever the disease
            lesion = _lesion(healthy, regions, template, np.random.default_rng([seed, number, 1]))
            diseased = healthy * (1 - np.float32(LESION_DARKENING * dose) * lesion)
        else:
            atrophy = integrate(dose * _atrophy_velocity(regions, template, kind))
            # One interpolation for both, so that the two images differ by the disease alone.
            diseased = warp(template.image, atrophy + warp(anatomy, atrophy))[0, 0].numpy()

    def scanned(clean: Array) -> NDArray[np.int16]:
        measured = np.abs(np.clip(clean, 0, None) ** gamma * bias + noise)
        return np.where(clean > BACKGROUND, np.rint(gain * measured), 0).astype(np.int16)

    return Individual(
        scan=f"{label.lower()}{'-' if label[-1].isdigit() else ''}{number // len(classes):03d}",
        subject=f"sub-{number:04d}",
        label=label,
        age=age,
        sex=sex,
        dose=dose,
        affine=template.affine,
        image=scanned(diseased),
        counterfactual=scanned(healthy),
        mask=np.abs(diseased - healthy) > CHANGED,
    )


def _field(rng: np.random.Generator, size: int, width: float) -> Array:
    """Draw a smooth random field of unit variance: white noise on a coarse grid under a Gaussian of `width` mm."""
    cells = round(FOV / NOISE_CELL)
    rough = ndimage.gaussian_filter(rng.standard_normal((cells,) * 3), width / NOISE_CELL / 2, mode="wrap")
    fine = ndimage.zoom(rough / rough.std(), size / cells, order=3, mode="nearest", grid_mode=True)
    return fine.astype(np.float32)


def _lesion(healthy: Array, regions: torch.Tensor, template: Template, rng: np.random.Generator) -> Array:
    """Draw a lesion: an ellipsoid with a soft edge in white or deep grey matter.

    Args:
        healthy: float32 (size, size, size), the individual's image.
        regions: (1, R, size, size, size), the template's regions under the individual's anatomy.

    Returns:
        How much of the lesion each voxel holds, float32 (size, size, size) in [0, 1].
    """
    spacing, corner = template.spacing, np.array(CENTRE) - FOV / 2
    tissue = regions[0, list(SHIFT).index("cortex")].numpy()
    brain = ndimage.binary_fill_holes(healthy > BACKGROUND)
    depth = ndimage.distance_transform_edt(brain, sampling=spacing)
    deep = (depth >= LESION_DEPTH) & (ndimage.distance_transform_edt(tissue > 0.5, sampling=spacing) >= LESION_MARGIN)
    semi_axes = rng.uniform(*LESION_AXES, 3)
    # The first of many points in millimetres that lies deep: mostly the same at any size
    points = rng.uniform(corner, corner + FOV, (10000, 3))
    voxels = ((points - corner) // spacing).astype(int)
    heart = points[deep[tuple(voxels.T)].argmax()]
    grid = np.moveaxis(np.indices(healthy.shape), 0, -1) * spacing + template.affine[:3, 3]
    radius = np.linalg.norm((grid - heart) / semi_axes, axis=-1)
    # Within tissue alone: fluid beside a lesion stays as it is
    return (tissue * np.clip((1 + LESION_EDGE - radius) / (2 * LESION_EDGE), 0, 1)).astype(np.float32)


def _atrophy_velocity(regions: torch.Tensor, template: Template, kind: str) -> torch.Tensor:
    """Return the velocity, in voxels, that moves each region's boundary along its normal at dose 1.

    An image is sampled at p + u(p): to grow a region, u points into it, along the gradient of its smoothed mask.

    Args:
        regions: (1, R, size, size, size), the template's regions under the individual's anatomy.
        kind: the one region to move, or "atrophy" for all.
    """
    total = torch.zeros(1, 3, *regions.shape[2:])
    for region, weight, (place, shift) in zip(regions[0], template.weights, SHIFT.items(), strict=True):
        if kind not in ("atrophy", place):
            continue
        smooth = ndimage.gaussian_filter(region.numpy(), 3 / template.spacing)
        normal = torch.from_numpy(np.stack(np.gradient(smooth)))
        total[0] += shift / template.spacing * weight * normal / normal.norm(dim=0).max()
    return total
