"""The one register of what a run makes, and what it is called: metrics, scores and maps.

Whoever lists, shows, checks or files them reads it here. Nothing of the project is imported.
"""

from collections.abc import Iterable
from typing import NamedTuple

PREPARED = ("tiv_ml", "scale_x", "scale_y", "scale_z")
"""What of a preparation stands in the table of scans, too."""

RANGE = "1 is the robust intensity range of the scan"


class Metric(NamedTuple):
    """A metric of image quality, given over the frame and, as `<name>_brain`, over the brain.

    Attributes:
        title: what a reader calls it.
        unit: of its values, where they have one.
        pretrained: whether it needs a network that others trained, and so a file of weights.
        of_slices: whether a pair of slices has it; otherwise sets of slices have.
    """

    title: str
    unit: str = ""
    pretrained: bool = False
    of_slices: bool = True


METRICS = {
    "ssim": Metric("SSIM"),
    "ms_ssim": Metric("MS-SSIM"),
    "psnr": Metric("PSNR", unit="dB"),
    "lpips": Metric("LPIPS", pretrained=True),
    "vsi": Metric("VSI"),
    "fid": Metric("FID", pretrained=True, of_slices=False),
}
"""In the order of the tables' columns."""

SLICE_METRICS = tuple(name for name, metric in METRICS.items() if metric.of_slices)


class Score(NamedTuple):
    """A score of voxels, made by the function of its name in `healthward.maps.scores`.

    Attributes:
        title: what a reader calls its map.
        cubes: which it takes of the fused cubes that are not always made (`healthward.maps.fused.OPTIONAL`).
        native: whether it is taken to the scan's own grid, as one of `MAPS`.
    """

    title: str
    cubes: tuple[str, ...] = ()
    native: bool = False


SCORES = {
    "round_trip": Score("Round-trip error"),
    "anomaly": Score("Anomaly map"),
    "signed": Score("Signed difference"),
    "contrast": Score("Contrast map"),
    "class_contrast": Score("Class contrast"),
    "likeness": Score("Likeness map", native=True),
    "residual": Score("Residual map", native=True),
    "ssim_ensemble": Score("SSIM ensemble"),
    "perceptual_anomaly": Score("Perceptual anomaly", cubes=("perceptual",)),
    "mahalanobis": Score("Mahalanobis distance", cubes=("ensemble",)),
    "forward": Score("Forward map", cubes=("health_direction",)),
    "deformation": Score("Deformation"),
}
"""In the order of the tables' columns."""

FORMER_SCORES = {"disease": "likeness", "perceptual_residual": "perceptual_anomaly"}
"""What scores were called in the release before: in parameters and options these still stand for the names of today."""


def current_scores(given: str, place: str) -> tuple[str, list[str]]:
    """Return names of scores with commas between them as they are called today, and a warning for each former one.

    `place` is the option or the parameter that gives them, as a warning begins.
    """
    names = given.split(",")
    former = {name.strip(): FORMER_SCORES[name.strip()] for name in names if name.strip() in FORMER_SCORES}
    warnings = [
        f"{place} {name} is called {new} now; the old name goes with the next release" for name, new in former.items()
    ]
    return ",".join(former.get(name.strip(), name) for name in names), warnings


def cubes_for(scores: Iterable[str]) -> list[str]:
    """Return which the named scores take of the fused cubes that are not always made, sorted."""
    return sorted({cube for score in scores for cube in SCORES[score].cubes})


LOCALISED = {name: SCORES[name].title for name in ("likeness", "residual", "anomaly", "contrast")} | {"z": "z map"}
"""What the report holds against a known truth, the one to read first in front, and its titles."""


class Map(NamedTuple):
    """A map on the scan's own grid, in the file `<scan>_<name>.nii.gz`.

    Attributes:
        title: what a reader calls it.
        description: what it shows, in a sentence.
        units: of its values.
        suffix: of its file in BIDS, which has none for maps of scores: they keep that of the image they were made of.
        calibrated: whether it takes controls.
        viewed: whether the report's viewer shows it.
        linked: whether the report's panel of a scan links its file.
    """

    title: str
    description: str
    units: str
    suffix: str = "T1w"
    calibrated: bool = False
    viewed: bool = False
    linked: bool = True


MAPS = {
    "likeness": Map(
        "Likeness map",
        "Likeness to the diseased class: what of the difference goes the way in which the classes differ.",
        "root of squared intensity range",
        viewed=True,
    ),
    "residual": Map("Residual map", "What the network does not restore from little noise.", RANGE, viewed=True),
    "anomaly": Map("Anomaly map", "Absolute difference of the scan and its pseudo-healthy image.", RANGE, viewed=True),
    "contrast": Map("Contrast map", "Absolute difference of the unguided and the pseudo-healthy decoding.", RANGE),
    "pseudohealthy": Map(
        "Pseudo-healthy", "The scan with the change that guidance toward the healthy class made.", "those of the source"
    ),
    "confidence": Map(
        "Confidence", "Agreement of the three slice axes on the direction of the change, 0 to 1.", "1", linked=False
    ),
    "zscore": Map(
        "z against controls",
        "Departure of the calibrated score from held-out controls.",
        "their standard deviations",
        calibrated=True,
        viewed=True,
    ),
    "logp": Map(
        "−log₁₀ p",
        "Minus log10 of the share of controls' voxels that depart as far.",
        "1",
        calibrated=True,
        linked=False,
    ),
    "abnormal": Map(
        "Abnormal voxels (false discovery rate 5 %)",
        "Voxels called abnormal at a false discovery rate of 5 %.",
        "1",
        suffix="mask",
        calibrated=True,
        viewed=True,
    ),
}
"""The one to read first in front."""

SCAN_VALUES = {
    "log_odds": "Log-odds of disease",
    "beyond_1": "Beyond 1 % of controls",
    "beyond_5": "Beyond 5 % of controls",
    "abnormal_ml": "Abnormal volume (ml)",
    "round_trip_z_p99": "Round-trip z, 99th pct.",
    "round_trip_psnr": "Round-trip PSNR (dB)",
    "unreliable_fraction": "Share of unreliable slices",
    "group_fid": "FID of the class",
}
"""Columns of the scans' table that are neither metric nor score, and their titles."""
