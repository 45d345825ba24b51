"""How the translation goes."""

import click

steps_option = click.option(
    "--ddim-steps", type=click.IntRange(1, 1000), default=8, help="Steps to that depth, the same back."
)
inversion_iterations_option = click.option(
    "--inversion-iterations", type=click.IntRange(0, 50), default=6, help="Most fixed-point iterations a step."
)
