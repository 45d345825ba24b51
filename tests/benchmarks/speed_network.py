"""How fast the network is evaluated, translates and learns, beside monai-generative as it comes and its tutorial."""

import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from generative.networks.nets.diffusion_model_unet import CrossAttention
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.baselines import tutorial
from benchmarks.timing import compare, seconds
from healthward.diffusion.devices import select_precision
from healthward.diffusion.model import Architecture, ConditionalUNet, load_model
from healthward.diffusion.translation import Settings, one_step, translate
from healthward.imaging.slices import load_scan
from healthward.labels import ADNI
from healthward.training.batches import Batches, Recipe
from healthward.training.cohort import Cohort
from healthward.training.trainer import Trainer

HEALTHY, DISEASE = ADNI.condition("CN"), ADNI.condition("AD")
TUTORIAL_STEPS = 125
TUTORIAL_EVALUATIONS = 3 * TUTORIAL_STEPS
DATA_CENTRE_GPU = 64e12
"""Operations a second that the full network reached in bfloat16 on an NVIDIA H200, 156 slices at once in 79 ms."""

Row = dict[str, Any]


def as_it_comes(model: ConditionalUNet) -> ConditionalUNet:
    """Return a copy with the attention of the library, whose weights are the same."""
    plain = copy.deepcopy(model)
    for module in plain.unet.modules():
        if isinstance(module, CrossAttention):
            module.__class__ = CrossAttention
    return plain


def full_network(size: int, device: torch.device) -> tuple[ConditionalUNet, tuple[torch.Tensor, ...]]:
    """Return a network of the default architecture with random weights, and what to evaluate it on."""
    torch.manual_seed(0)
    model = ConditionalUNet(Architecture()).eval().requires_grad_(False)
    for weights in model.unet.parameters():
        if not weights.any():
            torch.nn.init.normal_(weights, std=0.02)
    inputs = (torch.randn(1, 1, size, size), torch.tensor([100]), torch.tensor([DISEASE]))
    return model.to(device), tuple(part.to(device) for part in inputs)


@torch.inference_mode()
def evaluation(size: int, device: torch.device, rounds: int) -> list[Row]:
    """One evaluation of the full network at batch 1, and its rate beside that of a product of two matrices."""
    model, inputs = full_network(size, device)
    plain = as_it_comes(model)
    difference = float((model(*inputs) - plain(*inputs)).abs().max())
    with FlopCounterMode(display=False) as counter:
        model(*inputs)
    times = compare(lambda: model(*inputs), lambda: plain(*inputs), rounds)
    factors = [torch.randn(2048, 2048, device=device) for _ in range(2)]
    product = min(seconds(lambda: factors[0] @ factors[1]) for _ in range(4 * rounds))
    rate, best = counter.get_total_flops() / times.ours, 2 * 2048**3 / product
    return [
        times.row("UNet, one evaluation", 2.2, f"{size}², full channels; outputs within {difference:.0e}"),
        {
            "name": "UNet, share of the rate of a matrix product",
            "ours_s": times.ours,
            "ratio": rate / best,
            "reach": 0.7,
            "note": f"{counter.get_total_flops() / 1e9:.1f} GFLOP at {rate / 1e9:.0f} of {best / 1e9:.0f} GFLOP/s",
        },
    ]


class Counted:
    """Counts the slices that a network is evaluated on."""

    def __init__(self, model: ConditionalUNet) -> None:
        self.slices, self.forward = 0, model.forward
        model.forward = self  # type: ignore[assignment]

    def __call__(self, x: torch.Tensor, *arguments: torch.Tensor) -> torch.Tensor:
        self.slices += len(x)
        return self.forward(x, *arguments)


