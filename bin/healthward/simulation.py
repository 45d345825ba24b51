"""A cohort of individuals with atrophy of known place and dose, made from the MNI152 T1 template.

Each individual is the template under a random diffeomorphism, with a contrast, bias field and noise of its own. Disease
moves the boundaries of ventricles, medial temporal lobe and cortex by a smooth invertible deformation. The same
individual without it is the true counterfactual.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from monai.networks.blocks import Warp
from monai.networks.blocks.warp import DVF2DDF
from nibabel.nifti1 import Nifti1Image
from nibabel.processing import resample_from_to
from nilearn.datasets import load_mni152_gm_template, load_mni152_template, load_mni152_wm_template
from numpy.typing import NDArray
from scipy import ndimage

from healthward.labels import CLASSES
from healthward.volumes import Array, Mask

FOV = 192.0
"""Edge of the simulated volumes in millimetres."""

CENTRE = (0.0, -18.0, 8.0)
"""MNI position of the middle of the volumes, in millimetres."""

MEAN_DOSE = {"CN": 0.0, "EMCI": 0.25, "MCI": 0.5, "LMCI": 0.75, "AD": 1.0}
"""Mean dose of atrophy by class, as a share of the displacements in `SHIFT`; controls have exactly none."""

DOSE_SPREAD = 0.06
"""Standard deviation of the dose within a class."""

SHIFT = {"ventricles": 3.5, "medial temporal": -3.0, "cortex": -2.0}
"""Displacement of each region's boundary at dose 1, in millimetres; positive grows the region."""

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
        dose: of atrophy, 0 for controls, about 1 for AD.
        affine: (4, 4), voxel to world millimetres.
        image: int16 (size, size, size), arbitrary scanner units.
        counterfactual: the same individual, scanner and noise without atrophy.
        mask: bool, where atrophy changed the image.
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

    fine = load_mni152_template(resolution=1)
    t1 = fine.get_fdata(dtype=np.float32)
    grey, white = (load(resolution=1).get_fdata() for load in (load_mni152_gm_template, load_mni152_wm_template))
    x, y, z = np.meshgrid(*(np.arange(n) + o for n, o in zip(t1.shape, fine.affine[:3, 3], strict=True)), indexing="ij")
    brain = t1 > 0
    depth = ndimage.distance_transform_edt(brain)
    # Lateral ventricles with their temporal horns: fluid far from the surface. Ellipsoids in MNI millimetres from
    # the Harvard-Oxford atlas' extents of hippocampus and amygdala.
    fluid = (depth > 14) & (grey + white < 0.5) & (abs(x) < 40) & (y > -50) & (y < 32) & (z > -22) & (z < 36)
    hippocampus = ((abs(x) - 27) / 9) ** 2 + ((y + 22) / 17) ** 2 + ((z + 14) / 9) ** 2 < 1
    amygdala = ((abs(x) - 23) / 9) ** 2 + ((y + 4) / 9) ** 2 + ((z + 19) / 9) ** 2 < 1
    regions = [fluid, hippocampus | amygdala, grey + white > 0.5]
    temporal_parietal = np.exp(-(((z + 12) / 26) ** 2)) * (abs(x) > 25) + np.exp(-(((y + 58) / 24) ** 2)) * (z > 5)
    # Sulci widen; the outer hull stays, since a stripped template has nothing to put outside it.
    sulci = np.clip(temporal_parietal, 0, 1) * (depth > 4) * (depth < 25)
    weights = [np.ones(t1.shape), np.ones(t1.shape), sulci]

    def on_grid(volume: NDArray[np.generic]) -> Array:
        smooth = ndimage.gaussian_filter(volume.astype(np.float32), max(0, (spacing - 1) / 2))
        resampled = resample_from_to(Nifti1Image(smooth, fine.affine), ((size,) * 3, affine), order=1)
        return np.asarray(resampled.dataobj, dtype=np.float32)

    image = on_grid(t1 / np.percentile(t1[white > 0.9], 50))
    return Template(
        affine=affine,
        spacing=spacing,
        image=torch.from_numpy(image)[None, None],
        regions=torch.from_numpy(np.stack([on_grid(region) for region in regions]))[None],
        weights=torch.from_numpy(
            np.stack([ndimage.gaussian_filter(on_grid(weight), 3 / spacing) for weight in weights])
        ),
    )


def simulate(subjects: int, size: int, seed: int) -> Iterator[Individual]:
    """Draw a cohort, one scan a subject, the classes in turn from CN to AD.

    Args:
        subjects: how many.
        size: edge of the volumes in voxels; 192 mm are covered.
        seed: the same seed gives the same individuals, at any size.
    """
    template = load_template(size)
    for number in range(subjects):
        yield _individual(template, number, np.random.default_rng([seed, number]))


def _individual(template: Template, number: int, rng: np.random.Generator) -> Individual:
    size, spacing = template.image.shape[-1], template.spacing
    label = CLASSES[number % len(CLASSES)]
    mean = MEAN_DOSE[label]
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
        atrophy = integrate(dose * _atrophy_velocity(warp(template.regions, anatomy), template))
        healthy = warp(template.image, anatomy)[0, 0].numpy()
        # One interpolation for both, so that the two images differ by the disease alone.
        diseased = warp(template.image, atrophy + warp(anatomy, atrophy))[0, 0].numpy()

    def scanned(clean: Array) -> NDArray[np.int16]:
        measured = np.abs(np.clip(clean, 0, None) ** gamma * bias + noise)
        return np.where(clean > 0.02, np.rint(gain * measured), 0).astype(np.int16)

    return Individual(
        scan=f"{label.lower()}{number // len(CLASSES):03d}",
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


def _atrophy_velocity(regions: torch.Tensor, template: Template) -> torch.Tensor:
    """Return the velocity, in voxels, that moves each region's boundary along its normal at dose 1.

    An image is sampled at p + u(p): to grow a region, u points into it, along the gradient of its smoothed mask.

    Args:
        regions: (1, R, size, size, size), the template's regions under the individual's anatomy.
    """
    total = torch.zeros(1, 3, *regions.shape[2:])
    for region, weight, shift in zip(regions[0], template.weights, SHIFT.values(), strict=True):
        smooth = ndimage.gaussian_filter(region.numpy(), 3 / template.spacing)
        normal = torch.from_numpy(np.stack(np.gradient(smooth)))
        total[0] += shift / template.spacing * weight * normal / normal.norm(dim=0).max()
    return total
