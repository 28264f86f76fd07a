"""Networks in the place of space-charge solvers: training, files, conversion."""

from .architectures import Architecture, known_architectures, register_architecture
from .domain import Domain
from .network import Network
from .residual import ResidualNetwork
from .surrogate import Surrogate, shipped
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
    "register_architecture",
    "shipped",
    "train",
]
