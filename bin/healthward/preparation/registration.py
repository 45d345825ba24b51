"""One affine between a brain and the MNI152 template: twelve parameters by mutual information."""

from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it
from nilearn.datasets import load_mni152_template
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from healthward.imaging.foreground import Array
from healthward.imaging.prepared import moved
from healthward.preparation.itk import to_image, to_matrix

SPACING_MM, COARSEST_MM = 4.0, 10.0
"""What both images are resampled to, and where the search for a start sees them; smoothed with half of it before."""

BINS = 32
FIRST_STEP, LAST_STEP, RELAXATION, MOST_STEPS = 1.0, 1e-3, 0.6, 150

MARGIN_MM = 24.0
"""Air around the brain, which tells as much of its place as its inside does."""

TURNS = (-40, -20, 0, 20, 40)
"""Degrees about each axis of which the best is where the search starts, beside half turns."""


class Registered(NamedTuple):
    """Where a brain lies.

    Attributes:
        matrix: (4, 4), MNI millimetres to the brain's world millimetres (RAS+).
        information: mutual information that is reached, in nats.
    """

    matrix: NDArray[np.float64]
    information: float


def register(brain: Array, affine: NDArray[np.float64]) -> Registered:
    """Return how a brain lies in the template's space.

    Mattes' estimate (Mattes et al., IEEE Trans Med Imaging 2003), from the moments of both images and the turn that
    explains most, by steps of regular length.

    Args:
        brain: float32 (X, Y, Z), 0 outside the brain, corrected for its bias field.
        affine: (4, 4), voxel to world millimetres, without shear.
    """
    margin = [round(MARGIN_MM / spacing) for spacing in np.linalg.norm(affine[:3, :3], axis=0)]
    image = to_image(np.pad(brain, [(each, each) for each in margin]), moved(affine, [-each for each in margin]))
    template, moving = _template(SPACING_MM), _coarse(image, SPACING_MM)
    search = sitk.ImageRegistrationMethod()
    search.SetMetricAsMattesMutualInformation(BINS)
    search.SetInterpolator(sitk.sitkLinear)
    search.SetOptimizerAsRegularStepGradientDescent(FIRST_STEP, LAST_STEP, MOST_STEPS, relaxationFactor=RELAXATION)
    search.SetOptimizerScalesFromPhysicalShift()
    search.SetInitialTransform(_start(search, _template(COARSEST_MM), _coarse(image, COARSEST_MM)), inPlace=False)
    found = sitk.CompositeTransform(search.Execute(template, moving)).GetNthTransform(0)
    return Registered(to_matrix(sitk.AffineTransform(found)), -float(search.GetMetricValue()))


def _start(search: sitk.ImageRegistrationMethod, template: sitk.Image, moving: sitk.Image) -> sitk.AffineTransform:
    moments = sitk.CenteredTransformInitializerFilter.MOMENTS
    centred = sitk.CenteredTransformInitializer(template, moving, sitk.AffineTransform(3), moments)
    scored = []
    for angles in [*product(TURNS, TURNS, TURNS), (180, 0, 0), (0, 180, 0), (0, 0, 180)]:
        turned = sitk.AffineTransform(centred)
        turned.SetMatrix(Rotation.from_euler("xyz", angles, degrees=True).as_matrix().ravel().tolist())
        search.SetInitialTransform(turned, inPlace=False)
        scored.append((search.MetricEvaluate(template, moving), angles, turned))
    return min(scored, key=lambda each: each[:2])[2]


@cache
def _template(spacing: float) -> sitk.Image:
    image = load_mni152_template(resolution=1)
    return _coarse(to_image(image.get_fdata(dtype=np.float32), image.affine), spacing)


def _coarse(image: sitk.Image, spacing: float) -> sitk.Image:
    smooth = sitk.SmoothingRecursiveGaussian(image, spacing / 2)
    extent = zip(image.GetSize(), image.GetSpacing(), strict=True)
    size = [max(8, round(voxels * own / spacing)) for voxels, own in extent]
    grid = (image.GetOrigin(), [spacing] * 3, image.GetDirection())
    return sitk.Resample(smooth, size, sitk.Transform(), sitk.sitkLinear, *grid, 0.0)
