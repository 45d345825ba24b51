#!/usr/bin/env python3
"""Choose settings of the translation."""

from pathlib import Path

import click

from cli import existing_file, output_directory, tool
from healthward.labels import Classes
from options.classes import classes_option, healthy_option


@tool
@click.argument("tables", type=existing_file, nargs=-1, required=True)
@classes_option
@healthy_option
@click.option("--out", type=output_directory, required=True, help="Folder to write.")
def choose(tables: tuple[Path, ...], classes: Classes, healthy: str | None, out: Path) -> None:
    """Choose guidance scale and depth from TABLES, which tune.py wrote of validation scans.

    The pair wins under which guidance moves patients farthest beyond controls, in standard deviations; no lesion's
    label is used. OUT gets settings.json, which reconstruct.py takes, tuning.csv and pareto.png.

    \b
    Example:
      choose.py tuning/*.csv --out tuning
    """
    import json

    from healthward.inputs.results import read_table
    from healthward.maps.chosen_settings import MADE, MODEL, SETTINGS
    from healthward.maps.tuning import compare_candidates, joined
    from healthward.report.tuning_figures import plot_pareto

    mend, measured = "give the tables that tune.py wrote", [*SETTINGS, "gap", "error", *MADE[1:]]
    text = ("scan", "subject", "label", "healthy", MODEL)
    read = {table: read_table(table, mend, text, measured) for table in tables}
    healthy = healthy or classes.healthy
    measurements = joined(read, healthy)
    compared = compare_candidates(measurements, healthy)
    best = compared.iloc[0]
    settings = {"guidance_scale": float(best["guidance_scale"]), "noise_depth": int(best["noise_depth"])}
    made = {name: measurements[name].tolist()[0] for name in MADE}
    out.mkdir(parents=True, exist_ok=True)
    (out / "settings.json").write_text(json.dumps(settings | made) + "\n")
    compared.to_csv(out / "tuning.csv", index=False, float_format="%.6g")
    plot_pareto(compared, out / "pareto.png")


if __name__ == "__main__":
    choose()
