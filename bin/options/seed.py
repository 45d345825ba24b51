"""The seed."""

import click

seed_option = click.option("--seed", type=click.IntRange(0), default=0, help="Seed of every random choice.")
