"""What the command-line tools share: how they fail, and the kinds of values that they take."""

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
