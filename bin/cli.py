"""What the command-line tools share: how they fail, and options that several of them have."""

import logging
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from healthward import __version__
from healthward.errors import InputError
from healthward.labels import parse_label

existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)
existing_directory = click.Path(exists=True, file_okay=False, path_type=Path)
existing_path = click.Path(exists=True, path_type=Path)
output_directory = click.Path(file_okay=False, path_type=Path)


class NumberList(click.ParamType):
    """Whole numbers with commas between them, such as 64,64,64."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is no list of whole numbers with commas between, such as 64,64,64", param, ctx)


class Tool(click.Command):
    """A click command on which a user's mistake is one line on stderr and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        # Libraries' notes to their own developers would bury ours to the user.
        warnings.filterwarnings("ignore", module="torch|monai|generative|torchvision|lpips")
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s", force=True)
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise click.ClickException(str(error)) from error


def tool(function: Callable[..., Any]) -> click.Command:
    """Make `function` a command of this family: `--help` with defaults, `--version`, clean failure."""
    command = click.command(cls=Tool, context_settings={"show_default": True})(function)
    return click.version_option(__version__, package_name="healthward")(command)


def parse_class(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Return the canonical name of a class that was named in any case or by number."""
    try:
        return parse_label(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


seed_option = click.option("--seed", type=click.IntRange(0), default=0, help="Seed of every random choice.")
device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cuda", "mps", "cpu"]),
    default="auto",
    help="Where the network runs; auto takes the first that is there.",
)
healthy_option = click.option(
    "--healthy", default="CN", help="The class that counts as healthy: CN, EMCI, MCI, LMCI or AD.", callback=parse_class
)
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
