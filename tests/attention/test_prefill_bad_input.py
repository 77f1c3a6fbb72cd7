"""What quantized_attention says to input that it cannot take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import longtail
from kit.bad_input import BadInput, Raises, check, parametrize

Q, K, V = (torch.ones(2, 4, 5, 8) for _ in range(3))
ENDS = torch.tensor([0, 5])


def attention(**changes: Any) -> Callable[[], Any]:
    arguments = {"q": Q, "k": K, "v": V, **changes}
    return lambda: longtail.quantized_attention(**arguments)


def varlen(**changes: Any) -> Callable[[], Any]:
    arguments = {
        "q": Q[0].mT,
        "k": K[0].mT,
        "v": V[0].mT,
        "cu_seqlens_q": ENDS,
        "cu_seqlens_k": ENDS,
        "max_seqlen_q": 5,
        "max_seqlen_k": 5,
    }
    for name in ("q", "k", "v"):
        arguments[name] = torch.ones(5, 4, 8)
    return lambda: longtail.quantized_attention_varlen(**{**arguments, **changes})


def case(
    function: Callable[..., Callable[[], Any]], error: type[Exception], *words: str, **changes: Any
) -> BadInput:
    shown = ", ".join(
        f"{name}={list(value.shape) if isinstance(value, torch.Tensor) else value!r}"
        for name, value in changes.items()
    )
    name = "quantized_attention" + "_varlen" * (function is varlen)
    return BadInput(f"{name}({shown})", function(**changes), Raises(error, name, *words))


CASES = [
    case(attention, TypeError, "q", "list", q=[1.0]),
    case(attention, TypeError, "k", "float64", "float32", k=K.double()),
    case(attention, TypeError, "q", "float64", "float32", q=Q.double(), k=K.double(), v=V.double()),
    case(attention, TypeError, "q", "int64", q=Q.long()),
    case(attention, TypeError, "v", "bfloat16", "float32", v=V.bfloat16()),
    case(attention, NotImplementedError, "k", "layout", k=K.to_sparse()),
    case(attention, ValueError, "v", "meta", "cpu", v=V.to("meta")),
    case(attention, ValueError, "q", "[8]", q=Q[0, 0, 0]),
    case(attention, ValueError, "q", "257", "256", q=torch.ones(1, 1, 2, 257)),
    case(attention, ValueError, "q", "0]", "256", q=torch.ones(1, 1, 2, 0)),
    case(attention, ValueError, "k", "7", "8", k=K[..., :7]),
    case(attention, ValueError, "v", "4", "5", v=V[:, :, :4]),
    case(attention, ValueError, "v", "heads", v=V[:, :2]),
    case(attention, ValueError, "enable_gqa", "2", "4", k=K[:, :2], v=V[:, :2]),
    case(attention, ValueError, "multiple", "3", k=K[:, :3], v=V[:, :3], enable_gqa=True),
    case(attention, ValueError, "multiple", "0", k=K[:, :0], v=V[:, :0], enable_gqa=True),
    case(attention, ValueError, "broadcast", "[3, 4, 5, 8]", k=torch.ones(3, 4, 5, 8)),
    case(attention, ValueError, "q", "[5, 8]", q=Q[0, 0]),
    case(attention, TypeError, "attn_mask", "int64", attn_mask=torch.ones(5, 5).long()),
    case(attention, TypeError, "attn_mask", "float8", attn_mask=Q.to(torch.float8_e4m3fn)),
    case(attention, TypeError, "attn_mask", "list", attn_mask=[True]),
    case(attention, ValueError, "attn_mask", "[5, 4]", attn_mask=torch.ones(5, 4)),
    case(
        attention, ValueError, "attn_mask", "[1, 2, 4, 5, 5]", attn_mask=torch.ones(1, 2, 4, 5, 5)
    ),
    case(attention, ValueError, "attn_mask", "meta", attn_mask=torch.ones(5, 5, device="meta")),
    case(
        attention,
        NotImplementedError,
        "attn_mask",
        "gradient",
        attn_mask=torch.ones(5, 5, requires_grad=True),
    ),
    case(attention, NotImplementedError, "dropout_p", "0.1", dropout_p=0.1),
    case(attention, TypeError, "dropout_p", "str", dropout_p="0"),
    case(attention, TypeError, "is_causal", "int", is_causal=1),
    case(attention, TypeError, "rotate", "str", rotate="yes"),
    case(attention, TypeError, "return_lse", "NoneType", return_lse=None),
    case(attention, TypeError, "strict_causal", "int", strict_causal=0),
    case(attention, TypeError, "scale", "str", scale="1"),
    case(attention, ValueError, "scale", "nan", scale=float("nan")),
    case(attention, ValueError, "qk", "'int2'", "int4, q8k4, int8", qk="int2"),
    case(attention, TypeError, "qk", "int", qk=4),
    case(attention, ValueError, "smooth", "'q'", "none, k, qk", smooth="q"),
    case(attention, ValueError, "causal_alignment", "top_left", causal_alignment="left"),
    case(varlen, ValueError, "q", "[1, 5, 4, 8]", q=torch.ones(1, 5, 4, 8)),
    case(varlen, ValueError, "v", "[4, 4, 8]", v=torch.ones(4, 4, 8)),
    case(varlen, ValueError, "enable_gqa", k=torch.ones(5, 2, 8), v=torch.ones(5, 2, 8)),
    case(varlen, TypeError, "cu_seqlens_q", "list", cu_seqlens_q=[0, 5]),
    case(varlen, TypeError, "cu_seqlens_k", "float32", cu_seqlens_k=ENDS.float()),
    case(varlen, ValueError, "cu_seqlens_k", "[1, 2]", cu_seqlens_k=ENDS[None]),
    case(varlen, ValueError, "cu_seqlens_k", "[3]", cu_seqlens_k=torch.tensor([0, 2, 5])),
    case(
        varlen,
        ValueError,
        "cu_seqlens_q",
        "descend",
        cu_seqlens_q=torch.tensor([0, 4, 3, 5]),
        cu_seqlens_k=torch.tensor([0, 4, 4, 5]),
    ),
    case(varlen, ValueError, "cu_seqlens_q", "5", cu_seqlens_q=torch.tensor([0, 4])),
    case(varlen, ValueError, "cu_seqlens_k", "0 first", cu_seqlens_k=torch.tensor([1, 5])),
    case(varlen, ValueError, "cu_seqlens_k", cu_seqlens_k=torch.tensor([0, 6]), max_seqlen_k=6),
    case(varlen, ValueError, "max_seqlen_q", "4", "5", max_seqlen_q=4),
    case(varlen, TypeError, "max_seqlen_k", "float", max_seqlen_k=5.0),
    case(varlen, ValueError, "smooth", smooth="all"),
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    """The error names the argument, what it got and what it needs."""
    check(case)


def test_unknown_keywords() -> None:
    """None is swallowed."""
    with pytest.raises(TypeError, match="window_size"):
        longtail.quantized_attention(Q, K, V, window_size=3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"q": Q[0]}, "dimensions"),
        ({"k": K[:1], "v": V[:1]}, "batch"),
        ({"v": V.half()}, "dtype"),
        ({"attn_mask": torch.ones(5, 5)}, "attn_mask"),
        ({"codes": 3}, "codes"),
        ({"q": Q.double()}, "float64"),
    ],
)
def test_raw_operator(changes: dict[str, Any], words: str) -> None:
    """Raw operators refuse what would read out of bounds."""
    arguments = {
        "q": Q,
        "k": K,
        "v": V,
        "attn_mask": None,
        "codes": 0,
        "smooth": 2,
        "rotate": False,
        "causal": 0,
        "strict": False,
        "scale": 1.0,
    }
    with pytest.raises((ValueError, RuntimeError), match=words):
        torch.ops.longtail.quantized_attention(**{**arguments, **changes})
