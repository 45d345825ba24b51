"""Two ways to do the same, timed in turns."""

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch


class Times(NamedTuple):
    """Medians, in seconds."""

    ours: float
    reference: float

    def row(self, name: str, reach: float, note: str) -> dict[str, Any]:
        """Return what the speed bench says of them."""
        times = {"ours_s": self.ours, "reference_s": self.reference, "ratio": self.reference / self.ours}
        return {"name": name, **times, "reach": reach, "note": note}


def compare(ours: Callable[[], Any], reference: Callable[[], Any], rounds: int = 5) -> Times:
    """Time two ways in turns, after a first turn that is not counted."""
    ways = (ours, reference)
    taken = [[seconds(way) for way in ways] for _ in range(rounds + 1)][1:]
    return Times(*(statistics.median(times) for times in zip(*taken, strict=True)))


def seconds(work: Callable[[], Any]) -> float:
    """Return how long something takes: of one thread on the CPU its own time, which other programs hardly change."""
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    _finish()
    started = clock()
    work()
    _finish()
    return clock() - started


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
