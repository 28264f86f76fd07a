"""Networks for wakes: from the line density of a bunch to its kick."""

from .bunches import Bunches
from .domain import WakeDomain
from .recipe import WakeRecipe
from .samples import WakeSamples, wake_error, wake_samples
from .surrogate import WakeSurrogate

__all__ = [
    "Bunches",
    "WakeDomain",
    "WakeRecipe",
    "WakeSamples",
    "WakeSurrogate",
    "wake_error",
    "wake_samples",
]
