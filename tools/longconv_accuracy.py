"""The accuracy tables of long convolutions, in docs/families/long-conv.md, s4d.md, short-conv.md.

    python tools/longconv_accuracy.py [--seed N ...] [--write]

Measures every CPU level of this machine in a process of its own (tools/longconv_errors.py); exit
status 1 if an error passes its limit in csrc/longconv/contract.json. --write puts the tables
between the markers of the pages, the larger error of the seeds in every cell. A minute a seed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs/families"
LEVELS = ("scalar", "avx2", "avx512", "neon")
DTYPES = ("float64", "float32", "float16", "bfloat16")
TORCH = "torch rfft"
CONTRACT = json.loads((ROOT / "csrc/longconv/contract.json").read_text())
#: glibc keeps what is freed: page faults are most of the time otherwise.
WARM = {"MALLOC_MMAP_THRESHOLD_": str(1 << 32), "MALLOC_TRIM_THRESHOLD_": str(1 << 36)}


class Entry(NamedTuple):
    """As longconv_errors.py prints them, with the level."""

    level: str
    seed: int
    table: str
    case: str
    dtype: str
    what: str
    error: float
    promise: str
    result: str
    allowance: float

    @property
    def passes(self) -> bool:
        """Whether the contract is kept; what is not ours always passes."""
        if not self.promise:
            return True
        return self.error <= CONTRACT[self.promise][self.result] + self.allowance


Key = Callable[[Entry], bool]
#: By heading: whose entries, what of them stands between slashes, the unit.
Columns = dict[str, tuple[Key, Sequence[str], float]]


def measure(level: str, seeds: Sequence[int]) -> list[Entry]:
    """All errors on one level; none where this machine lacks it."""
    environment = {**os.environ, **WARM, "LONGTAIL_CPU_LEVEL": level, "OMP_NUM_THREADS": "1"}
    script = Path(__file__).with_name("longconv_errors.py")
    command = [sys.executable, str(script), *map(str, seeds)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    printed = json.loads(done.stdout)
    assert printed["level"] == level, printed["level"]
    return [Entry(level, **each) for each in printed["entries"]]


def available() -> list[str]:
    """The levels that this machine runs; dot products of bytes play no part here."""
    from longtail import _native

    return [level for level in LEVELS if level in _native.available_cpu_levels()]


def worst(entries: Iterable[Entry], key: Key) -> float | None:
    """The largest error, None without any."""
    return max((entry.error for entry in entries if key(entry)), default=None)


def rounded(error: float | None, unit: float) -> str:
    """In units, two digits at most behind the point."""
    if error is None:
        return "-"
    number = error / unit
    return f"{number:.2g}" if number < 10 else f"{number:.0f}"


def plain(number: float) -> str:
    """2.1e-7, not 2.1e-07."""
    digits, power = f"{number:.1e}".split("e")
    return f"{digits.removesuffix('.0')}e{int(power)}"


def grid(entries: Sequence[Entry], corner: str, columns: Columns) -> str:
    """A row a case."""
    lines = [
        f"| {corner} | " + " | ".join(columns) + " |",
        "| --- |" + " ---: |" * len(columns),
    ]
    for case in dict.fromkeys(entry.case for entry in entries):
        cells = []
        for key, parts, unit in columns.values():
            mine = [entry for entry in entries if entry.case == case and key(entry)]
            found = [worst(mine, lambda entry, part=part: entry.what == part) for part in parts]
            same = all(each is None for each in found)
            cells.append("-" if same else " / ".join(rounded(each, unit) for each in found))
        lines.append(f"| {case} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def by_level(dtype: str) -> dict[str, Key]:
    """A column a level."""
    return {
        level: lambda entry, level=level: (entry.level, entry.dtype) == (level, dtype)
        for level in LEVELS
    }


def by_dtype(dtypes: Sequence[str]) -> dict[str, Key]:
    """A column a dtype."""
    return {dtype: lambda entry, dtype=dtype: entry.dtype == dtype for dtype in dtypes}


def limits(entries: Sequence[Entry], promises: Sequence[str]) -> str:
    """What the contract allows beside the worst of each seed."""
    seeds = sorted({entry.seed for entry in entries})
    lines = [
        "| | dtype of the result | limit | "
        + " | ".join(f"worst, seed {seed}" for seed in seeds)
        + " |",
        "| --- | --- | ---: |" + " ---: |" * len(seeds),
    ]
    for promise in promises:
        for dtype in CONTRACT[promise]:
            mine = [
                entry
                for entry in entries
                if (entry.promise, entry.result) == (promise, dtype) and not entry.allowance
            ]
            cells = []
            for seed in seeds:
                found = worst(mine, lambda entry, seed=seed: entry.seed == seed)
                cells.append("-" if found is None else plain(found))
            most = CONTRACT[promise][dtype]
            lines.append(f"| `{promise}` | {dtype} | {plain(most)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


UNITS = {"float64": 1e-16, "float32": 1e-7, "float16": 1e-4, "bfloat16": 1e-3}
HALF = ("float16", "bfloat16")


def columns(keys: dict[str, Key], parts: Sequence[str], unit: float | None = None) -> Columns:
    """All of the same parts; without a unit that of the dtype, which is said."""
    found: Columns = {}
    for name, key in keys.items():
        mine = UNITS[name] if unit is None else unit
        power = plain(mine)
        found[f"{name}, {power}" if unit is None else name] = (key, parts, mine)
    return found


def of_levels(entries: Sequence[Entry]) -> dict[str, Key]:
    """A column of float32 for each level that was measured."""
    there = {entry.level for entry in entries}
    return {name: key for name, key in by_level("float32").items() if name in there}


def other_dtypes(taps: str) -> Columns:
    """float64, and half precision, whose taps and their gradients are float32."""
    half = {f"{taps} beside either, 1e-7": (lambda entry: entry.dtype in HALF, (taps,), 1e-7)}
    wide = columns(by_dtype(("float64",)), ("y", "du", taps))
    return wide | columns(by_dtype(HALF), ("y", "du")) | half


def long_conv_page(entries: Sequence[Entry]) -> str:
    """Lengths by level and by dtype, and butterflies."""
    of = [entry for entry in entries if entry.table in ("long_conv", TORCH)]
    ours = [entry for entry in of if entry.table != TORCH]
    rival: dict[str, Key] = {TORCH: lambda entry: entry.table == TORCH}
    levels: dict[str, Key] = {
        name: lambda entry, key=key: entry.table != TORCH and key(entry)
        for name, key in of_levels(entries).items()
    }
    reference = worst(entries, lambda entry: entry.table == "reference")
    assert reference is not None
    return "\n\n".join(
        [
            "float32, errors of y / du / dk in units of 1e-7, by level of the CPU. A row is a "
            "shape B x H x L of u and the number K of taps.",
            grid(of, "B x H x L, K", columns(levels | rival, ("y", "du", "dk"), 1e-7)),
            "Other dtypes, y / du / dk, the worst of the levels, in the units above:",
            grid(ours, "B x H x L, K", other_dtypes("dk")),
            "`butterfly_conv` with the factors of the DFT beside the convolution, largest error "
            "over the largest result:",
            grid(
                [entry for entry in entries if entry.table == "butterfly_conv"],
                "",
                columns(by_dtype(DTYPES), ("y",)),
            ),
            "The limits of `csrc/longconv/contract.json`, and the worst of all rows and levels:",
            limits(entries, ("long_conv", "butterfly_conv")),
            "References are sums in float64 where L and K are at most 4099 and float64 transforms "
            f"beyond, off by {plain(reference)} at 2^20 beside sums in extended precision. Small "
            "shapes are drawn until there are 2048 numbers of y and 64 of dk; the norm is "
            "that of all draws. torch's rows are padded to 2 L.",
        ]
    )


def s4d_page(entries: Sequence[Entry]) -> str:
    """Kernels and rows by states and length."""
    of = [entry for entry in entries if entry.table == "s4d_kernel"]
    parts = ("S4D-Lin", "hardly fading")
    shown: Columns = {
        f"float32, {name}, 1e-7": (key, parts, 1e-7) for name, key in of_levels(entries).items()
    }
    shown["float64, 1e-15"] = (by_dtype(("float64",))["float64"], parts, 1e-15)
    modes = ("conv", "recurrent", "chunked", "two modes", "steps")
    return "\n\n".join(
        [
            "`s4d_kernel`, the worst of three rows: S4D-Lin / the same with real parts of -1e-5, "
            "which keep their phase and most of their size for 2^20 steps. The reference is exact "
            "to an eps of float64 (angles are reduced as integers), at 512 places of a row.",
            grid(of, "", shown),
            "`s4d`: errors of conv / recurrent / chunked / the most that two of them differ by / "
            "step by step; the worst of the levels, in the units above.",
            grid(
                [entry for entry in entries if entry.table == "s4d"],
                "",
                columns(by_dtype(DTYPES), modes),
            ),
            "The limits of `csrc/longconv/contract.json`, and the worst of all rows and levels:",
            limits(entries, ("s4d_kernel", "s4d", "s4d_modes", "s4d_step")),
        ]
    )


def short_conv_page(entries: Sequence[Entry]) -> str:
    """By number of taps."""
    of = [entry for entry in entries if entry.table == "short_conv"]
    return "\n\n".join(
        [
            "Largest error over the largest number, u 3 x 64 x 300. float32, y / du / dw in units "
            "of 1e-7, by level of the CPU:",
            grid(of, "W", columns(of_levels(entries), ("y", "du", "dw"), 1e-7)),
            "Other dtypes, the worst of the levels, in the units above:",
            grid(of, "W", other_dtypes("dw")),
            "The limits of `csrc/longconv/contract.json`, and the worst of all rows and levels:",
            limits(entries, ("short_conv",)),
        ]
    )


MAKERS = {
    "long-conv.md": long_conv_page,
    "s4d.md": s4d_page,
    "short-conv.md": short_conv_page,
}
BEGIN = "<!-- accuracy: tools/longconv_accuracy.py --write -->\n"
END = "<!-- /accuracy -->"


def put(name: str, text: str) -> None:
    """Between the markers of a page."""
    page = PAGES / name
    before, rest = page.read_text().split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}{text}\n{END}{after}")


def main() -> int:
    """Prints the tables, or writes the pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, nargs="+", default=[0, 1], help="of the inputs")
    parser.add_argument("--write", action="store_true", help="write the pages of the docs")
    options = parser.parse_args()
    entries = [entry for level in available() for entry in measure(level, options.seed)]
    for name, make in MAKERS.items():
        text = make(entries)
        if options.write:
            put(name, text)
        print(f"{name}\n\n{text}\n")
    broken = [entry for entry in entries if not entry.passes]
    for entry in broken:
        most = CONTRACT[entry.promise][entry.result]
        print(f"beyond the contract's {most:g}: {entry}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
