"""Processes that train one network together, a device each, as torchrun starts them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed


@dataclass(frozen=True)
class Group:
    """The processes, seen from one of them; alone by default.

    Attributes:
        rank: of this process; the first one leads, and is the one that writes.
        size: how many there are.
        device: that the processes talk through; None is the CPU.
    """

    rank: int = 0
    size: int = 1
    device: torch.device | None = None

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def sum(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace each tensor's values by their sum over the processes, in one message; its memory stays where it is.

        A recorded step (`healthward.training.capture`) writes to the memory that it was recorded with, whatever lies
        there now.
        """
        if self.size > 1:
            together = torch.cat([tensor.flatten() for tensor in tensors])
            distributed.all_reduce(together)
            parts = together.split([tensor.numel() for tensor in tensors])
            for tensor, part in zip(tensors, parts, strict=True):
                tensor.copy_(part.view_as(tensor))

    def agree(self, *flags: bool) -> list[bool]:
        """Return which of the flags any process has raised: the same answer in all of them."""
        raised = torch.tensor(flags, dtype=torch.int32, device=self.device)
        if self.size > 1:
            distributed.all_reduce(raised)
        return [bool(count) for count in raised.tolist()]


ALONE = Group()
"""A process that trains by itself."""


def local_rank() -> int:
    """Return the number of this process among those that torchrun started on this node; 0 without torchrun."""
    return int(os.environ.get("LOCAL_RANK", 0))


@contextmanager
def joined(device: torch.device) -> Iterator[Group]:
    """Join the processes that torchrun started, for as long as the context lasts; a group of one without torchrun."""
    if not distributed.is_torchelastic_launched():
        yield Group()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Group(distributed.get_rank(), distributed.get_world_size(), device)
    finally:
        distributed.destroy_process_group()
