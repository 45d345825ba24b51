"""Figures that tell how well a scan was prepared."""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, ndimage
from scipy.spatial.transform import Rotation

from healthward.imaging.foreground import Array, Mask, neighbours, stride
from healthward.imaging.prepared import Prepared
from healthward.imaging.template import load_brain
from healthward.imaging.volumes import conform
from healthward.preparation.appearance import appearance
from healthward.preparation.gate import Quality
from healthward.preparation.preparing import Preparation
from healthward.preparation.sides import FOV, SIZE, sidedness

AIR_MM = (30.0, 60.0)
"""Distances from the brain at which there is air."""

TEMPLATE_TIV_ML = 2114.0
"""Intracranial volume of a head that takes no scaling: the median of 150 heads' own by their labels, over scaling."""

STEP_MM = 3
"""Millimetres between the places of the template at which overlaps are counted."""


def measure(voxels: Array, affine: NDArray[np.float64], preparation: Preparation) -> Quality:
    """Return the figures of a scan that was prepared.

    Args:
        voxels: three dimensions.
        affine: (4, 4), voxel to world millimetres.
        preparation: of the scan.
    """
    prepared = preparation.prepared
    voxel_ml = float(abs(np.linalg.det(affine[:3, :3]))) / 1000
    even, box = prepared.evened(voxels)
    one, other = neighbours(even)
    tissue = (one > 0.5) & (other > 0.5)
    noise = float(np.median(np.abs(one - other)[tissue])) / 0.6745 / np.sqrt(2) if tissue.any() else 0.0
    bias = float(np.log(prepared.field.within(box)[prepared.brain[box]]).std()) if prepared.field else 0.0
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    cube = conform(voxels, affine, SIZE, FOV, prepared).cube
    figures: dict[str, object] = dict.fromkeys(Quality.__dataclass_fields__)
    figures |= {
        "brain_ml": float(np.count_nonzero(prepared.brain)) * voxel_ml,
        "information": preparation.information,
        "noise": noise,
        "ghosts": _ghosts(voxels, affine, prepared),
        "bias": bias,
        "voxel_mm": float(edges.max()),
        "appearance": appearance(cube),
    }
    if prepared.matrix is not None:
        figures |= _place(prepared.brain, affine, prepared.matrix)
        figures["sides"] = sidedness(cube)
    return Quality(**figures)  # type: ignore[arg-type]


def _ghosts(voxels: Array, affine: NDArray[np.float64], prepared: Prepared) -> float:
    """Return how bright it is beyond the scalp, at the brain's upper half: what lies below has neck and face.

    Over several voxels, in which noise cancels and what is a copy of the head does not.
    """
    step = stride(voxels)
    brain = prepared.brain[::step, ::step, ::step]
    coarse = ndimage.uniform_filter(voxels, 3 * step)[::step, ::step, ::step]
    distance = ndimage.distance_transform_edt(~brain, sampling=step * np.linalg.norm(affine[:3, :3], axis=0))
    height = np.tensordot(affine[2, :3], np.indices(brain.shape), axes=1)
    places = (distance > AIR_MM[0]) & (distance < AIR_MM[1])
    if not (brain.any() and places.any()):
        return 0.0
    places &= height > height[brain].mean()
    low, high = prepared.units
    if not places.any():
        return 0.0
    usual, brightest = np.percentile(coarse[places], [50, 98])
    return float((brightest - usual) / (high - low))


def _place(brain: Mask, affine: NDArray[np.float64], matrix: NDArray[np.float64]) -> dict[str, float]:
    template, template_affine = load_brain(STEP_MM)
    to_voxel = np.linalg.inv(affine) @ matrix @ template_affine
    moved = ndimage.affine_transform(
        brain.astype(np.uint8), to_voxel[:3, :3], to_voxel[:3, 3], template.shape, order=0, cval=0
    )
    places = np.argwhere(template) @ to_voxel[:3, :3].T + to_voxel[:3, 3]
    outside = ((places < -0.5) | (places > np.array(brain.shape) - 0.5)).any(axis=1)
    # The head is turned after it was stretched along the template's axes
    turn, stretch = linalg.polar(matrix[:3, :3])
    if np.linalg.det(turn) < 0:
        turn = -turn
    volume = float(abs(np.linalg.det(matrix[:3, :3])))
    scales = np.diag(stretch)
    return {
        "tiv_ml": TEMPLATE_TIV_ML * volume,
        "overlap": float(
            2 * np.count_nonzero(template & (moved > 0)) / (np.count_nonzero(template) + np.count_nonzero(moved))
        ),
        "scale_x": float(scales[0]),
        "scale_y": float(scales[1]),
        "scale_z": float(scales[2]),
        "rotation": float(np.degrees(Rotation.from_matrix(turn).magnitude())),
        "beyond": float(outside.mean()),
    }
