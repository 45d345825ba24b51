"""The model."""

from collections.abc import Callable
from typing import Any

import click

from cli import existing_file, existing_path
from options.classes import ClassList


def model_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a model of ours, or a pair of .pt files."""
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
        click.option("--model", type=existing_path, required=True, help="Model folder, or a UNet's .pt."),
    ):
        function = option(function)
    return function
