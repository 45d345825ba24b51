"""Which regions a disease takes, and how much of each: of people differ the places as well as the dose."""

from collections.abc import Mapping

import numpy as np

Groups = Mapping[str, float]

PATTERNS: dict[str, Groups] = {
    "typical": {
        "hippocampus": -0.22, "amygdala": -0.18, "entorhinal cortex": -0.2, "parahippocampal gyrus": -0.12,
        "temporal cortex": -0.08, "parietal cortex": -0.05, "lateral ventricle": 0.4,
    },
    "limbic": {
        "hippocampus": -0.28, "amygdala": -0.26, "entorhinal cortex": -0.25, "parahippocampal gyrus": -0.18,
        "lateral ventricle": 0.2,
    },
    "sparing": {
        "hippocampus": -0.05, "temporal cortex": -0.08, "parietal cortex": -0.1, "frontal cortex": -0.08,
        "lateral ventricle": 0.3,
    },
    "frontotemporal": {"frontal cortex": -0.12, "insula": -0.15, "temporal cortex": -0.08, "amygdala": -0.2},
    "posterior": {"occipital cortex": -0.12, "parietal cortex": -0.12, "cingulate cortex": -0.08},
}  # fmt: skip
"""Of each, by regions of `healthward.imaging.atlas`, the change of volume at dose 1. After the subtypes of Alzheimer's
disease in Ferreira et al. (Neurology 2020), and two that a training on these never shows."""

SPREAD = 0.35
"""Standard deviation of the logarithm by which a region's change differs between people of a pattern."""

FAINTER_SIDE = 0.25
"""Share of its change that is left to the less affected side of a one-sided pattern."""

MIXED = (1, 4)
"""How few and how many regions a random mixture takes."""

SHRINKS, GROWS = (-0.3, -0.12), (0.3, 0.8)
"""Changes at dose 1 of what a random mixture takes: of tissue, and of ventricles."""

STRONGEST = (-0.5, 1.5)

KINDS = (*PATTERNS, "one-sided", "random")


def drawn(kind: str, dose: float, names: Mapping[int, str], rng: np.random.Generator) -> dict[int, float]:
    """Draw what a person's disease does to each region, as a share of its volume.

    Args:
        kind: one of `KINDS`; a one-sided disease is a typical one.
        dose: 1 is that of the most severe class, on average.
        names: of the regions that there are, by label; those of `PATTERNS` follow "left " or "right ".
        rng: what people differ by.

    Raises:
        ValueError: there is no such kind, or none of its regions.
    """
    if kind not in KINDS:
        raise ValueError(f"pattern {kind!r} is none of {', '.join(KINDS)}")
    if kind == "random":
        wanted = _mixture(names, rng)
    else:
        pattern = PATTERNS["typical" if kind == "one-sided" else kind]
        side = str(rng.choice(["left ", "right "])) if kind == "one-sided" else ""
        wanted = {
            label: pattern[name.split(" ", 1)[1]] * (1 if name.startswith(side) else FAINTER_SIDE)
            for label, name in sorted(names.items())
            if name.split(" ", 1)[-1] in pattern
        }
    if not wanted:
        raise ValueError(f"pattern {kind!r}: none of its regions is there")
    low, high = STRONGEST
    return {
        label: float(np.clip(dose * change * np.exp(SPREAD * rng.standard_normal()), low, high))
        for label, change in wanted.items()
    }


def _mixture(names: Mapping[int, str], rng: np.random.Generator) -> dict[int, float]:
    labels = sorted(names)
    few, many = MIXED
    chosen = rng.choice(labels, size=min(int(rng.integers(few, many + 1)), len(labels)), replace=False)
    return {
        label: float(rng.uniform(*(GROWS if "ventric" in names[label].lower() else SHRINKS)))
        for label in sorted(map(int, chosen))
    }
