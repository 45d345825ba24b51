"""Training of the conditional denoiser, continued exactly after an interruption.

Every random choice of a step is drawn from generators seeded by (seed, step), so that a training needs no state of
generators to continue, and a killed one ends with the weights of an undisturbed one.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import mse_loss
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from healthward.diffusion.devices import Portion, select_precision
from healthward.diffusion.model import ConditionalUNet
from healthward.diffusion.sampler import NoiseSchedule
from healthward.errors import InputError
from healthward.training.batches import Batch, Batches, Recipe
from healthward.training.capture import Captured
from healthward.training.checkpoints import read_checkpoint, write_checkpoint
from healthward.training.cohort import Cohort
from healthward.training.group import ALONE, Group
from healthward.training.interruption import Interrupted, Interruption
from healthward.training.sources import source_digests

GRADIENT_NORM = 1.0
"""Gradients are clipped to this norm."""

PARTS, FIGURES = ("network", "average", "optimizer", "rate"), ("step", "seconds", "losses", "history")
"""Attributes of a training that a checkpoint holds: those with a state of their own, and plain values."""

CHECKPOINT_SECONDS = 120.0
"""At most so much work is lost when a training is killed."""


class Noising:
    """Adds noise by the schedule: x_t = sqrt(alpha-bar_t) x + sqrt(1 - alpha-bar_t) noise (Ho et al. 2020, eq. 4)."""

    def __init__(self, device: torch.device) -> None:
        self.signals = NoiseSchedule().signals().float().to(device)

    def __call__(self, slices: torch.Tensor, noise: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        signal = self.signals[timestep][:, None, None, None]
        return signal.sqrt() * slices + (1 - signal).sqrt() * noise


class Trainer:
    """A training in progress, by one process or by each of a group.

    Attributes:
        group: the processes that share each step's slices.
        definition: all that decides what is learned, as plain values: a checkpoint of another one is of no use.
        network: the network under optimisation.
        average: its exponential moving average, which becomes the model.
        step: steps done.
        seconds: time spent, earlier sessions included.
        losses: of the steps since the last validation.
        history: a row for each validation.
    """

    def __init__(self, cohort: Cohort, recipe: Recipe, device: torch.device, group: Group = ALONE) -> None:
        torch.manual_seed(recipe.seed)
        self.cohort, self.recipe, self.device, self.group = cohort.split("train"), recipe, device, group
        if not self.cohort.records:
            raise InputError("no scan has the split train; give some with slice.py --split train")
        if recipe.batch_size < group.size:
            raise InputError(f"--batch-size {recipe.batch_size} for {group.size} processes; give each a slice at least")
        self.definition = {
            "recipe": asdict(recipe),
            "classes": list(self.cohort.classes),
            "data": self.cohort.digest(),
            "device": device.type,
            "PyTorch": str(torch.__version__),
            "code": source_digests("training.trainer"),
        }
        self.network = ConditionalUNet(recipe.architecture).to(device)
        self.network.precision = select_precision("auto", device)
        self.average = AveragedModel(self.network, multi_avg_fn=self._average)
        self.average.requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=device.type == "cuda",
        )
        self.rate = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)
        self.noising, self.portion = Noising(device), Portion(recipe.batch_size)
        self._captured = dict[int, Captured]()
        self.step, self.seconds = 0, 0.0
        self.losses, self.history = list[float](), list[dict[str, float]]()

    def key(self) -> str:
        """Return a short hash of the definition."""
        return hashlib.sha256(json.dumps(self.definition, sort_keys=True).encode()).hexdigest()[:16]

    def describe(self) -> dict[str, Any]:
        """Return what the model expects and what it was made with, as plain values."""
        frame = self.cohort.records[0]
        return {
            "size": frame.size,
            "slice_range": [frame.first / frame.size, (frame.first + frame.count) / frame.size],
            "fov": frame.fov,
            "space": frame.space,
            "value_range": [0, 1],
            "prediction": "noise",
            "schedule": asdict(NoiseSchedule()),
            "max_timestep": self.recipe.max_timestep,
            "classes": list(self.cohort.classes),
            "training": {
                **{key: value for key, value in asdict(self.recipe).items() if key != "architecture"},
                "key": self.key(),
                "device": self.device.type,
                "steps": self.step,
                "processes": self.group.size,
                "data": self.cohort.digest(),
                "people": {
                    label: len({record.subject for record in self.cohort.records if record.label == label})
                    for label in self.cohort.classes
                },
                "scans": {
                    label: sorted(record.scan for record in self.cohort.records if record.label == label)
                    for label in self.cohort.classes
                },
            },
        }

    def model(self) -> ConditionalUNet:
        """Return the averaged network."""
        return self.average.module  # type: ignore[return-value]

    def steps(self, until: int) -> Iterator[float]:
        """Train up to a step, yielding each step's loss.

        Raises:
            InputError: a step's loss is not finite, or its gradient is zero or not finite. The network is spoilt then.
        """
        workers = 2 if self.device.type == "cuda" else 0
        batches = DataLoader(
            Batches(self.cohort, self.recipe, self.group),
            sampler=range(self.step, until),
            batch_size=None,
            num_workers=workers,
        )
        for batch in batches:
            started = time.monotonic()
            loss = self._optimise(batch)
            self.step += 1
            self.seconds += time.monotonic() - started
            yield loss

    def _optimise(self, batch: Batch) -> float:
        self.network.train()
        batch = batch.to(self.device)
        loss = self.portion.attempt(lambda rows: self._accumulate(batch, rows))
        # Not DistributedDataParallel: its exchange is part of the backward pass, and one process that ran out of memory
        # there would leave the others waiting
        gradients = [weights.grad for weights in self.network.parameters() if weights.grad is not None]
        self.group.sum([loss, *gradients])
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_NORM)
        self.optimizer.step()
        self.rate.step()
        self.average.update_parameters(self.network)
        # Last, so that a GPU is waited for once a step; the sums are the same in all processes, and so is the verdict
        return self._sound(*torch.stack([loss, norm]).tolist())

    def _sound(self, loss: float, norm: float) -> float:
        """Return the loss of a step from which something was learned."""
        if math.isfinite(loss) and math.isfinite(norm) and norm > 0:
            return loss
        raise InputError(
            f"training step {self.step + 1}: the loss is {loss:g} and the norm of its gradient {norm:g}, from which"
            " nothing can be learned; lower --learning-rate, or look for NaN and for what is no brain in the slices"
        )

    def _accumulate(self, batch: Batch, rows: int) -> torch.Tensor:
        """Leave the gradient of this process's share of the step's mean loss in the network, and return that share."""
        parts = [tuple(vars(part).values()) for part in batch.split(rows)]
        learn = {len(part[0]): self._learning(part) for part in parts}
        # In place, since a recorded step knows where its gradients are
        self.optimizer.zero_grad(set_to_none=False)
        return torch.stack([learn[len(part[0])](*part).clone() for part in parts]).sum()

    def _learning(self, part: tuple[torch.Tensor, ...]) -> Callable[..., torch.Tensor]:
        """Return what learns from so many slices as there are in a part."""
        if self.device.type != "cuda":
            return self._learn
        rows = len(part[0])
        if rows not in self._captured:
            self._captured[rows] = Captured(self._learn, part)
        return self._captured[rows]

    def _learn(
        self, slices: torch.Tensor, condition: torch.Tensor, timestep: torch.Tensor, noise: torch.Tensor
    ) -> torch.Tensor:
        """Add the gradient of some slices' share of the step's mean loss, and return that share."""
        predicted = self.network(self.noising(slices, noise, timestep), timestep, condition)
        loss = mse_loss(predicted, noise) * (len(slices) / self.recipe.batch_size)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _average(
        self, averages: Sequence[torch.Tensor], present: Sequence[torch.Tensor], count: torch.Tensor | int
    ) -> None:
        # A short memory at first, else the random start would linger through a short training.
        decay = min(self.recipe.ema_decay, (1 + int(count)) / (10 + int(count)))
        get_ema_multi_avg_fn(decay)(averages, present, count)

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of the step after so many."""
        return self.recipe.learning_rate * self._rate(step)

    def _rate(self, step: int) -> float:
        recipe = self.recipe
        if step < recipe.warmup:
            return (step + 1) / recipe.warmup
        return 0.5 * (1 + math.cos(math.pi * (step - recipe.warmup) / max(1, recipe.iterations - recipe.warmup)))

    def save(self, file: Path) -> None:
        """Write a checkpoint, if this process leads; see `healthward.training.checkpoints.write_checkpoint`."""
        if self.group.leads:
            parts = {part: getattr(self, part).state_dict() for part in PARTS}
            write_checkpoint(file, parts | {name: getattr(self, name) for name in FIGURES}, self.definition)

    def load(self, file: Path) -> None:
        """Continue from a checkpoint of the same training."""
        state = read_checkpoint(file, self.device)
        for part in PARTS:
            getattr(self, part).load_state_dict(state[part])
        for name in FIGURES:
            setattr(self, name, state[name])


