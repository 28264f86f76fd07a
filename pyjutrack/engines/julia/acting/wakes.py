"""Longitudinal wakes of resonators: JuTrack's LongitudinalRLCWake."""

from __future__ import annotations

from ....beam.beam import Beam
from ....collective.wakes import Resonator, Wake, WakeTable
from ....core.scalars import Number, is_zero, to_float, vanishes
from ..twins.base import Twin, Twins
from .base import acts_as, refused


@acts_as(Wake)
def _(effect: Wake, beam: Beam, ds: Number) -> Twins:
    if isinstance(effect.function, WakeTable):
        raise refused(
            effect, "JuTrack defines LongitudinalWake for tables, and no `pass!` that tracks it"
        )
    if type(effect.function) is not Resonator or effect.component != "longitudinal":
        raise refused(
            effect,
            "of wakes JuTrack tracks the longitudinal one of a resonator alone, and this is "
            f"{effect.component!r} of {type(effect.function).__name__}",
        )
    if effect.period is not None or effect.window is not None:
        raise refused(
            effect,
            "JuTrack's wake forgets the turn before, and its line follows the bunch",
            "leave period and window out",
        )
    if is_zero(beam.charge):
        return ()
    if vanishes(beam.charge):
        raise refused(
            effect, "JuTrack counts particles, and so has no slope by a charge of 0", "give it one"
        )
    mode, reference = effect.function, beam.reference
    # JuTrack divides by the kinetic energy, and knows whole particles alone, without a slope
    total = reference.kinetic_energy + reference.species.mass
    shunt = mode.shunt * effect.scale * reference.kinetic_energy / total
    if not effect.lumped:
        shunt = shunt * ds
    shunt = shunt * (beam.charge / to_float(beam.charge))
    # its clock is path over c, and W is in proportion to the frequency
    beta = reference.beta
    fields = {"freq": mode.frequency / beta, "Rshunt": shunt * beta, "Q0": mode.quality}
    return (Twin("LongitudinalRLCWake", fields),)
