"""Diagnostics: what instruments read of a beam, differentiable, and what was read by real ones."""

from ..core.errors import MeasurementError
from .bins import Bins
from .centroids import BeamPosition, BeamSize
from .instrument import Diagnostic, Instrument, noisy
from .loss_count import LossCount
from .profile_files import read_profiles, write_profiles
from .profile_moments import GaussianFit
from .profile_monitors import Screen, WireScanner
from .profiles import Profiles
from .quadrupole_scan import ScannedBeam, quadrupole_scan

__all__ = [
    "BeamPosition",
    "BeamSize",
    "Bins",
    "Diagnostic",
    "GaussianFit",
    "Instrument",
    "LossCount",
    "MeasurementError",
    "Profiles",
    "ScannedBeam",
    "Screen",
    "WireScanner",
    "noisy",
    "quadrupole_scan",
    "read_profiles",
    "write_profiles",
]
