"""Networks in the place of space-charge solvers: training, files, conversion."""

from .domain import Domain
from .network import Network
from .recipe import Recipe
from .surrogate import Surrogate, shipped
from .training import train
from .validation import Validation

__all__ = ["Domain", "Network", "Recipe", "Surrogate", "Validation", "shipped", "train"]
