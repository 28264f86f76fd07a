"""The operations of PyTorch that tracking and readings are made of, as those of ONNX."""

from . import arithmetic, shapes  # which fill the table
from .rules import RULES

__all__ = ["RULES", "arithmetic", "shapes"]
