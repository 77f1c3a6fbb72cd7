"""Bad input to longtail.distributions. ``pytest tests/distributions -k bad_input -s`` prints a
table of the calls and what they give."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.distributions import kl_divergence

from kit import BadInput, Gives, Raises
from kit.bad_input import check, parametrize
from longtail.distributions import HypersphericalUniform, VonMisesFisher, VonMisesFisherMixture

E1 = torch.tensor([1.0, 0.0, 0.0])
ROWS = torch.eye(3)
FIVE = torch.eye(5)
vMF = VonMisesFisher  # noqa: N816  (short labels below)
Mixture = VonMisesFisherMixture


def refused(label: str, call: Callable[[], Any], error: type[Exception], *words: str) -> BadInput:
    return BadInput(label, call, Raises(error, *words))


CONSTRUCTION = [
    refused("vMF(list, 1)", lambda: vMF([1.0, 0.0], 1.0), TypeError, "loc", "list"),
    refused("vMF(int loc)", lambda: vMF(E1.int(), 1.0), TypeError, "loc", "int32"),
    refused("vMF(complex loc)", lambda: vMF(E1.cfloat(), 1.0), TypeError, "loc", "complex64"),
    refused(
        "vMF(float8 loc)",
        *(lambda: vMF(E1.to(torch.float8_e4m3fn), 1.0), TypeError, "loc", "float8_e4m3fn"),
    ),
    refused("vMF(sparse loc)", lambda: vMF(E1.to_sparse(), 1.0), NotImplementedError, "loc"),
    refused("vMF(0-dim loc)", lambda: vMF(torch.tensor(1.0), 1.0), ValueError, "loc", "[]"),
    refused("vMF(p = 1)", lambda: vMF(torch.ones(4, 1), 1.0), ValueError, "p >= 2", "[4, 1]"),
    refused("vMF(loc of norm 2)", lambda: vMF(2 * E1, 1.0), ValueError, "loc"),
    refused("vMF(zero loc)", lambda: vMF(0 * E1, 1.0), ValueError, "loc"),
    refused("vMF(nan loc)", lambda: vMF(math.nan * E1, 1.0), ValueError, "loc"),
    refused("vMF(E1, -1)", lambda: vMF(E1, -1.0), ValueError, "concentration"),
    refused("vMF(E1, nan)", lambda: vMF(E1, math.nan), ValueError, "concentration"),
    refused("vMF(E1, '1')", lambda: vMF(E1, "1"), TypeError, "concentration", "str"),
    refused("vMF(E1, True)", lambda: vMF(E1, True), TypeError, "concentration", "bool"),
    refused(
        "vMF(E1, int tensor)",
        *(lambda: vMF(E1, torch.tensor(1)), TypeError, "concentration", "int64"),
    ),
    refused(
        "vMF([4, 3], [5])",
        *(lambda: vMF(E1.expand(4, 3), torch.ones(5)), ValueError, "concentration", "[4]", "[5]"),
    ),
    refused(
        "vMF(cpu, meta)",
        *(lambda: vMF(E1, torch.ones(2, device="meta")), ValueError, "concentration", "meta"),
    ),
    refused("HypersphericalUniform(1)", lambda: HypersphericalUniform(1), ValueError, "dim", "1"),
    refused("HypersphericalUniform(3.0)", lambda: HypersphericalUniform(3.0), TypeError, "dim"),
    refused(
        "HypersphericalUniform(int32)",
        *(lambda: HypersphericalUniform(3, dtype=torch.int32), TypeError, "dtype", "int32"),
    ),
]

USE = [
    refused("log_prob(list)", lambda: vMF(E1, 1.0).log_prob([1.0]), TypeError, "value", "list"),
    refused("log_prob(int)", lambda: vMF(E1, 1.0).log_prob(E1.int()), TypeError, "value", "int32"),
    refused(
        "log_prob([..., 1]), not validated",
        *(lambda: vMF(E1, 1.0, validate_args=False).log_prob(torch.ones(5, 1)), ValueError),
        *("value", "[5, 1]"),
    ),
    refused(
        "log_prob([5]), p = 3", lambda: vMF(E1, 1.0).log_prob(FIVE), ValueError, "p = 3", "[5, 5]"
    ),
    refused("log_prob(off the sphere)", lambda: vMF(E1, 1.0).log_prob(2 * E1), ValueError),
    refused(
        "uniform.log_prob([5]), p = 3",
        *(lambda: HypersphericalUniform(3).log_prob(FIVE), ValueError, "p = 3", "[5, 5]"),
    ),
    refused(
        "sample(generator='0')",
        *(lambda: vMF(E1, 1.0).sample(generator="0"), TypeError, "generator", "str"),
    ),
    refused(
        "sample(generator=1.5)",
        *(lambda: vMF(E1, 1.0).sample(generator=1.5), TypeError, "generator", "float"),
    ),
    refused(
        "kl(p = 3, p = 5)",
        *(lambda: kl_divergence(vMF(E1, 1.0), vMF(FIVE[0], 1.0)), ValueError, "3", "5"),
    ),
    refused(
        "kl(p = 3, uniform 5)",
        *(lambda: kl_divergence(vMF(E1, 1.0), HypersphericalUniform(5)), ValueError, "3", "5"),
    ),
    refused(
        "kl(uniform 5, p = 3)",
        *(lambda: kl_divergence(HypersphericalUniform(5), vMF(E1, 1.0)), ValueError, "3", "5"),
    ),
    BadInput(
        "log_prob, concentration -1, not validated",
        lambda: vMF(E1.double(), -1.0, validate_args=False).log_prob(E1.double()),
        Gives(math.nan),
    ),
    BadInput(
        "sample, concentration inf",
        lambda: vMF(E1, math.inf).sample((4,)),
        Gives(math.nan),
    ),
]

FIT = [
    refused("fit(str)", lambda: vMF.fit("rows"), TypeError, "x", "str"),
    refused("fit(int rows)", lambda: vMF.fit(ROWS.int()), TypeError, "x", "int32"),
    refused("fit([p])", lambda: vMF.fit(E1), ValueError, "[..., n, p]", "[3]"),
    refused("fit([n, 1])", lambda: vMF.fit(torch.ones(4, 1)), ValueError, "p >= 2", "[4, 1]"),
    refused("fit(one row)", lambda: vMF.fit(ROWS[:1]), ValueError, "x", "2 rows", "got 1"),
    refused("fit(no rows)", lambda: vMF.fit(ROWS[:0]), ValueError, "x", "got 0"),
    refused(
        "fit(zero row)", lambda: vMF.fit(ROWS * (E1 == 0)), ValueError, "unit rows", "zero row"
    ),
    refused("fit(norm 2)", lambda: vMF.fit(2 * ROWS), ValueError, "unit rows", "3 rows", "2"),
    refused("fit(nan)", lambda: vMF.fit(ROWS * math.nan), ValueError, "unit rows", "nan"),
    refused("fit(inf)", lambda: vMF.fit(ROWS / 0), ValueError, "unit rows"),
    refused("fit(equal rows)", lambda: vMF.fit(E1.expand(9, 3)), ValueError, "equal", "R = 1"),
    refused(
        "fit(equal rows, not exact)",
        *(lambda: vMF.fit(torch.full((9, 7), 7**-0.5)), ValueError, "equal", "R = 1"),
    ),
    refused(
        "fit(weights -1)", lambda: vMF.fit(ROWS, -torch.ones(3)), ValueError, "weights", ">= 0"
    ),
    refused("fit(weights nan)", lambda: vMF.fit(ROWS, math.nan * E1), ValueError, "weights", "nan"),
    refused("fit(weights inf)", lambda: vMF.fit(ROWS, E1 / 0), ValueError, "weights"),
    refused("fit(weights 0)", lambda: vMF.fit(ROWS, 0 * E1), ValueError, "weights", "two rows"),
    refused("fit(one weight)", lambda: vMF.fit(ROWS, E1), ValueError, "weights", "two rows"),
    refused("fit(4 weights)", lambda: vMF.fit(ROWS, torch.ones(4)), ValueError, "[3]", "[4]"),
    refused("fit(weights 1.0)", lambda: vMF.fit(ROWS, 1.0), TypeError, "weights", "float"),
    refused("fit(bool weights)", lambda: vMF.fit(ROWS, E1 > 0), TypeError, "weights", "bool"),
    refused("fit(x, None, True)", lambda: vMF.fit(ROWS, None, True), TypeError, "positional"),
]

MIXTURE = [
    refused("Mixture(0)", lambda: Mixture(0), ValueError, "n_components", "0"),
    refused("Mixture(2.0)", lambda: Mixture(2.0), TypeError, "n_components", "float"),
    refused("Mixture(tol=-1)", lambda: Mixture(2, tol=-1), ValueError, "tol", "-1"),
    refused("Mixture(tol='1')", lambda: Mixture(2, tol="1"), TypeError, "tol", "str"),
    refused("Mixture(n_init=0)", lambda: Mixture(2, n_init=0), ValueError, "n_init"),
    refused(
        "Mixture(max_iterations=0)",
        *(lambda: Mixture(2, max_iterations=0), ValueError, "max_iterations"),
    ),
    refused(
        "Mixture(max_concentration=nan)",
        *(lambda: Mixture(2, max_concentration=math.nan), ValueError, "max_concentration", "nan"),
    ),
    refused("Mixture(unknown=1)", lambda: Mixture(2, unknown=1), TypeError, "unknown"),
    refused("Mixture(4).fit(3 rows)", lambda: Mixture(4).fit(ROWS), ValueError, "4 rows", "got 3"),
    refused("Mixture.fit([..., n, p])", lambda: Mixture(2).fit(ROWS[None]), ValueError, "[n, p]"),
    refused("Mixture.fit(norm 2)", lambda: Mixture(2).fit(2 * ROWS), ValueError, "unit rows"),
    refused("Mixture.fit(int)", lambda: Mixture(2).fit(np.eye(3, dtype=int)), TypeError, "int64"),
    refused(
        "Mixture(generator='0').fit",
        *(lambda: Mixture(2, generator="0").fit(ROWS), TypeError, "generator", "str"),
    ),
    refused(
        "Mixture(progress=3).fit",
        *(lambda: Mixture(2, progress=3).fit(ROWS), TypeError, "progress", "int"),
    ),
    refused(
        "Mixture(2, means_init=[3, 3])",
        *(lambda: Mixture(2, means_init=ROWS).fit(ROWS), ValueError, "means_init", "[2, 3]"),
    ),
    refused(
        "Mixture(3, means_init of norm 2)",
        *(lambda: Mixture(3, means_init=2 * ROWS).fit(ROWS), ValueError, "means_init", "unit rows"),
    ),
    refused("predict before fit", lambda: Mixture(2).predict(ROWS), RuntimeError, "fit"),
    refused("sample before fit", lambda: Mixture(2).sample(), RuntimeError, "fit"),
    refused("bic before fit", lambda: Mixture(2).bic(ROWS), RuntimeError, "fit"),
    refused(
        "predict of another dimension",
        *(lambda: Mixture(1).fit(ROWS).predict(FIVE), ValueError, "3", "5"),
    ),
    refused("sample(0)", lambda: Mixture(1).fit(ROWS).sample(0), ValueError, "n_samples"),
]


@parametrize(CONSTRUCTION + USE + FIT + MIXTURE)
def test_bad_input(case: BadInput) -> None:
    check(case)
