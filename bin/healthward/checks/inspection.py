"""Opening the volumes of a sheet: whether header and voxels are fit for use, and what its voxels are known by."""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from tqdm import tqdm

from healthward.errors import InputError
from healthward.imaging.foreground import Array, foreground, levelled, sampled, stride
from healthward.imaging.formats import open_volume
from healthward.imaging.plausibility import USUAL_FOV, Oddity, judge
from healthward.imaging.signatures import Signature, signature
from healthward.imaging.volume import UnfitVolumeError, Volume
from healthward.inputs.provenance import voxel_digest
from healthward.wording import shown

LARGEST_AFFINE_DIFFERENCE_MM = 1e-3

BRAIN_ML = (100.0, 3000.0)
"""What a brain mask may hold: half of a brain born eight weeks early, and more than the largest one with its fluid."""

LARGEST_ANOMALY = 0.5
"""Share of the brain from which a mask is taken to be that of the brain itself."""


@dataclass(frozen=True)
class Inspection:
    """What opening a scan's image and mask showed.

    Attributes:
        digest: of the image's voxels, empty where there is none that can be used.
        problems: (column, text) of what cannot be used.
        oddities: of what can, with texts that name the file.
        signature: of the image's voxels, None where there is none that can be used.
    """

    digest: str
    problems: tuple[tuple[str, str], ...]
    oddities: tuple[Oddity, ...] = ()
    signature: Signature | None = field(default=None, compare=False)


