"""Modules made of longtail's functions."""

from longtail.nn.af_kan import AFKANLinear
from longtail.nn.butterfly import ButterflyConv
from longtail.nn.dcdm import DeepConjugateDirection
from longtail.nn.fno import FNO2d, TFNO2d
from longtail.nn.halo import HaloLinear
from longtail.nn.kan import KANLinear
from longtail.nn.kat import (
    KAT,
    kat_base_patch16_224,
    kat_small_patch16_224,
    kat_tiny_patch16_224,
)
from longtail.nn.long_conv import LongConv
from longtail.nn.mgconv import MgConv
from longtail.nn.mgno import MgNO
from longtail.nn.ntk import NTKAttention
from longtail.nn.patching import MultigridPatching2d
from longtail.nn.poly import PolyNorm, PolyReLU
from longtail.nn.rational import GroupRational
from longtail.nn.replace import Replacement, replace_activations
from longtail.nn.s4d import S4D, ssm_parameter_groups
from longtail.nn.sequence import SequenceModel
from longtail.nn.sgconv import SGConv
from longtail.nn.spectral import SpectralConv2d
from longtail.nn.tokenformer import Pattention, TokenFormerBlock

__all__ = [
    "KAT",
    "S4D",
    "AFKANLinear",
    "ButterflyConv",
    "DeepConjugateDirection",
    "FNO2d",
    "GroupRational",
    "HaloLinear",
    "KANLinear",
    "LongConv",
    "MgConv",
    "MgNO",
    "MultigridPatching2d",
    "NTKAttention",
    "Pattention",
    "PolyNorm",
    "PolyReLU",
    "Replacement",
    "SGConv",
    "SequenceModel",
    "SpectralConv2d",
    "TFNO2d",
    "TokenFormerBlock",
    "kat_base_patch16_224",
    "kat_small_patch16_224",
    "kat_tiny_patch16_224",
    "replace_activations",
    "ssm_parameter_groups",
]
