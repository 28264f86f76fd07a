"""Training: random beams, the potentials of a solver, the fit, the card."""

from .fit import train
from .produce import produce
from .recipe import Recipe

__all__ = ["Recipe", "produce", "train"]
