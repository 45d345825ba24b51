"""The code that a module is made of: its own, and that of all it imports of this package."""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def source_digests(module: str) -> dict[str, str]:
    """Return the SHA-256 of the code of a module and of every one that it imports, directly or not, by their names.

    Code is what Python makes of the source: comments, docstrings and how lines are broken have no part in it.

    Args:
        module: a module of this package, as "training.trainer".
    """
    found: dict[str, str] = {}
    wanted = [module]
    while wanted:
        name = wanted.pop()
        file = PACKAGE / f"{name.replace('.', '/')}.py"
        if name not in found and file.is_file():
            code = _without_words(ast.parse(file.read_text(encoding="utf-8")))
            found[name] = hashlib.sha256(ast.unparse(code).encode()).hexdigest()
            wanted += _imported(code)
    return dict(sorted(found.items()))


def _without_words(code: ast.Module) -> ast.Module:
    """Empty the strings that stand alone: what is said of modules, classes, functions and attributes."""
    for node in ast.walk(code):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            node.value.value = ""
    return code


def _imported(code: ast.AST) -> Iterator[str]:
    """Yield what may be modules of this package in the import statements of `code`, those within functions, too.

    Its imports are absolute (ruff holds that), and the `__init__` of its rooms hold no code.
    """
    for node in ast.walk(code):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}", *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        prefix = f"{PACKAGE.name}."
        yield from (name.removeprefix(prefix) for name in names if name.startswith(prefix))
