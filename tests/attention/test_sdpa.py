"""patch_sdpa: what goes through it, what does not, and that nothing stays behind."""

import asyncio
import threading

import pytest
import torch
from torch import nn
from torch.nn import functional

from longtail.attention import quantized_attention
from longtail.sdpa import patch_sdpa

attend = functional.scaled_dot_product_attention


def draw(*shape, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator).to(dtype) for _ in range(3)]


def call(*args, **kwargs):
    """Looked up at the call, as models do."""
    return functional.scaled_dot_product_attention(*args, **kwargs)


def encoder(layers=2):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
    return nn.TransformerEncoder(layer, layers, enable_nested_tensor=False).eval()


@pytest.fixture(autouse=True)
def nothing_stays():
    fast = torch.backends.mha.get_fastpath_enabled()
    before = functional.scaled_dot_product_attention, functional.multi_head_attention_forward
    yield
    assert functional.scaled_dot_product_attention is before[0]
    assert functional.multi_head_attention_forward is before[1]
    assert torch.backends.mha.get_fastpath_enabled() == fast


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"qk": "int8", "smooth": "k"},
        {"qk": "q8k4", "smooth": "none"},
        {"rotate": True},
        {"strict_causal": True},
    ],
)
def test_options_reach_the_kernel(options):
    q, k, v = draw(2, 4, 70, 24)
    with patch_sdpa(**options) as stats:
        found = call(q, k, v, is_causal=True, scale=0.3)
    assert torch.equal(found, quantized_attention(q, k, v, is_causal=True, scale=0.3, **options))
    assert stats.quantized == 1 and not stats.passed
    assert not torch.equal(found, attend(q, k, v, is_causal=True, scale=0.3))


def test_every_argument_of_torchs_function_is_passed_on():
    q, k, v = draw(2, 4, 40, 16)
    k, v = k[:, :2], v[:, :2]
    mask = torch.rand(2, 1, 40, 40) < 0.7
    with patch_sdpa() as stats:
        by_place = call(q, k, v, mask, 0.0, False, enable_gqa=True)
        by_name = call(query=q, key=k, value=v, attn_mask=mask, enable_gqa=True)
        with pytest.raises(TypeError):
            call(q, k, v, no_such_argument=1)
    assert torch.equal(by_place, quantized_attention(q, k, v, mask, enable_gqa=True))
    assert torch.equal(by_place, by_name) and stats.quantized == 2


def test_what_cannot_be_quantised_is_torchs_and_counted():
    q, k, v = draw(1, 2, 20, 16)
    wide = draw(1, 1, 20, 264)
    with patch_sdpa() as stats:
        torch.manual_seed(1)
        dropped = call(q, k, v, dropout_p=0.5)
        double = call(q.double(), k.double(), v.double())
        broad = call(*wide)
    torch.manual_seed(1)
    assert torch.equal(dropped, attend(q, k, v, dropout_p=0.5))
    assert torch.equal(double, attend(q.double(), k.double(), v.double()))
    assert torch.equal(broad, attend(*wide))
    assert stats.quantized == 0 and stats.passed.total() == 3
    assert stats.passed["dropout"] == 1 and stats.passed["dtype float64"] == 1
    assert str(stats) == (
        "0 quantised, 3 passed on (1 dropout, 1 dtype float64, 1 heads of 264 channels)"
    )


@pytest.mark.parametrize(
    "tensors, options",
    [
        (draw(1, 2, 20, 16), {"dropout_p": 0.1}),
        (draw(1, 2, 20, 16, dtype=torch.float64), {}),
        (draw(1, 1, 20, 264), {}),
    ],
)
def test_or_refused(tensors, options):
    refused = pytest.raises(
        NotImplementedError, match="patch_sdpa: got a call.*unsupported='torch'"
    )
    with refused, patch_sdpa(unsupported="raise"):
        call(*tensors, **options)