def inspect_all(
    volumes: Sequence[tuple[str, str, str]], workers: int, fov: float | None = USUAL_FOV
) -> list[Inspection]:
    """Open the (image, mask, brain) paths of every scan, `workers` at a time, and return what was found in their order.

    An empty path is not opened. Scans would be conformed to a cube of `fov` millimetres, or (None) prepared before.
    """
    progress = tqdm(total=len(volumes), desc="opening scans", unit="scan", disable=None)
    inspect_pair = partial(inspect, fov=fov)
    found = []
    with progress:
        if workers == 1 or len(volumes) < 2:
            for pair in volumes:
                found.append(inspect_pair(pair))
                progress.update()
            return found
        # spawn: forking a process that holds threads can deadlock, and is not to be had on every system
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(workers, len(volumes)), mp_context=context) as pool:
            # Few at a time, so that one slow disk holds up few; not one, which would cost more than a small volume
            for inspection in pool.map(inspect_pair, volumes, chunksize=min(16, 1 + len(volumes) // (4 * workers))):
                found.append(inspection)
                progress.update()
    return found


def inspect(paths: tuple[str, str, str], fov: float | None = USUAL_FOV) -> Inspection:
    """Open one scan's image, the mask of its anomaly and that of its brain, given as paths that may be empty."""
    image_path, mask_path, brain_path = paths
    digest, recognised_by = "", None
    problems = []
    oddities: tuple[Oddity, ...] = ()
    image = voxels = None
    if image_path:
        try:
            image = open_volume(image_path)
            voxels, oddities = read_scan(image, fov)
            digest, recognised_by = voxel_digest(voxels), signature(voxels)
        except UnfitVolumeError as error:
            problems.append(("image", str(error)))
    if mask_path:
        try:
            read_mask(open_volume(mask_path), image, voxels)
        except UnfitVolumeError as error:
            problems.append(("mask", str(error)))
    if brain_path:
        try:
            read_brain(open_volume(brain_path), image)
        except UnfitVolumeError as error:
            problems.append(("brain", str(error)))
    return Inspection(digest, tuple(problems), oddities, recognised_by)


def brain_of(path: str) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return a coarse mask of the brain in an image that can be used, and its affine, voxel to world millimetres."""
    image = open_volume(path)
    voxels = image.read()
    step = stride(voxels)
    return foreground(levelled(sampled(voxels)).voxels), image.affine @ np.diag([step, step, step, 1.0])


def load_scan_volume(path: Path, fov: float | None) -> tuple[Volume, Array, tuple[Oddity, ...]]:
    """Read the image of a scan, and return it with its voxels and what is odd about it, as a check would.

    Raises:
        UnfitVolumeError: it cannot be used.
    """
    volume = open_volume(str(path))
    return volume, *read_scan(volume, fov)


def read_scan(image: Volume, fov: float | None) -> tuple[Array, tuple[Oddity, ...]]:
    """Return the voxels of a scan that can be that of a brain, and what is odd about it, its file named.

    Raises:
        UnfitVolumeError: it cannot be used.
    """
    voxels = image.read()
    integers = image.header.get_data_dtype().kind in "iu"
    try:
        found = judge(voxels, image.affine, int(image.header["intent_code"]), fov, integers)
    except InputError as error:
        raise UnfitVolumeError(f"{shown(image.path)} {error}") from error
    odd = (*(Oddity("header", note) for note in image.notes), *found)
    return voxels, tuple(Oddity(each.kind, f"{shown(image.path)} {each.text}") for each in odd)


def read_mask(mask: Volume, image: Volume | None, scan: Array | None) -> NDArray[np.bool_]:
    """Return where a mask is 1: binary, on the grid of the image and in a part of its brain, as far as these are fit.

    Raises:
        UnfitVolumeError: it is not.
    """
    _check_grid(mask, image)
    voxels = mask.read()
    if not np.isin(voxels, (0, 1)).all():
        span = f"from {voxels.min():g} to {voxels.max():g}"
        raise UnfitVolumeError(f"{shown(mask.path)} holds values {span}; write 1 in the anomaly and 0 elsewhere")
    anomaly = voxels > 0
    if scan is not None and anomaly.any():
        _check_anomaly(mask.path, anomaly, foreground(levelled(sampled(scan)).voxels), stride(scan))
    return anomaly


def read_brain(mask: Volume, image: Volume | None) -> NDArray[np.bool_]:
    """Return where a mask of a brain is not 0: on the grid of the image, as far as that is fit, and of a brain's size.

    Raises:
        UnfitVolumeError: it is not.
    """
    _check_grid(mask, image)
    brain = mask.read() > 0
    volume = np.count_nonzero(brain) * abs(np.linalg.det(mask.affine[:3, :3])) / 1000
    low, high = BRAIN_ML
    if not low <= volume <= high:
        text = f"marks {volume:.3g} ml as brain; give a mask that is above 0 in all of the brain, and 0 elsewhere"
        raise UnfitVolumeError(f"{shown(mask.path)} {text}")
    return brain


def _check_grid(mask: Volume, image: Volume | None) -> None:
    """Raise where a mask is not on the grid of its image."""
    if image is None:
        return
    size, wanted = (" × ".join(str(length) for length in volume.shape[:3]) for volume in (mask, image))
    if size != wanted:
        raise UnfitVolumeError(f"{shown(mask.path)} is {size}, the image {wanted}; resample it to the image's grid")
    if not np.allclose(mask.affine, image.affine, rtol=0, atol=LARGEST_AFFINE_DIFFERENCE_MM):
        text = f"has another affine than {shown(image.path)}; resample it to the image's grid"
        raise UnfitVolumeError(f"{shown(mask.path)} {text}")


def _check_anomaly(path: str, anomaly: NDArray[np.bool_], brain: NDArray[np.bool_], step: int) -> None:
    """Raise where a mask is not in a part of a brain that is given at every `step`-th voxel."""
    covered = float(anomaly[::step, ::step, ::step][brain].mean())
    if covered > LARGEST_ANOMALY:
        text = f"covers {covered:.0%} of the brain; give the mask of an anomaly, not that of the brain"
        raise UnfitVolumeError(f"{shown(path)} {text}")
    near = ndimage.binary_dilation(brain)
    places = tuple((np.argwhere(anomaly) // step).T)
    if not near[places].any():
        text = "touches nothing of the brain; give a mask of the same scan"
        raise UnfitVolumeError(f"{shown(path)} {text}")
