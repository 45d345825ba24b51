"""A model of the smallest size, untrained."""

from pathlib import Path
from typing import Any

from healthward.diffusion.model import Architecture, ConditionalUNet, save_model
from healthward.labels import ADNI

TINY = Architecture(channels=(16, 16), attention_levels=(False, True), head_channels=8, conditioning_dim=8)
CONFIG: dict[str, Any] = {
    "size": 32,
    "slice_range": [0.4, 0.6],
    "fov": 192.0,
    "max_timestep": 300,
    "classes": list(ADNI),
}


def write_model(folder: Path, architecture: Architecture = TINY, **config: Any) -> Path:
    save_model(folder, ConditionalUNet(architecture), CONFIG | config)
    return folder
