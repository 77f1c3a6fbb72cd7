"""Turns the activations of an existing model into learnable rationals that start as the same."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from longtail.nn import _activations
from longtail.nn._activations import Found
from longtail.nn.rational import GroupRational
from longtail.rationals import Version, fit_rational, rational

Coefficients = tuple[Tensor, Tensor]

#: What ``replace_activations`` looks for unless told.
ACTIVATIONS = (nn.GELU, nn.SiLU, nn.ReLU, nn.Tanh, nn.Sigmoid, nn.LeakyReLU)

WITHOUT_SAMPLE = (-6.0, 6.0)
SMALLEST = 3.0
MARGIN = 1.125  # other batches reach further than the sample


@dataclasses.dataclass(frozen=True)
class Replacement:
    """One replaced activation, as ``replace_activations`` reports it; prints as one line.

    Attributes:
        name: of the module, as ``named_modules`` has it.
        activation: what it was.
        channels, channel_dim: what the groups divide.
        interval: where the rational was fitted.
        error: its largest error there.
    """

    name: str
    activation: str
    channels: int
    channel_dim: int
    interval: tuple[float, float]
    error: float

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.name or '(the model)'}: {self.activation}, {self.channels} channels, "
            f"off by at most {self.error:.1e} on [{low:g}, {high:g}]"
        )


def replace_activations(
    model: nn.Module,
    *,
    sample: Any = None,
    channels: int | Mapping[str, int] | None = None,
    channel_dim: int | None = None,
    interval: tuple[float, float] | None = None,
    groups: int = 8,
    shared_numerator: bool = True,
    version: Version = "A",
    orders: tuple[int, int] = (7, 6),
    activations: tuple[type[nn.Module], ...] = ACTIVATIONS,
    report: Callable[[Replacement], object] | None = None,
) -> nn.Module:
    """Replace the activation modules of a model by ``GroupRational`` that start as them, in place.

    With a ``sample`` the model is run on it once, in eval mode and without gradients, to see how
    many channels go into each activation and in which range: the rational is fitted there. Without,
    channels come from the linear layer or convolution beside the activation, and the fit is made on
    [-6, 6]. Give a sample where you can: outside of its interval a rational is another function.

    Args:
        model: any module. Found are modules, and the functions that torch's transformer layers
            keep; calls such as ``functional.gelu(x)`` in a ``forward`` are not. Torch's fused
            transformer layer, which ignores the module, is switched off where it applies.
        sample: argument of the model; a tuple or list of arguments; or a dict of keywords.
        channels: where they cannot be inferred: of all activations, or by module name.
        channel_dim: where channels stand; default: where the layer in front puts them (-1 behind a
            linear layer, -3 behind a 2-d convolution), -1 where there is none.
        interval: where to fit. Default: the range seen, an eighth wider and at least [-3, 3], in
            whole numbers.
        groups: of each rational; divides the channels.
        shared_numerator, version, orders: as in ``GroupRational``.
        activations: types to replace. Any element-wise module without parameters will do.
        report: called with a ``Replacement`` for each: ``print``, or the ``append`` of a list.

    Returns:
        The model, or the new module where the model itself is an activation. Parameters are
        float32, or float64 in a float64 model, and train at once; make the optimiser afterwards.

    How close: version A of orders (7, 6) errs for gelu by 1.5e-6 on [-3, 3], 5e-4 on [-6, 6] and
    3.4e-3 on [-6, 12], for silu and tanh by 3e-5 at most on these. With a sample, logits of a
    trained transformer with gelu moved by 5e-4 of their standard deviation. relu and leaky_relu
    have a corner that no rational has: 7e-3 to 1.4e-2, and logits that moved by 2.2e-2.

    Raises:
        TypeError: a model that is none.
        ValueError: nothing found; channels unknown or not divisible by ``groups`` (the message
            names the module); an activation with parameters. The model is unchanged then.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"replace_activations: model must be a Module, got {type(model).__name__}")
    found = _activations.find(model, activations)
    if not found:
        names = ", ".join(kind.__name__ for kind in activations)
        raise ValueError(
            f"replace_activations: the model has no module of type {names}; activations that its "
            "forward calls as functions cannot be found"
        )
    if sample is not None:
        _activations.observe(model, found, sample)
    fits: dict[Any, Coefficients] = {}
    made = []
    for each in found:
        count, dim = _channels(each, channels, channel_dim, groups)
        where = interval or _interval(each.range)
        start = _fit(each.module, version, where, orders, fits)
        new = GroupRational(
            count,
            groups,
            init=start,
            version=version,
            shared_numerator=shared_numerator,
            channel_dim=dim,
            **_factory(model, each),
        )
        new.train(each.module.training)
        error = _error(each.module, start, version, where)
        made.append(
            (each, new, Replacement(each.name, repr(each.module), count, dim, where, error))
        )
    for each, new, line in made:
        _activations.put(model, each, new)
        if report is not None:
            report(line)
    return model if found[0].places else made[0][1]


