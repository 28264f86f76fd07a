"""Diagnostics: what instruments read, differentiable; measured profiles; turns, tunes, slices."""

from .bins import Bins
from .centroids import BeamPosition, BeamSize
from .footprint import Footprint, footprint, tunes_by_turns
from .frequencies import SpectralLines, Spectrum, find_lines, spectrum
from .instrument import Diagnostic, Instrument, add_noise
from .loss_count import LossCount
from .profile_monitors import Screen, WireScanner
from .profiles.profile_files import read_profiles, write_profiles
from .profiles.profile_moments import GaussianFit
from .profiles.profiles import Profiles
from .slices import SliceMoments, slice_moments
from .turn_history import TurnHistory, live_coordinates, track_turns

__all__ = [
    "BeamPosition",
    "BeamSize",
    "Bins",
    "Diagnostic",
    "Footprint",
    "GaussianFit",
    "Instrument",
    "LossCount",
    "Profiles",
    "Screen",
    "SliceMoments",
    "SpectralLines",
    "Spectrum",
    "TurnHistory",
    "WireScanner",
    "add_noise",
    "find_lines",
    "footprint",
    "live_coordinates",
    "read_profiles",
    "slice_moments",
    "spectrum",
    "track_turns",
    "tunes_by_turns",
    "write_profiles",
]


def __dir__() -> list[str]:
    return __all__
