"""Modules made of longtail's functions."""

from longtail.nn.poly import PolyNorm, PolyReLU
from longtail.nn.rational import GroupRational

__all__ = ["GroupRational", "PolyNorm", "PolyReLU"]
