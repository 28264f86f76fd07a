"""The julia engine: JuTrack tracks, NNlib evaluates networks, Enzyme differentiates.

Nothing of Julia is touched before the first call. `pyjutrack julia setup` installs what it needs.
"""

from .engine import Julia
from .gridless import JuTrackSpaceCharge

__all__ = ["JuTrackSpaceCharge", "Julia"]
