"""From a scan's slices to the fused cubes that scores are made of."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from healthward.diffusion.model import ConditionalUNet
from healthward.diffusion.translation import (
    OneStep,
    Settings,
    Trace,
    Translation,
    decodings,
    one_step,
    slice_errors,
    trace,
    translate,
    variants,
)
from healthward.imaging.slices import AXES, ScanSlices
from healthward.imaging.volumes import Array
from healthward.maps.fused import FusedCubes
from healthward.maps.fusion import fuse

if TYPE_CHECKING:
    from healthward.evaluation.perceptual import Lpips


@dataclass(frozen=True)
class Translator:
    """A network and how it is used on every scan.

    Attributes:
        model: the network.
        healthy, disease: numbers of the two classes.
        settings: of the translation.
        device: where to compute.
        batch: slices at once; by device when None.
        seed: of the run; the noise behind the one-step scores is drawn by it and the scan's voxels.
        lpips: the network behind the perceptual cube, or None where that is not asked for.
    """

    model: ConditionalUNet
    healthy: int
    disease: int
    settings: Settings
    device: torch.device
    batch: int | None = None
    seed: int = 0
    lpips: "Lpips | None" = None

    def translate(self, scan: ScanSlices, progress: str | None = None) -> Translation:
        """Translate every slice of a scan."""
        return translate(self.model, _flat(scan.stack), self.healthy, self.settings, self.device, self.batch, progress)

    def trace(self, slices: Array) -> Trace:
        """Translate a few slices (N, size, size) and keep every step."""
        return trace(self.model, slices, self.healthy, self.settings, self.device)

    def one_step(self, scan: ScanSlices, needs: Collection[str] = ()) -> OneStep:
        """Predict every slice of a scan in one step, with what is asked for (`healthward.maps.fused.OPTIONAL`)."""
        return one_step(
            self.model,
            _flat(scan.stack),
            _flat(scan.brain_stack),
            self.healthy,
            self.disease,
            self.settings.noise_depth,
            scan.record.seed(self.seed),
            self.device,
            self.batch,
            blind="health_direction" in needs,
        )

    def fuse(self, scan: ScanSlices, translation: Translation, one_step: OneStep, needs: Collection[str]) -> FusedCubes:
        """Fuse what was made of a scan, and make of it what else is asked for (`healthward.maps.fused.OPTIONAL`)."""

        def fused(slices: Array) -> Array:
            return fuse(slices.reshape(scan.stack.shape), scan.record.first)

        slices = _flat(scan.stack)
        others = variants(self.settings) if "ensemble" in needs else []
        return FusedCubes(
            input=fused(slices),
            unguided=fused(translation.unguided),
            healthy=fused(translation.healthy),
            class_direction=fused(one_step.class_direction),
            denoising_error=fused(one_step.denoising_error),
            health_direction=None if one_step.health_direction is None else fused(one_step.health_direction),
            ensemble=np.stack([fused(self._healthy(slices, other)) for other in others]) if others else None,
            perceptual=fused(self._distance(slices, translation.healthy)) if "perceptual" in needs else None,
        )

    def _healthy(self, slices: Array, settings: Settings) -> Array:
        return decodings(self.model, slices, [self.healthy], settings, self.device, self.batch)[0][0]

    def _distance(self, slices: Array, healthy: Array) -> Array:
        if self.lpips is None:
            raise ValueError("the perceptual cube needs the network behind LPIPS")
        pair = (torch.from_numpy(np.array(part)).to(self.device) for part in (slices, healthy))
        return self.lpips(*pair)[1].cpu().numpy()


def _flat(stack: NDArray[Any]) -> NDArray[Any]:
    return stack.reshape(-1, *stack.shape[2:])


def slice_table(scan: ScanSlices, translation: Translation, one_step: OneStep) -> pd.DataFrame:
    """Return a row for each slice: scan, axis, index in the cube, the columns of `slice_errors`, and log_odds."""
    record = scan.record
    indices = range(record.first, record.first + record.count)
    return pd.DataFrame(
        {
            "scan": record.scan,
            "axis": np.repeat(AXES, record.count),
            "index": np.tile(indices, len(AXES)),
            **slice_errors(_flat(scan.stack), translation),
            "log_odds": one_step.log_odds,
        }
    )
