"""DDIM on a grid of our own: the same timestep pairs for inversion and for decoding, with a clean point.

Deterministic DDIM (eta = 0) of Song, Meng and Ermon, "Denoising diffusion implicit models", ICLR 2021, eq. 12. Library
schedulers tie the step to a fixed stride and treat the clean end as timestep 0 or as a special case; both break the
symmetry between the two directions, and with it the round trip.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

CLEAN = -1
"""The timestep of an image without noise, one before the first trained one."""

TOLERANCE = 3e-4
"""Root mean square change of a latent, in its own units, below which a fixed point counts as reached."""

Denoiser = Callable[[torch.Tensor, int], torch.Tensor]
"""Predicts the noise in a batch (B, 1, H, W) at one timestep; same shape."""

Pairs = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class NoiseSchedule:
    """Linear betas, as in Ho, Jain and Abbeel, NeurIPS 2020.

    Attributes:
        timesteps: T, the number of noise levels.
        beta_start, beta_end: variance added by the first and the last of them.
    """

    timesteps: int = 1000
    beta_start: float = 1e-4
    beta_end: float = 2e-2

    def signals(self) -> torch.Tensor:
        """Return the share of signal variance after each timestep (alpha-bar), float64 (T,), falling."""
        return torch.cumprod(1 - torch.linspace(self.beta_start, self.beta_end, self.timesteps).double(), dim=0)

    def signal(self, timestep: int) -> float:
        """Return alpha-bar at a timestep; 1 at `CLEAN`."""
        return 1.0 if timestep == CLEAN else float(self.signals()[timestep])


def timestep_pairs(depth: int, steps: int) -> list[tuple[int, int]]:
    """Return the grid, from clean to `depth`, as (t, t_next) pairs: `steps` even strides, rounded to whole timesteps.

    Args:
        depth: deepest timestep, 0..T-1.
        steps: how many pairs, 1..depth + 1.

    Raises:
        ValueError: there are not so many timesteps.
    """
    if not 1 <= steps <= depth + 1:
        raise ValueError(f"{steps} steps do not fit between clean and timestep {depth}")
    points = [CLEAN + round((depth - CLEAN) * step / steps) for step in range(steps + 1)]
    return list(itertools.pairwise(points))


def move(x: torch.Tensor, noise: torch.Tensor, signal: float, signal_next: float) -> torch.Tensor:
    """Take an image from one noise level to another along predicted noise: one DDIM step in either direction."""
    return signal_next**0.5 * clean_image(x, noise, signal) + (1 - signal_next) ** 0.5 * noise


def clean_image(x: torch.Tensor, noise: torch.Tensor, signal: float) -> torch.Tensor:
    """Return x̂₀, the image that is left of `x` when the predicted noise is taken out of it."""
    return (x - (1 - signal) ** 0.5 * noise) / signal**0.5


def invert(
    denoise: Denoiser, image: torch.Tensor, pairs: Pairs, schedule: NoiseSchedule, iterations: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Invert images to the noised latents from which `decode` returns them.

    A step from (z, t) to (y, t_next) needs the noise at y, which is to be found. A fixed-point iteration repeats the
    step with the noise predicted at the present y, and so approaches the y whose decoding step returns z. The first
    guess takes the noise that the step before ended with: it belongs to nearly the same image at the same timestep,
    so a fresh evaluation at z would add cost and no accuracy. Images are iterated until they change by less than
    `TOLERANCE`, each for itself: the first steps out of the clean image take many iterations, later ones few. Where the
    last change was not the least, the iteration runs away, and the step ends where the least change started.

    Args:
        denoise: the chain to invert.
        image: (B, 1, H, W).
        pairs: from `timestep_pairs`.
        schedule: of the denoiser.
        iterations: most fixed-point iterations a step, each one evaluation; 0 is plain DDIM inversion, also one a step.

    Returns:
        Latents of the same shape; and for each image the inversion error, (B,), the largest over the steps: the least
        change (root mean square) that an iteration of the step made, `TOLERANCE` at most when the fixed point was
        reached.
    """
    error = torch.zeros(image.shape[0], device=image.device, dtype=image.dtype)
    noise = None
    for timestep, following in pairs:
        signal, signal_next = schedule.signal(timestep), schedule.signal(following)
        if noise is None or iterations == 0:
            # A network knows no timestep before the first.
            noise = denoise(image, max(timestep, 0))
        latent = move(image, noise, signal, signal_next)
        change = torch.full_like(error, torch.inf if iterations else 0)
        least, best_latent, best_noise = change.clone(), latent.clone(), noise.clone()
        for _ in range(iterations):
            rows = torch.nonzero(change >= TOLERANCE)[:, 0]
            if len(rows) == 0:
                break
            predicted = denoise(latent[rows], following)
            moved = move(image[rows], predicted, signal, signal_next)
            change[rows] = (moved - latent[rows]).square().mean(dim=(1, 2, 3)).sqrt()
            closer = rows[change[rows] < least[rows]]
            least[closer], best_latent[closer], best_noise[closer] = change[closer], latent[closer], noise[closer]
            latent[rows], noise[rows] = moved, predicted
        strayed = ~(change <= least)
        latent[strayed], noise[strayed] = best_latent[strayed], best_noise[strayed]
        error = torch.maximum(error, least)
        image = latent
    return image, error


@dataclass(frozen=True)
class Step:
    """One step of a decoding.

    Attributes:
        timestep: where the step started.
        clean: x̂₀ as predicted there, (B, 1, H, W).
        latent: where the step ended, same shape.
    """

    timestep: int
    clean: torch.Tensor
    latent: torch.Tensor


def decoding_steps(denoise: Denoiser, latent: torch.Tensor, pairs: Pairs, schedule: NoiseSchedule) -> Iterator[Step]:
    """Denoise latents (B, 1, H, W) back along the pairs they were inverted by, a step at a time."""
    for timestep, following in reversed(pairs):
        noise, signal = denoise(latent, following), schedule.signal(following)
        clean = clean_image(latent, noise, signal)
        latent = move(latent, noise, signal, schedule.signal(timestep))
        yield Step(following, clean, latent)


def decode(denoise: Denoiser, latent: torch.Tensor, pairs: Pairs, schedule: NoiseSchedule) -> torch.Tensor:
    """Denoise latents (B, 1, H, W) back along the pairs they were inverted by, to images of the same shape."""
    for step in decoding_steps(denoise, latent, pairs, schedule):
        latent = step.latent
    return latent
