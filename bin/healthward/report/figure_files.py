"""How a figure is written: a picture and a vector drawing, whose bytes depend on the figure alone."""

from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG to `path`, at its own resolution, and as SVG beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # matplotlib's version, a date or random ids in the file would make equal pictures differ
    figure.savefig(path, metadata={"Software": None})
    # laid out once, for both
    figure.set_layout_engine("none")
    with rc_context({"svg.hashsalt": "healthward"}):
        figure.savefig(path.with_suffix(".svg"), metadata={"Date": None, "Creator": None})