def test_what_only_torch_takes():
    """Heads that broadcast without enable_gqa, a mask with a gradient; and nonsense is refused."""
    q, k, v = draw(1, 2, 20, 16)
    mask = torch.zeros(20, 20, requires_grad=True)
    with patch_sdpa() as stats:
        broadcast = call(q, k[:, :1], v[:, :1])
        call(q, k, v, attn_mask=mask).sum().backward()
        with pytest.raises(RuntimeError):
            call(q, k[..., :8], v)
    assert torch.equal(broadcast, attend(q, k[:, :1], v[:, :1]))
    assert mask.grad is not None and stats.passed.total() == 3 and stats.quantized == 0


def test_multihead_attention_with_and_without_its_fast_path():
    torch.manual_seed(0)
    module, x = nn.MultiheadAttention(32, 4, batch_first=True).eval(), torch.randn(2, 30, 32)
    with torch.no_grad():
        exact, _ = module(x, x, x, need_weights=False)
        with patch_sdpa() as stats:
            found, _ = module(x, x, x, need_weights=False)
        assert stats.quantized == 1 and not stats.passed
        assert 1e-5 < float((found - exact).abs().max()) < 0.1
        with patch_sdpa() as stats:
            with_weights, _ = module(x, x, x)
        assert stats.quantized == 0 and "need_weights=False" in next(iter(stats.passed))
        torch.testing.assert_close(with_weights, exact)
        refused = pytest.raises(NotImplementedError, match="need_weights")
        with refused, patch_sdpa(unsupported="raise"):
            module(x, x, x)


def test_transformer_encoder_with_padding():
    model, x = encoder(), torch.randn(2, 30, 32)
    padding = torch.zeros(2, 30, dtype=torch.bool)
    padding[0, 20:] = True
    with torch.no_grad():
        exact = model(x, src_key_padding_mask=padding)[~padding]
        with patch_sdpa(qk="int8") as stats:
            found = model(x, src_key_padding_mask=padding)[~padding]
    assert stats.quantized == 2
    assert functional.cosine_similarity(found, exact).min() > 0.999


def test_bits_by_layer():
    model, x = encoder(3), torch.randn(1, 30, 32)
    bits = {"layers.0.self_attn": 8, "layers.2.self_attn": 4}
    seen = []
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "longtail.sdpa.quantized_attention",
            lambda *args, qk, **options: seen.append(qk) or quantized_attention(*args, qk=qk),
        )
        with patch_sdpa(model, bits=bits) as stats:
            model(x)
    assert seen == ["int8", "int4"]
    assert stats.passed == {"layer 'layers.1.self_attn' is not in bits": 1}
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_layer_names_survive_an_exception_inside_a_layer():
    model, x = encoder(2), torch.randn(1, 30, 32)
    bits = {f"layers.{i}.self_attn": 8 for i in range(2)}
    with torch.no_grad(), patch_sdpa(model, bits=bits) as stats:
        with pytest.raises(AssertionError, match="embedding dimension"):
            model(x[..., :31])
        model(x)
    assert stats.quantized == 2 and not stats.passed


def test_blocks_nest_and_the_innermost_decides():
    q, k, v = draw(1, 2, 40, 16)
    with patch_sdpa(qk="int4") as outer:
        with patch_sdpa(qk="int8") as inner:
            eight = call(q, k, v)
        four = call(q, k, v)
    assert torch.equal(eight, quantized_attention(q, k, v, qk="int8"))
    assert torch.equal(four, quantized_attention(q, k, v, qk="int4"))
    assert outer.quantized == 1 and inner.quantized == 1
    assert torch.equal(call(q, k, v), attend(q, k, v))


def test_restored_after_an_exception():
    q, k, v = draw(1, 2, 40, 16)
    with pytest.raises(ZeroDivisionError), patch_sdpa(), patch_sdpa():
        raise ZeroDivisionError
    assert torch.equal(call(q, k, v), attend(q, k, v))


