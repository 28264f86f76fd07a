"""What JuTrack alone has, for `engine="julia"`; nothing of Julia is started by importing it."""

from ..engines.julia.gridless import JuTrackSpaceCharge
from ..engines.julia.opaque import JuTrackElement as Element

__all__ = ["Element", "JuTrackSpaceCharge"]


def __dir__() -> list[str]:
    return sorted(__all__)
