"""The fused cubes that scores are made of: what the network made of a scan, kept in files, for new scores, too."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from healthward.errors import InputError, reading
from healthward.imaging.slices import ScanSlices
from healthward.imaging.volumes import Array
from healthward.inputs.results import read_arrays
from healthward.maps.fusion import fuse

STACK, FILE, ERRORS = "stack.npz", "fused.npz", "reconstruction.csv"
"""Where reconstruct.py leaves of a scan the translated slices, what else scores are made of, and errors of slices."""

TRANSLATED = ("healthy", "unguided")
ALWAYS = ("class_direction", "denoising_error")
OPTIONAL = ("health_direction", "ensemble", "perceptual")
"""Parts of `FusedCubes` that are made where some score needs them."""

UNIT = np.float32(2**-10)
"""Half precision keeps its digits for numbers from 1e-4 to 6e4: in this unit, for voxels from 6e-8 to 64."""

AGAIN = "reconstruct the scan again"


@dataclass(frozen=True)
class FusedCubes:
    """What scores are made of, each float32 (S, S, S) in [0, 1] unless said otherwise.

    Attributes:
        input: the scan in its cube, 0 where no slice lies.
        unguided: decoded from its latents without guidance.
        healthy: ... toward the healthy class.
        class_direction: in which the classes differ here, the signed one-step change from the healthy to the diseased
            one (`healthward.diffusion.translation.OneStep`).
        denoising_error: what one step from little noise does not restore, signed.
        health_direction: as `class_direction`, from no class to the healthy one.
        ensemble: (R, S, S, S), pseudo-healthy at other depths and guidance scales.
        perceptual: LPIPS between input and pseudo-healthy, spread over the slices, at least 0.

    What no wanted score needs may be None.
    """

    input: Array
    unguided: Array
    healthy: Array
    class_direction: Array
    denoising_error: Array
    health_direction: Array | None = None
    ensemble: Array | None = None
    perceptual: Array | None = None


def save_cubes(file: Path, cubes: FusedCubes) -> None:
    """Write what neither the slices of a scan nor the translated ones hold of its fused cubes.

    In half precision, which rounds a value by at most 1/2048 of itself; of the ensemble the differences from `healthy`,
    so that small changes keep their digits. `class_direction` alone is float32: the root in the score `likeness` would
    make a rounding of 1/2048 one of several hundredths where the change is near 0.
    """
    parts = {name: getattr(cubes, name) for name in ("denoising_error", *OPTIONAL)}
    if cubes.ensemble is not None:
        parts["ensemble"] = cubes.ensemble - cubes.healthy
    halves = {name: (part / UNIT).astype(np.float16) for name, part in parts.items() if part is not None}
    np.savez_compressed(file, allow_pickle=False, class_direction=cubes.class_direction, **halves)


def read_stack(folder: Path, scan: ScanSlices) -> dict[str, Array]:
    """Read a scan's translated slices from its folder of reconstruct.py.

    Returns:
        healthy and unguided, each float32 (3, n, S, S) in [0, 1].

    Raises:
        InputError: they are damaged, not of the shape of the scan's slices, or hold values outside [0, 1] or NaN.
    """
    stored = read_arrays(folder / STACK, AGAIN, TRANSLATED)
    stacks = {name: stored[name] for name in TRANSLATED}
    for name, stack in stacks.items():
        if stack.shape != scan.stack.shape:
            raise InputError(
                f"scan {scan.record.scan}: {name} slices of shape {stack.shape} beside input slices of shape"
                f" {scan.stack.shape}; reconstruct the scan from these slices"
            )
        if not ((stack >= 0) & (stack <= 1)).all():
            raise InputError(
                f"scan {scan.record.scan}: {name} slices hold values outside [0, 1] or NaN; reconstruct it again"
            )
    return stacks


def read_cubes(
    folder: Path, scan: ScanSlices, stack: Mapping[str, Array], optional: Collection[str] = ()
) -> FusedCubes:
    """Read the fused cubes of a scan from its folder of reconstruct.py.

    Args:
        folder: of reconstruct.py.
        scan: its slices.
        stack: what `read_stack` returned of them.
        optional: which of `OPTIONAL` must be there.

    Raises:
        InputError: one of them was not made, or a file is damaged or of other slices.
    """
    file = folder / FILE
    stored = read_arrays(file, AGAIN, ALWAYS)
    for name in optional:
        if name not in stored:
            raise InputError(f"{file}: lacks the fused cube {name}; name it in reconstruct.py --cubes")
    with reading(file, AGAIN):
        for name, part in stored.items():
            several = part if name == "ensemble" else part[None]
            if several.shape[1:] != scan.cube.shape or not np.isfinite(several).all():
                raise ValueError(f"{name} is no cube of finite numbers of the size of the slices")
    parts = {
        name: part if name == "class_direction" else UNIT * part.astype(np.float32) for name, part in stored.items()
    }
    healthy = fuse(stack["healthy"], scan.record.first)
    if "ensemble" in parts:
        parts["ensemble"] += healthy
    return FusedCubes(
        input=fuse(np.array(scan.stack), scan.record.first),
        unguided=fuse(stack["unguided"], scan.record.first),
        healthy=healthy,
        **{name: parts[name] for name in (*ALWAYS, *OPTIONAL) if name in parts},
    )
