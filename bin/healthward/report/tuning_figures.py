"""The figure by which settings of the translation are chosen."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from healthward.report.figure_files import save_figure

SHADES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")


def plot_pareto(table: pd.DataFrame, file: Path) -> None:
    """Draw the gap in controls against how much larger it is in patients, a line for each depth.

    Args:
        table: what `healthward.maps.tuning.compare_candidates` returned; its first row is the one that was chosen.
        file: PNG to write, with an SVG beside it.
    """
    figure = Figure(figsize=(6.4, 4.4), dpi=130, layout="constrained")
    panel = figure.subplots()
    for number, (depth, rows) in enumerate(table.groupby("noise_depth")):
        line = rows.sort_values("guidance_scale")
        panel.plot(line["control_gap"], line["shift"], "o-", color=SHADES[number % len(SHADES)], label=f"depth {depth}")
        for row in line.itertuples():
            panel.annotate(
                f"w {row.guidance_scale:g}", (row.control_gap, row.shift), (4, 4), textcoords="offset points", size=8
            )
    front = table[table["pareto"]].sort_values("control_gap")
    panel.step(
        front["control_gap"], front["shift"], where="post", color="#8a929c", linestyle="--", label="Pareto front"
    )
    best = table.iloc[0]
    panel.plot(
        best["control_gap"], best["shift"], "o", markersize=14, markerfacecolor="none", color="black", label="chosen"
    )
    panel.axhline(0, color="#8a929c", linewidth=1)
    panel.set(
        xlabel="control gap: mean |unguided − guided| in control subjects",
        ylabel="shift: how much larger in the others",
        xlim=(0, None),
        title=f"Largest separation: {best['separation']:.2f} standard deviations",
    )
    panel.margins(y=0.12)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(alpha=0.25)
    panel.legend(frameon=False, fontsize=8)
    save_figure(figure, file)
