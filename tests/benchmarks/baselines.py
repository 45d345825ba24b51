"""Maps of other methods, to compare ours with: of a cube against controls, and of slices by the same network.

Those by network take slices, float32 (N, H, W) in [0, 1], and return one map a slice of the same shape, float32 and
higher where more is amiss; fusing three axes is the caller's. None of them trains anything.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from generative.networks.schedulers import DDIMScheduler
from numpy.typing import NDArray

from healthward.diffusion.devices import default_batch, in_portions
from healthward.diffusion.model import ConditionalUNet, guided
from healthward.diffusion.sampler import CLEAN, Denoiser, NoiseSchedule, move
from healthward.diffusion.translation import Settings, decodings
from healthward.imaging.volumes import Array
from healthward.labels import NULL_CONDITION

QUARTERS = (0.25, 0.5, 0.75)
"""Noise levels of cDDPM's ensemble, as shares of those trained: timesteps 250, 500 and 750 of 1000."""

TENTHS = tuple(level / 10 for level in range(1, 11))
"""Noise levels of the forward-only map; AnoFPDM takes every timestep up to 600 of 1000."""


def mean_map(cube: Array, mean: Array) -> Array:
    """Return |x - mean of training controls|, of the shape of both."""
    return np.abs(cube - mean)


def z_map(cube: Array, mean: Array, deviation: Array, shrinkage: float = 0.5) -> Array:
    """Return |x - mean| in standard deviations of training controls, each variance shrunk to the brain's median one.

    Plain z-scores blow up voxels that happen to vary little in few controls, and rank worse than they need.

    Args:
        cube, mean, deviation: of one shape; the deviation is 0 where nothing varies, as in the background.
        shrinkage: weight of the median variance, 0 (plain z, infinite where nothing varies) to 1 (as `mean_map`).
    """
    variance = deviation.astype(np.float64) ** 2
    median = np.median(variance[variance > 0])
    return (np.abs(cube - mean) / np.sqrt((1 - shrinkage) * variance + shrinkage * median)).astype(np.float32)


def one_step(
    model: ConditionalUNet,
    slices: Array,
    condition: int,
    max_timestep: int,
    seed: int | Sequence[int],
    device: torch.device,
    levels: Sequence[float] = QUARTERS,
    batch: int | None = None,
) -> Array:
    """Return |x - x̂₀|, where the clean image x̂₀ is predicted in one evaluation from noised slices.

    The reconstruction of cDDPM (Behrendt et al., Computers in Biology and Medicine 2025; its code: the mean of one
    prediction at each of three timesteps), by our network, which has no encoder of the image.

    Args:
        model: the network, in evaluation mode.
        condition: to predict under: cDDPM is trained on controls alone, so the healthy class comes nearest to it;
            `NULL_CONDITION` is the mixture of all classes.
        max_timestep: of the model: timesteps from there on it was not trained for.
        seed: of the noise.
        device: where to compute.
        levels: noise levels as shares of `max_timestep`.
        batch: slices at once; by device when None.
    """
    predict = guided(model.to(device), condition, 1)
    noised = _Noised(slices, max_timestep, levels, seed, device)

    def differ(x: torch.Tensor, rows: slice) -> torch.Tensor:
        predictions = [_clean(predict, *at) for at in noised(x, rows)]
        return (x - torch.stack(predictions).mean(dim=0).clamp(0, 1)).abs()

    return _mapped(slices, device, batch, differ)


def forward_only(
    model: ConditionalUNet,
    slices: Array,
    healthy: int,
    max_timestep: int,
    seed: int | Sequence[int],
    device: torch.device,
    levels: Sequence[float] = TENTHS,
    batch: int | None = None,
) -> Array:
    """Return |x̂₀ unguided - x̂₀ healthy|, both predicted in one evaluation from the same noised slices.

    After AnoFPDM (Che et al., arXiv 2404.15683), mean over noise levels. Of its code's two maps this is the difference
    of two predictions; the other, the guided prediction's distance from the input, is `one_step` but for guidance. It
    adds noise by DDIM where we draw it. Guidance with scale w would only multiply the map by w, so none is applied.

    Args:
        model, max_timestep, seed, device, levels, batch: as of `one_step`.
        healthy: number of the healthy class.
    """
    model = model.to(device)
    unguided, toward = (guided(model, condition, 1) for condition in (NULL_CONDITION, healthy))
    noised = _Noised(slices, max_timestep, levels, seed, device)

    def differ(x: torch.Tensor, rows: slice) -> torch.Tensor:
        return torch.stack([(_clean(unguided, *at) - _clean(toward, *at)).abs() for at in noised(x, rows)]).mean(dim=0)

    return _mapped(slices, device, batch, differ)


