"""The site that Sphinx builds: no warning, every public name, no dead link."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import longtail
from docs.pages import ROOT

MODULES = [
    "longtail",
    *(f"longtail.{name}" for name in longtail._MODULES),
    "longtail.integrations.transformers",
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pages are; .ci/run has built them already and says where by LONGTAIL_SITE."""
    if "LONGTAIL_SITE" in os.environ:
        return Path(os.environ["LONGTAIL_SITE"])
    for package in ("furo", "latex2mathml", "myst_parser"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "docs", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def public() -> dict[str, list[str]]:
    """Every public object and the names that it goes by, longtail.x before longtail.module.x."""
    names: dict[int, list[str]] = {}
    for name in MODULES:
        try:
            module = importlib.import_module(name)
        except ImportError:  # transformers is not there
            continue
        for each in getattr(module, "__all__", ()):
            value = getattr(module, each)
            if isinstance(value, type(module)) or each == "__version__":
                continue
            names.setdefault(id(value), []).append(f"{name}.{each}")
    return {each[0]: each for each in names.values()}


PUBLIC = public()


def listed() -> set[str]:
    """The names of docs/api.md."""
    text = (ROOT / "docs/api.md").read_text()
    return set(re.findall(r"^ +~?(longtail\.[\w.]+)$", text, re.MULTILINE))


@pytest.mark.parametrize("name", PUBLIC)
def test_name_is_in_the_reference(name: str) -> None:
    assert listed() & set(PUBLIC[name])


def test_names_of_the_reference_are_public() -> None:
    """None that is gone, or that nobody should use."""
    known = {each for names in PUBLIC.values() for each in names}
    gone = {each for each in listed() if each not in known}
    assert not {each for each in gone if not each.startswith("longtail.integrations.transformers")}


def test_names_of_the_reference_are_explained(site: Path) -> None:
    """Each has an entry of its own somewhere, made from its docstring."""
    text = (site / "api.html").read_text()
    unlinked = [
        name for name in sorted(listed()) if not re.search(rf'href="[^"]*#{re.escape(name)}"', text)
    ]
    assert not unlinked


class Links(HTMLParser):
    """What a page refers to, and what can be referred to in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors = {""}
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors |= {found.get("id") or "", found.get("name") or ""}
        for key in ("href", "src"):
            if found.get(key):
                self.targets.append(str(found[key]))


def test_links(site: Path) -> None:
    """Every link inside of the site leads to a file, and to an anchor that it has."""
    links = {path.resolve(): Links(path) for path in site.rglob("*.html")}
    assert len(links) > 30
    broken = []
    for path, page in links.items():
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            other = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = links[other].anchors if other in links else {""}
            if not other.is_file() or unquote(parts.fragment) not in known:
                broken.append(f"{path.name}: {target}")
    assert not broken


def test_formulas_are_mathml(site: Path) -> None:
    """No page fetches a script to show one."""
    text = (site / "families/bessel.html").read_text()
    assert "<math" in text and not re.search(r'src="[^"]*mathjax', text, re.IGNORECASE)
