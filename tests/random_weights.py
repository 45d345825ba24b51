"""Weights files of the right form with random contents: no real ones can be shipped."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torchvision.models import alexnet

from healthward.evaluation.weights import BACKBONES

ALEXNET = BACKBONES["lpips"].files[0]
INCEPTION = BACKBONES["fid"].files[0]


class _Untrained(FeatureExtractorInceptionV3):
    """Inception as it is before its weights are loaded."""

    def load_state_dict(self, state_dict: Mapping[str, object], *_: object, **__: object) -> None:  # type: ignore[override]
        for module in self.modules():
            if isinstance(module, torch.nn.Conv2d):
                # torch's default lets activations fade through so many layers
                torch.nn.init.kaiming_normal_(module.weight)


def save_alexnet(folder: Path) -> Path:
    """Write the convolutional part of a random AlexNet."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = alexnet(weights=None)
    path = folder / ALEXNET
    torch.save({f"features.{name}": value for name, value in network.features.state_dict().items()}, path)
    return path


def save_inception(folder: Path) -> Path:
    """Write a random Inception v3."""
    path = folder / INCEPTION
    torch.save({}, path)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(_Untrained("inception-v3-compat", ["2048"], str(path)).state_dict(), path)
    return path
