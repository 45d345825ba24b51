"""The classes that are compared."""

import click

from healthward.labels import parse_label


def parse_class(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return the canonical name of a class that was named in any case, None where none was."""
    try:
        return None if value is None else parse_label(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


healthy_option = click.option(
    "--healthy", default="CN", help="The class that counts as healthy: CN, EMCI, MCI, LMCI or AD.", callback=parse_class
)
disease_option = click.option(
    "--disease",
    help="The class whose signs are looked for.",
    show_default="the most severe one that was trained on",
    callback=parse_class,
)
