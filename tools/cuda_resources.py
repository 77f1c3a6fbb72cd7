"""Registers and spills of every CUDA kernel, as ptxas reports them; no GPU needed.

    python tools/cuda_resources.py [--only FAMILY ...] [--arch sm_90a] [--nvcc NVCC] [--write]

Compiles each cuda/*/*.cu with the build's flags and prints a table, a row for each kernel: how many
instantiations it has, the most registers a thread needs, and bytes spilled to local memory. With
--write the table goes to docs/cuda-resources.md; with --only the rows of other families stay.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "cuda-resources.md"
INCLUDES = (ROOT, ROOT / "csrc", Path(torch.__path__[0]) / "include")
FLAGS = (
    *("-std=c++20", "-O3", "--expt-relaxed-constexpr", "-fmad=false", "--diag-suppress=1675"),
    *("-Xcompiler=-fPIC", "-Xptxas=-v", "-DUSE_CUDA", "-DTORCH_TARGET_VERSION=0x020a000000000000"),
)


@dataclass
class Kernel:
    """All instantiations of one kernel in one file."""

    count: int = 0
    registers: int = 0
    spilled: int = 0
    shared: int = 0


def nvcc_on_this_machine() -> str:
    """The compiler in PATH, else the newest toolkit's."""
    found = shutil.which("nvcc")
    if found is None:
        toolkits = sorted(Path("/usr/local").glob("cuda*/bin/nvcc"))
        if not toolkits:
            sys.exit("no nvcc in PATH and no toolkit in /usr/local; name one with --nvcc")
        found = str(toolkits[-1])
    return found


def report_of(nvcc: str, arch: str, source: Path) -> str:
    """What ptxas says of one file."""
    includes = [f"-I{folder}" for folder in INCLUDES]
    with tempfile.NamedTemporaryFile(suffix=".o") as output:
        command = [nvcc, f"-arch={arch}", *FLAGS, *includes, "-c", str(source), "-o", output.name]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{source}:\n{done.stderr[-2000:]}")
    return done.stderr


def short_name(mangled: str) -> str:
    """longtail's own name of a kernel, without namespaces and template arguments."""
    plain = subprocess.run(["c++filt", mangled], capture_output=True, text=True).stdout.strip()
    plain = plain.replace("(anonymous namespace)::", "")
    head = plain.split("<")[0].split("(")[0]
    return head.split()[-1].split("::")[-1]


def kernels_of(report: str) -> dict[str, Kernel]:
    """The kernels of one file's report."""
    kernels: dict[str, Kernel] = defaultdict(Kernel)
    for block in report.split("Compiling entry function")[1:]:
        mangled = re.search(r"'([^']+)'", block)
        used = re.search(r"Used (\d+) registers", block)
        spills = re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", block)
        shared = re.search(r"(\d+) bytes smem", block)
        if mangled is None or used is None or spills is None:
            sys.exit(f"ptxas writes otherwise than expected:\n{block[:500]}")
        kernel = kernels[short_name(mangled[1])]
        kernel.count += 1
        kernel.registers = max(kernel.registers, int(used[1]))
        kernel.spilled = max(kernel.spilled, int(spills[1]) + int(spills[2]))
        kernel.shared = max(kernel.shared, int(shared[1]) if shared else 0)
    return kernels


def rows_of(source: Path, report: str) -> list[str]:
    """Of the table, as Markdown."""
    return [
        f"| `{source.relative_to(ROOT / 'cuda')}` | `{name}` | {kernel.count} | "
        f"{kernel.registers} | {kernel.spilled} | {kernel.shared} |"
        for name, kernel in sorted(kernels_of(report).items())
    ]


def kept_rows(families: list[str]) -> list[str]:
    """What the document says of other families."""
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    return [row for row in rows if row.split("`")[1].split("/")[0] not in families]


def table(arch: str, rows: list[str]) -> str:
    """As Markdown."""
    lines = [
        "# Registers and spills of the CUDA kernels",
        "",
        f"Written by `tools/cuda_resources.py` for {arch}: the most registers a thread of any",
        "instantiation needs, bytes that one spills (stores and loads), static shared memory.",
        "",
        "| file | kernel | instantiations | registers | spilled | shared |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Compiles two files at a time."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    families = sorted({source.parent.name for source in ROOT.glob("cuda/*/*.cu")})
    parser.add_argument("--only", nargs="+", choices=families, help="families to compile")
    parser.add_argument("--arch", default="sm_90a")
    parser.add_argument("--nvcc", default=None, help="path of the compiler")
    parser.add_argument("--write", action="store_true", help="store the table in docs/")
    options = parser.parse_args()
    nvcc = options.nvcc or nvcc_on_this_machine()
    chosen = options.only or families
    sources = [source for family in chosen for source in sorted(ROOT.glob(f"cuda/{family}/*.cu"))]
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda source: report_of(nvcc, options.arch, source), sources))
    rows = kept_rows(chosen) if options.only else []
    for source, report in zip(sources, reports, strict=True):
        rows += rows_of(source, report)
    text = table(options.arch, sorted(rows))
    print(text)
    if options.write:
        DOCUMENT.write_text(text)
        print(f"stored in {DOCUMENT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
