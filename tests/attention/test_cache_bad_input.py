"""What a cache answers to wrong arguments, and what its raw operators promise torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import longtail
from attention.test_decode import FORMATS, make
from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from longtail._kv_cache_memory import make_room

K = torch.ones(2, 2, 5, 16)
Q = torch.ones(2, 4, 1, 16)


def cache(**options: Any) -> longtail.QuantizedKVCache:
    made = longtail.QuantizedKVCache(**options)
    made.append(K, K)
    return made


def make_cache(**options: Any) -> Callable[[], Any]:
    return lambda: longtail.QuantizedKVCache(**options)


def append(k: Any = K, v: Any = K, **options: Any) -> Callable[[], Any]:
    return lambda: cache().append(k, v, **options)


def attend(q: Any = Q, **options: Any) -> Callable[[], Any]:
    return lambda: cache().attend(q, **options)


def _case(label: str, call: Callable[[], Any], error: type[Exception], *words: str) -> BadInput:
    return BadInput(f"QuantizedKVCache.{label}", call, Raises(error, "QuantizedKVCache", *words))


_GRAD = torch.ones(2, 2, 5, 16, requires_grad=True)
CASES = [
    _case("bits=3", make_cache(bits=3), ValueError, "bits", "3"),
    _case("k_format=x", make_cache(k_format="x"), ValueError, "k_format", "token_rotated"),
    _case("group=48", make_cache(group=48), ValueError, "group", "48"),
    *(
        _case(f"append {name}: {bad!r}", append(**{name: bad}), TypeError, name)
        for name in ("k", "v")
        for bad in (None, [1.0], K.double(), K.long())
    ),
    _case("append k: 3d", append(K[0]), ValueError, "k", "[2, 5, 16]"),
    _case("append v: tokens", append(K, K[:, :, 1:]), ValueError, "v", "[2, 2, 4, 16]"),
    _case("append v: dtype", append(K, K.half()), TypeError, "v", "float16"),
    _case("append: other heads", append(K[:, :1], K[:, :1]), ValueError, "[2, 1, 16, 16]"),
    _case("append: other dtype", append(K.half(), K.half()), TypeError, "k", "float16"),
    _case("append v: other dim", append(K, K[..., 1:]), ValueError, "15"),
    _case("append: D=257", append(*[torch.ones(1, 1, 1, 257)] * 2), ValueError, "257"),
    _case("append: D=0", append(*[torch.ones(1, 1, 1, 0)] * 2), ValueError, "0"),
    _case("append: meta", append(K.to("meta"), K.to("meta")), ValueError, "meta"),
    _case("append lengths: 3", append(lengths=[1, 2, 3]), ValueError, "2 integers"),
    _case("append lengths: 6", append(lengths=[1, 6]), ValueError, "lengths", "[1, 6]"),
    _case("append lengths: 0.5", append(lengths=[1, 0.5]), ValueError, "integers"),
    _case("append padding_side", append(padding_side="up"), ValueError, "padding_side", "up"),
    _case("append grad", append(_GRAD, K), NotImplementedError, "k", "torch.no_grad"),
    _case("append grad", append(K, _GRAD), NotImplementedError, "v", "torch.no_grad"),
    _case("attend: empty", lambda: longtail.QuantizedKVCache().attend(Q), ValueError, "append"),
    _case("attend q: None", attend(None), TypeError, "q", "NoneType"),
    _case("attend q: float64", attend(Q.double()), TypeError, "q", "float64"),
    _case("attend q: 3 heads", attend(Q[:, :3]), ValueError, "q", "[2, 3, 1, 16]"),
    _case("attend q: batch", attend(Q[:1]), ValueError, "q", "[1, 4, 1, 16]"),
    _case("attend q: D", attend(Q[..., 1:]), ValueError, "q", "15"),
    _case("attend q: meta", attend(Q.to("meta")), ValueError, "q", "meta"),
    _case(
        "attend grad",
        attend(Q.clone().requires_grad_()),
        *(NotImplementedError, "q", "torch.no_grad"),
    ),
    _case("attend scale=inf", attend(scale=float("inf")), ValueError, "scale", "inf"),
    _case("attend mask: list", attend(attn_mask=[1]), TypeError, "attn_mask"),
    _case("attend mask: int", attend(attn_mask=torch.ones(5).long()), TypeError, "attn_mask"),
    _case("attend mask: 4", attend(attn_mask=torch.ones(4)), ValueError, "attn_mask", "[4]"),
    _case("attend mask: 5d", attend(attn_mask=torch.ones(1, 1, 1, 1, 5)), ValueError, "attn_mask"),
    _case(
        "attend mask: grad",
        attend(attn_mask=torch.ones(5, requires_grad=True)),
        *(NotImplementedError, "attn_mask"),
    ),
    _case("attend is_causal=1", attend(is_causal=1), TypeError, "is_causal", "int"),
    _case("attend return_lse=None", attend(return_lse=None), TypeError, "return_lse", "NoneType"),
    _case("crop: None", lambda: cache().crop(None), TypeError, "lengths", "NoneType"),
    _case("crop: 0d", lambda: cache().crop(torch.tensor(3)), ValueError, "lengths", "2 integers"),
    _case("crop: True", lambda: cache().crop(True), TypeError, "lengths", "bool"),
    _case("reorder: 1", lambda: cache().reorder(1), TypeError, "beam_idx", "int"),
    _case("crop: 3", lambda: cache().crop([1, 2, 3]), ValueError, "2 integers"),
    _case("reorder: 2", lambda: cache().reorder([0, 2]), ValueError, "beam_idx", "[0, 2]"),
    _case("load: bits", lambda: cache().load_state_dict(cache(bits=8).state_dict()), ValueError,
          "bits", "8"),
    _case("load: keys", lambda: cache().load_state_dict({"bits": 4}), ValueError, "lengths"),
]  # fmt: skip


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)


def test_refused_input_changes_nothing() -> None:
    made = cache()
    before = made.attend(Q)
    with pytest.raises(ValueError):
        made.append(K, K, lengths=[9, 9])
    assert made.lengths.tolist() == [5, 5]
    assert torch.equal(made.attend(Q), before)


def raw(k_format: str, dtype: torch.dtype) -> tuple[longtail.QuantizedKVCache, Any, Any]:
    q, k, v = make((2, 4, 2, 3, 70, 40, 48, 32), dtype)
    made = longtail.QuantizedKVCache(4, k_format)
    made.append(k, v)
    return made, q, (k, v)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("k_format", FORMATS)
def test_opcheck(k_format: str, dtype: torch.dtype) -> None:
    """Schemas tell the truth about what is written, fakes have the shapes of results."""
    made, q, (k, v) = raw(k_format, dtype)
    make_room(made._tensors, 200)
    counts = torch.tensor([70, 3])
    arguments = (k, v, counts, *made._state(), *made._code())
    tests = ("test_schema", "test_faketensor", "test_aot_dispatch_dynamic")
    torch.library.opcheck(torch.ops.longtail.kv_append.default, arguments, test_utils=tests)
    mask = torch.zeros(2, 1, 3, 1).expand(2, 4, 3, 70)
    for each in (None, mask):
        arguments = (q, *made._state(), each, 70, 0.1, True, *made._code(), 48)
        torch.library.opcheck(torch.ops.longtail.kv_attend.default, arguments, test_utils=tests)


@pytest.mark.parametrize("k_format", FORMATS)
def test_raw_operators_check_what_they_get(k_format: str) -> None:
    """Whatever would be read or written past the end."""
    made, q, (k, v) = raw(k_format, torch.float32)
    state, code = made._state(), made._code()
    attend_op, append_op = torch.ops.longtail.kv_attend, torch.ops.longtail.kv_append
    for place, wrong in enumerate([
        torch.tensor([70, 1000]), torch.tensor([5, 5]), *(t[:, :, :1] for t in state[2:6]),
        state[6][..., 1:], state[7][:1],
    ]):  # fmt: skip
        other = [wrong if i == place else each for i, each in enumerate(state)]
        with pytest.raises(ValueError, match=r"kv_attend: argument `\w+` is"):
            attend_op(q, *other, None, 70, 0.1, True, *code, 48)
    with pytest.raises(ValueError, match="max_length"):
        attend_op(q, *state, None, 1000, 0.1, True, *code, 48)
    with pytest.raises(ValueError, match="mask"):
        attend_op(q, *state, torch.zeros(2, 4, 3, 7), 70, 0.1, True, *code, 48)
    with pytest.raises(ValueError, match="counts"):
        append_op(k, v, torch.tensor([70, 70]), *state, *code)
    with pytest.raises(ValueError, match="bits"):
        append_op(k, v, torch.tensor([1, 1]), *state, 5, *code[1:])


def test_compiles_whole() -> None:
    """The raw op in a graph of its own."""
    made, q, _ = raw("channel", torch.float32)
    state, code = made._state(), made._code()

    def double(q: torch.Tensor) -> torch.Tensor:
        return torch.ops.longtail.kv_attend(q * 2, *state, None, 70, 0.1, True, *code, 48)[0] + 1

    got = torch.compile(double, fullgraph=True, backend="aot_eager")(q)
    assert torch.equal(got, double(q))
