"""JuTrack itself on lattices of ours: conversion, and its analyses with NumPy results."""

from .apertures import dynamic_aperture, frequency_map
from .driving_terms import DrivingTerms, resonance_driving_terms
from .lattices import from_jutrack, to_jutrack
from .taylor_maps import TaylorMap, taylor_map

__all__ = [
    "DrivingTerms",
    "TaylorMap",
    "dynamic_aperture",
    "frequency_map",
    "from_jutrack",
    "resonance_driving_terms",
    "taylor_map",
    "to_jutrack",
]


def __dir__() -> list[str]:
    return __all__
