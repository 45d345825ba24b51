"""From a scan's slices to what scores are made of, and to maps in its own space."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path
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
from healthward.imaging.volumes import Array, to_native
from healthward.maps.fusion import agreement, fuse
from healthward.maps.scores import Evidence

if TYPE_CHECKING:
    from healthward.evaluation.perceptual import Lpips


@dataclass(frozen=True)
class NativeMaps:
    """Maps on the scan's own grid, float32 of the scan's shape.

    Attributes:
        pseudohealthy: the scan with the change that guidance made, in the scan's intensity units. Where no slice lies,
            and in the detail that the cube cannot hold, it is the scan itself.
        anomaly: |scan - pseudo-healthy| in the units of the model, where 1 is the scan's robust intensity range.
        contrast: |unguided - pseudo-healthy|, same units: free of the round trip's error.
        confidence: agreement of the three axes on the direction of the change, in [0, 1].
    """

    pseudohealthy: Array
    anomaly: Array
    contrast: Array
    confidence: Array


SCORE_MAPS = ("disease", "residual")
"""Scores that are given as maps on the scan's own grid, too."""

MAPS = (*(field.name for field in fields(NativeMaps)), *SCORE_MAPS)
"""What a map can be of, by the end of its file's name."""


def remove_maps(folder: Path, image: Path) -> None:
    """Remove the maps that an earlier call left in a folder, whatever its scan; `image` stays, whatever its name."""
    for kind in MAPS:
        for path in folder.glob(f"*_{kind}.nii.gz"):
            if not path.samefile(image):
                path.unlink()


def native_maps(scan: ScanSlices, voxels: Array, healthy: Array, unguided: Array) -> NativeMaps:
    """Fuse the three axes and take the maps to the scan's own grid.

    Args:
        scan: the slices that were translated.
        voxels: the scan itself, on its own grid.
        healthy: pseudo-healthy slices, (3, count, size, size) in [0, 1].
        unguided: unguided round trip of the same shape.
    """
    first = scan.record.first
    change = fuse(scan.stack - healthy, first)
    contrast = fuse(unguided - healthy, first)
    scale = scan.geometry.brightest - scan.geometry.darkest
    native_change, native_contrast, confidence = (
        to_native(cube, scan.geometry) for cube in (change, contrast, agreement(scan.stack - healthy, first))
    )
    return NativeMaps(
        pseudohealthy=(voxels - scale * native_change).astype(np.float32),
        anomaly=np.abs(native_change),
        contrast=np.abs(native_contrast),
        confidence=confidence,
    )


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
        lpips: the network behind the perceptual score, or None where no wanted score needs it.
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

    def look(self, scan: ScanSlices, needs: Collection[str] = ()) -> OneStep:
        """Look at every slice of a scan in one step, for what scores need (`healthward.maps.scores.needs`)."""
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
            blind="health" in needs,
        )

    def gather(self, scan: ScanSlices, translation: Translation, looked: OneStep, needs: Collection[str]) -> Evidence:
        """Fuse what was made of a scan, and make what else scores need of it (`healthward.maps.scores.needs`)."""

        def fused(slices: Array) -> Array:
            return fuse(slices.reshape(scan.stack.shape), scan.record.first)

        slices = _flat(scan.stack)
        others = variants(self.settings) if "ensemble" in needs else []
        return Evidence(
            input=fused(slices),
            unguided=fused(translation.unguided),
            healthy=fused(translation.healthy),
            disease=fused(looked.disease),
            residual=fused(looked.residual),
            health=None if looked.health is None else fused(looked.health),
            ensemble=np.stack([fused(self._healthy(slices, other)) for other in others]) if others else None,
            perceptual=fused(self._distance(slices, translation.healthy)) if "perceptual" in needs else None,
        )

    def _healthy(self, slices: Array, settings: Settings) -> Array:
        return decodings(self.model, slices, [self.healthy], settings, self.device, self.batch)[0][0]

    def _distance(self, slices: Array, healthy: Array) -> Array:
        if self.lpips is None:
            raise ValueError("the perceptual score needs the network behind LPIPS")
        pair = (torch.from_numpy(np.array(part)).to(self.device) for part in (slices, healthy))
        return self.lpips(*pair)[1].cpu().numpy()


def _flat(stack: NDArray[Any]) -> NDArray[Any]:
    return stack.reshape(-1, *stack.shape[2:])


def slice_table(scan: ScanSlices, translation: Translation, looked: OneStep) -> pd.DataFrame:
    """Return a row for each slice: scan, axis, index in the cube, the columns of `slice_errors`, and evidence."""
    record = scan.record
    indices = range(record.first, record.first + record.count)
    return pd.DataFrame(
        {
            "scan": record.scan,
            "axis": np.repeat(AXES, record.count),
            "index": np.tile(indices, len(AXES)),
            **slice_errors(_flat(scan.stack), translation),
            "evidence": looked.evidence,
        }
    )
