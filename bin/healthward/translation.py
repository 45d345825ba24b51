"""Pseudo-healthy reconstruction of a stack of slices, and what it says of each slice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from healthward.devices import in_portions
from healthward.labels import NULL_CONDITION
from healthward.model import ConditionalUNet, guided
from healthward.sampler import NoiseSchedule, decode, invert, timestep_pairs
from healthward.volumes import Array


@dataclass(frozen=True)
class Settings:
    """How a slice is translated.

    Attributes:
        guidance_scale: w toward the target class.
        noise_depth: deepest timestep of the inversion.
        ddim_steps: steps from clean to that depth, the same back.
        inversion_iterations: fixed-point iterations a step.
    """

    guidance_scale: float = 3.0
    noise_depth: int = 249
    ddim_steps: int = 25
    inversion_iterations: int = 3


@dataclass(frozen=True)
class Translation:
    """Two decodings of one latent.

    Attributes:
        healthy: guided to the target class, float32 (N, H, W) in [0, 1].
        unguided: under the null token, float32 (N, H, W) in [0, 1]; differs from the input by the round-trip error.
        residual: of the fixed-point inversion, (N,); see `healthward.sampler.invert`.
    """

    healthy: Array
    unguided: Array
    residual: Array


def default_batch(device: torch.device) -> int:
    """Return how many slices to translate at once: few keep a CPU's caches warm, many fill a GPU."""
    return 8 if device.type == "cpu" else 156


def translate(
    model: ConditionalUNet,
    slices: Array,
    condition: int,
    settings: Settings,
    device: torch.device,
    batch: int | None = None,
    progress: str | None = None,
) -> Translation:
    """Invert slices under the null token and decode their latents twice: toward a class, and unguided.

    Noise-free, hence deterministic.

    Args:
        model: the network, in evaluation mode.
        slices: float32 (N, H, W) in [0, 1].
        condition: number of the class to translate to.
        settings: of the translation.
        device: where to compute.
        batch: slices at once, fewer where the memory does not hold them; by device when None.
        progress: text of a progress bar; none is shown without it.
    """
    (unguided, healthy), residual = decodings(
        model, slices, [NULL_CONDITION, condition], settings, device, batch, progress
    )
    return Translation(healthy, unguided, residual)


@torch.inference_mode()
def decodings(
    model: ConditionalUNet,
    slices: Array,
    conditions: Sequence[int],
    settings: Settings,
    device: torch.device,
    batch: int | None = None,
    progress: str | None = None,
) -> tuple[Array, Array]:
    """Invert slices once and decode their latents toward each of several conditions; the null one unguided.

    Args:
        model, slices, settings, device, batch, progress: as of `translate`.
        conditions: numbers of classes, or `NULL_CONDITION`.

    Returns:
        Images (len(conditions), N, H, W) in [0, 1], and the residual of the inversion (N,).
    """
    model = model.to(device)
    schedule = NoiseSchedule()
    pairs = timestep_pairs(settings.noise_depth, settings.ddim_steps)
    unconditional = guided(model, NULL_CONDITION, 0)
    chains = [
        unconditional if condition == NULL_CONDITION else guided(model, condition, settings.guidance_scale)
        for condition in conditions
    ]
    decoded = np.empty((len(chains), *slices.shape), dtype=np.float32)
    residual = np.empty(len(slices), dtype=np.float32)

    def decode_rows(rows: slice) -> None:
        x = torch.from_numpy(np.array(slices[rows]))[:, None].to(device)
        latent, last_change = invert(unconditional, x, pairs, schedule, settings.inversion_iterations)
        for images, chain in zip(decoded, chains, strict=True):
            images[rows] = decode(chain, latent, pairs, schedule).clamp(0, 1)[:, 0].cpu().numpy()
        residual[rows] = last_change.cpu().numpy()
        bar.update(x.shape[0])

    with tqdm(total=len(slices), desc=progress, unit="slice", disable=None if progress else True) as bar:
        in_portions(len(slices), batch or default_batch(device), decode_rows)
    return decoded, residual


def slice_errors(slices: Array, translation: Translation) -> dict[str, NDArray[Any]]:
    """Compare, slice by slice, what guidance changed with what the round trip alone got wrong.

    Args:
        slices: the input, float32 (N, H, W) in [0, 1].
        translation: of it.

    Returns:
        Columns of length N: `round_trip_psnr` (dB, at most 100), `round_trip_error` (mean absolute), `guided_change`
        (mean absolute difference of the two decodings), `inversion_residual`, and `unreliable`: the round trip's error
        exceeds the guided change, so the difference map shows mostly the former.
    """
    error = np.abs(slices - translation.unguided)
    squared = np.maximum((error.astype(np.float64) ** 2).mean(axis=(1, 2)), 1e-10)
    round_trip, change = error.mean(axis=(1, 2)), np.abs(translation.unguided - translation.healthy).mean(axis=(1, 2))
    return {
        "round_trip_psnr": -10 * np.log10(squared),
        "round_trip_error": round_trip,
        "guided_change": change,
        "inversion_residual": translation.residual,
        "unreliable": round_trip > change,
    }
