"""Builds the sdist and, from it, the wheel; checks what an upload would need.

    python tools/check_dist.py [--out dist] [--wheel FILE]

Builds with the tools of this environment (no isolation, so torch==2.13.0 must be installed).
``--wheel`` checks a finished wheel and builds nothing. Exits with 1 if a check fails.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: What PyPI takes.
LARGEST_WHEEL = 100 * 10**6
#: Hidden visibility leaves only type information of the C++ library and linker marks.
MOST_EXPORTED_SYMBOLS = 30
LIBRARIES = {
    "longtail/liblongtail.so": "libtorch_cpu.so",
    "longtail/liblongtail_cuda.so": "libtorch_cpu.so",
    "longtail/_native.abi3.so": None,
}
FORBIDDEN = ("libtorch_cuda.so", "libtorch_python.so", "libc10.so", "libcudart.so", "libpython")

Check = tuple[str, bool, str]


def run(*command: str | Path) -> str:
    """Standard output of a command that must succeed."""
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=ROOT)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stdout}\n{result.stderr}")
    return result.stdout


def build(out: Path) -> Path:
    """The sdist and the wheel made from it, in `out`."""
    start = time.perf_counter()
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", out)
    (sdist,) = out.glob("longtail-*.tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        options = ("--no-build-isolation", "--no-deps", "--wheel-dir", folder)
        run(sys.executable, "-m", "pip", "wheel", sdist, *options)
        (wheel,) = Path(folder).iterdir()
        built = wheel.replace(out / wheel.name)
    print(f"{sdist.name}, {built.name}: {time.perf_counter() - start:.0f} s")
    return built


def check_wheel(wheel: Path, folder: Path) -> Iterator[Check]:
    """Name, size and content of the wheel, and its libraries unpacked into `folder`."""
    tag = wheel.stem.split("-", 2)[2]
    yield "tag", bool(re.fullmatch(r"cp310-abi3-(many)?linux\w*_x86_64", tag)), tag
    size = wheel.stat().st_size
    yield "size", size < LARGEST_WHEEL, f"{size / 1e6:.2f} MB"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(folder)
    for required in (*LIBRARIES, "longtail/py.typed", "longtail/_native.pyi"):
        yield f"has {required}", required in names, ""
    for name in sorted(LIBRARIES.keys() & names):
        yield from check_library(folder / name, LIBRARIES[name])
    libraries = [folder / name for name in LIBRARIES if name in names]
    audit = ["torch-abi-audit", "--check", "torch", *map(str, libraries)]
    result = subprocess.run(audit, capture_output=True, text=True)
    stable = re.findall(r"Torch ABI:\s+(\S+)", result.stdout)
    yield "torch-abi-audit", result.returncode == 0, ", ".join(stable)


def check_library(library: Path, needed: str | None) -> Iterator[Check]:
    """One library: what it needs, what it shows to others, what system it asks for."""
    dynamic = run("readelf", "-d", library)
    dependencies = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    good = not any(name.startswith(FORBIDDEN) for name in dependencies)
    good &= needed is None or needed in dependencies
    yield f"{library.name} needs", good, " ".join(dependencies)
    yield f"{library.name} RPATH", not re.search(r"RPATH|RUNPATH", dynamic), ""
    symbols = run("nm", "-D", "--defined-only", library).splitlines()
    yield (
        f"{library.name} exports",
        len(symbols) <= MOST_EXPORTED_SYMBOLS,
        f"{len(symbols)} symbols",
    )
    versions = {}
    for kind, version in re.findall(r"(GLIBC|GLIBCXX)_([\d.]+)", run("objdump", "-T", library)):
        versions[kind] = max(versions.get(kind, ()), tuple(map(int, version.split("."))))
    text = ", ".join(f"{kind} {'.'.join(map(str, versions[kind]))}" for kind in sorted(versions))
    yield f"{library.name} system", True, text


def main() -> int:
    """Runs the checks and prints them; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where to (%(default)s)")
    parser.add_argument("--wheel", type=Path, help="check this wheel, build nothing")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    wheel = args.wheel or build(args.out)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, good, detail in check_wheel(wheel, Path(folder)):
            print(f"{'ok  ' if good else 'FAIL'} {name:<34}{detail}")
            failed += not good
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