def tutorial(
    model: ConditionalUNet,
    slices: Array,
    condition: int,
    device: torch.device,
    steps: int = 500,
    encode: int = 125,
    guidance: float = 3.0,
    batch: int | None = None,
) -> Array:
    """Return |x - x̂| by the translation of MONAI's 2D classifier-free-guidance anomaly tutorial, as it is written.

    Its scheduler is given 500 steps over 1000 timesteps, so that it moves the image by two timesteps a step, while
    both loops hand the bare loop index, in steps of one, to network and scheduler: 0 .. 124 to encode, and 125 .. 1 to
    decode. From the second step on, the noise in the image is not what the network is given. From the tutorials of
    MONAI's GenerativeModels, whose scheduler this is.

    Args:
        model: the network, in evaluation mode, trained for timesteps up to `encode`.
        condition: number of the healthy class.
        device: where to compute.
        steps: of the scheduler, over 1000 timesteps.
        encode: steps to encode and to decode again: 1 evaluation each, and 2.
        guidance: scale w.
        batch: slices at once, by device when None; the tutorial takes them singly.
    """
    model = model.to(device)
    unguided, toward = guided(model, NULL_CONDITION, 0), guided(model, condition, guidance)
    scheduler = DDIMScheduler(num_train_timesteps=1000)
    scheduler.set_timesteps(num_inference_steps=steps)
    scheduler.clip_sample = False

    def differ(x: torch.Tensor, rows: slice) -> torch.Tensor:
        image = x
        for index in range(encode):
            image, _ = scheduler.reversed_step(unguided(image, index), index, image)
        for index in range(encode, 0, -1):
            image, _ = scheduler.step(toward(image, index), index, image)
        return (x - image).abs()

    return _mapped(slices, device, batch, differ)


def plain_ddim(
    model: ConditionalUNet,
    slices: Array,
    condition: int,
    settings: Settings,
    device: torch.device,
    batch: int | None = None,
) -> Array:
    """Return |x - x̂| by plain DDIM inversion, without fixed-point iterations, on our own grid.

    Args:
        model: the network, in evaluation mode.
        condition: number of the healthy class.
        settings: of the translation; its `inversion_iterations` are not regarded.
        device: where to compute.
        batch: slices at once; by device when None.
    """
    plain = replace(settings, inversion_iterations=0)
    [healthy], _ = decodings(model, slices, [condition], plain, device, batch)
    return np.abs(slices - healthy)


class _Noised:
    """Noises slices to several levels, the same way whatever the batch."""

    def __init__(
        self, slices: Array, max_timestep: int, levels: Sequence[float], seed: int | Sequence[int], device: torch.device
    ) -> None:
        self.timesteps = [max(round(level * max_timestep) - 1, 0) for level in levels]
        rng = np.random.default_rng(seed)
        self.noise = rng.standard_normal((len(levels), *slices.shape), dtype=np.float32)
        self.device = device

    def __call__(self, x: torch.Tensor, rows: slice) -> list[tuple[torch.Tensor, int]]:
        """Return the slices (B, 1, H, W) of some rows at each level, with its timestep (Ho et al. 2020, eq. 4)."""
        schedule = NoiseSchedule()
        return [
            (move(x, torch.from_numpy(noise[rows])[:, None].to(self.device), 1, schedule.signal(timestep)), timestep)
            for noise, timestep in zip(self.noise, self.timesteps, strict=True)
        ]


def _clean(denoise: Denoiser, noised: torch.Tensor, timestep: int) -> torch.Tensor:
    """Return (x_t - sqrt(1 - alpha-bar) noise) / sqrt(alpha-bar), with the noise that is predicted."""
    schedule = NoiseSchedule()
    return move(noised, denoise(noised, timestep), schedule.signal(timestep), schedule.signal(CLEAN))


@torch.inference_mode()
def _mapped(
    slices: Array, device: torch.device, batch: int | None, work: Callable[[torch.Tensor, slice], torch.Tensor]
) -> Array:
    """Return `work` on slices, a portion (B, 1, H, W) at a time, as (N, H, W)."""

    def map_rows(rows: slice) -> NDArray[np.float32]:
        x = torch.from_numpy(np.array(slices[rows]))[:, None].to(device)
        return work(x, rows)[:, 0].cpu().numpy()

    return np.concatenate(in_portions(len(slices), batch or default_batch(device, slices.shape[-1]), map_rows))
