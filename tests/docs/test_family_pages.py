"""What every page of a family has: a formula, the contract, numbers, times and an example."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import pages

#: Pages with functions or modules in them; the others are tables that belong to one of these.
FAMILY = [
    page
    for page in pages.PAGES
    if page.parent.name == "families" and "autofunction" in page.read_text()
]
HAS = {
    "a formula": r"^\$\$|\$[^$\n]+\$",
    "the contract": r"\]\(\.\./contract\.md[^)]*\)",
    "accuracy": r"^#+ (Accuracy|Convergence|How close it is)",
    "times": r"!\[[^\]]*\]\(\.\./images/bench_\w+\.svg\)|\]\(\w[\w-]*\.md#times\)",
    "an example": r"^```python",
}
#: It runs models on the functions of other pages, where the formulas are.
WITHOUT_FORMULA = "integrations"
CELLS = [
    pytest.param(page, what, id=f"{page.stem}-{what}")
    for page in FAMILY
    for what in HAS
    if (page.stem, what) != (WITHOUT_FORMULA, "a formula")
]


@pytest.mark.parametrize(("path", "what"), CELLS)
def test_page_has(path: Path, what: str) -> None:
    found = re.search(HAS[what], path.read_text(), re.MULTILINE)
    assert found, f"{pages.name(path)} lacks {what}: {HAS[what]}"
