"""Which tensor-core instructions the attention kernels become, with registers and spills; no GPU.

    python tools/cuda_sass.py [--write] [--arch sm_80 ...] [--nvcc NVCC] [--cuobjdump CUOBJDUMP]

Compiles cuda/attention/*.cu for each architecture as tools/cuda_resources.py does and prints a
Markdown table of the kernels that have such instructions, a row for each instantiation. cuobjdump
is looked for in PATH; the wheel nvidia-cuda-cuobjdump has one, if the toolkit here does not.
--write makes docs/cuda-sass.md of it.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from cuda_resources import FLAGS, INCLUDES, ROOT, nvcc_on_this_machine

ARCHITECTURES = ("sm_80", "sm_89", "sm_90a", "sm_120a")
INSTRUCTION = re.compile(r"\b((?:IMMA|HMMA|QMMA|IGMMA|HGMMA|QGMMA)\.[A-Z0-9.x]+)")


def run(command: list[str]) -> str:
    """What a program prints, on both channels; ends this one if it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}:\n{done.stderr[-2000:]}")
    return done.stdout + done.stderr


def shown(mangled: str) -> str:
    """longtail's name of a kernel with its template arguments."""
    plain = run(["c++filt", mangled]).strip().removeprefix("void ").replace("longtail::cuda::", "")
    for number, name in enumerate(("half", "e4m3")):
        plain = plain.replace(f"(ValueFormat){number}", name)
    return plain.split("(longtail")[0].split("(PrefillPlan")[0]


def instructions_of(sass: str) -> dict[str, Counter[str]]:
    """Mangled kernel -> how often each tensor-core instruction is there."""
    result: dict[str, Counter[str]] = {}
    for block in sass.split("Function : ")[1:]:
        result[block.split()[0]] = Counter(INSTRUCTION.findall(block))
    return result


def resources_of(report: str) -> dict[str, tuple[int, int]]:
    """Mangled kernel -> registers and spilled bytes, from ptxas."""
    result = {}
    for block in report.split("Compiling entry function")[1:]:
        name = re.search(r"'([^']+)'", block)
        used = re.search(r"Used (\d+) registers", block)
        spills = re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", block)
        if name is None or used is None or spills is None:
            sys.exit(f"ptxas writes otherwise than expected:\n{block[:500]}")
        result[name[1]] = (int(used[1]), int(spills[1]) + int(spills[2]))
    return result


def rows(nvcc: str, cuobjdump: str, arch: str, source: Path) -> list[str]:
    """The table's rows for one file and architecture."""
    with tempfile.NamedTemporaryFile(suffix=".o") as output:
        includes = [f"-I{folder}" for folder in INCLUDES]
        command = [nvcc, f"-arch={arch}", *FLAGS, *includes, "-c", str(source), "-o", output.name]
        report = run(command)
        if "wgmma.mma_async instructions are serialized" in report:
            sys.exit(f"{source.name}: ptxas lets every product wait for the one before:\n{report}")
        resources = resources_of(report)
        instructions = instructions_of(run([cuobjdump, "-sass", output.name]))
    return [
        f"| `{shown(name)}` | {arch} | "
        + ", ".join(f"{count} {what}" for what, count in sorted(instructions[name].items()))
        + f" | {registers} | {spilled} |"
        for name, (registers, spilled) in sorted(resources.items())
        if instructions[name]
    ]


HEAD = """# Tensor-core instructions of attention

Written by `tools/cuda_sass.py --write`: what each kernel became, how often, with registers and
bytes that a thread spills. 4-bit products are native up to sm_89 and emulated by 8-bit ones from
sm_90 on, where the 8-bit kernels serve. FP8 products by `mma` (QMMA) are native on sm_89 and sm_120
and emulated by float16 ones on sm_90, those by `wgmma` (QGMMA) are native on sm_90a; before sm_89
kernels with QMMA end in an error, and without sm_90a `prefill_wgmma` is empty: neither is launched.
Registers are those at launch: `prefill_wgmma` then moves them, 24 for a thread of its producer and
240 for one that attends. No GPU has run them yet.

"""


def main() -> None:
    """One file after another."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--arch", nargs="+", default=ARCHITECTURES)
    parser.add_argument("--write", action="store_true", help="make the page of the docs")
    parser.add_argument("--nvcc", default=None, help="path of the compiler")
    parser.add_argument("--cuobjdump", default=shutil.which("cuobjdump"), help="path of the tool")
    options = parser.parse_args()
    if options.cuobjdump is None:
        sys.exit("no cuobjdump in PATH; name one with --cuobjdump")
    nvcc = options.nvcc or nvcc_on_this_machine()
    lines = ["| kernel | architecture | instructions | registers | spilled |"]
    lines.append("| --- | --- | --- | ---: | ---: |")
    for source in sorted(ROOT.glob("cuda/attention/*.cu")):
        for arch in options.arch:
            lines += rows(nvcc, options.cuobjdump, arch, source)
    text = "\n".join(lines) + "\n"
    if options.write:
        (ROOT / "docs/cuda-sass.md").write_text(HEAD + text)
    print(text)


if __name__ == "__main__":
    main()
