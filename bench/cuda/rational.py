"""CUDA times of rational, poly_norm, poly_relu and kan_linear beside their floors and rivals.

    python bench/cuda/rational.py [--small] [--repeats N] [--out FILE]

x of [64, 196, 768], 8 groups, float32 and bfloat16 (poly_norm also in rows of 32768; kan_linear on
4096 rows, 256 inputs and outputs, far from any floor of bytes): nanoseconds an element by CUDA
events, the inputs rotated over more memory than the L2 cache holds. In the same run: a copy of x
(the floor of the forward pass; forward and backward move 2.5 times those bytes), torch eager,
torch.compile, and where triton is installed the atomic scheme of the published kernels in our own
words. Each with the errors of its gradients against float64, and whether they repeat to the bit.
`--small` runs each kernel once on few points, for compute-sanitizer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import longtail  # noqa: E402
from bench.kit.cuda import ROTATION, by_events, run  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.runner import Provider, interleave  # noqa: E402
from bench.peers import _kan_linear as kan  # noqa: E402
from bench.peers._rational_functions import (  # noqa: E402
    Function,
    Problem,
    eager,
    eager_norm,
    norm_problem,
    rational_problem,
    relative,
)

SHAPE = (64, 196, 768)
ROWS, LONG = 64 * 196, 32768
TENSORS = 2.5  # bytes of forward and backward over those of a copy
DTYPES = (torch.float32, torch.bfloat16)


def eager_relu(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """poly_relu as a user of torch writes it."""
    p, w = torch.relu(x), weight.unbind()
    return w[0] * p * p * p + w[1] * p * p + w[2] * p + bias


def tasks() -> dict[tuple[str, str], tuple[Problem, Function, Function]]:
    """(kernel, case) -> inputs, ours, and the same in torch operations."""
    norm = norm_problem(ROWS, SHAPE[-1])
    long = norm_problem(ROWS * SHAPE[-1] // LONG, LONG)
    layers = {
        ("kan_linear", kind): (kan_problem(kan.ROWS), kan.fused(kind), kan.layer(kind, "eager"))
        for kind in kan.KINDS
    }
    return layers | {
        ("rational", "version A, (5, 4)"): (rational_problem(SHAPE), longtail.rational, eager),
        ("poly_norm", f"rows of {SHAPE[-1]}"): (norm, longtail.poly_norm, eager_norm),
        ("poly_norm", f"rows of {LONG}"): (long, longtail.poly_norm, eager_norm),
        ("poly_relu", f"rows of {SHAPE[-1]}"): (norm, longtail.poly_relu, eager_relu),
    }


def kan_problem(rows: int) -> Problem:
    """x, weights and base weights."""
    tensors, grad = kan.inputs(rows)
    return Problem(*(each.detach() for each in tensors), grad)


def on_gpu(problem: Problem, dtype: torch.dtype) -> Problem:
    """x and the gradient in the dtype; parameters stay float32."""
    x, first, second, grad = (each.cuda() for each in problem)
    return Problem(x.to(dtype), first, second, grad.to(dtype))


def measure(
    task: tuple[str, str],
    problem: Problem,
    ours: Function,
    plain: Function,
    dtype: torch.dtype,
    repeats: int,
) -> list[Record]:
    """Forward, then forward and backward, of ours and of everything that it is compared to."""
    kernel, case = task
    gpu = on_gpu(problem, dtype)
    functions = {"longtail CUDA": ours, "torch.compile": torch.compile(plain), "torch eager": plain}
    inputs = [gpu.x.clone() for _ in range(ROTATION)]
    tracked = [each.clone().requires_grad_() for each in inputs]
    parameters = [each.clone().requires_grad_() for each in gpu[1:3]]
    copied, count = torch.empty_like(gpu.x), gpu.x.numel()
    exact = Problem(*(each.double() for each in gpu)).gradients(plain)

    def value(function: Function, i: int) -> None:
        with torch.no_grad():
            function(inputs[i], *gpu[1:3])

    def both(function: Function, i: int) -> Sequence[Tensor]:
        wanted = [tracked[i], *parameters]
        return torch.autograd.grad(function(*wanted), wanted, gpu.grad)

    floor = Provider("copy of x", by_events(lambda i: copied.copy_(inputs[i])), count)
    first = [Provider(n, by_events(partial(value, f)), count) for n, f in functions.items()]
    gradients: dict[str, Callable[[int], Sequence[Tensor]]] = {
        name: partial(both, function) for name, function in functions.items()
    }
    if kernel == "rational" and dtype == torch.float32:
        gradients |= atomic_rivals(gpu)
    second = [Provider(n, by_events(call), count) for n, call in gradients.items()]
    result = []
    for part, providers in (("forward", [floor, *first]), ("forward+backward", [floor, *second])):
        for timing in interleave(providers, repeats):
            name, errors, extra = timing.provider.name, None, {}
            if part == "forward+backward" and name in gradients:
                got, again = gradients[name](0), gradients[name](0)
                errors = relative(got[0], exact[0])
                pairs = zip(got[1:], exact[1:], strict=True)
                extra["parameters"] = [relative(ours, true)[0] for ours, true in pairs]
                extra["repeats_bit_equal"] = all(map(torch.equal, got, again))
            record = timing.record("rational-cuda", f"{kernel} {part}", case, errors)
            record.dtype, record.extra = str(dtype).removeprefix("torch."), extra
            result.append(record)
    return result


def atomic_rivals(gpu: Problem) -> dict[str, Callable[[int], Sequence[Tensor]]]:
    """The published scheme for the backward pass alone, if there is a triton to write it in."""
    try:
        from bench.cuda._atomic_rational import backward
    except ImportError as missing:
        print(f"without the atomic scheme: {missing}", file=sys.stderr)
        return {}
    return {
        f"atomics by {how}, backward alone": lambda i, by_block=by_block: backward(
            *gpu, by_block=by_block
        )
        for how, by_block in (("element", False), ("block", True))
    }


def run_small() -> None:
    """Every function, its gradients and dtype once, for compute-sanitizer; odd lengths too."""
    layers: list[Callable[..., Tensor]] = [kan.fused(kind) for kind in kan.KINDS]
    small: list[tuple[Problem, Callable[..., Tensor]]] = [
        *((kan_problem(37), layer) for layer in layers),
        (rational_problem((3, 5, 104)), longtail.rational),
        (norm_problem(5, 193), longtail.poly_norm),
        (norm_problem(5, 193), longtail.poly_relu),
    ]
    for problem, function in small:
        for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
            gpu = on_gpu(problem, dtype)
            gpu.gradients(function)
            if function not in layers:
                function(*gpu[:3], out=torch.empty_like(gpu.x))


def measure_all(repeats: int) -> list[Record]:
    """Every task in every dtype."""
    records: list[Record] = []
    for task, (problem, ours, plain) in tasks().items():
        for dtype in DTYPES:
            torch._dynamo.reset()
            rows = measure(task, problem, ours, plain, dtype, repeats)
            records += rows
            for part in dict.fromkeys(row.kernel for row in rows):
                mine = [row for row in rows if row.kernel == part]
                floor = mine[0].median * (TENSORS if part.endswith("backward") else 1)
                shown = "   ".join(f"{r.provider} {r.median / floor:.2f}" for r in mine[1:])
                print(f"{part} {task[1]} {rows[0].dtype}, in floors of {floor:.4f} ns: {shown}")
            for row in rows:
                if row.extra:
                    print(f"  {row.provider}: dx {row.max_error:.1e}, {row.extra}")
    return records


if __name__ == "__main__":
    sys.exit(run("bench/cuda/rational.py", __doc__, run_small, measure_all, repeats=25))
