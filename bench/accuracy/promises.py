"""The accuracy that every family promises: its contract and what its networks learn, as tests.

    python bench/accuracy/promises.py [--name NAME] [--quick] [--bars] [--only FAMILY]

Runs the tests that hold results against csrc/<family>/contract.json, oracles and the bars of
trainings, all of them where CI runs a part; --quick runs CI's part. Each family is one bar: none of
them fails. Stores records in bench/results/accuracy-cpu-<name>.jsonl; half an hour, --quick three
minutes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

from bench.kit import environment  # noqa: E402
from bench.kit.bars import Bar  # noqa: E402
from bench.kit.parts import finish, parser_of  # noqa: E402

#: Below tests/.
PROMISES = {
    "bessel": ("bessel/test_accuracy.py",),
    "vmf": ("distributions/test_values.py", "distributions/test_fit.py"),
    "rational": (
        "rational/test_values.py",
        "rational/test_far.py",
        "rational/test_kan_values.py",
        "rational/test_poly.py",
    ),
    "attention": (
        "attention/test_gates.py",
        "attention/test_cache_accuracy.py",
        "attention/test_transformers_accuracy.py",
    ),
    "longconv": (
        "longconv/test_contract.py",
        "longconv/test_training.py",
        "longconv/test_long_series.py",
    ),
    "multigrid": ("multigrid/test_contract.py", "multigrid/test_spectral.py"),
}


def counts(report: Path) -> tuple[int, int]:
    """Tests that ran, and those of them that failed, by a JUnit file of pytest."""
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))

    def total(*kinds: str) -> int:
        return sum(int(suite.get(kind, 0)) for suite in suites for kind in kinds)

    return total("tests") - total("skipped"), total("failures", "errors")


def promise(family: str, files: Sequence[str], quick: bool) -> Bar:
    """Runs a family's tests."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += [f"--junitxml={report}", *([] if quick else ["-m", "full or not full"])]
        subprocess.run([*command, *(f"tests/{file}" for file in files)], cwd=ROOT, check=False)
        ran, failed = counts(report)
    name = f"{family}: tests of accuracy that fail"
    # No test at all is no promise kept.
    return Bar(name, failed if ran else float("nan"), 0, at_most=True, note=f", of {ran}")


def main(arguments: Sequence[str] | None = None) -> int:
    """What the script exits with."""
    parser = parser_of(__doc__, "what CI runs of them")
    parser.add_argument("--only", choices=PROMISES, action="append", help="these families alone")
    options = parser.parse_args(arguments)
    block = environment.environment()
    bars = [promise(each, PROMISES[each], options.quick) for each in options.only or PROMISES]
    return finish("accuracy", options, block, [], bars)


if __name__ == "__main__":
    sys.exit(main())
