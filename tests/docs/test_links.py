"""Links of README.md, CONTRIBUTING.md and the docs: files, headings and the form of addresses.

What Sphinx makes of them is in test_site.py; this is how they work where the Markdown is read.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from docs import pages

_LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+(?:\([^()\s]*\)[^()\s]*)?)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
#: Files of this repository, named in text.
_FILE = re.compile(
    r"`(?:python |pytest |bash )?"
    r"((?:\.ci|bench|csrc|cuda|cmake|docs|examples|python|tests|tools)/[\w./*-]+)[`: ]"
)
#: What a command writes, and is not there before.
_WRITTEN = ("docs/_build",)


def headings(text: str) -> set[str]:
    """Anchors as GitHub and MyST make them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in _HEADING.findall(pages.without_code(text))
    }


@pytest.mark.parametrize("path", pages.PAGES, ids=pages.name)
def test_links(path: Path) -> None:
    """Relative ones lead to a file and a heading of it, others are whole https addresses."""
    broken = []
    for link in _LINK.findall(pages.without_code(path.read_text())):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            if parts.scheme != "https" or "." not in parts.netloc:
                broken.append(link)
            continue
        target = path.parent / parts.path if parts.path else path
        anchors = {""} | (headings(target.read_text()) if target.suffix == ".md" else set())
        if not target.exists() or parts.fragment not in anchors:
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("path", pages.PAGES, ids=pages.name)
def test_files_that_are_named(path: Path) -> None:
    """A file of this repository that a page names is there."""
    named = {each for each in _FILE.findall(path.read_text()) if not each.startswith(_WRITTEN)}
    assert not [each for each in sorted(named) if not any(pages.ROOT.glob(each.rstrip("/.")))]
