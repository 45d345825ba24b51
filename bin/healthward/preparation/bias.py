"""The bias field of a brain: N4 (Tustison et al., IEEE Trans Med Imaging 2010)."""

import numpy as np
import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it
from numpy.typing import NDArray

from healthward.imaging.foreground import Array, Mask
from healthward.imaging.prepared import Field
from healthward.preparation.itk import to_array, to_image

COARSE_MM = 4.0
"""Millimetres between the voxels on which the field is fitted and kept: it is smooth."""

ITERATIONS = (25, 25)


def bias_field(voxels: Array, brain: Mask, affine: NDArray[np.float64]) -> Field:
    """Return the factor by which each place of a brain is too bright, 1 on (geometric) average.

    Args:
        voxels: float32 (X, Y, Z), positive within the brain.
        brain: of the same shape.
        affine: (4, 4), voxel to world millimetres, without shear.
    """
    image, mask = to_image(voxels, affine), to_image(brain.astype(np.uint8), affine)
    factors = [max(1, round(COARSE_MM / spacing)) for spacing in image.GetSpacing()]
    coarse, within = sitk.Shrink(image, factors), sitk.Shrink(mask, factors)
    correction = sitk.N4BiasFieldCorrectionImageFilter()
    correction.SetMaximumNumberOfIterations(ITERATIONS)
    correction.Execute(coarse, within)
    logarithm = to_array(correction.GetLogBiasFieldAsImage(coarse))
    first = image.TransformPhysicalPointToContinuousIndex(coarse.GetOrigin())
    return Field(logarithm - logarithm[to_array(within) > 0].mean(), np.stack([factors, first], axis=1).astype(float))
