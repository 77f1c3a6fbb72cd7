"""Every file of examples/ runs and says what it promises."""

import pathlib
import re
import subprocess
import sys

import pytest

EXAMPLES = sorted((pathlib.Path(__file__).parents[2] / "examples").glob("*.py"))


def output(path):
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path):
    assert output(path).strip()


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
