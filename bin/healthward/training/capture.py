"""Work on a CUDA device, recorded once and replayed."""

from collections.abc import Callable

import torch

WARM_UPS = 3
"""Times that work is done before it is recorded: libraries choose their kernels and take memory for themselves."""


class Captured:
    """Work as a CUDA graph: launching the kernels of a small network one by one takes many times longer than they do.

    Args:
        work: of tensors of these shapes, to one tensor; must not wait for the device. It is done a few times here.
        example: what it is given.
    """

    def __init__(self, work: Callable[..., torch.Tensor], example: tuple[torch.Tensor, ...]) -> None:
        self.inputs = [part.clone() for part in example]
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UPS):
                work(*self.inputs)
        torch.cuda.current_stream().wait_stream(aside)
        self.graph = torch.cuda.CUDAGraph()
        # What other threads do meanwhile, as the one that watches over the processes of a group, is no part of it
        with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
            self.output = work(*self.inputs)

    def __call__(self, *given: torch.Tensor) -> torch.Tensor:
        """Do the work on other values, and return what the next call will overwrite."""
        for held, part in zip(self.inputs, given, strict=True):
            held.copy_(part)
        self.graph.replay()
        return self.output
