"""Tracking as an ONNX graph; the operations of PyTorch that it is made of, as those of ONNX."""

from . import arithmetic, shapes  # which fill the table
from .rules import RULES

__all__ = ["RULES", "arithmetic", "shapes"]
