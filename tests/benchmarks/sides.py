#!/usr/bin/env python3
"""Make the weights by which left is told from right, of heads whose headers are right, and say how well they do.

HEADS are T1 images. The weights are those of ridge regression on one value for all: of a mirrored brain the asymmetry
is the same with the opposite sign, so that no other class is needed.
"""

import sys
from pathlib import Path

import click
import numpy as np
from safetensors.numpy import save_file
from tqdm import tqdm

sys.path[:0] = [str(Path(__file__).parents[2] / "bin")]

from healthward.imaging.formats import open_volume  # noqa: E402
from healthward.imaging.volumes import conform  # noqa: E402
from healthward.preparation.preparing import Steps, prepare  # noqa: E402
from healthward.preparation.sides import ASSETS, FOV, SIZE, WEIGHTS, asymmetry  # noqa: E402

RIDGE, FOLDS = 0.3, 10


@click.command()
@click.argument("heads", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(heads: tuple[Path, ...]) -> None:
    """Prepare all HEADS and write the weights into the project."""
    found = np.stack([_asymmetry_of(path) for path in tqdm(heads)])
    order, held_out = np.random.default_rng(0).permutation(len(found)), []
    for fold in range(FOLDS):
        out = order[fold::FOLDS]
        held_out.append(found[out] @ weights_of(np.delete(found, out, axis=0)))
    scores = np.concatenate(held_out)
    click.echo(f"held out: {(scores > 0).mean():.1%} right; least, 1 % and median: {np.percentile(scores, [0, 1, 50])}")
    save_file({"weights": weights_of(found).astype(np.float16)}, ASSETS / WEIGHTS)


def weights_of(found: np.ndarray) -> np.ndarray:
    """Return the weights (features,) by which each row of asymmetries (heads, features) comes to about 1."""
    alike = found @ found.T
    ridge = RIDGE * np.trace(alike) / len(found) * np.eye(len(found))
    return found.T @ np.linalg.solve(alike + ridge, np.ones(len(found)))


def _asymmetry_of(path: Path) -> np.ndarray:
    volume = open_volume(str(path))
    voxels = volume.read()
    prepared = prepare(voxels, volume.affine, Steps()).prepared
    return asymmetry(conform(voxels, volume.affine, SIZE, FOV, prepared).cube)


if __name__ == "__main__":
    main()
