#!/usr/bin/env python3
"""Download the networks behind LPIPS and FID."""

from pathlib import Path

import click

from cli import output_directory, tool


@tool
@click.option("--out", type=output_directory, required=True, help="Folder to write; name it to a run with --weights.")
def fetch(out: Path) -> None:
    """Download the weights of the networks behind LPIPS and FID, some 330 MB, on a machine with a network.

    What OUT already has is not downloaded again. Runs never download anything: they are given OUT by --weights.

    \b
    Example:
      fetch_weights.py --out weights
    """
    from healthward.evaluation.weights import fetch_weights

    fetch_weights(out)
    for file in sorted(out.iterdir()):
        click.echo(file)


if __name__ == "__main__":
    fetch()
