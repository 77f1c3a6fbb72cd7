"""Drawing for reports: one look, no global matplotlib state, SVG out.

Pictures are drawn small (about 5.4 inches wide) with full-size type, so that they can still be
read when a phone shows them 340 pixels wide.
"""

from __future__ import annotations

import base64
import contextlib
import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from longtail.report.model import Figure

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

#: Whose a line is: longtail's, that of today's tools, or data and truth. style.css has the same.
OURS = "#14667f"
RIVAL = "#b4532a"
TRUTH = "#3a3f45"
#: Several rivals in one picture.
RIVALS = (RIVAL, "#d9a441", "#8c3b5a")
#: What was there before, behind a line of ours.
BEFORE = "#b9bec3"
GRID = "#e3e0d9"

_STYLE: dict[Any, Any] = {
    "font.size": 10.5,
    "axes.titlesize": 11.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#6b747c",
    "axes.labelcolor": TRUTH,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": "#6b747c",
    "ytick.color": "#6b747c",
    "text.color": TRUTH,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "svg.fonttype": "path",
    "svg.hashsalt": "longtail",
}


def tints(count: int) -> list[tuple[float, float, float]]:
    """Several lines of ours in one picture: from our colour towards white."""
    from matplotlib.colors import to_rgb

    return [
        (r + (1 - r) * share, g + (1 - g) * share, b + (1 - b) * share)
        for share in (0.62 * i / max(1, count - 1) for i in range(count))
        for r, g, b in [to_rgb(OURS)]
    ]


def logarithmic(axes: Axes, left: float) -> None:
    """Let x be logarithmic and begin at `left`, with names at powers of ten only: those between
    would run into each other."""
    axes.set_xscale("log")
    axes.set_xlim(left=left)
    axes.tick_params(axis="x", which="minor", labelbottom=False)


class Drawing:
    """A canvas with its axes; `figure()` gives the finished report figure."""

    def __init__(self, canvas: Canvas, axes: list[Axes]):
        self.canvas = canvas
        self.axes = axes
        self.markup = ""

    @property
    def ax(self) -> Axes:
        """The only axes, or the first."""
        return self.axes[0]

    def figure(self, caption: str, alt: str) -> Figure:
        """The picture with its caption; call after the `with` block has ended."""
        return Figure(self.markup, caption, alt)


@contextlib.contextmanager
def drawing(
    width: float = 5.4, height: float = 3.5, columns: int = 1, rows: int = 1
) -> Iterator[Drawing]:
    """A canvas (inches) of axes, row by row; rendered to SVG at the end."""
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    with matplotlib.rc_context(_STYLE):
        canvas = Canvas(figsize=(width, height), layout="constrained")
        drawn = Drawing(canvas, list(canvas.subplots(rows, columns, squeeze=False).flat))
        yield drawn
        drawn.markup = _svg(canvas)


def _svg(canvas: Canvas) -> str:
    """The <svg> element alone, scalable, with ids that no other picture of the page uses."""
    buffer = io.StringIO()
    canvas.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, count=1, flags=re.S)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1, flags=re.S)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1, flags=re.S)
    return _own_ids(text)


def _own_ids(svg: str) -> str:
    """Prefix every id by a digest of the picture: pages hold several pictures."""
    import hashlib

    prefix = "f" + hashlib.sha256(svg.encode()).hexdigest()[:8] + "-"
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = re.sub(r'href="#', f'href="#{prefix}', svg)
    return re.sub(r"url\(#", f"url(#{prefix}", svg)


def photographs(
    images: dict[str, npt.NDArray[np.uint8]], *, size: int = 96, columns: int = 7
) -> str:
    """A contact sheet of images [height, width, 3] (uint8), each cropped square: an <img>."""
    from PIL import Image

    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * size, rows * size), "white")
    for i, pixels in enumerate(images.values()):
        image = Image.fromarray(pixels)
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = image.crop((left, top, left + side, top + side)).resize((size - 2, size - 2))
        sheet.paste(square, ((i % columns) * size + 1, (i // columns) * size + 1))
    buffer = io.BytesIO()
    sheet.save(buffer, format="JPEG", quality=84)
    return (
        f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}">'
    )
