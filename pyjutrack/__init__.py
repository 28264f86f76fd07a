"""Hybrid physics and data-driven beam tracking with automatic differentiation."""

from . import collective, diagnostics, distributed, elements, engines, io, surrogate
from .beam import moments, observables
from .beam.beam import Beam
from .beam.moments import centroid, covariance, emittance, sizes
from .beam.observables import emittance_growth
from .beam.reference import Reference, Species
from .collective import ImageCharges, SpaceCharge, SpectralPoisson
from .collective.base import CollectiveEffect
from .core.display import drawn_by as _drawn_by
from .core.errors import (
    AccuracyWarning,
    CacheWarning,
    DomainError,
    DomainWarning,
    EngineError,
    IdentifiabilityWarning,
    InvalidValueError,
    LossWarning,
    MisfitWarning,
    MissingPackageError,
    ParticleLostError,
    PyJuTrackError,
    RankError,
    ResolutionWarning,
    SaturationWarning,
    ScanError,
    TrainingError,
    UnknownNameError,
    UnstableError,
    WriteError,
)
from .core.version import __version__ as __version__
from .distributed.scans import scan
from .elements import *  # noqa: F403  # every kind: `__all__` of that room says which
from .elements import potentials as hamiltonians
from .engines.derivatives import gradient, jacobian, jacobian_derivatives, value_and_gradient
from .engines.track import track
from .io import LatticeFileError, LatticeWarning, read_beam, read_lattice, write_beam, write_lattice
from .lattice.lattice import Lattice
from .optics import (
    Twiss,
    TwissTable,
    chromaticities,
    closed_orbit,
    distributions,
    linear_optics,
    one_turn_matrix,
    optics_gradient,
    radiation_integrals,
    synchrobetatron_tunes,
    synchrotron_optics,
    transfer_matrices,
    tune_slopes,
    tunes,
    twiss,
    twiss_table,
)
from .optics.matching import Match, Target, match
from .surrogate import ResidualNetwork, Surrogate
from .tracking import adjoints
from .tracking.loss_map import LossMap, loss_map
from .tracking.observation import beams_at
from .twin import Calibration, Measurements, Twin, Unknown, calibrate

from . import testing  # isort: skip  # checks of all of the above


def _draw() -> None:
    from .plotting import html, report  # noqa: F401  # which register themselves


_drawn_by(_draw)

__all__ = [
    "AccuracyWarning",
    "Beam",
    "CacheWarning",
    "Calibration",
    "CollectiveEffect",
    "DomainError",
    "DomainWarning",
    "EngineError",
    "IdentifiabilityWarning",
    "ImageCharges",
    "InvalidValueError",
    "Lattice",
    "LatticeFileError",
    "LatticeWarning",
    "LossMap",
    "LossWarning",
    "Match",
    "Measurements",
    "MisfitWarning",
    "MissingPackageError",
    "ParticleLostError",
    "PyJuTrackError",
    "RankError",
    "Reference",
    "ResidualNetwork",
    "ResolutionWarning",
    "SaturationWarning",
    "ScanError",
    "SpaceCharge",
    "Species",
    "SpectralPoisson",
    "Surrogate",
    "Target",
    "TrainingError",
    "Twin",
    "Twiss",
    "TwissTable",
    "Unknown",
    "UnknownNameError",
    "UnstableError",
    "WriteError",
    "adjoints",
    "beams_at",
    "calibrate",
    "centroid",
    "chromaticities",
    "closed_orbit",
    "collective",
    "covariance",
    "diagnostics",
    "distributed",
    "distributions",
    "emittance",
    "emittance_growth",
    "engines",
    "gradient",
    "hamiltonians",
    "io",
    "jacobian",
    "jacobian_derivatives",
    "linear_optics",
    "loss_map",
    "match",
    "moments",
    "observables",
    "one_turn_matrix",
    "optics_gradient",
    "radiation_integrals",
    "read_beam",
    "read_lattice",
    "scan",
    "sizes",
    "surrogate",
    "synchrobetatron_tunes",
    "synchrotron_optics",
    "testing",
    "track",
    "transfer_matrices",
    "tune_slopes",
    "tunes",
    "twiss",
    "twiss_table",
    "value_and_gradient",
    "write_beam",
    "write_lattice",
]
__all__ += elements.__all__
__all__.sort()
