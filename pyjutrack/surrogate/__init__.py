"""Networks in the place of space-charge solvers: training, files, conversion."""

from .architectures import Architecture, known_architectures, register_architecture
from .domain import Domain
from .network import Network
from .residual import ResidualNetwork
from .surrogate import Surrogate, list_pretrained
from .training import Recipe, train
from .validation import Validation

__all__ = [
    "Architecture",
    "Domain",
    "Network",
    "Recipe",
    "ResidualNetwork",
    "Surrogate",
    "Validation",
    "known_architectures",
    "list_pretrained",
    "register_architecture",
    "train",
]


def __dir__() -> list[str]:
    return __all__
