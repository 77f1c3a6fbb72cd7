"""The files of a release: sdist, the wheel made from it, its platform tag, list of parts, sums."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: What the wheel needs and the user's torch brings.
NOT_BUNDLED = "libtorch_cpu.so"
#: Code of others inside our libraries, which no metadata of Python packages tells of.
COMPILED_IN = {
    "liblongtail_cuda.so": [("CUDA runtime (libcudart_static)", "NVIDIA CUDA Toolkit EULA")],
    "liblongtail.so": [("torch (inline functions of its headers)", "BSD-3-Clause")],
    "_native.abi3.so": [("nanobind (inline functions of its headers)", "BSD-3-Clause")],
}


def run(*command: str | Path, cwd: Path = ROOT, **variables: str) -> str:
    """Standard output of a command that must succeed; this Python's scripts are in its PATH."""
    words = list(map(str, command))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, **variables}
    done = subprocess.run(words, capture_output=True, text=True, cwd=cwd, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}\n{done.stdout[-8000:]}\n{done.stderr[-8000:]}")
    return done.stdout


def uncommitted() -> list[str]:
    """What git calls changed or new: it will not be in the release, which is the commit."""
    return run("git", "status", "--porcelain").splitlines()


def commit_time() -> str:
    """Time stamps of all files: the same commit gives the same archives."""
    return run("git", "log", "-1", "--format=%ct").strip()


def pinned_torch() -> str:
    """The requirement of pyproject.toml: whose headers the libraries are compiled against."""
    found = re.search(r'"(torch==[\d.]+)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    assert found is not None, "pyproject.toml pins no torch in build-system.requires"
    return found[1]


def sdist(out: Path, work: Path) -> Path:
    """``longtail-*.tar.gz`` in `out`, of the commit alone: ignored files would come along else."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    run("git", "archive", "--output", work / "commit.tar", "HEAD")
    _unpack(work / "commit.tar", work / "commit")
    command = [*_build(isolated=False), "--sdist", "--outdir", out, work / "commit"]
    run(*command, SOURCE_DATE_EPOCH=commit_time())
    (archive,) = out.glob("longtail-*.tar.gz")
    return archive


def wheel(archive: Path, work: Path, architectures: str, isolated: bool) -> Path:
    """The wheel of an sdist, in `work`; `architectures`: CUDA's, or "none"."""
    _unpack(archive, work / "sdist")  # not into old builds: its file times say nothing to ninja
    (source,) = (work / "sdist").iterdir()
    defines = {"LONGTAIL_CUDA": "OFF"}
    if architectures != "none":
        defines = {"LONGTAIL_CUDA": "ON", "LONGTAIL_CUDA_ARCHITECTURES": architectures}
    settings = [f"-Ccmake.define.{name}={value}" for name, value in defines.items()]
    command = [*_build(isolated), "--wheel", "--outdir", work, *settings, source]
    run(*command, SOURCE_DATE_EPOCH=commit_time())
    (built,) = work.glob("*.whl")
    return built


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")


def _build(isolated: bool) -> list[str]:
    command = [sys.executable, "-m", "build"]
    return command if isolated else [*command, "--no-isolation"]


def label(built: Path, out: Path) -> Path:
    """`built` with the oldest manylinux tag that its symbols allow, in `out`; adds no library."""
    run("auditwheel", "repair", "--exclude", NOT_BUNDLED, "--wheel-dir", out, built)
    name = "-".join(built.name.split("-")[:4])
    (labelled,) = out.glob(f"{name}-manylinux*.whl")
    return labelled


def list_parts(python: Path, libraries: Iterable[str], version: str, output: Path) -> None:
    """A CycloneDX list of what an environment holds, and of what is compiled into ours."""
    project = ("--mc-type", "library", "--pyproject", ROOT / "pyproject.toml")
    run("cyclonedx-py", "environment", *project, "--output-reproducible", "-o", output, python)
    parts = json.loads(output.read_text("utf-8"))
    parts["metadata"]["component"]["version"] = version
    for library in libraries:
        for name, licence in COMPILED_IN[library]:
            parts["components"].append(
                {
                    "type": "library",
                    "name": name,
                    "description": f"compiled into {library}",
                    "licenses": [{"license": {"name": licence}}],
                }
            )
    output.write_text(json.dumps(parts, indent=2) + "\n", "utf-8")


def write_sums(files: Sequence[Path], output: Path) -> None:
    """SHA-256 of each file, as ``sha256sum --check`` reads them."""
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    output.write_text("".join(lines), "utf-8")
