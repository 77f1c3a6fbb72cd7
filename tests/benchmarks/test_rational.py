"""What bench/peers/rational.py measures beside time: bytes kept, and sums in a random order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import longtail  # noqa: E402
from bench.peers import _rational_functions as functions  # noqa: E402
from bench.peers import _rational_gradients as gradients  # noqa: E402
from bench.peers import _rational_timing as timing  # noqa: E402


@pytest.fixture
def problem() -> functions.Problem:
    return functions.rational_problem((2, 40, 96))


def test_rivals_compute_the_same(problem: functions.Problem) -> None:
    expected = longtail.rational(*problem[:3])
    for rival in (functions.eager, functions.reference):
        torch.testing.assert_close(rival(*problem[:3]), expected, rtol=1e-5, atol=1e-6)
    norm = functions.norm_problem(3, 200)
    torch.testing.assert_close(
        functions.eager_norm(*norm[:3]), longtail.poly_norm(*norm[:3]), rtol=1e-5, atol=1e-6
    )


def test_bytes_kept_are_in_sizes_of_x(problem: functions.Problem) -> None:
    """Ours keeps x and 38 coefficients; a product of two new tensors keeps both."""
    assert timing.saved(longtail.rational, problem) == pytest.approx(1 + 38 / 7680)
    assert timing.saved(lambda x, a, b: x.exp() * x.tanh(), problem) == pytest.approx(2.0)


@pytest.mark.parametrize("block", [1, 1024])
def test_atomics_sum_the_right_terms(problem: functions.Problem, block: int) -> None:
    exact = problem.gradients(functions.eager, torch.float64)[1:]
    for got, true in zip(gradients.atomics(problem, block, 0), exact, strict=True):
        assert got.dtype == torch.float32 and got.shape == true.shape
        assert float(gradients._row_error(got, true)) < 1e-4


def test_coefficient_records(problem: functions.Problem) -> None:
    threads = torch.get_num_threads()
    try:
        rows = {row.provider: row for row in gradients.measure(problem)}
    finally:
        torch.set_num_threads(threads)
    ours = rows["longtail"].extra
    assert ours["repeats_bit_equal"] and ours["threads_bit_equal"]
    assert ours["d_numerator"] < 5e-6 and ours["d_denominator"] < 5e-6
    by_element = rows["atomics by element, on a CPU"].extra
    assert by_element["repeats_bit_equal"] is False and by_element["threads_bit_equal"] is None
    assert all(row.repeats == 0 for row in rows.values())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU: the benchmark would run")
@pytest.mark.parametrize("arguments", [(), ("--small",)])
@pytest.mark.parametrize("family", ["bessel", "rational"])
def test_cuda_benchmark_says_what_is_missing(family: str, arguments: tuple[str, ...]) -> None:
    script = ROOT / "bench" / "cuda" / f"{family}.py"
    done = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.strip() == f"bench/cuda/{family}.py: this torch sees no GPU"


def test_cuda_tasks_agree_with_torch_operations() -> None:
    """What the GPU would be given, on the CPU and on few rows."""
    from bench.cuda import rational as cuda

    for (kernel, _), (problem, ours, plain) in cuda.tasks().items():
        few = functions.Problem(problem.x[:2], *problem[1:3], problem.grad[:2])
        exact = few.gradients(plain, torch.float64)
        for got, true in zip(few.gradients(ours), exact, strict=True):
            assert functions.relative(got, true)[0] < 1e-4, kernel
