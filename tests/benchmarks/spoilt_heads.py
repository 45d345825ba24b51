#!/usr/bin/env python3
"""What the gate says of a head with labels that was spoilt in many ways, and of what is no head."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

sys.path[:0] = [str(Path(__file__).parents[2] / "bin")]

import torch  # noqa: E402

from healthward.errors import InputError  # noqa: E402
from healthward.imaging.plausibility import judge as plausible  # noqa: E402
from healthward.imaging.template import load_brain, load_t1  # noqa: E402
from healthward.preparation.gate import judge  # noqa: E402
from healthward.preparation.preparing import Steps, prepare  # noqa: E402
from healthward.preparation.quality import measure  # noqa: E402

Head = tuple[str, NDArray[np.float32], NDArray[np.float64]]


def places(head: NDArray[np.float32], affine: NDArray[np.float64], labels: NDArray[np.int64]) -> Iterator[Head]:
    """Yield heads that lie otherwise, or not wholly in the image."""

    def turned(*degrees: float) -> NDArray[np.float64]:
        matrix = np.eye(4)
        matrix[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
        return matrix @ affine

    def from_plane(axis: int, plane: int) -> NDArray[np.float64]:
        start = np.zeros(3)
        start[axis] = plane
        moved = affine.copy()
        moved[:3, 3] += affine[:3, :3] @ start
        return moved

    yield "as it is", head, affine
    yield "upside down by its header", head, turned(0, 180, 0)
    yield "upside down in its voxels", head[:, :, ::-1], affine
    yield "axes exchanged", head.transpose(1, 0, 2), affine
    yield "left and right exchanged", head[::-1], affine
    yield "pitch of 30 degrees", ndimage.rotate(head, 30, axes=(1, 2), order=1), affine
    middle = round(float(np.argwhere(labels > 0)[:, 0].mean()))
    blank = head.copy()
    blank[:middle] = 0
    yield "half of it blank", blank, affine
    yield "half of it", head[middle:], from_plane(0, middle)
    heights = np.argwhere(labels > 0)[:, 2]
    yield "top cropped", head[:, :, : round(float(np.percentile(heights, 85)))], affine
    low = round(float(np.percentile(heights, 25)))
    yield "bottom cropped", head[:, :, low:], from_plane(2, low)
    yield "40 mm of neck more", np.concatenate([np.repeat(head[:, :, :1], 20, axis=2), head], axis=2), affine
    yield "infant-sized", head, affine @ np.diag([0.6, 0.6, 0.6, 1])
    yield "voxels said to be twice as large", head, affine @ np.diag([2, 2, 2, 1])


def intensities(head: NDArray[np.float32], affine: NDArray[np.float64], labels: NDArray[np.int64]) -> Iterator[Head]:
    """Yield heads that were scanned otherwise, or worse."""
    rng, bright = np.random.default_rng(0), float(np.percentile(head, 99))
    along = np.linspace(-1, 1, head.shape[1])[None, :, None]
    yield "6 mm slices", ndimage.uniform_filter1d(head, 3, axis=2)[:, :, ::3], affine @ np.diag([1, 1, 3, 1])
    yield "voxels of 4 mm", ndimage.gaussian_filter(head, 0.8)[::2, ::2, ::2], affine @ np.diag([2, 2, 2, 1])
    yield "strong bias (7:1)", head * np.exp(along), affine
    for noise in (0.05, 0.1, 0.2):
        yield f"noise of {noise:.0%}", np.abs(head + rng.normal(0, noise * bright, head.shape)), affine
    for share in (0.2, 0.4):
        yield f"ghosts of {share:.0%}", head + share * (np.roll(head, 20, 1) + np.roll(head, -20, 1)), affine
    inside = labels > 0
    yield "z-scored", (head - head[inside].mean()) / head[inside].std(), affine
    yield (
        "z-scored in the brain, 0 outside",
        np.where(inside, (head - head[inside].mean()) / head[inside].std(), 0),
        affine,
    )
    yield "air at -1000", head - 1000, affine
    hot = head.copy()
    hot.ravel()[rng.integers(0, head.size, 20)] = 50 * bright
    yield "hot voxels", hot, affine
    yield "inverted", np.where(head > 0.05 * bright, np.maximum(1.2 * bright - head, 0), 0), affine
    once = np.where(prepare(head, affine, Steps(True, False, False)).prepared.brain, head, 0)
    yield "stripped", once, affine
    yield "stripped twice", np.where(prepare(once, affine, Steps(True, False, False)).prepared.brain, once, 0), affine
    lesion = np.linalg.norm(
        (np.indices(head.shape).T - np.argwhere(inside).mean(axis=0) - [16, 10, 8])
        * np.linalg.norm(affine[:3, :3], axis=0),
        axis=-1,
    ).T
    yield "a lesion of 80 mm", np.where(lesion < 40, 0.3 * head[inside].mean(), head), affine


def others(head: NDArray[np.float32], affine: NDArray[np.float64]) -> Iterator[Head]:
    """Yield what is no head of a person."""
    rng, bright = np.random.default_rng(0), float(np.percentile(head, 99))
    grid = np.indices(head.shape)
    centre = np.array(head.shape) / 2
    distance = np.linalg.norm((grid.T - centre) * np.linalg.norm(affine[:3, :3], axis=0), axis=-1).T
    noise = np.abs(rng.normal(0, 0.02 * bright, head.shape))
    yield "phantom, a sphere", (distance < 80) * 0.8 * bright + noise, affine
    yield (
        "phantom, a grid",
        (distance < 80) * bright * np.where((grid[0] // 6 + grid[1] // 6) % 2, 0.8, 0.3) + noise,
        affine,
    )
    organ = (((grid[0] - centre[0]) / centre[0] / 0.9) ** 2 + ((grid[1] - centre[1]) / centre[1] / 0.7) ** 2 < 1) * 0.5
    for _ in range(12):
        place, radius = rng.uniform(0.25, 0.75, 3) * head.shape, rng.uniform(4, 16)
        organ = np.where(radius**2 > ((grid.T - place) ** 2).sum(axis=-1).T, rng.uniform(0.2, 1), organ)
    yield "another organ", ndimage.gaussian_filter(organ * bright, 1) + noise, affine
    yield "the template", load_t1(2), load_brain(2)[1]


@click.command()
@click.argument("image", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("labels", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(image: Path, labels: Path) -> None:
    """Spoil IMAGE, a head whose brain LABELS marks, and print a row of a table for each way."""
    torch.set_num_threads(1)
    whole, marked = (nib.as_closest_canonical(nib.load(path)) for path in (image, labels))
    head, brain = whole.get_fdata(dtype=np.float32), np.asarray(marked.dataobj).astype(int)
    given = (*places(head, whole.affine, brain), *intensities(head, whole.affine, brain), *others(head, whole.affine))
    click.echo("| what was done | verdict | reasons |\n| --- | --- | --- |")
    for name, voxels, affine in given:
        values = np.ascontiguousarray(voxels, dtype=np.float32)
        try:
            odd = [each.kind for each in plausible(values, affine, 0, None)]
            preparation = prepare(values, affine, Steps())
            verdict, reasons = judge(measure(values, affine, preparation))
        except InputError as error:
            verdict, reasons, odd = "refused", (str(error),), []
        said = [reason.split(";")[0] for reason in reasons] + [f"warned of: {', '.join(odd)}"] * bool(odd)
        click.echo(f"| {name} | `{verdict}` | {'; '.join(said)} |")


if __name__ == "__main__":
    main()
