"""Digital twins: models of machines that learn from what is measured.

A `Twin` is a lattice, a beam, collective effects and diagnostics; `calibrate` finds errors of its
knobs and weights of its learned parts from `Measurements`.
"""

from ..core.storage import storable
from .calibrate import calibrate
from .calibration import Calibration
from .gaussian_processes import GaussianProcess, gaussian_process
from .lume import lume_model
from .measurements import Measurements
from .model import Twin
from .unknowns import Unknown

__all__ = [
    "Calibration",
    "GaussianProcess",
    "Measurements",
    "Twin",
    "Unknown",
    "calibrate",
    "gaussian_process",
    "lume_model",
    "storable",
]


def __dir__() -> list[str]:
    return __all__
