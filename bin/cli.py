"""What the command-line tools share: how they fail, and options that several of them have."""

import errno
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from healthward import __version__
from healthward.errors import InputError
from healthward.inputs.fields import parsed_id
from healthward.labels import Classes, parsed_classes


def _last(foreign: str) -> None:
    """Put what PYTHONPATH names behind this Python's own libraries: a cluster's modules set it for other Pythons."""
    named = {entry for entry in foreign.split(os.pathsep) if entry} - {str(Path(__file__).parent)}
    sys.path[:] = [entry for entry in sys.path if entry not in named] + [entry for entry in sys.path if entry in named]


_last(os.environ.get("PYTHONPATH", ""))

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


class DecimalList(click.ParamType):
    """Numbers above 0 with commas between them, such as 1,2.5,4."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(float(part) for part in str(value).split(","))
        except ValueError:
            numbers = ()
        if not numbers or not all(0 < number < float("inf") for number in numbers):
            self.fail(f"{value!r} is no list of numbers above 0 with commas between, such as 1,2.5,4", param, ctx)
        return numbers


class NameList(click.ParamType):
    """Some of several names with commas between them, in any order; given in the order of `choices`, each once."""

    name = "list"

    def __init__(self, choices: tuple[str, ...]) -> None:
        self.choices = choices

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        names = [name.strip() for name in str(value).split(",")]
        for name in names:
            if name not in self.choices:
                self.fail(f"{name!r} is none of {', '.join(self.choices)}", param, ctx)
        return tuple(choice for choice in self.choices if choice in names)


class ClassList(click.ParamType):
    """Names of classes with commas between them, such as CN,MCI,AD, from the healthy to the most severe one."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Classes:
        if isinstance(value, Classes):
            return value
        try:
            return parsed_classes(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


# As healthward.maps.scores has them, whose import would make --help slow
SCORES = (
    *("round_trip", "anomaly", "signed", "contrast", "class_contrast", "disease", "residual", "ssim_ensemble"),
    *("perceptual_residual", "mahalanobis", "forward", "deformation"),
)


MENDS = {
    errno.ENOSPC: "free some space, or write to another disk",
    errno.EDQUOT: "free some of your quota, or write to another disk",
    errno.EFBIG: "the disk or a limit (ulimit -f) takes no larger file; write to another disk",
    errno.EROFS: "write to another folder",
    errno.EACCES: "see to its permissions",
    errno.EPERM: "see to its permissions",
    errno.EIO: "the disk fails; write to another one",
    errno.ESTALE: "the file system lost the file; run this again",
    errno.ENOENT: "correct the path, or let the tool that writes it run first",
    errno.ENOTDIR: "give the path of a folder",
    errno.EISDIR: "give the path of a file",
    errno.EEXIST: "give another name, or remove what is there",
    errno.ENAMETOOLONG: "give a shorter name",
}
"""What to do about the failures of a disk that a user can mend."""


class Tool(click.Command):
    """A click command on which a user's mistake, or a full disk, is one line on stderr and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        # Libraries' notes to their own developers would bury ours to the user.
        warnings.filterwarnings("ignore", module="torch|monai|generative|torchvision|lpips")
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s", force=True)
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise click.ClickException(str(error)) from error
        except ModuleNotFoundError as error:
            mend = "activate the environment of make setup (source .venv/bin/activate), or name the image"
            raise click.ClickException(f"{sys.executable} lacks {error.name}; {mend}") from error
        except OSError as error:
            # NumPy counts the bytes that it could write, and leaves out why
            number = errno.ENOSPC if re.search(r"requested and \d+ written", str(error)) else error.errno
            if number not in MENDS:
                raise
            place = error.filename or ctx.params.get("out")
            raise click.ClickException(f"{place}: {os.strerror(number)}; {MENDS[number]}") from error


def tool(function: Callable[..., Any]) -> click.Command:
    """Make `function` a command of this family: `--help` with defaults, `--version`, clean failure."""
    command = click.command(cls=Tool, context_settings={"show_default": True})(function)
    return click.version_option(__version__, package_name="healthward")(command)


def parse_class(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return a class that was named in any case as --classes has it, and as it is where a model knows its classes."""
    classes: Classes | None = ctx.params.get("classes")
    try:
        return value if value is None or classes is None else classes.named(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def parse_id(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Return an id that may become a file's name, as a samplesheet may have it."""
    try:
        return parsed_id(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


seed_option = click.option("--seed", type=click.IntRange(0), default=0, help="Seed of every random choice.")
device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cuda", "mps", "cpu"]),
    default="auto",
    help="Where the network runs; auto takes the first that is there.",
)
precision_option = click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    default="auto",
    help="What the network computes in; auto takes bfloat16 on CUDA, float32 elsewhere.",
)
# Eager, since the other options that name a class are held against it
classes_option = click.option(
    "--classes",
    type=ClassList(),
    default="CN,EMCI,MCI,LMCI,AD",
    is_eager=True,
    help="All classes with commas between them, from the healthy to the most severe one.",
)
healthy_option = click.option(
    "--healthy",
    help="The class that counts as healthy.",
    show_default="the first of the classes",
    callback=parse_class,
)
disease_option = click.option(
    "--disease",
    help="The class whose signs are looked for.",
    show_default="the most severe one that was trained on",
    callback=parse_class,
)
steps_option = click.option(
    "--ddim-steps", type=click.IntRange(1, 1000), default=8, help="Steps to that depth, the same back."
)
inversion_iterations_option = click.option(
    "--inversion-iterations", type=click.IntRange(0, 50), default=6, help="Most fixed-point iterations a step."
)
score_option = click.option(
    "--score",
    type=click.Choice(SCORES),
    default="disease",
    help="The score that is compared with what controls show.",
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


def model_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a model of ours, or a pair of .pt files."""
    folder = click.Path(exists=True, path_type=Path)
    for option in (
        click.option("--head-channels", type=click.IntRange(1), default=16, help="With a .pt: channels a head."),
        click.option(
            "--classes",
            type=ClassList(),
            is_eager=True,
            help="With a .pt: its classes, as training was given them.",
            show_default="CN,EMCI,MCI,LMCI,AD",
        ),
        click.option("--embedding", type=existing_file, help="With a UNet's .pt: the embedding's .pt."),
        click.option("--model", type=folder, required=True, help="Model folder, or a UNet's .pt."),
    ):
        function = option(function)
    return function
