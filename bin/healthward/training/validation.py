"""Figures of a network on held-out slices, while it trains."""

import itertools

import numpy as np
import torch

from healthward.diffusion.devices import in_portions
from healthward.diffusion.model import ConditionalUNet
from healthward.diffusion.translation import Settings, decodings, round_trip_psnr
from healthward.imaging.volumes import Array
from healthward.labels import NULL_CONDITION
from healthward.training.cohort import Cohort, stack_of
from healthward.training.trainer import Noising

BANDS = 4
"""Bands of timesteps whose losses are distinguished: a network fails differently at little and at much noise."""

LOSS_SLICES, ROUND_TRIP_SLICES = 64, 12


def validation_settings(max_timestep: int) -> Settings:
    """Return the translation that trainings are compared by: as deep as the default one, in fewer steps."""
    depth = min(Settings.noise_depth, max_timestep - 1)
    return Settings(noise_depth=depth, ddim_steps=min(10, depth + 1))


class Validation:
    """Loss by timestep band and round-trip error, on slices, noise and timesteps that stay the same.

    Args:
        cohort: validation scans.
        max_timestep: timesteps are drawn below it.
        settings: of the translation whose round trip is measured.
        seed: of noise and timesteps.
        device: where to compute.
    """

    def __init__(self, cohort: Cohort, max_timestep: int, settings: Settings, seed: int, device: torch.device) -> None:
        rng = np.random.default_rng(seed)
        images, labels = stack_of(cohort, LOSS_SLICES)
        self.slices = torch.from_numpy(images)[:, None]
        self.condition = torch.tensor([cohort.classes.condition(label) for label in labels])
        self.noise = torch.from_numpy(rng.standard_normal(self.slices.shape, dtype=np.float32))
        edges = [round(edge) for edge in np.linspace(0, max_timestep, min(BANDS, max_timestep) + 1)]
        self.bands = {
            f"loss_{low}_{high - 1}": torch.from_numpy(rng.integers(low, high, size=len(images)))
            for low, high in itertools.pairwise(edges)
        }
        self.round_trip_slices = stack_of(cohort, ROUND_TRIP_SLICES)[0]
        self.settings, self.device, self.noising = settings, device, Noising(device)

    def __call__(self, model: ConditionalUNet) -> dict[str, float]:
        """Return mean squared error of the noise by band, and of the unguided round trip its PSNR in dB."""
        model.eval()
        figures = {name: self._loss(model, timestep) for name, timestep in self.bands.items()}
        (unguided,), _ = decodings(model, self.round_trip_slices, [NULL_CONDITION], self.settings, self.device)
        return {**figures, "round_trip_psnr": float(round_trip_psnr(self.round_trip_slices, unguided).mean())}

    @torch.inference_mode()
    def _loss(self, model: ConditionalUNet, timestep: torch.Tensor) -> float:
        def squared_error(rows: slice) -> float:
            slices, noise, t, condition = (
                part[rows].to(self.device) for part in (self.slices, self.noise, timestep, self.condition)
            )
            predicted = model(self.noising(slices, noise, t), t, condition)
            return float((predicted - noise).square().sum())

        return sum(in_portions(len(self.slices), 16, squared_error)) / self.noise.numel()


def sample_grid(
    model: ConditionalUNet, cohort: Cohort, settings: Settings, device: torch.device, rows: int = 6
) -> tuple[Array, list[str]]:
    """Translate a few slices to every class.

    Returns:
        Images (rows, 2 + classes, size, size): the input, its round trip, and its translation to each class; and the
        headings of those columns.
    """
    images, _ = stack_of(cohort, rows)
    conditions = [NULL_CONDITION, *map(cohort.classes.condition, cohort.classes)]
    decoded, _ = decodings(model, images, conditions, settings, device)
    headings = ["input", "round trip", *(f"to {label}" for label in cohort.classes)]
    return np.concatenate([images[None], decoded]).swapaxes(0, 1), headings
