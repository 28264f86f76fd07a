"""Cavities: a thin kick of JuTrack's between two drifts.

JuTrack's phase counts path, and is that at the entrance in a crab cavity: a gap without length
after a drift with its slip has the time at which particles arrive.
"""

from __future__ import annotations

import math

from ....beam.reference import Reference
from ....core.scalars import is_zero, vanishes
from ....elements import CrabCavity, RFCavity
from ....elements.cavity import Cavity
from ....elements.part import Part
from .base import Twin, Twins, refused, twin
from .rows import drift

#: what stands for none in JuTrack, which divides by it [Hz]
NO_FREQUENCY = 1e-30


@twin(RFCavity)
def _(e: RFCavity, part: Part, reference: Reference) -> Twins:
    if not vanishes(e.voltage):
        if e.accelerate:
            raise refused(
                e,
                "JuTrack's reference keeps its momentum, and this one is accelerated",
                "set accelerate=False",
            )
        if e.focusing != "none":
            raise refused(
                e,
                f"JuTrack's cavities do not focus, and this one does as a {e.focusing}",
                'set focusing="none"',
            )
    fields = {
        "len": 0.0,
        "volt": e.voltage * part.fraction,
        # JuTrack's clock is path over c, and it divides by the frequency, which may be zero
        "freq": (e.frequency + (NO_FREQUENCY if vanishes(e.frequency) else 0.0)) / reference.beta,
        "philag": math.pi - e.phase,
        # of which it takes beta^2
        "energy": reference.p0c / (reference.beta * abs(reference.species.charge)),
    }
    return _in_drift(e, part, Twin("RFCA", fields))


@twin(CrabCavity)
def _(e: CrabCavity, part: Part, reference: Reference) -> Twins:
    # its voltage is over the kinetic energy, and its phase over beta
    strength = abs(reference.species.charge) * reference.kinetic_energy / reference.p0c
    fields = {
        "len": 0.0,
        "volt": e.voltage * (part.fraction * strength),
        "k": e.wavenumber,
        "freq": e.frequency + 0.0,
        "phi": e.phase * reference.beta,
    }
    return _in_drift(e, part, Twin("CRABCAVITY", fields))


def _in_drift(e: Cavity, part: Part, gap: Twin) -> Twins:
    if is_zero(e.length):
        return (gap,)
    half = drift(e.length * (part.fraction / 2))
    return (*half, gap, *half)
