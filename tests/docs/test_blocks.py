"""Every Python block of README.md and the docs runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from docs import pages

#: README's blocks are glimpses of several stories: what a block with such a call takes for granted.
GIVEN = {
    "log_bessel_i(v, x)": "v, x = torch.tensor([16383.0, 1638.0]).double()",
    ".fit(rows)": "rows = torch.nn.functional.normalize(torch.randn(50, 8).double(), dim=1)",
    "attention(q, k, v": "q, k, v = torch.randn(3, 1, 4, 64, 64)",
    "model(x)": "model, x = torch.nn.TransformerEncoderLayer(64, 4).eval(), torch.randn(2, 16, 64)",
    "long_conv(u, k": "u, k, d = torch.randn(2, 4, 100), torch.randn(4, 100), torch.ones(4)",
    "diffusion_solve(a, f": "a, f = 1 + torch.rand(2, 31, 31).double()",
}
RUNNABLE = [page for page in pages.PAGES if any(not b.reason for b in pages.read(page).blocks)]


@pytest.mark.parametrize("path", RUNNABLE, ids=pages.name)
def test_page_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Top to bottom, in an empty folder; a traceback names the line of the page."""
    page = pages.read(path)
    for package in page.needs:
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    space: dict[str, object] = {"__name__": "__main__"}
    for block in page.blocks:
        if not block.reason:
            if path.name == "README.md":
                given = [code for call, code in GIVEN.items() if call in block.code]
                exec("\n".join(["import torch", *given]), space)
            exec(compile("\n" * block.line + block.code, str(path), "exec"), space)


def test_only_named_blocks_are_left_out() -> None:
    """What is not run has a reason; few are."""
    left_out = [
        (pages.name(path), block.reason)
        for path in pages.PAGES
        for block in pages.read(path).blocks
        if block.reason
    ]
    assert len(left_out) <= 3, left_out


def test_blocks_are_found(tmp_path: Path) -> None:
    """Hidden and shown ones with their lines; a reason belongs to one block."""
    path = tmp_path / "page.md"
    path.write_text(
        "# Page\n\n<!-- needs torch -->\n<!-- run:\na = 1\n-->\n\n```python\nb = a\n```\n\n"
        "<!-- not run: no GPU -->\n```python\nc\n```\n\n```bash\nd\n```\n\n```python\ne = b\n```\n"
    )
    page = pages.read(path)
    assert page.needs == ("torch",)
    assert [(b.line, b.code.strip(), b.reason) for b in page.blocks] == [
        (3, "a = 1", None),
        (8, "b = a", None),
        (13, "c", "no GPU"),
        (21, "e = b", None),
    ]
