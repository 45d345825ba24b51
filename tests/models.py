"""A model of the smallest size, untrained."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from healthward.diffusion.model import Architecture, ConditionalUNet, save_model
from healthward.diffusion.model_files import CONFIG as CONFIG_FILE
from healthward.diffusion.model_files import FILES, TRAINING_SCANS, digests
from healthward.imaging.signatures import save_signatures, signature
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


def write_training_scans(model: Path, volumes: Sequence[np.ndarray]) -> None:
    """Write what scans are recognised by into a model folder, and that these are the ones that it learned from."""
    save_signatures(model / TRAINING_SCANS, [signature(voxels) for voxels in volumes])
    config = json.loads((model / CONFIG_FILE).read_text())
    (model / CONFIG_FILE).write_text(json.dumps(config | {FILES: digests(model)}))
