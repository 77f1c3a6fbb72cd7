"""Modules made of longtail's functions."""

from longtail.nn.af_kan import AFKANLinear
from longtail.nn.kan import KANLinear
from longtail.nn.poly import PolyNorm, PolyReLU
from longtail.nn.rational import GroupRational

__all__ = ["AFKANLinear", "GroupRational", "KANLinear", "PolyNorm", "PolyReLU"]
