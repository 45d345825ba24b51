"""The pretrained networks behind LPIPS and FID: loading and use."""

import io
import warnings
from pathlib import Path
from typing import Any

import lpips
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.image.fid import NoTrainInceptionV3

from healthward.diffusion.devices import in_portions
from healthward.errors import InputError
from healthward.evaluation.weights import BACKBONES


class Lpips:
    """Learned perceptual image patch similarity (v0.1, AlexNet), as a value and as a map."""

    def __init__(self, weights: Path, device: torch.device) -> None:
        """Load AlexNet from a state dict of torchvision's; the linear layers come with the lpips package.

        Raises:
            InputError: the file is no such state dict.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # lpips calls torchvision in a way that this calls outdated
            self._network = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
        state = _read_state(weights, "lpips")
        try:
            self._network.net.load_state_dict(
                {name: state[f"features.{name.split('.', 1)[1]}"] for name in self._network.net.state_dict()}
            )
        except (KeyError, RuntimeError) as error:
            raise _wrong_file(weights, "lpips") from error
        self._network.requires_grad_(False).to(device)

    def __call__(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Compare grey slices.

        Args:
            x, y: (N, H, W) in [0, 1], H and W at least 32.

        Returns:
            LPIPS of each pair, (N,), 0 for equal slices; and its map (N, H, W), each layer's map made as large as the
            frame, as lpips does it with `spatial=True`.
        """
        first, second = (self._features(grey) for grey in (x, y))
        layers = [
            linear((lpips.normalize_tensor(a) - lpips.normalize_tensor(b)).square())
            for linear, a, b in zip(self._network.lins, first, second, strict=True)
        ]
        value = torch.stack([layer.mean(dim=(1, 2, 3)) for layer in layers]).sum(dim=0)
        spread = [torch.nn.functional.interpolate(layer, x.shape[1:], mode="bilinear") for layer in layers]
        return value, torch.stack(spread).sum(dim=0)[:, 0]

    def _features(self, grey: Tensor) -> Any:
        return self._network.net(self._network.scaling_layer(2 * grey[:, None].expand(-1, 3, -1, -1) - 1))


class Inception:
    """The 2048 pooled features of the Inception v3 that FID is defined by."""

    def __init__(self, weights: Path, device: torch.device) -> None:
        """Load torch-fidelity's Inception.

        Raises:
            InputError: the file is no state dict of it.
        """
        # torch-fidelity unpickles without restriction: it is given what the restricted reader has made of the file
        safe = io.BytesIO()
        torch.save(_read_state(weights, "fid"), safe)
        safe.seek(0)
        try:
            self._network = NoTrainInceptionV3("inception-v3-compat", ["2048"], safe)  # type: ignore[arg-type]
        except (AttributeError, TypeError, RuntimeError) as error:
            raise _wrong_file(weights, "fid") from error
        # a third less time on a CPU
        self._network.to(device, memory_format=torch.channels_last)

    def __call__(self, slices: Tensor, at_once: int = 16) -> NDArray[np.float32]:
        """Return the features, float32 (N, 2048), of grey slices (N, H, W) in [0, 1], rounded to 8 bits as FID does."""
        if len(slices) == 0:
            return np.empty((0, 2048), dtype=np.float32)
        images = (slices * 255).byte()[:, None].expand(-1, 3, -1, -1)
        return torch.cat(in_portions(len(images), at_once, lambda rows: self._network(images[rows]).cpu())).numpy()


def _read_state(path: Path, metric: str) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # an unpickler fails on foreign bytes in more ways than can be listed
        raise _wrong_file(path, metric) from error
    if not isinstance(state, dict):
        raise _wrong_file(path, metric)
    return state


def _wrong_file(path: Path, metric: str) -> InputError:
    backbone = BACKBONES[metric]
    return InputError(
        f"{path}: these are no weights of {backbone.network} for {metric}, or the file is damaged:"
        f" get it anew from {backbone.url}"
    )
