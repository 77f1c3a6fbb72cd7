"""Every file of examples/ runs and says what it promises."""

import pathlib
import re
import subprocess
import sys

import pytest

from kit import installed
from longtail.demos import data

EXAMPLES = sorted((pathlib.Path(__file__).parents[2] / "examples").glob("*.py"))
#: What the tutorials are about, and where some of it is read from.
READS = {
    "classify_series": (data.appliances, "TRAIN"),
    "cluster_words": (data.wordllama,),
}


def output(path, *options):
    done = subprocess.run(
        [sys.executable, str(path), *options], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path, tmp_path):
    """As quickly as it can; with its picture, if it draws one."""
    if path.stem in READS:
        installed.read(*READS[path.stem])
    code = path.read_text()
    options = ["--quick"] if '"--quick"' in code else []
    draws = '"--out"' in code
    if draws:
        pytest.importorskip("matplotlib")
    assert output(path, *options, *(["--out", str(tmp_path)] if draws else [])).strip()
    if draws:
        assert (tmp_path / f"{path.stem}.png").stat().st_size > 1000


def test_directions_finds_both_concentrations():
    text = output(next(path for path in EXAMPLES if path.stem == "fit_directions"))
    found = re.search(r"two: +kappa (\d+), (\d+)", text)
    assert found, text
    # About five standard errors, 1 / sqrt(n A'(kappa)), of 300 and 200 draws at p = 2048.
    assert abs(int(found[1]) - 800) < 15 and abs(int(found[2]) - 1600) < 30


def test_coefficient_is_recovered():
    text = output(next(path for path in EXAMPLES if path.stem == "recover_coefficient"))
    found = re.search(r"error of ln a ([\d.]+), .* right phase ([\d.]+)%", text)
    assert found, text
    assert float(found[1]) < 0.3 and float(found[2]) > 97
