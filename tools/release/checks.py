"""What an upload needs of a wheel: its name, size and content, and how its libraries are linked."""

from __future__ import annotations

import json
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from .build import NOT_BUNDLED, ROOT, run

#: What PyPI takes.
LARGEST_WHEEL = 100 * 10**6
#: Hidden visibility leaves only type information of the C++ library and linker marks.
MOST_EXPORTED_SYMBOLS = 30
#: The oldest torch whose stable ABI has all that we call.
OLDEST_TORCH = (2, 10)
CUDA_LIBRARY = "liblongtail_cuda.so"
#: Libraries of the wheel, and what each must name as needed.
LIBRARIES = {"liblongtail.so": NOT_BUNDLED, CUDA_LIBRARY: NOT_BUNDLED, "_native.abi3.so": None}
#: Ours, and those of what is compiled into the libraries: their texts must come along.
LICENSES = ("LICENSE", *(f"third_party/licenses/{name}.txt" for name in ("nanobind", "torch")))
FORBIDDEN = ("libtorch_cuda.so", "libtorch_python.so", "libc10.so", "libcudart.so", "libpython")

Check = tuple[str, bool, str]


def architectures_of(option: str) -> list[str]:
    """CMake's names for what make-wheel was asked for: "none", "release" or a list."""
    if option != "release":
        return [] if option == "none" else option.split(";")
    text = (ROOT / "cmake" / "cuda.cmake").read_text("utf-8")
    found = re.search(r"set\(release_architectures\s+([^)]*)\)", text)
    assert found is not None, "cmake/cuda.cmake sets no release_architectures"
    return found[1].split()


def libraries_of(architectures: Sequence[str]) -> list[str]:
    """Names of a wheel's libraries: without `architectures` there is none for CUDA."""
    return [name for name in LIBRARIES if architectures or name != CUDA_LIBRARY]


def check_wheel(wheel: Path, folder: Path, architectures: Sequence[str]) -> Iterator[Check]:
    """A wheel, unpacked into `folder`."""
    tag = wheel.stem.split("-", 2)[2]
    glibc = re.fullmatch(r"cp310-abi3-(?:linux|manylinux_2_(\d+))_x86_64", tag)
    yield "tag", glibc is not None, tag
    size = wheel.stat().st_size
    yield "size", size < LARGEST_WHEEL, f"{size / 1e6:.2f} MB"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(folder)
    libraries = libraries_of(architectures)
    held = sorted(name for name in names if re.search(r"\.so(\.|$)", name))
    yield "libraries", held == sorted(f"longtail/{name}" for name in libraries), " ".join(held)
    for required in ("longtail/py.typed", "longtail/_native.pyi"):
        yield f"has {required}", required in names, ""
    for name in LICENSES:
        found = any(each.endswith(f".dist-info/licenses/{name}") for each in names)
        yield f"has {name}", found, ""
    oldest = (2, int(glibc[1])) if glibc and glibc[1] else None
    for name in libraries:
        if f"longtail/{name}" in names:
            yield from check_library(folder / "longtail" / name, oldest)
    if architectures and f"longtail/{CUDA_LIBRARY}" in names:
        yield check_architectures(folder / "longtail" / CUDA_LIBRARY, architectures)


def check_library(library: Path, glibc: tuple[int, ...] | None = None) -> Iterator[Check]:
    """One library: what it needs, what it shows to others, what system and torch it asks for."""
    name = library.name
    dynamic = run("readelf", "-d", library)
    dependencies = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    good = not any(needed.startswith(FORBIDDEN) for needed in dependencies)
    good &= LIBRARIES[name] is None or LIBRARIES[name] in dependencies
    yield f"{name} needs", good, " ".join(dependencies)
    yield f"{name} has no RPATH", not re.search(r"RPATH|RUNPATH", dynamic), ""
    yield f"{name} is stripped", ".symtab" not in run("readelf", "-SW", library), ""
    exported = len(run("nm", "-D", "--defined-only", library).splitlines())
    yield f"{name} exports", exported <= MOST_EXPORTED_SYMBOLS, f"{exported} symbols"
    versions: dict[str, tuple[int, ...]] = {}
    pattern = r"\((GLIBC|GLIBCXX|CXXABI)_([\d.]+)\)"
    for kind, text in re.findall(pattern, run("objdump", "-T", library)):
        versions[kind] = max(versions.get(kind, ()), tuple(map(int, text.split("."))))
    system = ", ".join(f"{kind} {'.'.join(map(str, versions[kind]))}" for kind in sorted(versions))
    yield f"{name} system", glibc is None or versions["GLIBC"] <= glibc, system
    yield check_abi(library)


def check_abi(library: Path) -> Check:
    """torch-abi-audit: nothing of torch but its stable ABI, nothing of Python but abi3."""
    report = json.loads(run("torch-abi-audit", "--json", library))
    (found,) = report["extensions"] + report["bundled_libs"]
    torch, violations = found["torch"], found["cpython"]["violations"]
    unstable = [*torch["unstable_symbols"], *torch["unknown_shim_symbols"], *violations]
    good = found["error"] is None and not unstable
    if not torch["uses_torch"]:
        return f"{library.name} ABI", good and LIBRARIES[library.name] is None, "no torch, abi3"
    oldest = torch["min_torch_version"]
    good &= torch["stable"] and tuple(map(int, oldest.split(".")))[:2] <= OLDEST_TORCH
    return f"{library.name} ABI", good, f"torch >= {oldest} {' '.join(unstable)}".rstrip()


def check_architectures(library: Path, architectures: Sequence[str]) -> Check:
    """Every file of kernels is there for every architecture of CMake's list, and for no other."""
    name = "CUDA architectures"
    cuobjdump = find_cuobjdump()
    if cuobjdump is None:
        return name, False, "no cuobjdump here; pip install nvidia-cuda-cuobjdump"
    found = {kind: set() for kind in ("cubin", "ptx")}
    listing = run(cuobjdump, "--list-elf", "--list-ptx", library)
    for number, kind in re.findall(r"\.sm_(\w+)\.(cubin|ptx)\b", listing):
        found[kind].add(number)
    wanted = {"cubin": set(), "ptx": set()}
    for architecture in architectures:
        number, _, kind = architecture.partition("-")
        wanted["cubin"] |= {number} if kind != "virtual" else set()
        wanted["ptx"] |= {number} if kind != "real" else set()
    text = "; ".join(f"{kind} {' '.join(sorted(numbers))}" for kind, numbers in found.items())
    return name, found == wanted, text


def find_cuobjdump() -> str | None:
    """In PATH, beside nvcc, or in the wheel of that name."""
    beside = Path(sys.prefix).glob("lib/python*/site-packages/nvidia/*/bin/cuobjdump")
    return shutil.which("cuobjdump") or next(map(str, beside), None)
