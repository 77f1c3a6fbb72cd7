"""Makes the committed tables of this folder: ``PYTHONPATH=tests python -m bessel.golden.make``.

values.npz           log I, log K                          2400 points of each of the 9 grids
jets_<function>.npz  one function, its partial derivatives  250 points of each
<dtype>.npz          one function at points of that dtype    45 points of each

A few minutes on one core; every number is proven (see bessel/oracle.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from bessel import oracle, tables

VALUES, JETS, NARROW = 2400, 250, 45


def main() -> None:
    """Makes every table and prints its size and time."""
    work: dict[str, Callable[[], tables.Table]] = {
        "values": lambda: tables.value_table(VALUES, tables.SEED),
    }
    for function in oracle.FUNCTIONS:
        work[f"jets_{function}"] = lambda f=function: tables.jet_table(f, JETS, tables.SEED)
        for dtype in tables.NARROW_DTYPES:
            work[f"{dtype}_{function}"] = lambda f=function, d=dtype: tables.narrow_table(
                f, d, NARROW, tables.SEED
            )
    for name, make in work.items():
        start = time.perf_counter()
        table = make()
        size = tables.save(tables.FOLDER / f"{name}.npz", table)
        seconds = time.perf_counter() - start
        print(f"{name:28} {len(table.first):6} points {size:8} bytes {seconds:6.1f} s", flush=True)


if __name__ == "__main__":
    main()
