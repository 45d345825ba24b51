"""Every relative link of the documentation leads somewhere: its file exists, and in that file the heading."""

import json
import re
from pathlib import Path

import pytest

from runs import PROJECT

PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md"), *PROJECT.glob("docs/*.ipynb")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def text_of(page: Path) -> str:
    """Return a page's Markdown without what is code."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return re.sub(r"(?ms)^ *```.*?^ *```", "", text)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r"(?m)^#+ +(.+?) *$", text_of(page)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        again = sum(anchor == slug or bool(re.fullmatch(rf"{re.escape(slug)}-\d+", anchor)) for anchor in found)
        found.add(f"{slug}-{again}" if again else slug)
    return found


def links(page: Path) -> list[str]:
    return [link for link in LINK.findall(re.sub(r"`[^`\n]*`", "", text_of(page))) if "://" not in link]


def broken(page: Path) -> list[str]:
    """Return the relative links of a page that lead nowhere."""
    found = []
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


def test_there_are_pages() -> None:
    assert {page.name for page in PAGES} >= {"README.md", "CHANGELOG.md", "troubleshooting.md", "walkthrough.ipynb"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One, two\n[a](#one-two) [b](#three) [c](gone.md) [d](page.md#one-two) `[e](code.md)`\n")
    assert broken(page) == ["#three", "gone.md"]


def test_every_page_is_in_the_index_of_the_readme() -> None:
    named = {(PROJECT / link.partition("#")[0]).resolve() for link in links(PROJECT / "README.md")}
    assert {page.name for page in PAGES if page.resolve() not in named and page.name != "README.md"} == set()
