"""Whether a scan that was prepared may be used: good, to be looked at, or bad, each with its reasons."""

from typing import NamedTuple

from healthward.preparation.quality import Quality

GOOD, LOOK, BAD = "good", "look", "bad"
VERDICTS = (GOOD, LOOK, BAD)


class Limit(NamedTuple):
    """What a figure may be.

    Attributes:
        figure: of `Quality`.
        look: the span within which it is good.
        bad: the span beyond which it is bad.
        text: what is wrong, and the mend, with the figure.
    """

    figure: str
    look: tuple[float, float]
    bad: tuple[float, float]
    text: str


LIMITS = (Limit("voxel_mm", (0, 3), (0, 6), "voxels of up to {:.1f} mm; give the finer image, if there is one"),)
"""Set by 150 real heads, of which none but a few may go beyond `look`, and by what was done to them."""


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
        for verdict, (low, high) in ((BAD, limit.bad), (LOOK, limit.look)):
            if not low <= value <= high:
                found[verdict].append(limit.text.format(value))
                break
    verdict = next((each for each in (BAD, LOOK) if found[each]), GOOD)
    return Verdict(verdict, (*found[BAD], *found[LOOK]))
