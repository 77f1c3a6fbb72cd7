"""EfficientNet-Lite0 written from its description: does it see what is in the photographs?"""

import pytest
import torch
from torch.nn import functional

from kit.installed import read
from longtail.demos import data
from longtail.demos.bessel.efficientnet import EfficientNetLite0, SameConv2d


@pytest.fixture(scope="module")
def network():
    pytest.importorskip("PIL")
    return EfficientNetLite0().load_published(read(data.efficientnet_weights)).eval()


def central_square(name):
    image = torch.from_numpy(read(data.photograph, name)).permute(2, 0, 1) / 255
    side = min(image.shape[-2:])
    top, left = (image.shape[-2] - side) // 2, (image.shape[-1] - side) // 2
    square = image[None, :, top : top + side, left : left + side]
    return functional.interpolate(square, (224, 224), mode="bicubic", antialias=True)


# ImageNet classes: 281 to 285 are cats, 967 espresso, 665 moped, 652 military uniform.
@pytest.mark.parametrize(
    "name, classes",
    [("cat", range(281, 286)), ("coffee", [967]), ("motorcycle", [665, 670]), ("admiral", [652])],
)
def test_top_class_is_what_the_photograph_shows(network, name, classes):
    with torch.inference_mode():
        assert int(network(central_square(name)).argmax()) in classes


def test_folding_the_norms_changes_nothing(network):
    folded = EfficientNetLite0().load_published(data.efficientnet_weights()).for_inference()
    images = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, found = network.features(images), folded.features(images)
    assert expected.shape == (1, 1280, 7, 7)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_a_missing_layer_is_refused(network):
    weights = dict(data.efficientnet_weights())
    weights["unknown.weight"] = weights.pop("_fc.weight")
    with pytest.raises(ValueError, match="used 295 of 296"):
        EfficientNetLite0().load_published(weights)


def test_same_padding_is_tensorflows():
    """Stride 2, kernel 3, even size: nothing on the left, one pixel on the right."""
    layer = SameConv2d(1, 1, 3, 2, bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, 0, 0, 0] = 1  # picks the upper left pixel of each window
        x = torch.arange(16.0).view(1, 1, 4, 4)
        assert torch.equal(layer(x)[0, 0], x[0, 0, ::2, ::2])
