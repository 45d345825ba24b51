"""Where a network runs, and how much of the work fits there at once."""

import logging
import os
import re
import warnings
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import torch

from healthward.errors import InputError

T = TypeVar("T")

CACHED_PIXELS = 128**2
"""Given to a thread at once: at 128² a slice takes 0.37 s alone and 0.47 s of eight, at 48² half as long of eight."""

log = logging.getLogger(__name__)


def select_device(name: str, rank: int = 0) -> torch.device:
    """Return the device of a name; `auto` takes CUDA, then MPS, then the CPU.

    From then on the same work on the same CUDA device gives the same bytes.

    Args:
        name: auto, cuda, mps or cpu.
        rank: which of a node's CUDA devices, where several processes share the work.

    Raises:
        InputError: the device named is not there, or its driver is older than PyTorch needs.
    """
    present = {"cuda": _cuda_is_there(demanded=name == "cuda"), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, there in present.items() if there)
    if not present[name]:
        raise InputError(f"device {name}: none is visible to PyTorch {torch.__version__}; use --device cpu, or auto")
    if name != "cuda":
        return torch.device(name)
    if rank >= torch.cuda.device_count():
        raise InputError(f"device cuda: {torch.cuda.device_count()} visible, and {rank + 1} processes to share them")
    _make_cuda_repeatable()
    return torch.device("cuda", rank)


def select_precision(name: str, device: torch.device) -> torch.dtype:
    """Return the type that a network computes in; `auto` takes bfloat16 on CUDA and float32 elsewhere.

    On simulated scans bfloat16 found the disease as float32 did, with a round-trip error of 0.0021 instead of 0.0020.

    Args:
        name: auto, float32 or bfloat16.
        device: where the network runs.
    """
    if name == "auto":
        name = "bfloat16" if device.type == "cuda" else "float32"
    threads = f", {torch.get_num_threads()} threads" if device.type == "cpu" else ""
    log.info("computing on %s in %s%s", device, name, threads)
    return torch.bfloat16 if name == "bfloat16" else torch.float32


def default_batch(device: torch.device, edge: int) -> int:
    """Return how many slices to translate at once: few keep a CPU's caches warm, many fill a GPU.

    Args:
        device: where the network runs.
        edge: of a slice, in pixels.
    """
    if device.type != "cpu":
        return 156
    return max(1, torch.get_num_threads() * CACHED_PIXELS // edge**2)


def _make_cuda_repeatable() -> None:
    # Without it trainings at 128 pixels ended with other weights each time; it takes a sixth of their speed
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def _cuda_is_there(demanded: bool) -> bool:
    # PyTorch tells a driver that is too old by a warning of several lines, and is then silent about it
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        there = torch.cuda.is_available()
    said = " ".join(str(warning.message) for warning in caught)
    old = re.search(r"driver.* too old \(found version (\d+)\)", said)
    if old:
        known = int(old[1])
        text = (
            f"device cuda: the driver of this node knows CUDA {known // 1000}.{known % 1000 // 10} at most, and PyTorch"
            f" {torch.__version__} is built for CUDA {torch.version.cuda}; use the image or the lock for CUDA 12"
            " (docs/cluster.md), or a node with a newer driver"
        )
        if demanded:
            raise InputError(text)
        log.warning("%s", text)
    return there


class Portion:
    """How many rows a device is given at once: halved, for good, whenever its memory does not hold the work on them.

    Attributes:
        rows: at least 1.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def attempt(self, work: Callable[[int], T]) -> T:
        """Return `work(rows)`, begun anew with half the rows for as long as memory runs out.

        Raises:
            InputError: a single row is too much.
        """
        while (done := self._try(work)) is None:
            self.rows //= 2
            torch.cuda.empty_cache()
            log.warning("out of memory: going on with %d at a time", self.rows)
        return done[0]

    def _try(self, work: Callable[[int], T]) -> tuple[T] | None:
        # What the failed attempt held is free only when its exception has gone out of scope: on return
        try:
            return (work(self.rows),)
        except RuntimeError as error:
            if not isinstance(error, torch.OutOfMemoryError) and "out of memory" not in str(error):
                raise
            if self.rows == 1:
                raise InputError(
                    "the device's memory does not hold the work on a single slice; use a device with more memory, or a"
                    " smaller --size or --channels"
                ) from error
            return None


def in_portions(count: int, rows: int, work: Callable[[slice], T]) -> list[T]:
    """Return what `work` makes of the rows 0..count-1, `rows` at a time or as many as the memory holds."""
    portion, results, start = Portion(rows), list[T](), 0
    while start < count:
        rest = partial(_from, start, count, work)
        results.append(portion.attempt(rest))
        start += portion.rows
    return results


def _from(start: int, count: int, work: Callable[[slice], T], rows: int) -> T:
    return work(slice(start, min(start + rows, count)))
