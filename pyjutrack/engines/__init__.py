"""Engines: tracking and its derivatives, in one protocol.

"native" is PyTorch with compiled kernels, "julia" is JuTrack with NNlib and Enzyme.
"""

from .choice import ENGINES, engine_of
from .protocol import Engine, Objective

__all__ = ["ENGINES", "Engine", "Objective", "engine_of"]
