"""The cube that every scan is brought into."""

import click

size_option = click.option("--size", type=click.IntRange(32, 512), default=128, help="Edge of cube and slices, voxels.")
slice_range_option = click.option(
    "--slice-range",
    type=(click.FloatRange(0, 1), click.FloatRange(0, 1)),
    default=(0.35, 0.75),
    help="Part of each axis that is cut, as two fractions.",
)
fov_option = click.option(
    "--fov", type=click.FloatRange(32, 1024), default=192.0, help="Edge of the cube in millimetres."
)
