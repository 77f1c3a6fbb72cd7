"""Group rationals beside eager torch, torch.compile and the reference's CPU path, on x of
[64, 196, 768] float32 with 8 groups.

    python bench/peers/rational.py [--name NAME] [--repeats N] [--quick] [--bars]

All providers on the same inputs, taking turns, at one and at two threads. Memory is warm: glibc is
told to keep what is freed (as the script starts itself again with those settings), since a fresh
38 MB tensor costs more in page faults than the kernel takes. The floor is a copy of x for the
forward pass, and for forward and backward the bytes they must move at the same rate: x, y, then
grad, x, dx. Stores records in bench/results/rational-cpu-<name>.jsonl.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

WARM = {"MALLOC_MMAP_THRESHOLD_": str(1 << 32), "MALLOC_TRIM_THRESHOLD_": str(1 << 36)}
if __name__ == "__main__" and any(os.environ.get(k) != v for k, v in WARM.items()):
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **WARM})

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

import longtail  # noqa: E402
from bench.kit import environment, records  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.report import Bar, show, show_bars  # noqa: E402
from bench.kit.runner import Provider, interleave, timed  # noqa: E402

SHAPE, GROUPS = (64, 196, 768), 8
THREADS = (1, 2)
# Time over the copy floor, forward; over the floor of bytes moved, forward and backward.
FORWARD, BOTH = 1.15, 1.3
# Bytes moved by forward and backward over those of a copy: 5 tensors to 2.
TENSORS = 2.5

Function = Callable[[Tensor, Tensor, Tensor], Tensor]


def _rows(coefficients: Tensor, x: Tensor) -> list[Tensor]:
    """Coefficients as [groups, 1] columns beside x of [..., groups, channels a group]."""
    return [each.unsqueeze(-1) for each in coefficients.expand(x.shape[-2], -1).unbind(1)]


def eager(x: Tensor, numerator: Tensor, denominator: Tensor) -> Tensor:
    """Version A by Horner's rule, as a careful user of torch writes it."""
    grouped = x.unflatten(-1, (GROUPS, -1))
    p = torch.zeros_like(grouped)
    for a in reversed(_rows(numerator, grouped)):
        p = p * grouped + a
    size, q = grouped.abs(), torch.zeros_like(grouped)
    for b in reversed(_rows(denominator, grouped)):
        q = (q + b.abs()) * size
    return (p / (1 + q)).flatten(-2)


def reference(x: Tensor, numerator: Tensor, denominator: Tensor) -> Tensor:
    """KAT's own path for the CPU, re-expressed: every power of x on its own."""
    grouped = x.unflatten(-1, (GROUPS, -1))
    powers = [grouped**k for k in range(1, numerator.shape[1])]
    columns = _rows(numerator, grouped)
    p = columns[0] + sum(a * each for a, each in zip(columns[1:], powers, strict=True))
    q = sum(
        b.abs() * each.abs() for b, each in zip(_rows(denominator, grouped), powers, strict=False)
    )
    return (p / (1 + q)).flatten(-2)


