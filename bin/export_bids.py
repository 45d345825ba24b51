#!/usr/bin/env python3
"""Give maps and tables of a run the names of BIDS derivatives."""

from pathlib import Path

import click

from cli import existing_directory, existing_file, output_directory, tool


@tool
@click.argument("maps", type=existing_file, nargs=-1, required=True)
@click.option("--samplesheet", type=existing_file, required=True, help="Normalised samplesheet, as check.py writes it.")
@click.option("--tables", type=existing_directory, help="Folder of the cohort's CSV tables.")
@click.option("--discreet", is_flag=True, help="Do not name the files that the maps were made of.")
@click.option("--link", is_flag=True, help="Link to the maps instead of copying them.")
@click.option("--out", type=output_directory, required=True, help="Folder of the derivative dataset to write.")
def export_bids(
    maps: tuple[Path, ...], samplesheet: Path, tables: Path | None, discreet: bool, link: bool, out: Path
) -> None:
    """Write MAPS, the files <scan>_<kind>.nii.gz of a run, as a BIDS derivative dataset.

    Each map goes to sub-…/[ses-…/]anat with a JSON sidecar that says what it shows and what it was made of. A scan of a
    BIDS dataset keeps its name; of any other, subject and id become sub- and ses-. OUT also gets the tables as
    group_desc-….tsv, participants.tsv and dataset_description.json.

    \b
    Example:
      export_bids.py maps/*/*.nii.gz --samplesheet checked/samplesheet.csv --tables tables --out bids
    """
    from healthward import __version__
    from healthward.maps.bids_derivatives import export

    export(maps, list(tables.glob("*.csv")) if tables else [], samplesheet, out, __version__, link, discreet)


if __name__ == "__main__":
    export_bids()
