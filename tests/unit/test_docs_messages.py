"""The messages that docs/troubleshooting.md explains are those of the source, and none of the source's is missing."""

import ast
import re

import pytest

from runs import PROJECT

PAGE = PROJECT / "docs" / "troubleshooting.md"
PYTHON = sorted(PROJECT.glob("bin/**/*.py"))
OTHERS = [*PROJECT.glob("modules/*.nf"), *PROJECT.glob("conf/*.sh"), *PROJECT.glob("containers/*.sh")]
GAP = "…"
SHORTEST = 8
REPORTED_BY = ("InputError", "UnfitVolumeError", "UsageError", "report", "warning")
"""Names of the calls by which the code reports something to a user."""


def template(node: ast.AST) -> str | None:
    """Return a text of the source with a gap for each value in it; None for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%[sd]", GAP, node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(GAP if isinstance(part, ast.FormattedValue) else str(template(part)) for part in node.values)
    return None


def texts() -> str:
    """Return every text of the source, one a line."""
    found = [template(node) for path in PYTHON for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    return "\n".join([text for text in found if text] + [path.read_text(encoding="utf-8") for path in OTHERS])


def documented() -> list[str]:
    """Return the first cell of every row below a header `message`."""
    messages, inside = [], False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        inside = line.startswith("| message |") or (inside and line.startswith("|"))
        cell = re.match(r"\| `(.+?)` \|", line)
        if inside and cell:
            messages.append(cell[1])
    return messages


def fragments(message: str) -> list[str]:
    """Return the parts of a message between its gaps that distinguish it from others."""
    parts = [part.strip(" :;,.'()") for part in message.split(GAP)]
    return [part for part in parts if len(part) >= SHORTEST] or [max(parts, key=len)]


def stale(message: str, source: str) -> list[str]:
    """Return the fragments that the source holds neither whole nor in two pieces, as it puts some lines together."""

    def in_two(part: str) -> bool:
        pieces = ((part[:at].rstrip(" ;,"), part[at + 1 :].lstrip()) for at, letter in enumerate(part) if letter == " ")
        return any(min(map(len, pair)) >= SHORTEST and all(piece in source for piece in pair) for pair in pieces)

    return [part for part in fragments(message) if part not in source and not in_two(part)]


def reported() -> list[str]:
    """Return every text that the code reports to a user, as far as it is written where it is reported."""
    found = []
    for path in PYTHON:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in REPORTED_BY:
                    found += [text for argument in node.args if (text := template(argument))]
    return found


SOURCE = texts()


@pytest.mark.parametrize("message", documented())
def test_message_is_still_in_the_source(message: str) -> None:
    assert stale(message, SOURCE) == []


def test_no_message_of_the_source_is_missing() -> None:
    page = "\n".join(documented())
    longest = [(text, max(fragments(text), key=len)) for text in reported()]
    missing = [text for text, part in longest if len(part) >= SHORTEST and part not in page]
    assert missing == [], "docs/troubleshooting.md lacks these"


def test_a_stale_message_is_noticed() -> None:
    assert stale("…: no sheet ever said this; give …", SOURCE) == ["no sheet ever said this; give"]
    assert fragments("… has the same voxels as …; keep one of them") == ["has the same voxels as", "keep one of them"]
