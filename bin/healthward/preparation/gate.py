"""Whether a scan that was prepared may be used: good, to be looked at, or bad, each with its reasons."""

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

GOOD, LOOK, BAD = "good", "look", "bad"
VERDICTS = (GOOD, LOOK, BAD)


@dataclass(frozen=True)
class Quality:
    """How a scan was prepared; None where it was not registered.

    Attributes:
        brain_ml: volume of the brain mask.
        tiv_ml: total intracranial volume, by the matrix.
        overlap: Dice of brain and template.
        information: mutual information with the template, in nats.
        scale_x, scale_y, scale_z: how many times as large as the template along its axes.
        rotation: degrees by which the head is turned against the template.
        sides: how far the asymmetry of the brain is that of people: about 1, and -1 where left and right are exchanged.
        beyond: share of the template's brain outside the image.
        noise: deviation of a voxel from its like neighbour, as a share of the brain's range.
        ghosts: how bright the air above and beside the head is where it is brightest, as a share of the brain's range.
        bias: deviation of the logarithm of the bias field in the brain; 0 where none was sought.
        voxel_mm: longest edge of a voxel.
        unlike: how far the look of its tissue is from that of the training's scans; None where these are not known.
        appearance: of `healthward.preparation.appearance`; no figure by itself.
    """

    brain_ml: float
    tiv_ml: float | None
    overlap: float | None
    information: float | None
    scale_x: float | None
    scale_y: float | None
    scale_z: float | None
    rotation: float | None
    sides: float | None
    beyond: float | None
    noise: float
    ghosts: float
    bias: float
    voxel_mm: float
    unlike: float | None = None
    appearance: tuple[float, ...] = ()


class Limit(NamedTuple):
    """What a figure may be.

    Attributes:
        figure: of `Quality`.
        good: the span within which it is.
        usable: the span beyond which it is bad.
        text: what is wrong, and the mend, with the figure.
    """

    figure: str
    good: tuple[float, float]
    usable: tuple[float, float]
    text: str


ALL, UP = (-inf, inf), inf
LIMITS = (
    Limit("overlap", (0.905, 0.97), (0.87, 1), "an overlap of {:.2f} with the template; see whether it is one brain"),
    Limit("information", (0.58, UP), (0.5, UP), "only {:.2f} nats in common with the template; see whether it is a T1"),
    Limit("beyond", (0, 0.01), (0, 0.1), "{:.1%} of the template's brain beyond the image; see whether it is whole"),
    Limit("brain_ml", (800, 2000), (400, 2600), "a brain of {:.0f} ml; see its outline, and the voxel sizes"),
    Limit("scale_x", (0.7, 1.15), (0.5, 1.5), "a width {:.2f} times the template's; see its outline and voxel sizes"),
    Limit("scale_y", (0.7, 1.15), (0.5, 1.5), "a length {:.2f} times the template's; see its outline and voxel sizes"),
    Limit("scale_z", (0.68, 1.15), (0.5, 1.5), "a height {:.2f} times the template's; see its outline and voxel sizes"),
    Limit("rotation", (0, 50), ALL, "a head turned by {:.0f} degrees; see which way is up, and left"),
    Limit("sides", (-0.2, UP), ALL, "left and right exchanged, by its asymmetry ({:.1f}); see the header, or a mark"),
    Limit("noise", (0, 0.09), (0, 0.3), "noise of {:.0%} of its range; give a better scan, if there is one"),
    Limit(
        "ghosts",
        (0, 0.1),
        ALL,
        "patches in the air as bright as {:.0%} of its range; see whether there are ghosts of motion",
    ),
    Limit("bias", (0, 0.12), (0, 0.5), "a bias field of {:.0%}; see whether the picture is even"),
    Limit(
        "unlike",
        (0, 2.5),
        ALL,
        "tissue unlike that of the training's scans ({:.1f} times their spread); see contrast and sharpness",
    ),
    Limit("voxel_mm", (0, 3), (0, 8), "voxels of up to {:.1f} mm; give the finer image, if there is one"),
)
"""By 150 real heads, all of which are good, and by what was done to some of them (docs/benchmark.md)."""


class Verdict(NamedTuple):
    """What a scan's figures come to.

    Attributes:
        verdict: one of `VERDICTS`.
        reasons: of what is not good, worst first; each would follow the file's name.
    """

    verdict: str
    reasons: tuple[str, ...]


def judge(quality: Quality) -> Verdict:
    """Return the verdict on a scan's figures."""
    found: dict[str, list[str]] = {LOOK: [], BAD: []}
    for limit in LIMITS:
        value = getattr(quality, limit.figure)
        if value is None:
            continue
        for verdict, (low, high) in ((BAD, limit.usable), (LOOK, limit.good)):
            if not low <= value <= high:
                found[verdict].append(limit.text.format(value))
                break
    verdict = next((each for each in (BAD, LOOK) if found[each]), GOOD)
    return Verdict(verdict, (*found[BAD], *found[LOOK]))
