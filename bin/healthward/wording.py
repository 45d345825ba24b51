"""How a mistake is put into words: the value as it was written, and the nearest valid name."""

import difflib
import re
from collections.abc import Hashable, Iterable

LONGEST_VALUE = 120
MOST_OF_A_KIND = 3
"""Lines of one kind, and others that the first of more names: what is wrong throughout a table has one mend."""

QUOTED = re.compile(r"""(?<!\w)(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")
VALUE = re.compile(rf"{QUOTED.pattern}|[^\s,;]*(?:[0-9/]|sub-|ses-)[^\s,;]*")
VALUES = re.compile("…(, …)*( and … more)?")


def shown(value: object) -> str:
    """Return `value` quoted on one line, its control characters escaped and its middle cut when it is long."""
    text = repr(value)
    if len(text) <= LONGEST_VALUE:
        return text
    half = LONGEST_VALUE // 2 - 2
    return f"{text[:half]} … {text[-half:]}"


def printable(name: str) -> str:
    """Return a name that stands within a line as it is, or `shown` where it would break it or say too much."""
    return name if name.isprintable() and len(name) <= LONGEST_VALUE else shown(name)


def plain(name: str) -> str:
    """Return a name without what people vary in it: case, dashes, underscores, spaces."""
    return re.sub(r"[\s_-]", "", name).lower()


def nearest(name: str, names: Iterable[str], likeness: float = 0.5) -> str | None:
    """Return the one of `names` that resembles `name` most, None when none does by this `likeness`, 0 to 1."""
    by_plain = {plain(candidate): candidate for candidate in names}
    close = difflib.get_close_matches(plain(name), by_plain, n=1, cutoff=likeness)
    return by_plain[close[0]] if close else None


def listed(items: Iterable[object], most: int = 5) -> str:
    """Return the items with commas between them; of more than `most`, the first ones and how many follow."""
    texts = [str(item) for item in items]
    if len(texts) <= most:
        return ", ".join(texts)
    return f"{', '.join(texts[:most])} and {len(texts) - most} more"


def counted(many: int, one: str) -> str:
    """Return a number with its noun, which an s makes plural."""
    return f"{many} {one}" if many == 1 else f"{many} {one}s"


def kind_of(text: str) -> str:
    """Return a complaint without its values, numbers and names, which is that of all complaints of its kind."""
    return VALUES.sub("…", VALUE.sub("…", text))


def value_in(text: str) -> str:
    """Return the first value that a complaint quotes, empty for none."""
    found = QUOTED.search(text)
    return found.group() if found else ""


def condensed(complaints: Iterable[tuple[Hashable, str, str]], most: int = MOST_OF_A_KIND) -> list[str]:
    """Return the lines of (kind, line, what it is about); of a kind with over `most` the first, which names others."""
    by_kind: dict[Hashable, list[tuple[str, str]]] = {}
    for key, line, about in complaints:
        by_kind.setdefault(key, []).append((line, about))
    lines = []
    for found in by_kind.values():
        if len(found) <= most:
            lines += [line for line, _ in found]
        else:
            (line, _), *others = found
            named = listed((about for _, about in others), MOST_OF_A_KIND)
            lines.append(f"{line}; {len(others)} more like this: {named}")
    return lines