def inputs(shape: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x, numerator, denominator and a gradient."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=generator)
    numerator, denominator = (each.float() for each in longtail.fit_rational("gelu"))
    grad = torch.randn(shape, generator=generator)
    return x, numerator, denominator.expand(GROUPS, -1).clone(), grad


def on_threads(threads: int, call: Callable[[], object]) -> Callable[[], float]:
    """Timed at a number of threads."""

    def run() -> None:
        torch.set_num_threads(threads)
        call()

    return timed(run)


def forward_backward(function: Function, tensors: list[Tensor], grad: Tensor) -> None:
    """Value and all three gradients."""
    torch.autograd.grad(function(*tensors), tensors, grad)


def errors(function: Function, tensors: list[Tensor], grad: Tensor) -> tuple[float, float]:
    """Largest and median error of dx, over its largest element, against float64."""
    wide = [each.detach().double().requires_grad_() for each in tensors]
    exact = torch.autograd.grad(eager(*wide), wide[0], grad.double())[0]
    got = torch.autograd.grad(function(*tensors), tensors[0], grad)[0]
    error = (got.double() - exact).abs() / exact.abs().max()
    return float(error.max()), float(error.median())


def measure(options: argparse.Namespace) -> list[Record]:
    """Both tasks at one and two threads."""
    shape = (4, *SHAPE[1:]) if options.quick else SHAPE
    x, numerator, denominator, grad = inputs(shape)
    functions: dict[str, Function] = {
        "longtail": longtail.rational,
        "torch.compile": torch.compile(eager, dynamic=False),
        "eager, Horner": eager,
        "reference CPU path": reference,
    }
    result: list[Record] = []
    for threads in THREADS:
        torch.set_num_threads(threads)
        torch._dynamo.reset()
        functions["torch.compile"] = torch.compile(eager, dynamic=False)
        out, copied = torch.empty_like(x), torch.empty_like(x)
        tensors = [each.clone().requires_grad_() for each in (x, numerator, denominator)]
        truth = {name: errors(each, tensors, grad) for name, each in functions.items()}

        def ours(out: Tensor = out) -> Tensor:
            return longtail.rational(x, numerator, denominator, out=out)

        def plain(function: Function) -> Callable[[], Tensor]:
            def call() -> Tensor:
                with torch.no_grad():
                    return function(x, numerator, denominator)

            return call

        providers = [
            Provider(
                "copy floor", on_threads(threads, partial(copied.copy_, x)), x.numel(), threads
            ),
            Provider("longtail, out=", on_threads(threads, ours), x.numel(), threads),
        ]
        for name, function in functions.items():
            providers.append(
                Provider(name, on_threads(threads, plain(function)), x.numel(), threads)
            )
        for timing in interleave(providers, options.repeats):
            result.append(timing.record("rational", "forward", "version A, (5, 4)"))
        providers = [
            Provider(
                name,
                on_threads(threads, partial(forward_backward, function, tensors, grad)),
                x.numel(),
                threads,
            )
            for name, function in functions.items()
        ]
        for timing in interleave(providers, options.repeats):
            name = timing.provider.name
            result.append(
                timing.record("rational", "forward+backward", "version A, (5, 4)", truth[name])
            )
    return result


def bars(rows: list[Record]) -> list[Bar]:
    """Those of the design."""

    def median(kernel: str, provider: str, threads: int) -> float:
        return next(
            row.median
            for row in rows
            if (row.kernel, row.provider, row.threads) == (kernel, provider, threads)
        )

    result = []
    for threads in THREADS:
        copy = median("forward", "copy floor", threads)
        value = median("forward", "longtail, out=", threads) / copy
        both = median("forward+backward", "longtail", threads)
        label = f"{threads} thread" + "s" * (threads > 1)
        result.append(Bar(f"forward over copy, {label}", value, FORWARD, at_most=True))
        result.append(
            Bar(f"both over their floor, {label}", both / (TENSORS * copy), BOTH, at_most=True)
        )
        compiled = median("forward+backward", "torch.compile", threads) / both
        result.append(Bar(f"compile over ours, {label}", compiled, 4 if threads == 1 else 8))
        plain = median("forward+backward", "eager, Horner", threads) / both
        result.append(Bar(f"eager over ours, {label}", plain, 28 if threads == 1 else 1))
    return result


def main() -> int:
    """Measures, prints, stores."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--name", default="local", help="of the results file")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="4 images instead of 64")
    parser.add_argument("--bars", action="store_true", help="exit with 1 if a bar is missed")
    options = parser.parse_args()
    rows = measure(options)
    show(rows, next(row.median for row in rows if row.provider == "copy floor"))
    met = show_bars(bars(rows))
    path = records.RESULTS / f"rational-cpu-{options.name}.jsonl"
    records.write(path, environment.environment(("numpy", "torch")), rows)
    print(f"stored in {path.relative_to(ROOT)}")
    return 0 if met or not options.bars else 1


if __name__ == "__main__":
    sys.exit(main())
