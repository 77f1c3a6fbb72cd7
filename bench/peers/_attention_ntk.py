"""ntk_attention and pattention beside eager and compiled torch as their papers' code writes them,
and what each needs of memory. Attention without a prefix (scaled_dot_product_attention) is shown
as a yardstick: it does less. As a script, a process that runs one provider once and prints its peak
memory:

    python bench/peers/_attention_ntk.py CASE PROVIDER
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

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

OURS, EAGER, COMPILED, SDPA = "longtail", "eager", "torch.compile", "SDPA, no prefix"


def eager_ntk(q: Tensor, k: Tensor, v: Tensor, z: Tensor, kappa: Tensor) -> Tensor:
    """The paper's code in our words, all scores in memory; scores here are far from +-88."""
    channels = q.shape[-1]
    scores = q @ k.mT / math.sqrt(channels)
    most = scores.amax(-1, keepdim=True)
    weights, weight = torch.exp(scores - most), torch.exp(-most)
    phi = functional.elu(q / channels**0.25) + 1
    denominator = weights.sum(-1, keepdim=True) + weight * (phi @ kappa.abs().unsqueeze(-1))
    return (weights @ v + weight * (phi @ z)) / denominator


def sdpa(q: Tensor, k: Tensor, v: Tensor, z: Tensor, kappa: Tensor) -> Tensor:
    """Attention alone; z and kappa only so that their gradients exist."""
    return functional.scaled_dot_product_attention(q, k, v) + 0 * (z.sum() + kappa.sum())


def eager_pattention(x: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The released layer in our words."""
    scores = x @ key.mT
    scores = scores / torch.norm(scores, dim=-1, keepdim=True) * math.sqrt(key.shape[0])
    return functional.gelu(scores) @ value


class Case(NamedTuple):
    """A shape to measure: its providers (None: compile the eager one), and its tensors."""

    kernel: str
    functions: dict[str, Function | None]
    sizes: Callable[[int], list[tuple[int, ...]]]
    length: int


def _heads(heads: int, channels: int) -> Callable[[int], list[tuple[int, ...]]]:
    def sizes(length: int) -> list[tuple[int, ...]]:
        tokens = [(1, heads, length, channels)] * 3
        return [*tokens, (heads, channels, channels), (heads, channels)]

    return sizes


def _rows(channels: int, tokens: int) -> Callable[[int], list[tuple[int, ...]]]:
    return lambda rows: [(rows, channels), (tokens, channels), (tokens, channels)]


_NTK: dict[str, Function | None] = {
    OURS: longtail.ntk_attention,
    COMPILED: None,
    EAGER: eager_ntk,
    SDPA: sdpa,
}
_TOKENS: dict[str, Function | None] = {
    OURS: longtail.pattention,
    COMPILED: None,
    EAGER: eager_pattention,
}
CASES = {
    "H8 L1024 D64": Case("ntk_attention", _NTK, _heads(8, 64), 1024),
    "H4 L4096 D128": Case("ntk_attention", _NTK, _heads(4, 128), 4096),
    "4096 rows, 768 to 768, n 768": Case("pattention", _TOKENS, _rows(768, 768), 4096),
    "4096 rows, 768 to 768, n 3072": Case("pattention", _TOKENS, _rows(768, 3072), 4096),
}


def function_of(case: Case, provider: str) -> Function:
    """One provider, compiled if need be."""
    found = case.functions[provider]
    eager = case.functions[EAGER]
    assert eager is not None
    return torch.compile(eager, dynamic=False) if found is None else found


def inputs(case: Case, length: int) -> Inputs:
    """Tensors that require gradients, and a gradient of the result."""
    g = torch.Generator().manual_seed(0)
    tensors = [torch.randn(size, generator=g) for size in case.sizes(length)]
    grad = torch.randn(tensors[0].shape, generator=g)  # as many channels out as in
    return [each.requires_grad_() for each in tensors], grad


def errors(case: Case, function: Function) -> tuple[float, float]:
    """On a small problem."""
    tensors, _ = inputs(case, 256)
    return passes.errors(function, function_of(case, EAGER), tensors)


def peak_megabytes(name: str, provider: str) -> float:
    """Memory of forward and backward beyond what was there before, in a process of its own."""
    return megabytes_of(__file__, name, provider)


def measure(threads: tuple[int, ...], repeats: int, quick: bool) -> list[Record]:
    """All cases and tasks at every number of threads; memory with the first."""
    result: list[Record] = []
    for count in threads:
        torch.set_num_threads(count)
        for name, case in CASES.items():
            torch._dynamo.reset()
            problem = inputs(case, 256 if quick else case.length)
            functions = {provider: function_of(case, provider) for provider in case.functions}
            first = count == threads[0] and not quick
            memory = {p: peak_megabytes(name, p) for p in functions} if first else {}
            # Of the same computation: attention alone is another one.
            errors_of = {p: errors(case, f) for p, f in functions.items() if p != SDPA}
            names = ("attention", case.kernel, name)
            result += passes.measure(names, functions, problem, count, repeats, errors_of, memory)
    return result


def bars(rows: list[Record]) -> list[Bar]:
    """The design sets none: faster than eager and torch.compile, forward and backward."""
    found = {
        (row.kernel, row.case, row.provider, row.threads): row.median
        for row in rows
        if row.case in CASES
    }
    result = []
    for kernel, name, provider, threads in found:
        if provider != OURS:
            continue
        for rival in (EAGER, COMPILED):
            ratio = found[kernel, name, rival, threads] / found[kernel, name, OURS, threads]
            label = f"{kernel}, {name}, {rival} over ours, {threads} thr"
            result.append(Bar(label, ratio, 1.0))
    return result


def main() -> None:
    """Prints the growth of this process's peak memory over one forward and backward, in MB."""
    name, provider = sys.argv[1:]
    case = CASES[name]
    function = function_of(case, provider)
    passes.print_peak(function, inputs(case, 64), inputs(case, case.length))


if __name__ == "__main__":
    main()
