"""The picture by which a person judges how a scan was prepared."""

from pathlib import Path

import nibabel as nib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from nibabel.processing import resample_from_to
from numpy.typing import NDArray

from healthward.imaging.mni_cube import MIDDLE_MM, mni_cube
from healthward.imaging.prepared import Prepared
from healthward.imaging.slices import AXES
from healthward.imaging.template import load_brain
from healthward.imaging.volumes import Array, Mask, conform

SIZE, FOV_MM = 96, 192.0
"""The cube that is drawn."""

RESOLUTION, ASIDE_MM = 100, 16.0
BRAIN, TEMPLATE = "#2ca02c", "#e6550d"


def save_picture(file: Path, voxels: Array, affine: NDArray[np.float64], prepared: Prepared) -> None:
    """Draw the outline of the brain on the scan and, where it was registered, that of the template on the brain.

    Args:
        file: PNG to write.
        voxels: the scan.
        affine: (4, 4), voxel to world millimetres.
        prepared: of the scan.
    """
    rows = [("scan, and the brain found in it", *_on_scan(voxels, affine, prepared), BRAIN)]
    if prepared.matrix is not None:
        rows.append(("brain in MNI space, and the template's", *_on_template(voxels, affine, prepared), TEMPLATE))
    figure = Figure(figsize=(7.5, 2.7 * len(rows)), dpi=RESOLUTION, layout="constrained", facecolor="white")
    for row, (title, grey, outline, places, colour) in zip(
        figure.subfigures(len(rows), 1, squeeze=False)[:, 0], rows, strict=True
    ):
        row.suptitle(title, fontsize=9)
        for axis, panel in enumerate(np.atleast_1d(row.subplots(1, 3))):
            _draw(panel, np.take(grey, places[axis], axis), np.take(outline, places[axis], axis), colour)
            panel.set_title(AXES[axis], fontsize=8)
    figure.savefig(file, metadata={"Software": None})


def _on_scan(voxels: Array, affine: NDArray[np.float64], prepared: Prepared) -> tuple[Array, Mask, list[int]]:
    """Return the scan and its brain along the world's axes, isotropic, and the middle of the brain."""
    images = [nib.Nifti1Image(each.astype(np.float32), affine) for each in (voxels, prepared.brain)]  # type: ignore[attr-defined]
    shape, upright = nib.spaces.vox2out_vox((voxels.shape, affine), (2.0,) * 3)  # type: ignore[attr-defined]
    head, brain = (np.asarray(resample_from_to(image, (shape, upright), order=1).dataobj) for image in images)
    low, high = np.percentile(head, [1, 99.5])
    inside = brain >= 0.5
    middle = np.argwhere(inside).mean(axis=0) if inside.any() else np.array(shape) / 2
    return np.clip((head - low) / max(high - low, 1e-6), 0, 1), inside, [round(each) for each in middle]


def _on_template(voxels: Array, affine: NDArray[np.float64], prepared: Prepared) -> tuple[Array, Mask, list[int]]:
    cube = conform(voxels, affine, SIZE, FOV_MM, prepared).cube
    template, own = load_brain(1)
    image = nib.Nifti1Image(template.astype(np.uint8), own)  # type: ignore[attr-defined]
    grid = mni_cube(SIZE, FOV_MM)
    outline = np.asarray(resample_from_to(image, (cube.shape, grid), order=0).dataobj) > 0
    # Beside the middle plane, which shows no hemisphere
    x, y, z = MIDDLE_MM
    middle = np.linalg.inv(grid) @ [x + ASIDE_MM, y, z, 1]
    return cube, outline, [round(each) for each in middle[:3]]


def _draw(panel: Axes, grey: Array, outline: Mask, colour: str) -> None:
    panel.imshow(grey.T, cmap="gray", vmin=0, vmax=1, origin="lower", interpolation="bilinear")
    if outline.any() and not outline.all():
        panel.contour(outline.T, levels=[0.5], colors=[colour], linewidths=0.9)
    panel.set_axis_off()
