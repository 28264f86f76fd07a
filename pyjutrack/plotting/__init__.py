"""Pictures. Functions take and return matplotlib axes; matplotlib is imported only here."""

from .figure import figure, sheet
from .lattice import plot_lattice
from .losses import plot_losses
from .optics import plot_optics, plot_orbit
from .phase_space import plot_phase_space
from .spacecharge import plot_density, plot_potential
from .study import field_comparison, field_error, tune_against_current

__all__ = [
    "field_comparison",
    "field_error",
    "figure",
    "plot_density",
    "plot_lattice",
    "plot_losses",
    "plot_optics",
    "plot_orbit",
    "plot_phase_space",
    "plot_potential",
    "sheet",
    "tune_against_current",
]
