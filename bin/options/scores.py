"""The scores of voxels."""

from typing import Any

import click

from cli import NameList
from healthward.names import SCORES, current_scores


def _current(value: Any, param: click.Parameter | None) -> Any:
    """Return what names scores with the names of today, and say which were former ones."""
    if not isinstance(value, str):
        return value
    names, warnings = current_scores(value, param.opts[0] if param else "")
    for line in warnings:
        click.echo(line, err=True)
    return names


class ScoreName(click.Choice[str]):
    """A score."""

    def __init__(self) -> None:
        super().__init__(list(SCORES))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return super().convert(_current(value, param), param, ctx)


class ScoreList(NameList):
    """Some of the scores with commas between them."""

    def __init__(self) -> None:
        super().__init__(tuple(SCORES))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        return super().convert(_current(value, param), param, ctx)


score_option = click.option(
    "--score", type=ScoreName(), default="likeness", help="The score that is compared with what controls show."
)
scores_option = click.option(
    "--scores",
    type=ScoreList(),
    default="round_trip,anomaly,contrast,class_contrast,likeness,residual",
    help=f"Scores to make of the reconstruction, of {', '.join(SCORES)}.",
)