def train(
    trainer: Trainer,
    checkpoint: Path,
    validate_every: int,
    validate: Callable[[ConditionalUNet], Mapping[str, float]],
    seconds: float | None,
    report: Callable[[Trainer], Any],
    interruption: Interruption,
) -> None:
    """Train to the end of the recipe, or of the time allowed, continuing from the checkpoint when there is one.

    Args:
        trainer: the training.
        checkpoint: file that survives an interruption.
        validate_every: steps between validations; one follows the last step in any case.
        validate: returns figures of the averaged network, a column each; called where the process leads.
        seconds: time allowed, earlier sessions included; None is no limit.
        report: called after each step.
        interruption: what was asked for meanwhile.

    Raises:
        Interrupted: the end was asked for; the checkpoint is written.
    """
    if checkpoint.exists():
        trainer.load(checkpoint)
    iterations, limit, saved = trainer.recipe.iterations, seconds or math.inf, time.monotonic()
    over = trainer.seconds >= limit
    # Losses that no validation has summed up were left by an interruption, perhaps right before one
    while trainer.losses or (trainer.step < iterations and not over):
        summed_up = trainer.step - bool(trainer.losses)
        until = trainer.step if over else min(iterations, (summed_up // validate_every + 1) * validate_every)
        for loss in trainer.steps(until):
            trainer.losses.append(loss)
            report(trainer)
            over, ended, due = trainer.group.agree(
                trainer.seconds >= limit,
                interruption.ended,
                interruption.warned or time.monotonic() - saved > CHECKPOINT_SECONDS,
            )
            if ended or (due and trainer.step < until):
                trainer.save(checkpoint)
                interruption.warned, saved = False, time.monotonic()
            if ended:
                raise Interrupted(f"stopped at step {trainer.step} of {iterations}; the same line goes on from there")
            if over:
                break
        row = {"step": float(trainer.step), "loss": float(np.mean(trainer.losses))}
        trainer.history.append({**row, **(validate(trainer.model()) if trainer.group.leads else {})})
        trainer.losses = []
        trainer.save(checkpoint)
        saved = time.monotonic()
