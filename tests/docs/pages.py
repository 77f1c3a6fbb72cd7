"""The Markdown that people read, and the Python in it.

A page's blocks are run one after the other in one namespace, as a reader would paste them. What a
page does not show stands beside them in comments that no reader sees:

    <!-- run: ... -->        Python that is run but not shown: data, small models
    <!-- needs NAME -->      a package without which the page is not run
    <!-- not run: why -->    the next block is not run
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    + list((ROOT / "tests").rglob("*.md"))
)
PAGES = [page for page in PAGES if "_build" not in page.parts]

_PARTS = re.compile(
    r"^<!-- run:(?P<hidden>.*?)-->"
    r"|^<!-- needs (?P<needs>\S+) -->"
    r"|^<!-- not run: (?P<reason>.+?) -->"
    r"|^```python\n(?P<shown>.*?)^```",
    re.DOTALL | re.MULTILINE,
)


class Block(NamedTuple):
    """Python of a page, and why it is not run where it is not."""

    line: int
    code: str
    reason: str | None = None


class Page(NamedTuple):
    """What of a page can be run."""

    path: Path
    needs: tuple[str, ...]
    blocks: tuple[Block, ...]


def name(page: Path) -> str:
    """As tests show it."""
    return page.relative_to(ROOT).as_posix()


def read(path: Path) -> Page:
    """The Python of a page."""
    text = path.read_text()
    return Page(path, tuple(re.findall(r"^<!-- needs (\S+) -->", text, re.M)), tuple(_blocks(text)))


def _blocks(text: str) -> Iterator[Block]:
    reason = None
    for found in _PARTS.finditer(text):
        code = found["shown"] if found["shown"] is not None else found["hidden"]
        if found["reason"]:
            reason = found["reason"]
        elif code is not None:
            start = found.start("shown" if found["shown"] is not None else "hidden")
            yield Block(text.count("\n", 0, start), code, reason if found["shown"] else None)
            reason = None


def without_code(text: str) -> str:
    """Prose alone: fenced blocks become empty lines."""
    return re.sub(
        r"^(`{3,}|:{3,}\{literalinclude).*?^\1?`{3,}$",
        lambda found: "\n" * found[0].count("\n"),
        text,
        flags=re.DOTALL | re.MULTILINE,
    )
