"""The brain is found, and scaled alike, whatever became of a scan's intensities on its way here."""

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Image
from nibabel.processing import resample_from_to

from healthward.errors import InputError
from healthward.imaging.foreground import foreground, levelled
from healthward.imaging.volumes import conform
from phantoms import GRIDS, head_on, rotation

SIZE, FOV = 48, 192.0


def cut_out() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Voxels, affine and mask of a brain with edges as sharp as a mask cuts them, 0 outside."""
    x, y, z = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in (56, 64, 50)], indexing="ij"))
    brain = (x / 0.8) ** 2 + (y / 0.85) ** 2 + (z / 0.8) ** 2 < 1
    voxels = np.where(brain, 600 + 250 * np.sin(7 * x + 5 * y) * np.cos(6 * z), 0).astype(np.float32)
    affine = np.array([[3.0, 0, 0, -82], [0, 3, 0, -112], [0, 0, 3, -62], [0, 0, 0, 1]])
    return voxels, affine, brain


def faded() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same of a brain that fades into air."""
    voxels, affine = head_on("oblique")
    return voxels, affine, voxels > 20


def hot(voxels: np.ndarray, many: int, factor: float) -> np.ndarray:
    places = np.random.default_rng(0).choice(voxels.size, many, replace=False)
    changed = voxels.copy()
    changed.flat[places] = factor * voxels.max()
    return changed


def normalised(voxels: np.ndarray, brain: np.ndarray, zero: float = 50) -> np.ndarray:
    """z scores within the brain, 0 at a percentile of it and outside."""
    inside = voxels[brain]
    return np.where(brain, (voxels - np.percentile(inside, zero)) / inside.std(), 0)


def padded(voxels: np.ndarray) -> np.ndarray:
    """The same with zeros for the outermost voxels, as around a volume of a smaller field of view."""
    return np.pad(voxels[2:-2, 2:-2, 2:-2], 2)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * (one & other).sum() / (one.sum() + other.sum())


CHANGED = {
    "shifted": lambda v, b: v + 1000,
    "shifted below 0": lambda v, b: v - 300,
    "scaled": lambda v, b: v * 3.7 - 500,
    "from -1 to 1": lambda v, b: v / v.max() * 2 - 1,
    "z of all": lambda v, b: (v - v.mean()) / v.std(),
    "one hot": lambda v, b: hot(v, 1, 1000),
    "ten hot": lambda v, b: hot(v, 10, 10),
    "hundred hot": lambda v, b: hot(v, 100, 1000),
    "fifty far below": lambda v, b: hot(v, 50, -100),
    "z of all, padded": lambda v, b: padded((v - v.mean()) / v.std()),
    "noise in air": lambda v, b: v + np.abs(np.random.default_rng(0).normal(0, 0.02 * v.max(), v.shape)),
}
NORMALISED = {
    "z of the brain": normalised,
    "white matter at 0": lambda v, b: normalised(v, b, zero=80),
    "filled with -1024": lambda v, b: np.where(b, v, -1024),
}


@pytest.mark.parametrize("make", [cut_out, faded], ids=["cut out", "faded"])
@pytest.mark.parametrize("name", [*CHANGED, *NORMALISED])
def test_the_brain_is_that_of_the_clean_scan(make, name: str) -> None:
    voxels, affine, brain = make()
    clean = conform(voxels, affine, SIZE, FOV)
    changed = (CHANGED | NORMALISED)[name](voxels, brain).astype(np.float32)
    found = conform(changed, affine, SIZE, FOV)
    assert dice(found.brain, clean.brain) > 0.98
    assert np.corrcoef(found.cube[clean.brain], clean.cube[clean.brain])[0, 1] > 0.98
    assert np.abs(found.cube[~found.brain]).mean() < 0.02
    if name in CHANGED:
        assert np.abs(found.cube - clean.cube)[clean.brain].mean() < 0.02


@pytest.mark.parametrize("order", [1, 3, 5])
@pytest.mark.parametrize("make", [cut_out, faded], ids=["cut out", "faded"])
def test_a_resampling_by_splines_leaves_the_brain(make, order: int) -> None:
    voxels, affine, _ = make()
    turned = affine.copy()
    turned[:3, :3] = rotation(8) @ affine[:3, :3]
    middle = (np.array(voxels.shape) - 1) / 2
    turned[:3, 3] = affine[:3, :3] @ middle + affine[:3, 3] - turned[:3, :3] @ middle
    source = resample_from_to(Nifti1Image(voxels, affine), (voxels.shape, turned), order=order)
    found = conform(np.asarray(source.dataobj, np.float32), turned, SIZE, FOV)
    assert dice(found.brain, conform(voxels, affine, SIZE, FOV).brain) > 0.98


@pytest.mark.parametrize("name", GRIDS)
def test_a_background_darker_than_the_brain_is_left_as_it_is(name: str) -> None:
    voxels, _ = head_on(name)
    plain = levelled(voxels)
    assert plain.voxels is voxels
    assert plain.below == 0


def test_normalised_intensities_keep_their_order_above_the_background() -> None:
    voxels, _, brain = cut_out()
    plain = levelled(normalised(voxels, brain).astype(np.float32))
    np.testing.assert_array_equal(plain.voxels != plain.background, brain)
    order = np.argsort(voxels[brain])
    assert (np.diff(plain.voxels[brain][order]) >= 0).all()
    assert plain.voxels[brain].min() > plain.background
    assert 0.4 < plain.below < 0.6


@pytest.mark.parametrize("change", [lambda v: v.max() - v, lambda v: -v], ids=["mirrored", "negative"])
def test_inverted_intensities_are_refused(change) -> None:
    voxels, affine, _ = cut_out()
    with pytest.raises(InputError, match=r"100% of what stands out darker .*: inverted intensities"):
        conform(change(voxels), affine, SIZE, FOV)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("many", [1, 3])
def test_empty_slices_do_not_cost_the_smaller_part_of_a_brain(axis: int, many: int) -> None:
    voxels, affine, _ = cut_out()
    holed = voxels.copy()
    np.moveaxis(holed, axis, 0)[18 : 18 + many] = 0
    assert dice(conform(holed, affine, SIZE, FOV).brain, conform(voxels, affine, SIZE, FOV).brain) > 0.97


def test_a_small_piece_apart_is_no_brain() -> None:
    voxels, _, brain = cut_out()
    apart = voxels.copy()
    apart[1:5, 1:11, 1:11] = 700
    np.testing.assert_array_equal(foreground(apart), foreground(voxels))
    assert dice(foreground(voxels), brain) > 0.98


@pytest.mark.parametrize("sigma", [0.1, 0.2])
def test_noise_is_not_taken_for_normalised_intensities(sigma: float) -> None:
    voxels, affine, _ = cut_out()
    one, other = np.random.default_rng(0).normal(0, sigma * 600, (2, *voxels.shape)).astype(np.float32)
    noisy = np.hypot(voxels + one, other)
    plain = levelled(noisy)
    assert plain.below == 0
    assert plain.background == np.median(np.concatenate([np.take(noisy, (0, -1), axis).ravel() for axis in range(3)]))
    assert dice(conform(noisy, affine, SIZE, FOV).brain, conform(voxels, affine, SIZE, FOV).brain) > 0.97
