"""Which scan it is, and how it was prepared."""

import click

from cli import existing_directory
from healthward.inputs.fields import parsed_id

prepared_option = click.option(
    "--prepared",
    type=existing_directory,
    help="Folder that prepare.py made of IMAGE; without it, IMAGE is used as it is.",
)


def parse_id(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Return an id that may become a file's name, as a samplesheet may have it."""
    try:
        return parsed_id(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
