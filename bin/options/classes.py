"""The classes of a cohort, and those that are compared."""

from typing import Any

import click

from healthward.labels import UNKNOWN, Classes, parsed_classes


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


def parse_class(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return a class that was named in any case as --classes has it, and as it is where a model knows its classes."""
    classes: Classes | None = ctx.params.get("classes")
    try:
        return value if value is None or classes is None else classes.named(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def parse_label(ctx: click.Context, param: click.Parameter, value: str) -> str | None:
    """Return the class of a scan as `parse_class` does, or that it is unknown."""
    return UNKNOWN if value.lower() == UNKNOWN else parse_class(ctx, param, value)


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
    help="The class whose signs are tested for.",
    show_default="the most severe one that was trained on",
    callback=parse_class,
)
