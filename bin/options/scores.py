"""The scores of voxels."""

import click

from healthward.names import SCORES

score_option = click.option(
    "--score",
    type=click.Choice(list(SCORES)),
    default="likeness",
    help="The score that is compared with what controls show.",
)
