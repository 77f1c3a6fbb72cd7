"""Modules made of longtail's functions."""

from longtail.nn.af_kan import AFKANLinear
from longtail.nn.halo import HaloLinear
from longtail.nn.kan import KANLinear
from longtail.nn.kat import (
    KAT,
    kat_base_patch16_224,
    kat_small_patch16_224,
    kat_tiny_patch16_224,
)
from longtail.nn.poly import PolyNorm, PolyReLU
from longtail.nn.rational import GroupRational
from longtail.nn.replace import Replacement, replace_activations

__all__ = [
    "KAT",
    "AFKANLinear",
    "GroupRational",
    "HaloLinear",
    "KANLinear",
    "PolyNorm",
    "PolyReLU",
    "Replacement",
    "kat_base_patch16_224",
    "kat_small_patch16_224",
    "kat_tiny_patch16_224",
    "replace_activations",
]
