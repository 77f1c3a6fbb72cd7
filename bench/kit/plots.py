"""Draws records as SVG: one group of bars a case, one bar a provider, ns an element."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .records import Record

# One colour a provider, ours first; from the Okabe-Ito palette, which colour-blind readers tell
# apart.
_COLOURS = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"),
    *("#F0E442", "#000000"),
)


def bars(records: Sequence[Record], path: Path, title: str, floor: float | None = None) -> Path:
    """Median times with their p20 to p80 spread; `floor` is drawn as a line."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    # Glyphs stay text, and the same records give the same file.
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "longtail", "font.size": 9})
    tasks = list(dict.fromkeys((r.kernel, r.case) for r in records))
    providers = list(dict.fromkeys((r.provider, r.threads) for r in records))
    figure, axis = plt.subplots(figsize=(1.2 + 0.95 * len(tasks), 3.4), layout="constrained")
    width = 0.8 / len(providers)
    for index, (provider, threads) in enumerate(providers):
        mine = [r for r in records if (r.provider, r.threads) == (provider, threads)]
        places = [
            tasks.index((r.kernel, r.case)) + (index - (len(providers) - 1) / 2) * width
            for r in mine
        ]
        axis.bar(
            places,
            [r.median for r in mine],
            width,
            label=f"{provider}, {threads} thread{'s' if threads > 1 else ''}",
            color=_COLOURS[index % len(_COLOURS)],
            yerr=[[r.median - r.p20 for r in mine], [r.p80 - r.median for r in mine]],
            error_kw={"linewidth": 0.8},
        )
    if floor:
        axis.axhline(floor, color="black", linewidth=0.8, linestyle=":", label="copy bandwidth")
    axis.set_yscale("log")
    axis.set_ylabel("ns an element (lower is better)")
    # A word of the kernel a line: whole names run into each other.
    labels = ["\n".join([*kernel.split(), case]) for kernel, case in tasks]
    axis.set_xticks(range(len(tasks)), labels, fontsize=7)
    axis.set_title(title, fontsize=9)
    axis.legend(fontsize=7, ncols=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path
