"""Finds the activations of a model, the channels that they act on and the range of their inputs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_CONVOLUTIONS = {
    nn.Conv1d: 1,
    nn.Conv2d: 2,
    nn.Conv3d: 3,
    nn.ConvTranspose1d: 1,
    nn.ConvTranspose2d: 2,
    nn.ConvTranspose3d: 3,
}
_TRANSFORMER_LAYERS = (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
#: What a transformer layer of torch keeps where it was given no module.
_FUNCTIONS: dict[Any, type[nn.Module]] = {functional.relu: nn.ReLU, functional.gelu: nn.GELU}


@dataclasses.dataclass
class Found:
    """One activation: where it is, and what became known of its input.

    Attributes:
        name: as ``named_modules`` has it.
        module: the activation; made for the purpose where the model keeps a function.
        places: (parent, attribute) of everywhere it stands.
        channels, channel_dim: None as long as unknown.
        range: smallest and largest input that was seen.
    """

    name: str
    module: nn.Module
    places: list[tuple[nn.Module, str]]
    channels: int | None = None
    channel_dim: int | None = None
    range: tuple[float, float] | None = None

    def look(self, x: Tensor, channel_dim: int) -> None:
        """Take note of one input."""
        if x.dim() < -channel_dim:
            channel_dim = -1
        self.channel_dim = channel_dim
        self.channels = math.gcd(self.channels or 0, x.shape[channel_dim])
        if x.numel() > 0:
            low, high = (float(each) for each in torch.aminmax(x.detach().float()))
            before = self.range or (low, high)
            self.range = (min(low, before[0]), max(high, before[1]))


def find(model: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[Found]:
    """All activations of these types; one that stands in several places once."""
    found: dict[int, Found] = {}
    if isinstance(model, kinds):
        return [Found("", model, [])]
    for name, parent in model.named_modules():
        for attribute, child in parent.named_children():
            if isinstance(child, kinds):
                path = f"{name}.{attribute}" if name else attribute
                new = Found(path, child, [])
                found.setdefault(id(child), new).places.append((parent, attribute))
        if isinstance(parent, _TRANSFORMER_LAYERS):
            kind = _FUNCTIONS.get(parent.activation)
            if kind is not None and issubclass(kind, kinds):
                path = f"{name}.activation" if name else "activation"
                found[id(parent)] = Found(path, kind(), [(parent, "activation")])
    return list(found.values())


def channel_dim_of(layer: nn.Module) -> int | None:
    """Where a linear layer or convolution puts its channels, from the end; None for others."""
    if isinstance(layer, nn.Linear):
        return -1
    return next((-1 - d for kind, d in _CONVOLUTIONS.items() if isinstance(layer, kind)), None)


def infer_channels(found: Found) -> None:
    """From the layers beside the activation, where they leave no doubt.

    The layer before it in the same parent counts if the parent is a Sequential, if there is no
    other, or if the next one takes as many channels; the order of attributes says nothing else.
    """
    for parent, attribute in found.places:
        if isinstance(parent, _TRANSFORMER_LAYERS):
            found.channels, found.channel_dim = parent.linear1.out_features, -1
            return
        names = [name for name, _ in parent.named_children()]
        layers = [
            (names.index(name), layer)
            for name, layer in parent.named_children()
            if channel_dim_of(layer) is not None
        ]
        at = names.index(attribute)
        before = [layer for k, layer in layers if k < at]
        after = [layer for k, layer in layers if k > at]
        if not before:
            continue
        channels, dim = _outputs(before[-1]), channel_dim_of(before[-1])
        sure = isinstance(parent, nn.Sequential) or len(layers) == 1
        if sure or (after and _inputs(after[0]) == channels):
            found.channels, found.channel_dim = channels, dim
            return


def _outputs(layer: Any) -> int:
    return int(layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels)


def _inputs(layer: Any) -> int:
    return int(layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels)


def observe(model: nn.Module, found: list[Found], sample: Any) -> None:
    """Run the model once on ``sample``, in eval mode and without gradients, and look at what goes
    into each activation. Channels stand where the last linear layer or convolution put them."""
    last = -1
    handles = []

    def after_layer(layer: nn.Module, arguments: Any, result: Any) -> None:
        nonlocal last
        last = channel_dim_of(layer) or -1

    def before_activation(each: Found) -> Callable[..., None]:
        return lambda module, arguments: each.look(arguments[0], last)

    def in_place_of_function(each: Found) -> Callable[..., None]:
        return lambda layer, arguments, result: each.look(result, -1)

    for module in model.modules():
        if channel_dim_of(module) is not None:
            handles.append(module.register_forward_hook(after_layer))
    for each in found:
        parent, attribute = each.places[0] if each.places else (model, "")
        if attribute in parent._modules or not each.places:
            handles.append(each.module.register_forward_pre_hook(before_activation(each)))
        else:
            linear: Any = parent.linear1
            handles.append(linear.register_forward_hook(in_place_of_function(each)))
    try:
        with _as_written(model), torch.no_grad():
            if isinstance(sample, Mapping):
                model(**sample)
            elif isinstance(sample, (tuple, list)):
                model(*sample)
            else:
                model(sample)
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _as_written(model: nn.Module) -> Iterator[None]:
    """Eval mode, without torch's fused transformer layer, which calls none of its modules."""
    training = [(module, module.training) for module in model.modules()]
    fast = torch.backends.mha.get_fastpath_enabled()
    model.eval()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for module, mode in training:
            module.training = mode


def put(model: nn.Module, found: Found, new: nn.Module) -> None:
    """Set the new module everywhere the activation stood.

    torch's transformer layers fuse the activation that they were made with wherever no gradient is
    wanted: they are told that they have another one now.
    """
    for parent, attribute in found.places:
        setattr(parent, attribute, new)
        if isinstance(parent, nn.TransformerEncoderLayer):
            parent.activation_relu_or_gelu = 0
            for stack in model.modules():
                if isinstance(stack, nn.TransformerEncoder) and parent in stack.layers:
                    stack.use_nested_tensor = False
