"""Exceptions and warnings of the package, for `except` and for filters of warnings."""

from .core.errors import (
    AccuracyWarning,
    CacheWarning,
    DomainError,
    DomainWarning,
    EngineError,
    IdentifiabilityWarning,
    InvalidValueError,
    LossWarning,
    ManySettingsError,
    MeasurementError,
    MisfitWarning,
    MissingPackageError,
    ParticleLostError,
    PluginError,
    PyJuTrackError,
    RankError,
    ResolutionWarning,
    SaturationWarning,
    ScanError,
    SymplecticityWarning,
    TrainingError,
    UnknownNameError,
    UnstableError,
    WriteError,
)
from .io.errors import LatticeFileError, LatticeWarning

__all__ = [
    "AccuracyWarning",
    "CacheWarning",
    "DomainError",
    "DomainWarning",
    "EngineError",
    "IdentifiabilityWarning",
    "InvalidValueError",
    "LatticeFileError",
    "LatticeWarning",
    "LossWarning",
    "ManySettingsError",
    "MeasurementError",
    "MisfitWarning",
    "MissingPackageError",
    "ParticleLostError",
    "PluginError",
    "PyJuTrackError",
    "RankError",
    "ResolutionWarning",
    "SaturationWarning",
    "ScanError",
    "SymplecticityWarning",
    "TrainingError",
    "UnknownNameError",
    "UnstableError",
    "WriteError",
]


def __dir__() -> list[str]:
    return __all__
