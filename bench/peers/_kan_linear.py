"""kan_linear beside eager and compiled torch as efficient-kan and FastKAN write it, and what each
needs of memory. Part of bench/peers/rational.py; as a script, a process that runs one provider once
and prints its peak memory:

    python bench/peers/_kan_linear.py KIND PROVIDER
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

import longtail  # noqa: E402
from bench.kit.bars import Bar  # noqa: E402
from bench.kit.memory import megabytes_of, print_growth  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.runner import Provider, interleave, timed  # noqa: E402

ROWS, INPUTS, OUTPUTS, FUNCTIONS = 4096, 256, 256, 8
KINDS = ("bspline", "gaussian_rbf")
PROVIDERS = ("longtail", "torch.compile", "eager")
KNOTS = torch.arange(-3, 9) * 0.4 - 1
CENTRES = torch.linspace(-2, 2, FUNCTIONS)

Layer = Callable[[Tensor, Tensor, Tensor], Tensor]


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


def fused(kind: str) -> Layer:
    """Ours."""
    points = KNOTS if kind == "bspline" else CENTRES

    def layer(x: Tensor, weight: Tensor, base: Tensor) -> Tensor:
        grid = points.to(x.device, weight.dtype)
        return longtail.kan_linear(x, weight, kind, base_weight=base, grid=grid)

    return layer


def layer(kind: str, provider: str) -> Layer:
    """One provider of one kind."""
    if provider == "longtail":
        return fused(kind)
    written = spline_layer if kind == "bspline" else radial_layer
    return torch.compile(written, dynamic=False) if provider == "torch.compile" else written


def inputs(rows: int) -> tuple[list[Tensor], Tensor]:
    """x, weight and base weight, and a gradient of y."""
    g = torch.Generator().manual_seed(0)
    x = torch.rand(rows, INPUTS, generator=g) * 2 - 1
    weight = torch.randn(OUTPUTS, INPUTS, FUNCTIONS, generator=g) / 50
    base = torch.randn(OUTPUTS, INPUTS, generator=g) / 16
    tensors = [each.requires_grad_() for each in (x, weight, base)]
    return tensors, torch.randn(rows, OUTPUTS, generator=g)


def forward(function: Layer, tensors: list[Tensor], grad: Tensor) -> None:
    """The value alone."""
    with torch.no_grad():
        function(*tensors)


def both(function: Layer, tensors: list[Tensor], grad: Tensor) -> None:
    """Value and all gradients."""
    torch.autograd.grad(function(*tensors), tensors, grad)


TASKS = {"forward": forward, "forward+backward": both}


def errors(kind: str, function: Layer, tensors: list[Tensor]) -> tuple[float, float]:
    """Largest and median error of y over its largest element, against float64."""
    written = spline_layer if kind == "bspline" else radial_layer
    exact = written(*(each.detach().double() for each in tensors))
    error = (function(*tensors).detach().double() - exact).abs() / exact.abs().max()
    return float(error.max()), float(error.median())


def peak_megabytes(kind: str, provider: str) -> float:
    """Memory of forward and backward beyond what was there before, in a process of its own."""
    return megabytes_of(__file__, kind, provider)


def measure(threads: tuple[int, ...], repeats: int, quick: bool) -> list[Record]:
    """Both kinds and tasks at every number of threads; memory with the first."""
    tensors, grad = inputs(256 if quick else ROWS)
    result: list[Record] = []
    for count in threads:
        torch.set_num_threads(count)
        for kind in KINDS:
            torch._dynamo.reset()
            layers = {provider: layer(kind, provider) for provider in PROVIDERS}
            first = count == threads[0] and not quick
            memory = {p: peak_megabytes(kind, p) for p in PROVIDERS} if first else {}
            for task, run in TASKS.items():
                providers = [
                    Provider(name, timed(partial(run, each, tensors, grad)), grad.numel(), count)
                    for name, each in layers.items()
                ]
                for timing in interleave(providers, repeats):
                    name = timing.provider.name
                    of_y = errors(kind, layers[name], tensors)
                    record = timing.record("rational", f"kan_linear {task}", kind, of_y)
                    record.dtype = "float32"
                    if name in memory:
                        record.extra["peak_megabytes"] = memory[name]
                    result.append(record)
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


def show_memory(rows: list[Record]) -> None:
    """What forward and backward need beyond their inputs."""
    for row in rows:
        if "peak_megabytes" in row.extra and row.kernel.endswith("backward"):
            peak = row.extra["peak_megabytes"]
            print(f"kan_linear {row.case:14} {row.provider:14} peak memory {peak:6.0f} MB")


def main() -> None:
    """Prints the growth of this process's peak memory over one forward and backward, in MB."""
    kind, provider = sys.argv[1:]
    function = layer(kind, provider)
    both(function, *inputs(64))  # libraries and compiled code are no part of it
    tensors, grad = inputs(ROWS)
    print_growth(partial(both, function, tensors, grad))


if __name__ == "__main__":
    main()
