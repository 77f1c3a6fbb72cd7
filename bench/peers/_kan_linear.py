"""kan_linear beside eager and compiled torch as efficient-kan and FastKAN write it, and what each
needs of memory. Part of bench/peers/rational.py; as a script, a process that runs one provider once
and prints its peak memory:

    python bench/peers/_kan_linear.py KIND PROVIDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

import longtail  # noqa: E402
from bench.kit import passes  # noqa: E402
from bench.kit.bars import Bar  # noqa: E402
from bench.kit.memory import megabytes_of  # noqa: E402
from bench.kit.passes import Function, Inputs  # noqa: E402
from bench.kit.records import Record  # noqa: E402

ROWS, INPUTS, OUTPUTS, FUNCTIONS = 4096, 256, 256, 8
KINDS = ("bspline", "gaussian_rbf")
PROVIDERS = ("longtail", "torch.compile", "eager")
KNOTS = torch.arange(-3, 9) * 0.4 - 1
CENTRES = torch.linspace(-2, 2, FUNCTIONS)


def spline_layer(x: Tensor, weight: Tensor, base: Tensor) -> Tensor:
    """efficient-kan's layer in our words: all bases in memory, one product for all."""
    points, knots = x.unsqueeze(-1), KNOTS.to(x)
    phi = ((points >= knots[:-1]) & (points < knots[1:])).to(x.dtype)
    for p in range(1, 4):
        rising = (points - knots[: -p - 1]) / (knots[p:-1] - knots[: -p - 1])
        falling = (knots[p + 1 :] - points) / (knots[p + 1 :] - knots[1:-p])
        phi = rising * phi[..., :-1] + falling * phi[..., 1:]
    return _sums(x, phi, weight, base)


def radial_layer(x: Tensor, weight: Tensor, base: Tensor) -> Tensor:
    """FastKAN's layer in our words."""
    phi = torch.exp(-(((x.unsqueeze(-1) - CENTRES.to(x)) / (4 / 7)) ** 2))
    return _sums(x, phi, weight, base)


def _sums(x: Tensor, phi: Tensor, weight: Tensor, base: Tensor) -> Tensor:
    """The two products; parameters may be wider than x."""
    functions = functional.linear(phi.flatten(-2), weight.flatten(-2).to(x.dtype))
    return functions + functional.linear(functional.silu(x), base.to(x.dtype))


def fused(kind: str) -> Function:
    """Ours."""
    points = KNOTS if kind == "bspline" else CENTRES

    def layer(x: Tensor, weight: Tensor, base: Tensor) -> Tensor:
        grid = points.to(x.device, weight.dtype)
        return longtail.kan_linear(x, weight, kind, base_weight=base, grid=grid)

    return layer


def layer(kind: str, provider: str) -> Function:
    """One provider of one kind."""
    if provider == "longtail":
        return fused(kind)
    written = spline_layer if kind == "bspline" else radial_layer
    return torch.compile(written, dynamic=False) if provider == "torch.compile" else written


def inputs(rows: int) -> Inputs:
    """x, weight and base weight, and a gradient of y."""
    g = torch.Generator().manual_seed(0)
    x = torch.rand(rows, INPUTS, generator=g) * 2 - 1
    weight = torch.randn(OUTPUTS, INPUTS, FUNCTIONS, generator=g) / 50
    base = torch.randn(OUTPUTS, INPUTS, generator=g) / 16
    tensors = [each.requires_grad_() for each in (x, weight, base)]
    return tensors, torch.randn(rows, OUTPUTS, generator=g)


def errors(kind: str, function: Function, tensors: list[Tensor]) -> tuple[float, float]:
    """Of y."""
    written = spline_layer if kind == "bspline" else radial_layer
    return passes.errors(function, written, tensors)


def peak_megabytes(kind: str, provider: str) -> float:
    """Memory of forward and backward beyond what was there before, in a process of its own."""
    return megabytes_of(__file__, kind, provider)


def measure(threads: tuple[int, ...], repeats: int, quick: bool) -> list[Record]:
    """Both kinds and tasks at every number of threads; memory with the first."""
    problem = inputs(256 if quick else ROWS)
    result: list[Record] = []
    for count in threads:
        torch.set_num_threads(count)
        for kind in KINDS:
            torch._dynamo.reset()
            layers = {provider: layer(kind, provider) for provider in PROVIDERS}
            first = count == threads[0] and not quick
            memory = {p: peak_megabytes(kind, p) for p in PROVIDERS} if first else {}
            errors_of = {p: errors(kind, each, problem[0]) for p, each in layers.items()}
            names = ("rational", "kan_linear", kind)
            result += passes.measure(names, layers, problem, count, repeats, errors_of, memory)
    return result


def bars(rows: list[Record]) -> list[Bar]:
    """The design sets none: faster than eager and torch.compile."""

    def of(kind: str, task: str, provider: str, threads: int) -> Record:
        wanted = (f"kan_linear {task}", kind, provider, threads)
        return next(r for r in rows if (r.kernel, r.case, r.provider, r.threads) == wanted)

    result = []
    for kind in KINDS:
        for threads in sorted({row.threads for row in rows}):
            mine = of(kind, "forward+backward", "longtail", threads).median
            for rival in ("eager", "torch.compile"):
                theirs = of(kind, "forward+backward", rival, threads).median
                name = f"kan_linear {kind}, {rival} over ours, {threads} thr"
                result.append(Bar(name, theirs / mine, 1.0))
    return result


def main() -> None:
    """Prints the growth of this process's peak memory over one forward and backward, in MB."""
    kind, provider = sys.argv[1:]
    function = layer(kind, provider)
    passes.print_peak(function, inputs(64), inputs(ROWS))


if __name__ == "__main__":
    main()