def test_another_replacement_is_kept_and_called():
    """Someone replaced the function before, and someone else does inside the block."""
    q, k, v = draw(1, 2, 20, 16, dtype=torch.float64)
    calls = []

    def other(*args, **kwargs):
        calls.append(args)
        return attend(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(functional, "scaled_dot_product_attention", other)
        with patch_sdpa():
            call(q, k, v)  # float64: goes to what was there before
        assert len(calls) == 1 and functional.scaled_dot_product_attention is other
        with patch_sdpa():
            functional.scaled_dot_product_attention = attend
        assert functional.scaled_dot_product_attention is attend


def test_other_threads_are_left_alone():
    q, k, v = draw(1, 2, 40, 16)
    found = {}
    inside, done = threading.Event(), threading.Event()

    def patched():
        with patch_sdpa() as stats:
            inside.set()
            done.wait(30)
            found["patched"] = call(q, k, v), stats.quantized

    thread = threading.Thread(target=patched)
    thread.start()
    inside.wait(30)
    plain = call(q, k, v)
    done.set()
    thread.join()
    assert torch.equal(plain, attend(q, k, v))
    assert torch.equal(found["patched"][0], quantized_attention(q, k, v))
    assert found["patched"][1] == 1


def test_blocks_of_many_threads_end_in_any_order():
    q, k, v = draw(1, 1, 40, 16)
    expected = {qk: quantized_attention(q, k, v, qk=qk) for qk in ("int4", "int8")}
    wrong = []

    def work(qk):
        for _ in range(30):
            with patch_sdpa(qk=qk):
                if not torch.equal(call(q, k, v), expected[qk]):
                    wrong.append(qk)

    threads = [threading.Thread(target=work, args=(qk,)) for qk in expected for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_tasks_of_asyncio_have_blocks_of_their_own():
    q, k, v = draw(1, 1, 40, 16)

    async def patched():
        with patch_sdpa() as stats:
            await asyncio.sleep(0)
            call(q, k, v)
        return stats.quantized

    async def plain():
        await asyncio.sleep(0)
        return torch.equal(call(q, k, v), attend(q, k, v))

    async def both():
        return await asyncio.gather(patched(), plain(), patched())

    assert asyncio.run(both()) == [1, True, 1]


def test_gradients_flow():
    q, k, v = (x.requires_grad_() for x in draw(1, 2, 40, 16))
    with patch_sdpa(qk="int8"):
        call(q, k, v).square().sum().backward()
    exact = torch.autograd.grad(attend(q, k, v).square().sum(), (q, k, v))
    for x, gradient in zip((q, k, v), exact):
        assert functional.cosine_similarity(x.grad.flatten(), gradient.flatten(), dim=0) > 0.99


@pytest.mark.usefixtures("fresh_dynamo")
def test_compiled_models_inside_and_outside():
    q, k, v = draw(1, 2, 40, 16)
    compiled = torch.compile(lambda q, k, v: call(q, k, v) * 2, backend="eager")
    assert torch.equal(compiled(q, k, v), attend(q, k, v) * 2)
    with patch_sdpa() as stats:
        assert torch.equal(compiled(q, k, v), quantized_attention(q, k, v) * 2)
    assert stats.quantized == 1
    assert torch.equal(compiled(q, k, v), attend(q, k, v) * 2)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"qk": "int2"}, "patch_sdpa: qk: got 'int2', expected one of int4, q8k4, int8"),
        ({"smooth": "v"}, "patch_sdpa: smooth: got 'v', expected one of qk, k, none"),
        ({"unsupported": "x"}, "patch_sdpa: unsupported: got 'x', expected one of torch, raise"),
        ({"bits": {"a": 4}}, "patch_sdpa: bits: names layers, so it needs model, got None"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(ValueError, match=words), patch_sdpa(**options):
        pass


@pytest.mark.parametrize(
    "bits, words",
    [
        ({"layers.0": 5}, r"bits\['layers.0'\]: got 5, expected 4 or 8"),
        ({"layer.0": 4}, "got 'layer.0', which is no module of the model"),
    ],
)
def test_bad_bits(bits, words):
    with pytest.raises(ValueError, match=words), patch_sdpa(encoder(), bits=bits):
        pass
