#!/usr/bin/env python3
"""Make the atlas that comes along, from heads with labels of DLMUSE that were prepared.

PREPARED are folders of prepare.py; LABELS has ID_labels.nii.gz of each, on its scan's grid. A voxel of MNI152 space is
of the region that most people have there, where more than half of them have any.
"""

import sys
from pathlib import Path

import click
import nibabel as nib
import numpy as np
from scipy import ndimage
from tqdm import tqdm

sys.path[:0] = [str(Path(__file__).parents[2] / "bin")]

from healthward.imaging.atlas import FILE, REGIONS  # noqa: E402
from healthward.imaging.prepared_files import read_preparation  # noqa: E402
from healthward.imaging.template import load_brain  # noqa: E402

STEP_MM = 2
RIGHT_CODES = {
    "hippocampus": [47],
    "amygdala": [31],
    "entorhinal cortex": [116],
    "parahippocampal gyrus": [170],
    "temporal cortex": [122, 132, 154, 180, 184, 200, 202, 206],
    "parietal cortex": [106, 148, 168, 174, 176, 194, 198],
    "frontal cortex": [104, 112, 118, 120, 124, 136, 140, 142, 146, 150, 152, 162, 164, 178, 182, 186, 190, 192, 204],
    "occipital cortex": [108, 114, 128, 134, 144, 156, 160, 196],
    "cingulate cortex": [100, 138, 166],
    "insula": [102, 172],
    "deep grey matter": [23, 36, 55, 57, 59],
    "lateral ventricle": [49, 51],
    "white matter": [81, 83, 85, 87, 91, 93],
    "cerebellum": [38, 40],
}
"""The codes of the right side; those of the left are one more, and one less of these."""

REVERSED = {23: 30, 38: 39, 40: 41}
"""The code of the left side where it is not one more."""


def codes() -> dict[int, int]:
    """Return the label of the atlas for each code of DLMUSE."""
    found = {}
    for index, name in enumerate(REGIONS):
        for right in RIGHT_CODES[name]:
            found[right] = 2 * index + 2
            found[REVERSED.get(right, right + 1)] = 2 * index + 1
    return found


@click.command()
@click.argument("prepared", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--labels", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(prepared: tuple[Path, ...], labels: Path) -> None:
    """Write the atlas into the project."""
    brain, affine = load_brain(STEP_MM)
    known = codes()
    table = np.zeros(max(known) + 100, dtype=np.uint8)
    table[list(known)] = list(known.values())
    votes = np.zeros((2 * len(REGIONS) + 1, *brain.shape), dtype=np.uint16)
    for folder in tqdm(prepared):
        image = nib.load(labels / f"{folder.name}_labels.nii.gz")
        own = np.asarray(image.dataobj).astype(int)
        to_voxel = np.linalg.inv(image.affine) @ np.array(read_preparation(folder)["matrix"]) @ affine
        moved = ndimage.affine_transform(
            table[np.minimum(own, len(table) - 1)], to_voxel[:3, :3], to_voxel[:3, 3], brain.shape, order=0
        )
        for label in range(len(votes)):
            votes[label] += moved == label
    regions = np.where(votes[1:].sum(axis=0) > len(prepared) / 2, 1 + votes[1:].argmax(axis=0), 0)
    nib.save(nib.Nifti1Image(regions.astype(np.uint8), affine), FILE)
    for index, name in enumerate(REGIONS):
        volumes = [(regions == label).sum() * STEP_MM**3 / 1000 for label in (2 * index + 1, 2 * index + 2)]
        click.echo(f"{name}: left {volumes[0]:.1f} ml, right {volumes[1]:.1f} ml")


if __name__ == "__main__":
    main()
