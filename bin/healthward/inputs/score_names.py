"""The scores of voxels that can be asked for, and what evidence each takes."""

from collections.abc import Iterable

SCORES: dict[str, tuple[str, ...]] = {
    "round_trip": (),
    "anomaly": (),
    "signed": (),
    "contrast": (),
    "class_contrast": (),
    "disease": (),
    "residual": (),
    "ssim_ensemble": (),
    "perceptual_residual": ("perceptual",),
    "mahalanobis": ("ensemble",),
    "forward": ("health",),
    "deformation": (),
}
"""By name, what a score takes of the evidence that is not always made (`healthward.maps.evidence.OPTIONAL`)."""


def evidence_for(scores: Iterable[str]) -> list[str]:
    """Return what the named scores take of the evidence that is not always made, sorted."""
    return sorted({part for score in scores for part in SCORES[score]})
