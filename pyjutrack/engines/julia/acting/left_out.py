"""Effects that JuTrack has something of, whose model is another one."""

from __future__ import annotations

from ....beam.beam import Beam
from ....collective import SpaceCharge2p5D
from ....core.scalars import Number
from ..twins.base import Twins
from .base import acts_as, refused


@acts_as(SpaceCharge2p5D)
def _(effect: SpaceCharge2p5D, beam: Beam, ds: Number) -> Twins:
    raise refused(
        effect,
        "JuTrack's SPACECHARGE2P5D has one density across for the whole bunch, open space around "
        "it, and a pipe along z alone, where this one solves each slice within its walls",
        'for JuTrack\'s own put pj.julia.Element("SPACECHARGE2P5D", effective_len=..., '
        "pipe_radius=...) into the lattice",
    )
