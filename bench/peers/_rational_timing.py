"""Times of a function and of its gradients beside rivals and the floor, at some threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from bench.kit.records import Record
from bench.kit.runner import Provider, interleave

from ._rational_functions import Function, Problem, on_threads, relative

# What ours and the floor are called; others go by the names they are given.
OURS, INTO, FLOOR, COMPILED = "longtail", "longtail, out=", "copy floor", "torch.compile"


def measure(
    task: tuple[str, str],
    problem: Problem,
    ours: Callable[..., Tensor],
    plain: Function,
    rivals: dict[str, Function],
    threads: int,
    repeats: int,
) -> list[Record]:
    """`task` names what is computed and the case; `plain` is the function in torch operations,
    which torch.compile gets and which float64 makes the truth."""
    torch.set_num_threads(threads)
    torch._dynamo.reset()  # compiled code has the number of threads in it
    functions = {OURS: ours, COMPILED: torch.compile(plain, dynamic=False), **rivals}
    kernel, case = task
    x = problem.x
    exact = plain(*(each.double() for each in problem[:3]))
    exact_dx = problem.gradients(plain, torch.float64)[0]
    out, copied = torch.empty_like(x), torch.empty_like(x)

    def provider(name: str, call: Callable[[], object]) -> Provider:
        return Provider(name, on_threads(threads, call), x.numel(), threads)

    def value(function: Function) -> Tensor:
        with torch.no_grad():
            return function(*problem[:3])

    def both(function: Function, tensors: list[Tensor]) -> None:
        torch.autograd.grad(function(*tensors), tensors, problem.grad)

    result = []
    errors = {name: relative(value(each), exact) for name, each in functions.items()}
    errors[INTO] = errors[OURS]
    providers = [
        provider(FLOOR, partial(copied.copy_, x)),
        provider(INTO, partial(ours, *problem[:3], out=out)),
        *(provider(name, partial(value, each)) for name, each in functions.items()),
    ]
    for timing in interleave(providers, repeats):
        name = timing.provider.name
        result.append(timing.record("rational", f"{kernel} forward", case, errors.get(name)))
    tensors = problem.tracked()
    errors = {
        name: relative(problem.gradients(each)[0], exact_dx) for name, each in functions.items()
    }
    providers = [provider(name, partial(both, each, tensors)) for name, each in functions.items()]
    for timing in interleave(providers, repeats):
        name = timing.provider.name
        record = timing.record("rational", f"{kernel} forward+backward", case, errors[name])
        record.extra["saved"] = saved(functions[name], problem)
        result.append(record)
    for record in result:
        record.dtype = str(x.dtype).removeprefix("torch.")
    return result


def saved(function: Function, problem: Problem) -> float:
    """Bytes that wait for the backward pass, over those of x; each memory counts once."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = function(*problem.tracked())
    del result
    return sum(kept.values()) / problem.x.nbytes
