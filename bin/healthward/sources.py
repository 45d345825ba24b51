"""The code that a module is made of: its own, and that of all it imports of this package."""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent


def source_digests(module: str) -> dict[str, str]:
    """Return the SHA-256 of the source of a module and of every one that it imports, directly or not, by their names.

    Args:
        module: a module of this package, as "training".
    """
    found: dict[str, str] = {}
    wanted = [module]
    while wanted:
        name = wanted.pop()
        file = PACKAGE / f"{name}.py"
        if name not in found and file.is_file():
            text = file.read_text(encoding="utf-8")
            found[name] = hashlib.sha256(text.encode()).hexdigest()
            wanted += _imported(ast.parse(text))
    return dict(sorted(found.items()))


def _imported(code: ast.AST) -> Iterator[str]:
    """Yield what may be modules of this package in the import statements of `code`, those within functions, too."""
    for node in ast.walk(code):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = ".".join(filter(None, [PACKAGE.name if node.level else "", node.module]))
            names = [start, *(f"{start}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith(f"{PACKAGE.name}."))
