"""What the digests of tools are made of: all that can change a result, and no words for people."""

import ast
import io
import json
import tokenize
from pathlib import Path
from typing import NamedTuple

import pytest

from runs import copy_project, launch

HARD = '''#!/usr/bin/env python3
"""A module \\""" that \\\\ says "much"."""

import click  # and "more"

# It's no 'string'

TEMPLATE = """
# kept
"""
""" of that."""
COLOUR, SAID = "#fff", f"{COLOUR!r:#>9}" '"""' "it's # kept"
HELP = click.option(
    "--help-of", default="help='kept'", help="Of, "  # between
    'it\\'s'
    f"{', '.join(['a'])}.", metavar="# kept",
)
helpless = help = "kept"


class Empty:

    r"""Nothing."""


def function(text=r"\\\\"):  # """
    """Ends."""
    return text  or """
    # kept

    """
'''


EDITED = {
    "report/assets/page.html.j2": {"aggregate"},
    "norms/abnormality.py": {"calibrate"},
    "evaluation/perceptual.py": {"reconstruct", "score", "aggregate"},
}
"""Files of the library and the tools whose results they are part of."""


class Project(NamedTuple):
    """A copy of the project: its digest of each tool, and what is left of each of its sources."""

    folder: Path
    digests: dict[str, str]
    sources: dict[str, str]


def words_of(code: ast.AST) -> list[ast.expr]:
    """Return what docstrings and help texts are, by Python's own parser."""
    alone = [node.value for node in ast.walk(code) if isinstance(node, ast.Expr)]
    helps = [node.value for node in ast.walk(code) if isinstance(node, ast.keyword) and node.arg == "help"]
    return [
        word
        for word in alone + helps
        if isinstance(word, ast.JoinedStr) or (isinstance(word, ast.Constant) and isinstance(word.value, str))
    ]


def wordless(text: str) -> str:
    code = ast.parse(text)
    words = words_of(code)
    for node in ast.walk(code):
        for name, value in ast.iter_fields(node):
            if value in words:
                setattr(node, name, ast.Constant(""))
    return ast.dump(code)


def reworded(text: str) -> str:
    """Return a source with more to say in each docstring, help text and comment, and between its statements."""
    starts = {(word.lineno, word.col_offset) for word in words_of(ast.parse(text))}
    lines = text.splitlines(keepends=True)
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(text).readline))):
        if token.type not in (tokenize.COMMENT, tokenize.STRING):
            continue
        row, column = token.start
        line = lines[row - 1]
        if token.type == tokenize.COMMENT and not token.string.startswith("#!"):
            lines[row - 1] = f"{line[: column + 1]} it's \"more{line[column + 1 :]}"
        elif token.type == tokenize.STRING and (row, len(line[:column].encode())) in starts:
            mark = '"""' if '"""' in token.string else token.string[-1]
            lines[row - 1] = line[:column] + line[column:].replace(mark, f"{mark}More # ", 1)
    return "".join(lines).replace("\ndef ", "\n\n    # More\ndef ")


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Project]:
    """Copies of the project by what was edited there."""
    folder = tmp_path_factory.mktemp("digests")
    copies = {name: copy_project(folder / name.replace("/", " ")) for name in ("nothing", "words", "number", *EDITED)}
    (copies["nothing"] / "bin/healthward/hard.py").write_text(HARD)
    for source in (copies["words"] / "bin").rglob("*.py"):
        source.write_text(reworded(source.read_text()))
    seed = copies["number"] / "bin/options/seed.py"
    seed.write_text(seed.read_text().replace("default=0", "default=1"))
    for name in EDITED:
        with (copies[name] / "bin/healthward" / name).open("a") as file:
            file.write("\nEDITED = True\n")
    paths, found = ",".join(map(str, copies.values())), folder / "found.json"
    script = Path(__file__).with_name("code.nf")
    process = launch(folder, "run", str(script), "-ansi-log", "false", "--projects", paths, "--found", str(found))
    output, _ = process.communicate()
    assert process.returncode == 0, output
    return {
        name: Project(copy, {tool: code["digest"] for tool, code in stated["digests"].items()}, stated["sources"])
        for (name, copy), stated in zip(copies.items(), json.loads(found.read_text()), strict=True)
    }


def test_digests_leave_out_words_alone(projects: dict[str, Project]) -> None:
    sources = projects["nothing"].sources
    assert len(sources) > 80
    for path, left in sources.items():
        assert ast.dump(ast.parse(left)) == wordless(Path(path).read_text()), path


def test_digests_are_blind_to_every_word(projects: dict[str, Project]) -> None:
    before, after = projects["nothing"], projects["words"]
    hint = str(after.folder / "bin/options/seed.py")
    assert "More # Seed of every random choice." in Path(hint).read_text()
    for path, left in after.sources.items():
        assert left == before.sources[path.replace(str(after.folder), str(before.folder))], path
    assert after.digests == before.digests


def test_an_edited_number_is_that_of_the_tools_that_use_it(projects: dict[str, Project]) -> None:
    before, after = projects["nothing"].digests, projects["number"].digests
    assert {tool for tool in before if before[tool] != after[tool]} == {"simulate", "train", "reconstruct"}


@pytest.mark.parametrize("name", EDITED)
def test_an_edited_file_is_that_of_the_tools_that_use_it(name: str, projects: dict[str, Project]) -> None:
    before, after = projects["nothing"].digests, projects[name].digests
    assert {tool for tool in before if before[tool] != after[tool]} == EDITED[name]
