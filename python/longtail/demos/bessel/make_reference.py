"""Make reference.json: log I and log K at points of the demo's grids, by Arb.

    python -m longtail.demos.bessel.make_reference

Each value is stored as the two doubles nearest to it and to what is left; Arb proves the radius.
"""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

from longtail.demos.bessel.against_scipy import GRIDS, draw_points

POINTS = 24
SEED = 20240
BITS = 200


def main() -> int:
    """Write reference.json beside this file."""
    try:
        from flint import arb, ctx
    except ImportError:
        print("make_reference needs python-flint. Install with: pip install python-flint")
        return 2
    ctx.prec = BITS
    tables: dict[str, dict[str, list[list[float]]]] = {"i": {}, "k": {}}
    for grid in GRIDS:
        orders, arguments = draw_points(grid, POINTS, SEED)
        for key in tables:
            rows = tables[key].setdefault(grid.name, [])
            for v, x in zip(orders.tolist(), arguments.tolist(), strict=True):
                value = log_bessel(arb, ctx, key, v, x)
                high = float(value)
                rows.append([v, x, high, float(value - arb(high))])
    target = pathlib.Path(__file__).with_name("reference.json")
    target.write_text(json.dumps(tables).replace("], [", "],\n[") + "\n", encoding="utf-8")
    return 0


def log_bessel(arb: Any, ctx: Any, key: str, v: float, x: float) -> Any:
    """log I_v(x) or log K_v(x) as an Arb ball of relative radius below 2^-100."""
    precision = BITS
    while True:
        ctx.prec = precision
        order, argument = arb(v), arb(x)
        value = argument.bessel_i(order) if key == "i" else argument.bessel_k(order)
        value = value.log()
        if value.rel_accuracy_bits() > 100:
            return value
        precision *= 2


if __name__ == "__main__":
    sys.exit(main())
