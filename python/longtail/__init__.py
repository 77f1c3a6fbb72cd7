"""longtail: the long tail of kernels that PyTorch does not ship.

``import longtail`` is light: torch and the native libraries are loaded when a name that needs them
is first used (at once if torch is imported already, so that ``torch.ops.longtail`` is there).
``longtail.special`` never imports torch.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from .attention import quantized_attention as quantized_attention
    from .attention import quantized_attention_varlen as quantized_attention_varlen
    from .bessel import bessel_i_ratio as bessel_i_ratio
    from .bessel import bessel_k_ratio as bessel_k_ratio
    from .bessel import log_bessel_i as log_bessel_i
    from .bessel import log_bessel_ie as log_bessel_ie
    from .bessel import log_bessel_k as log_bessel_k
    from .bessel import log_bessel_ke as log_bessel_ke
    from .bessel import log_hyp0f1 as log_hyp0f1
    from .bessel import matern as matern
    from .butterfly import butterfly_conv as butterfly_conv
    from .butterfly import butterfly_factors as butterfly_factors
    from .calibration import Calibration as Calibration
    from .calibration import calibrate as calibrate
    from .hadamard import hadamard_transform as hadamard_transform
    from .kan import kan_basis as kan_basis
    from .kan import kan_linear as kan_linear
    from .kv_cache import QuantizedKVCache as QuantizedKVCache
    from .longconv import LongKernel as LongKernel
    from .longconv import long_conv as long_conv
    from .ntk import ntk_attention as ntk_attention
    from .ntk import ntk_prefix as ntk_prefix
    from .polynomials import poly_norm as poly_norm
    from .polynomials import poly_relu as poly_relu
    from .rationals import fit_rational as fit_rational
    from .rationals import rational as rational
    from .sdpa import SdpaStats as SdpaStats
    from .sdpa import patch_sdpa as patch_sdpa
    from .shortconv import short_conv as short_conv
    from .shortconv import short_conv_step as short_conv_step
    from .state_space import s4d as s4d
    from .state_space import s4d_kernel as s4d_kernel
    from .state_space import s4d_step as s4d_step
    from .tokenformer import pattention as pattention

#: Public names and the module that defines each.
_DEFINED_IN = {
    "bessel_i_ratio": "bessel",
    "bessel_k_ratio": "bessel",
    "butterfly_conv": "butterfly",
    "butterfly_factors": "butterfly",
    "calibrate": "calibration",
    "Calibration": "calibration",
    "fit_rational": "rationals",
    "hadamard_transform": "hadamard",
    "kan_basis": "kan",
    "kan_linear": "kan",
    "log_bessel_i": "bessel",
    "log_bessel_ie": "bessel",
    "log_bessel_k": "bessel",
    "log_bessel_ke": "bessel",
    "log_hyp0f1": "bessel",
    "long_conv": "longconv",
    "LongKernel": "longconv",
    "matern": "bessel",
    "ntk_attention": "ntk",
    "ntk_prefix": "ntk",
    "patch_sdpa": "sdpa",
    "pattention": "tokenformer",
    "poly_norm": "polynomials",
    "poly_relu": "polynomials",
    "quantized_attention": "attention",
    "quantized_attention_varlen": "attention",
    "QuantizedKVCache": "kv_cache",
    "rational": "rationals",
    "s4d": "state_space",
    "s4d_kernel": "state_space",
    "s4d_step": "state_space",
    "SdpaStats": "sdpa",
    "short_conv": "shortconv",
    "short_conv_step": "shortconv",
}

#: Public modules that are imported on first use.
_MODULES = (
    "attention",
    "bessel",
    "butterfly",
    "calibration",
    "data",
    "distributed",
    "distributions",
    "hadamard",
    "integrations",
    "kan",
    "krylov",
    "kv_cache",
    "longconv",
    "losses",
    "multigrid",
    "nn",
    "ntk",
    "polynomials",
    "rationals",
    "sdpa",
    "shortconv",
    "special",
    "state_space",
    "tokenformer",
)

__all__ = ["__version__", *_DEFINED_IN, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _DEFINED_IN:
        value = getattr(importlib.import_module(f"{__name__}.{_DEFINED_IN[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if "torch" in sys.modules:
    importlib.import_module(f"{__name__}._library")
