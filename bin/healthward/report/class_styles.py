"""Colour and marker of each class, the same in every figure: by its place in the order of severity."""

from healthward.labels import UNKNOWN, Classes

COLOURS = ("#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7")
"""Okabe and Ito's palette, from cold to warm in the order of severity."""

MARKERS = ("o", "s", "^", "D", "v")
"""For those who see no colour. Five and six share no divisor: 30 classes differ in the one or the other."""


def colours(classes: Classes) -> dict[str, str]:
    """Return the colour of each class, by its place, and of UNKNOWN."""
    return {label: COLOURS[place % len(COLOURS)] for place, label in enumerate(classes)} | {UNKNOWN: "#7A7A7A"}


def markers(classes: Classes) -> dict[str, str]:
    """Return the marker of each class, by its place, and of UNKNOWN."""
    return {label: MARKERS[place % len(MARKERS)] for place, label in enumerate(classes)} | {UNKNOWN: MARKERS[0]}
