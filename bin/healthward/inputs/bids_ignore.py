"""Which files a .bidsignore names: its lines are patterns as in a .gitignore."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

WILDCARDS = {"**/": "(.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
TOKEN = re.compile(r"\*\*/|/\*\*$|\*\*|\*|\?|\[[!^]?\]?[^]]*\]|\\.|.", re.DOTALL)


@dataclass(frozen=True)
class _Pattern:
    regex: re.Pattern[str]
    ignores: bool
    folders_only: bool


class IgnoredFiles:
    """The paths that lines of a .bidsignore name; of several lines about one path the last holds."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._patterns = [_pattern(line) for line in map(str.strip, lines) if line and not line.startswith("#")]

    def __contains__(self, path: PurePosixPath) -> bool:
        """Return whether a file, relative to the dataset, or a folder above it is named."""
        folders = [parent for parent in reversed(path.parents) if parent.name]
        return any(self._named(folder, True) for folder in folders) or self._named(path, False)

    def _named(self, path: PurePosixPath, is_folder: bool) -> bool:
        named = False
        for pattern in self._patterns:
            if (is_folder or not pattern.folders_only) and pattern.regex.fullmatch(path.as_posix()):
                named = pattern.ignores
        return named


def _pattern(line: str) -> _Pattern:
    body = line.removeprefix("!").rstrip("/")
    # A slash other than the last binds a pattern to the folder of the dataset
    anywhere = "" if "/" in body else "(.*/)?"
    regex = "".join(_translated(token) for token in TOKEN.findall(body.removeprefix("/")))
    try:
        compiled = re.compile(anywhere + regex)
    except re.error:
        compiled = re.compile(anywhere + re.escape(body))
    return _Pattern(compiled, not line.startswith("!"), line.endswith("/"))


def _translated(token: str) -> str:
    if token in WILDCARDS:
        return WILDCARDS[token]
    if token.startswith("[") and len(token) > 2:
        return "[" + ("^" if token[1] in "!^" else "") + re.escape(token[1:-1].lstrip("!^")).replace(r"\-", "-") + "]"
    return re.escape(token[-1] if token.startswith("\\") else token)
