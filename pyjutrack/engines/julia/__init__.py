"""The julia engine: JuTrack tracks, NNlib evaluates networks, Enzyme differentiates.

Nothing of Julia is touched before the first call. `pyjutrack julia setup` installs what it needs.
"""

from .engine import Julia
from .gridless import JuTrackSpaceCharge
from .jutrack import (
    dynamic_aperture,
    from_jutrack,
    resonance_driving_terms,
    taylor_map,
    to_jutrack,
)

__all__ = [
    "JuTrackSpaceCharge",
    "Julia",
    "dynamic_aperture",
    "from_jutrack",
    "resonance_driving_terms",
    "taylor_map",
    "to_jutrack",
]
