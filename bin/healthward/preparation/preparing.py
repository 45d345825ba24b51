"""A scan made ready: what of it is brain, how unevenly it was lit, and how it lies in the template's space."""

from dataclasses import dataclass, replace
from functools import cache
from typing import TypeVar

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from healthward.errors import InputError
from healthward.imaging.foreground import Array, Mask, fine_foreground, levelled
from healthward.imaging.prepared import DARKEST, SPAN, Box, Field, Prepared, box_of, moved, scaled
from healthward.imaging.template import load_brain
from healthward.preparation.bias import bias_field
from healthward.preparation.brain import find_brain
from healthward.preparation.registration import register
from healthward.preparation.skull import is_stripped

Kind = TypeVar("Kind", bound=np.generic)

FAINT, BRIGHT = 0.5, 99.5
"""Percentiles within the brain between which intensities are scaled: neither outliers nor an offset move them."""

DEEP_MM, CORE_STEP_MM = 12.0, 3
"""How deep in the template these are taken last: there are ventricles, and none of the outer fluid, of which ways of
stripping leave more or less."""


@dataclass(frozen=True)
class Steps:
    """What is done to a scan.

    Attributes:
        strip: whether its skull is taken off; None where it has one.
        even: whether its bias field is.
        register: whether it is brought into the template's space.
    """

    strip: bool | None = None
    even: bool = True
    register: bool = True


@dataclass(frozen=True)
class Preparation:
    """A scan made ready, and what was found on the way.

    Attributes:
        prepared: on the scan's own grid.
        stripped: whether its skull was off before.
        information: mutual information with the template, in nats; None where it was not registered.
    """

    prepared: Prepared
    stripped: bool
    information: float | None


def prepare(
    voxels: Array, affine: NDArray[np.float64], steps: Steps, brain: Mask | None = None, device: str = "cpu"
) -> Preparation:
    """Find the brain of a scan, its bias field, and its place in the template's space.

    Args:
        voxels: three dimensions, any orientation, voxel size and intensity range.
        affine: (4, 4), voxel to world millimetres.
        steps: what is done.
        brain: the user's own mask, of the same shape; none is sought then.
        device: where networks run.

    Raises:
        InputError: there is no brain; the text would follow the file's name.
    """
    # Along the world's axes, so that a scan is prepared alike however its file stores it
    turn = nib.orientations.io_orientation(affine)  # type: ignore[attr-defined]
    upright = affine @ nib.orientations.inv_ornt_aff(turn, voxels.shape)  # type: ignore[attr-defined]
    head = _turned(voxels, turn)
    stripped = is_stripped(head, upright)
    if brain is not None:
        mask = _turned(brain, turn)
    elif steps.strip is False or (steps.strip is None and stripped):
        mask = fine_foreground(levelled(head).voxels)
    else:
        mask = find_brain(head, device)
    if not mask.any():
        raise InputError("shows no brain; look at the volume")
    box = box_of(mask)
    inside, place = mask[box], moved(upright, [part.start for part in box])
    low, high = (float(end) for end in np.percentile(head[mask], [FAINT, BRIGHT]))
    if low == high:
        raise InputError(f"holds the value {low:g} all over its brain; give the scan itself")
    even = scaled(head[box], (low, high)) * inside
    field = None
    if steps.even:
        field = bias_field(even, inside, place)
        even /= field.within(tuple(slice(0, extent) for extent in even.shape))  # type: ignore[arg-type]
    registered = register(even, place) if steps.register else None
    if registered is not None:
        core = _template_core(even.shape, place, registered.matrix) & inside
        ends = np.percentile(even[core if core.any() else inside], [FAINT, BRIGHT])
    else:
        # As models of the scanner's space were trained: air is 0
        ends = np.percentile(even[inside], [FAINT, BRIGHT])
        ends[0] = DARKEST + SPAN * (levelled(head).background - low) / (high - low)
    back = nib.orientations.ornt_transform(  # type: ignore[attr-defined]
        nib.orientations.io_orientation(np.eye(4)),  # type: ignore[attr-defined]
        turn,
    )
    prepared = Prepared(
        brain=_turned(mask, back),
        field=field and _field_turned(field, box, mask.shape, back),
        units=(low, high),
        ends=(float(ends[0]), float(ends[1])),
        matrix=registered and registered.matrix,
    )
    return Preparation(prepared, stripped, registered and registered.information)


def _template_core(shape: tuple[int, ...], affine: NDArray[np.float64], matrix: NDArray[np.float64]) -> Mask:
    """Return where a grid lies deep in the template's brain.

    Args:
        shape: of the grid.
        affine: (4, 4), its voxels to world millimetres.
        matrix: (4, 4), MNI millimetres to these.
    """
    core, core_affine = _core()
    to_core = np.linalg.inv(matrix @ core_affine) @ affine
    found = ndimage.affine_transform(core, to_core[:3, :3], to_core[:3, 3], shape, order=0, cval=0)
    return np.asarray(found > 0)


@cache
def _core() -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    brain, affine = load_brain(CORE_STEP_MM)
    depth = ndimage.distance_transform_edt(brain, sampling=CORE_STEP_MM)
    return (depth > DEEP_MM).astype(np.uint8), affine


def _turned(voxels: NDArray[Kind], turn: NDArray[np.float64]) -> NDArray[Kind]:
    return nib.orientations.apply_orientation(voxels, turn)  # type: ignore[attr-defined, no-any-return]


def _field_turned(field: Field, box: Box, shape: tuple[int, ...], turn: NDArray[np.float64]) -> Field:
    """Return the field of a part of a grid on the whole of it, turned."""
    lattice = field.lattice + [[0, part.start] for part in box]
    logarithm = _turned(field.logarithm, turn)
    own = np.empty_like(lattice)
    for axis, (target, way) in enumerate(turn.astype(int)):
        step, first = lattice[axis]
        last = first + step * (field.logarithm.shape[axis] - 1)
        own[target] = step, first if way > 0 else shape[axis] - 1 - last
    return replace(field, logarithm=logarithm, lattice=own)