def translation(model_folder: Path, scan_folder: Path, size: int, device: torch.device) -> list[Row]:
    """A scan's slices by the bench's network, and the same slices by the tutorial's loop; then at full size.

    The loop is timed on a few of its steps, of which each takes as long as any other.
    """
    model, scan = load_model(model_folder).to(device), load_scan(scan_folder)
    slices = np.array(scan.stack[:, :: max(1, scan.record.count // 5)]).reshape(-1, *scan.stack.shape[2:])
    plain, settings, steps = as_it_comes(model), Settings(), 5

    def ours() -> None:
        translate(model, slices, HEALTHY, settings, device)
        one_step(model, slices, slices > 0, HEALTHY, DISEASE, settings.noise_depth, 0, device)

    def loop() -> None:
        tutorial(plain, slices[:1], HEALTHY, device, encode=steps, batch=1)

    taken, step = compare(ours, loop, rounds=2)
    reference = step * TUTORIAL_STEPS / steps * len(slices)
    counted = Counted(model)
    ours()
    evaluations = counted.slices / len(slices)
    full, inputs = full_network(size, device)
    plain_full = as_it_comes(full)
    with torch.inference_mode():
        one = compare(lambda: full(*inputs), lambda: plain_full(*inputs), rounds=2)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        full(*inputs)
    volume = 3 * 52 * evaluations
    return [
        {
            "name": f"translation at {slices.shape[-1]}², attention at the coarsest level only",
            "ours_s": taken / len(slices),
            "reference_s": reference / len(slices),
            "ratio": reference / taken,
            "reach": 20,
            "note": f"a slice; {evaluations:.1f} evaluations against {TUTORIAL_EVALUATIONS}",
        },
        {
            "name": f"translation at {size}², full network",
            "ours_s": one.ours * evaluations,
            "reference_s": one.reference * TUTORIAL_EVALUATIONS,
            "ratio": one.reference * TUTORIAL_EVALUATIONS / (one.ours * evaluations),
            "reach": 20,
            "note": "a slice; the same numbers of evaluations, each as long as the one measured",
        },
        _volume_on_gpu(full, size, evaluations, device)
        if device.type == "cuda"
        else {
            "name": "reconstruct a volume on a data-centre GPU",
            "ours_s": volume * counter.get_total_flops() / DATA_CENTRE_GPU,
            "reference_s": 22 * 60,
            "ratio": 22 * 60 * DATA_CENTRE_GPU / (volume * counter.get_total_flops()),
            "reach": 22 * 60 / 5,
            "note": f"**estimated**: {volume * counter.get_total_flops() / 1e12:.0f} TFLOP at the "
            f"{DATA_CENTRE_GPU / 1e12:.0f} TFLOP/s measured on an H200",
        },
    ]


def _volume_on_gpu(model: ConditionalUNet, size: int, evaluations: float, device: torch.device) -> Row:
    """Time so many evaluations as a volume takes: with random weights the inversion would converge at once."""
    model = copy.deepcopy(model)
    model.compute_in(select_precision("auto", device))
    portion, given = 156, torch.full((156,), DISEASE, device=device)
    x, when = torch.randn(portion, 1, size, size, device=device), torch.full((156,), 100, device=device)

    def evaluate() -> None:
        with torch.inference_mode():
            for _ in range(round(evaluations)):
                model(x, when, given)

    evaluate()
    taken = seconds(evaluate)
    return {
        "name": "reconstruct a volume on a data-centre GPU",
        "ours_s": taken,
        "reference_s": 22 * 60,
        "ratio": 22 * 60 / taken,
        "reach": 22 * 60 / 5,
        "note": torch.cuda.get_device_name(device),
    }


def training(folders: list[Path], device: torch.device, batch: int, rounds: int) -> list[Row]:
    """A step of ours beside one of the tutorial: its network, Adam, and nothing else; and the wait for data."""
    recipe = Recipe(Architecture(), 1000, batch, 1e-4, 10, 0.01, 0.999, 0.15, 400, 0)
    trainer = Trainer(Cohort.read(folders), recipe, device)
    batches = Batches(trainer.cohort, recipe)
    given = batches[0]
    plain = as_it_comes(trainer.network).requires_grad_(True)
    optimizer = torch.optim.Adam(plain.parameters(), lr=1e-5)

    def tutorial_step() -> None:
        moved = given.to(device)
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
            noised = trainer.noising(moved.slices, moved.noise, moved.timestep)
            loss = mse_loss(plain(noised, moved.timestep, moved.condition).float(), moved.noise)
        loss.backward()
        optimizer.step()

    times = compare(lambda: trainer._optimise(given), tutorial_step, rounds)
    waited = _waited(DataLoader(batches, sampler=range(4), batch_size=None), lambda: None) / 4
    return [
        times.row(
            "training step",
            1.8,
            f"batch {batch}, {given.slices.shape[-1]}²; ours also clips, averages weights and warms up",
        ),
        {
            "name": "training, wait for data",
            "ours_s": waited,
            "reference_s": times.ours,
            "ratio": waited / (waited + times.ours),
            "reach": 0.05,
            "less": True,
            "note": "share of a step, read in the training's own process",
        },
    ]


def _waited(batches: DataLoader, work: Callable[[], None]) -> float:
    started = time.process_time()
    for _ in batches:
        work()
    return time.process_time() - started
