"""What a training is defined by, and the slices, noise and timesteps that each of its steps learns from."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from healthward.diffusion.model import Architecture
from healthward.imaging.slices import read_stack
from healthward.labels import NULL_CONDITION
from healthward.training.cohort import Cohort
from healthward.training.group import ALONE, Group


@dataclass(frozen=True)
class Recipe:
    """All that defines a training but its data.

    Attributes:
        architecture: of the network.
        iterations: optimiser steps.
        batch_size: slices a step.
        learning_rate: peak, after the warm-up; falls to 0 along a cosine.
        warmup: steps of linear warm-up.
        weight_decay: of AdamW.
        ema_decay: of the averaged weights, which are the model.
        condition_dropout: share of slices whose class is hidden.
        max_timestep: timesteps are drawn below it.
        seed: of every random choice.
    """

    architecture: Architecture
    iterations: int
    batch_size: int
    learning_rate: float
    warmup: int
    weight_decay: float
    ema_decay: float
    condition_dropout: float
    max_timestep: int
    seed: int


@dataclass(frozen=True)
class Batch:
    """One step's data: slices (B, 1, H, W) in [0, 1], condition (B,), timestep (B,), noise like the slices."""

    slices: torch.Tensor
    condition: torch.Tensor
    timestep: torch.Tensor
    noise: torch.Tensor

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        return Batch(*(part.to(device) for part in vars(self).values()))

    def split(self, rows: int) -> Iterator["Batch"]:
        """Yield the batch in parts of so many rows, the last of what is left."""
        for parts in zip(*(part.split(rows) for part in vars(self).values()), strict=True):
            yield Batch(*parts)


class Batches(Dataset[Batch]):
    """The batch of each step, a function of (seed, step) alone, or the rows of it that one process of a group takes.

    A class is drawn evenly, then a subject of it, a scan of the subject and a slice: neither a large class nor a
    subject with many visits outweighs the others. Slices are read by memory map: memory does not grow with the cohort.
    """

    def __init__(self, cohort: Cohort, recipe: Recipe, group: Group = ALONE) -> None:
        self.cohort, self.recipe, self.group = cohort, recipe, group
        scans: dict[str, dict[str, list[int]]] = {}
        for index, record in enumerate(cohort.records):
            scans.setdefault(record.label, {}).setdefault(record.subject, []).append(index)
        self.classes = [(label, [scans[label][subject] for subject in sorted(scans[label])]) for label in sorted(scans)]

    def __getitem__(self, step: int) -> Batch:
        recipe, mine = self.recipe, slice(self.group.rank, None, self.group.size)
        rng = np.random.default_rng([recipe.seed, step])
        places, conditions = [], []
        for _ in range(recipe.batch_size):
            label, subjects = self.classes[rng.integers(len(self.classes))]
            scans = subjects[rng.integers(len(subjects))]
            scan = scans[rng.integers(len(scans))]
            places.append((scan, rng.integers(3), rng.integers(self.cohort.records[scan].count)))
            hidden = rng.random() < recipe.condition_dropout
            conditions.append(NULL_CONDITION if hidden else self.cohort.classes.condition(label))
        timesteps = rng.integers(recipe.max_timestep, size=recipe.batch_size)
        edge = self.cohort.records[0].size
        noise = rng.standard_normal((recipe.batch_size, 1, edge, edge), dtype=np.float32)
        images = [np.array(read_stack(self.cohort.folders[scan])[axis, index]) for scan, axis, index in places[mine]]
        return Batch(
            slices=torch.from_numpy(np.stack(images))[:, None],
            condition=torch.tensor(conditions[mine]),
            timestep=torch.from_numpy(timesteps[mine]),
            noise=torch.from_numpy(noise[mine]),
        )
