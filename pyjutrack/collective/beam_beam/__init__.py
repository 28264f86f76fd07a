"""Kicks by a beam that comes the other way and feels none itself: weak-strong beam-beam."""

from .sliced import BeamBeam
from .thin import BeamBeam2D

__all__ = ["BeamBeam", "BeamBeam2D"]
