"""Diagnostics: what instruments read of a beam, differentiable, and what was read by real ones."""

from .bins import Bins
from .centroids import BeamPosition, BeamSize
from .instrument import Diagnostic, Instrument, add_noise
from .loss_count import LossCount
from .profile_monitors import Screen, WireScanner
from .profiles.profile_files import read_profiles, write_profiles
from .profiles.profile_moments import GaussianFit
from .profiles.profiles import Profiles

__all__ = [
    "BeamPosition",
    "BeamSize",
    "Bins",
    "Diagnostic",
    "GaussianFit",
    "Instrument",
    "LossCount",
    "Profiles",
    "Screen",
    "WireScanner",
    "add_noise",
    "read_profiles",
    "write_profiles",
]


def __dir__() -> list[str]:
    return __all__