def _channels(
    found: Found, given: int | Mapping[str, int] | None, dim: int | None, groups: int
) -> tuple[int, int]:
    if found.channels is None:
        _activations.infer_channels(found)
    count = given.get(found.name) if isinstance(given, Mapping) else given
    count = found.channels if count is None else count
    if count is None:
        raise ValueError(
            f"replace_activations: cannot tell how many channels {found.name!r} has; pass sample=, "
            f"an input of the model that reaches it, or channels={{{found.name!r}: ...}}"
        )
    if count < 1 or groups < 1 or count % groups:
        raise ValueError(
            f"replace_activations: groups is {groups}, expected a divisor of the {count} channels "
            f"of {found.name!r}"
        )
    dim = found.channel_dim if dim is None else dim
    return count, -1 if dim is None else dim


def _interval(seen: tuple[float, float] | None) -> tuple[float, float]:
    if seen is None:
        return WITHOUT_SAMPLE
    if not all(math.isfinite(each) for each in seen):
        raise ValueError("replace_activations: sample gives values that are not finite")
    low, high = (math.floor(MARGIN * seen[0]), math.ceil(MARGIN * seen[1]))
    return min(float(low), -SMALLEST), max(float(high), SMALLEST)


def _fit(
    module: nn.Module,
    version: Version,
    interval: tuple[float, float],
    orders: tuple[int, int],
    known: dict[Any, Coefficients],
) -> Coefficients:
    """Each function once for each interval: a fit takes seconds."""
    if next(module.parameters(), None) is not None:
        raise ValueError(
            f"replace_activations: {module!r} has parameters; only a fixed function can be fitted"
        )
    # What a module of torch does is in its repr; of another one nobody knows.
    same = repr(module) if type(module).__module__.startswith("torch.nn.") else id(module)
    key = (type(module), same, interval)
    if key not in known:
        name = _NAMES.get(repr(module).replace(", inplace=True", "").replace("inplace=True", ""))
        known[key] = fit_rational(name or module.forward, version, interval, orders=orders)
    return known[key]


_NAMES = {
    repr(module): name
    for name, module in {
        "gelu": nn.GELU(),
        "silu": nn.SiLU(),
        "relu": nn.ReLU(),
        "leaky_relu": nn.LeakyReLU(),
        "tanh": nn.Tanh(),
        "sigmoid": nn.Sigmoid(),
    }.items()
}


def _error(
    module: nn.Module, start: Coefficients, version: Version, interval: tuple[float, float]
) -> float:
    x = torch.from_numpy(np.linspace(*interval, 8193)).unsqueeze(-1)
    with torch.no_grad():
        return float((rational(x, *start, version) - module.forward(x.clone())).abs().max())


def _factory(model: nn.Module, found: Found) -> dict[str, Any]:
    """Device of the layers beside, and dtype: narrow ones keep their coefficients in float32."""
    nearest = found.places[0][0] if found.places else model
    for module in (nearest, model):
        for parameter in module.parameters():
            if parameter.is_floating_point():
                wide = parameter.dtype == torch.float64
                dtype = torch.float64 if wide else torch.float32
                return {"device": parameter.device, "dtype": dtype}
    return {}
