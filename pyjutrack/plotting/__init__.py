"""Pictures. Functions take and return matplotlib axes; matplotlib is imported only here."""

from .envelopes import plot_envelope
from .figure import figure, sheet
from .fit import (
    plot_correlations,
    plot_history,
    plot_residuals,
    plot_residuals_by_shot,
    plot_unknowns,
)
from .footprint import plot_footprint
from .lattice import plot_lattice
from .learned import plot_learned_error, plot_learned_kick
from .losses import plot_losses
from .optics import plot_optics, plot_orbit
from .phase_space import plot_phase_space
from .profiles import plot_profile, plot_readings, plot_screen
from .spacecharge import plot_density, plot_potential
from .study import field_comparison, field_error, tune_against_current
from .training import plot_held_out

__all__ = [
    "field_comparison",
    "field_error",
    "figure",
    "plot_correlations",
    "plot_density",
    "plot_envelope",
    "plot_footprint",
    "plot_held_out",
    "plot_history",
    "plot_lattice",
    "plot_learned_error",
    "plot_learned_kick",
    "plot_losses",
    "plot_optics",
    "plot_orbit",
    "plot_phase_space",
    "plot_potential",
    "plot_profile",
    "plot_readings",
    "plot_residuals",
    "plot_residuals_by_shot",
    "plot_screen",
    "plot_unknowns",
    "sheet",
    "tune_against_current",
]


def __dir__() -> list[str]:
    return __all__
