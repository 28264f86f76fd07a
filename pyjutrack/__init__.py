"""Hybrid physics and data-driven beam tracking with automatic differentiation."""

from . import distributions, engines, moments, observables, surrogate
from .beam import Beam
from .derivatives import gradient, jacobian, jacobian_derivatives, value_and_gradient
from .elements import (
    Aperture,
    CrabCavity,
    Drift,
    Element,
    Kicker,
    Marker,
    Monitor,
    Multipole,
    Octupole,
    Patch,
    Quadrupole,
    RBend,
    RFCavity,
    SBend,
    Sextupole,
    Solenoid,
)
from .errors import (
    DomainError,
    DomainWarning,
    EngineError,
    InvalidValueError,
    MissingPackageError,
    ParticleLostError,
    PyJuTrackError,
    ResolutionWarning,
    TrainingError,
    UnknownNameError,
    UnstableError,
)
from .lattice import Lattice
from .moments import centroid, covariance, emittance, sizes
from .observables import emittance_growth
from .optics import Twiss, tune_slopes, tunes, twiss
from .reference import Reference, Species
from .spacecharge import SpaceCharge, SpectralPoisson
from .surrogate import Surrogate
from .tracking import Kick, track

__version__ = "0.1.0"

__all__ = [
    "Aperture",
    "Beam",
    "CrabCavity",
    "DomainError",
    "DomainWarning",
    "Drift",
    "Element",
    "EngineError",
    "InvalidValueError",
    "Kick",
    "Kicker",
    "Lattice",
    "Marker",
    "MissingPackageError",
    "Monitor",
    "Multipole",
    "Octupole",
    "ParticleLostError",
    "Patch",
    "PyJuTrackError",
    "Quadrupole",
    "RBend",
    "RFCavity",
    "Reference",
    "ResolutionWarning",
    "SBend",
    "Sextupole",
    "Solenoid",
    "SpaceCharge",
    "Species",
    "SpectralPoisson",
    "Surrogate",
    "TrainingError",
    "Twiss",
    "UnknownNameError",
    "UnstableError",
    "centroid",
    "covariance",
    "distributions",
    "emittance",
    "emittance_growth",
    "engines",
    "gradient",
    "jacobian",
    "jacobian_derivatives",
    "moments",
    "observables",
    "sizes",
    "surrogate",
    "track",
    "tune_slopes",
    "tunes",
    "twiss",
    "value_and_gradient",
]
