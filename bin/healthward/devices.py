"""Where a network runs."""

import torch

from healthward.errors import InputError


def select_device(name: str) -> torch.device:
    """Return the device of a name; `auto` takes CUDA, then MPS, then the CPU.

    Raises:
        InputError: the device named is not there.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, there in present.items() if there)
    if not present[name]:
        raise InputError(f"device {name}: none is visible to PyTorch {torch.__version__}; use --device cpu, or auto")
    return torch.device(name)
