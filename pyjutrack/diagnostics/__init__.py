"""Diagnostics: what instruments read of a beam, differentiable, and what was read by real ones."""

from .bins import Bins
from .centroids import BeamPosition, BeamSize
from .instrument import Diagnostic, Instrument, noisy
from .loss_count import LossCount
from .profile_monitors import Screen, WireScanner

__all__ = [
    "BeamPosition",
    "BeamSize",
    "Bins",
    "Diagnostic",
    "Instrument",
    "LossCount",
    "Screen",
    "WireScanner",
    "noisy",
]
