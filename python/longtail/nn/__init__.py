"""Modules made of longtail's functions."""

from longtail.nn.rational import GroupRational

__all__ = ["GroupRational"]
