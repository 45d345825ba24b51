"""Pseudo-healthy reconstruction of a stack of slices, and what it says of each slice."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from healthward.diffusion.devices import default_batch, in_portions
from healthward.diffusion.model import ConditionalUNet, guided
from healthward.diffusion.sampler import (
    NoiseSchedule,
    clean_image,
    decode,
    decoding_steps,
    invert,
    move,
    timestep_pairs,
)
from healthward.imaging.volumes import Array, Mask
from healthward.labels import NULL_CONDITION

ONE_STEP_LEVELS = (0.25, 0.5, 0.75, 1)
"""Shares of the noise depth at which slices are predicted in one step."""

LOG_ODDS_LEVELS = 2
"""How many of these, from the first, the log-odds are taken at."""

ONE_STEP_DRAWINGS = 2
"""Drawings of noise at each level."""


@dataclass(frozen=True)
class Settings:
    """How a slice is translated.

    Attributes:
        guidance_scale: w toward the target class.
        noise_depth: deepest timestep of the inversion.
        ddim_steps: steps from clean to that depth, the same back.
        inversion_iterations: most fixed-point iterations a step.
    """

    guidance_scale: float = 3.0
    noise_depth: int = 249
    ddim_steps: int = 8
    inversion_iterations: int = 6


@dataclass(frozen=True)
class Translation:
    """Two decodings of one latent.

    Attributes:
        healthy: guided to the target class, float32 (N, H, W) in [0, 1].
        unguided: under the null token, float32 (N, H, W) in [0, 1]; differs from the input by the round-trip error.
        inversion_error: of the fixed-point iterations, (N,); see `healthward.diffusion.sampler.invert`.
    """

    healthy: Array
    unguided: Array
    inversion_error: Array


@dataclass(frozen=True)
class OneStep:
    """What the network says of noised slices in one step, without inversion or decoding.

    Attributes:
        class_direction: x̂₀(x_t, healthy) - x̂₀(x_t, diseased), mean over noise levels and drawings, float32 (N, H, W):
            positive where disease would be darker.
        log_odds: how much better the diseased class explains the noise than the healthy one, (N,): the difference of
            their squared errors, mean over brain pixels: the log-odds of the diseased class but for a positive factor.
            NaN without a brain pixel.
        denoising_error: x - x̂₀(x_t, healthy) at the least noise level, mean over drawings, float32 (N, H, W): what the
            network does not restore, though the slice shows it.
        health_direction: x̂₀(x_t, ∅) - x̂₀(x_t, healthy), like `class_direction`: positive where health would be darker;
            or None.
    """

    class_direction: Array
    log_odds: Array
    denoising_error: Array
    health_direction: Array | None = None


@dataclass(frozen=True)
class Trace:
    """Every step of a translation.

    Attributes:
        input: the slices, float32 (N, H, W) in [0, 1].
        latent: what inversion made of them, (N, H, W): about standard normal when deep.
        unguided, healthy: the two decodings, (N, H, W) in [0, 1].
        timesteps: where the steps toward health started, deepest first, S of them.
        clean: x̂₀ as predicted at each, (S, N, H, W).
    """

    input: Array
    latent: Array
    unguided: Array
    healthy: Array
    timesteps: tuple[int, ...]
    clean: Array


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
    (unguided, healthy), inversion_error = decodings(
        model, slices, [NULL_CONDITION, condition], settings, device, batch, progress
    )
    return Translation(healthy, unguided, inversion_error)


def variants(settings: Settings) -> list[Settings]:
    """Return other translations that health might as well be seen by: a shallower one, and one half as strong, too."""
    shallowest = settings.ddim_steps - 1
    return [
        replace(
            settings,
            noise_depth=max(shallowest, round(share * settings.noise_depth)),
            guidance_scale=factor * settings.guidance_scale,
        )
        for share, factor in ((0.6, 1), (0.8, 0.5))
    ]


@torch.inference_mode()
def one_step(
    model: ConditionalUNet,
    slices: Array,
    brain: Mask,
    healthy: int,
    disease: int,
    depth: int,
    seed: int | Sequence[int],
    device: torch.device,
    batch: int | None = None,
    blind: bool = False,
) -> OneStep:
    """Predict the clean image and the noise of noised slices as healthy and as diseased.

    The log-odds are a diffusion classifier's (Li et al., ICCV 2023), here the difference of two classes' errors under
    the same noise. They are taken at the lesser noise levels, at which the slice itself still shows what it is.

    Args:
        model, slices, device, batch: as of `translate`.
        brain: bool (N, H, W): where log-odds are taken; the rest of a frame distinguishes classes by chance alone.
        healthy, disease: numbers of the two classes.
        depth: noise level that the shares `ONE_STEP_LEVELS` are of.
        seed: of the noise; a scan's own (`healthward.imaging.slices.ScanRecord.seed`), lest all share the luck of one
            drawing.
        blind: predict them without a class, too, for `OneStep.health_direction`.
    """
    model = model.to(device)
    schedule, levels = NoiseSchedule(), [round(share * depth) for share in ONE_STEP_LEVELS]
    drawings = np.random.default_rng(seed).standard_normal((ONE_STEP_DRAWINGS, *slices.shape), dtype=np.float32)
    as_healthy, as_diseased, without_class = (guided(model, given, 1) for given in (healthy, disease, NULL_CONDITION))

    def predict(rows: slice) -> tuple[Array, ...]:
        x = torch.from_numpy(np.array(slices[rows]))[:, None].to(device)
        inside = torch.from_numpy(np.array(brain[rows]))[:, None].to(device)
        class_direction, denoising_error, health_direction = (torch.zeros_like(x) for _ in range(3))
        log_odds = torch.zeros_like(x[:, 0, 0, 0])
        for level, drawing in itertools.product(levels, drawings):
            noise = torch.from_numpy(drawing[rows])[:, None].to(device)
            signal = schedule.signal(level)
            noised = move(x, noise, 1.0, signal)
            sound, ill = as_healthy(noised, level), as_diseased(noised, level)
            share = ((1 - signal) / signal) ** 0.5 / (len(levels) * len(drawings))
            class_direction += share * (ill - sound)
            if blind:
                health_direction += share * (sound - without_class(noised, level))
            if level == levels[0]:
                denoising_error += (x - clean_image(noised, sound, signal)) / len(drawings)
            if level in levels[:LOG_ODDS_LEVELS]:
                gain = ((sound - noise).square() - (ill - noise).square()) * inside
                log_odds += gain.sum(dim=(1, 2, 3)) / inside.sum(dim=(1, 2, 3)) / (LOG_ODDS_LEVELS * len(drawings))
        found = [class_direction[:, 0], log_odds, denoising_error[:, 0], *([health_direction[:, 0]] if blind else [])]
        return tuple(part.cpu().numpy() for part in found)

    parts = in_portions(len(slices), batch or default_batch(device, slices.shape[-1]), predict)
    return OneStep(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def scan_log_odds(log_odds: Array, brain: Array) -> float:
    """Return the log-odds of a scan: the mean over all brain pixels of its slices, NaN where there are none.

    Args:
        log_odds: of each slice, (N,), NaN without a brain pixel.
        brain: how much of each slice is brain, (N,), in any unit.
    """
    seen = brain > 0
    return float(np.average(log_odds[seen], weights=brain[seen])) if seen.any() else float("nan")


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
        Images (len(conditions), N, H, W) in [0, 1], and the inversion error (N,).
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
    inversion_error = np.empty(len(slices), dtype=np.float32)

    def decode_rows(rows: slice) -> None:
        x = torch.from_numpy(np.array(slices[rows]))[:, None].to(device)
        latent, last_change = invert(unconditional, x, pairs, schedule, settings.inversion_iterations)
        for images, chain in zip(decoded, chains, strict=True):
            images[rows] = decode(chain, latent, pairs, schedule).clamp(0, 1)[:, 0].cpu().numpy()
        inversion_error[rows] = last_change.cpu().numpy()
        bar.update(x.shape[0])

    with tqdm(total=len(slices), desc=progress, unit="slice", disable=None if progress else True) as bar:
        in_portions(len(slices), batch or default_batch(device, slices.shape[-1]), decode_rows)
    return decoded, inversion_error


@torch.inference_mode()
def trace(model: ConditionalUNet, slices: Array, condition: int, settings: Settings, device: torch.device) -> Trace:
    """Translate a few slices, all at once, and keep every step; arguments as of `translate`."""
    model, schedule = model.to(device), NoiseSchedule()
    pairs = timestep_pairs(settings.noise_depth, settings.ddim_steps)
    unconditional, toward = guided(model, NULL_CONDITION, 0), guided(model, condition, settings.guidance_scale)
    x = torch.from_numpy(np.array(slices))[:, None].to(device)
    latent, _ = invert(unconditional, x, pairs, schedule, settings.inversion_iterations)
    unguided = decode(unconditional, latent, pairs, schedule)
    steps = list(decoding_steps(toward, latent, pairs, schedule))

    def images(batch: torch.Tensor) -> Array:
        return batch[:, 0].cpu().numpy()

    return Trace(
        input=np.array(slices),
        latent=images(latent),
        unguided=images(unguided.clamp(0, 1)),
        healthy=images(steps[-1].latent.clamp(0, 1)),
        timesteps=tuple(step.timestep for step in steps),
        clean=np.stack([images(step.clean) for step in steps]),
    )


def round_trip_psnr(slices: Array, unguided: Array) -> NDArray[np.float64]:
    """Return the peak signal-to-noise ratio of each unguided round trip in dB, at most 100, of slices (N, H, W)."""
    squared = ((slices - unguided).astype(np.float64) ** 2).mean(axis=(1, 2))
    return -10 * np.log10(np.maximum(squared, 1e-10))


def slice_errors(slices: Array, translation: Translation) -> dict[str, NDArray[Any]]:
    """Compare, slice by slice, what guidance changed with what the round trip alone got wrong.

    Args:
        slices: the input, float32 (N, H, W) in [0, 1].
        translation: of it.

    Returns:
        Columns of length N: `round_trip_psnr` (dB, at most 100), `round_trip_error` (mean absolute), `guided_change`
        (mean absolute difference of the two decodings), `inversion_error`, and `unreliable`: the round trip's error,
        or the inversion error (against the root mean square change), exceeds the guided change,
        so the difference map shows mostly the former.
    """
    error, guided_change = np.abs(slices - translation.unguided), np.abs(translation.unguided - translation.healthy)
    round_trip, change = error.mean(axis=(1, 2)), guided_change.mean(axis=(1, 2))
    converged = translation.inversion_error <= np.sqrt((guided_change**2).mean(axis=(1, 2)))
    return {
        "round_trip_psnr": round_trip_psnr(slices, translation.unguided),
        "round_trip_error": round_trip,
        "guided_change": change,
        "inversion_error": translation.inversion_error,
        "unreliable": (round_trip > change) | ~converged,
    }
