"""Networks in the place of solvers and of wakes: training, files, conversion."""

from .architectures import Architecture, known_architectures, register_architecture
from .domain import Domain
from .network import Network
from .residual import ResidualNetwork
from .surrogate import Surrogate, list_pretrained
from .training import Recipe, train
from .validation import Validation
from .wakes import (
    Bunches,
    WakeDomain,
    WakeRecipe,
    WakeSamples,
    WakeSurrogate,
    wake_error,
    wake_samples,
)

__all__ = [
    "Architecture",
    "Bunches",
    "Domain",
    "Network",
    "Recipe",
    "ResidualNetwork",
    "Surrogate",
    "Validation",
    "WakeDomain",
    "WakeRecipe",
    "WakeSamples",
    "WakeSurrogate",
    "known_architectures",
    "list_pretrained",
    "register_architecture",
    "train",
    "wake_error",
    "wake_samples",
]


def __dir__() -> list[str]:
    return __all__
