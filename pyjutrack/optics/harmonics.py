"""Cavities whose waves do not fit into a turn: no beam meets them as the maps of a ring do."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..beam.reference import SPEED_OF_LIGHT, Reference
from ..core.errors import AccuracyWarning, InvalidValueError, warn
from ..core.names import label
from ..core.scalars import to_float
from ..elements import Element
from ..lattice.positions import path_of

#: shift of delta that may be left out, some tenth of the spread of an electron beam, and the
#: largest that a ring has room for
_SMALL, _ROOM = 1e-4, 0.05
#: phase of a deflecting wave that may slip in a turn [rad]
_SLIP = 1e-2
#: part of a frequency by which rounding moves it off a harmonic
_ROUNDING = 1e-9


def check_harmonics(
    elements: Sequence[Element], reference: Reference, shifts: Callable[[Tensor], Tensor]
) -> None:
    """Raise or warn where the closed orbit is not that of the frequencies as they are stated.

    Maps have the reference arrive at one phase of each wave in every turn, as it does at harmonics
    of the revolution alone. At another frequency the orbit closes on the wave if every turn takes
    some time more or less, by another momentum: the shift that the warning names, to first order.
    No beam follows a wave that deflects: of those the warning names the phase that slips.

    Args:
        shifts: of the closed orbit, (N, 6), by gaps between its elements, (N, 6); asked for where
            a wave is off.

    Raises:
        InvalidValueError: no beam is held by the wave, as it would need too large a shift.

    Warns:
        AccuracyWarning: the shift, or a phase that slips, is not small.
    """
    waves = [e for e in elements if to_float(e.rf_frequency) > 0]
    if not waves:
        return
    velocity = to_float(reference.beta) * SPEED_OF_LIGHT
    turn = Turn(to_float(path_of(elements)), velocity)
    holding = [e for e in waves if not e.deflects_by_rf]
    if holding:
        _check_shift(max(holding, key=turn.off), turn, len(elements), shifts)
        # the turn of a beam that follows what is nearest to it
        nearest = min(holding, key=turn.off)
        turn = Turn(turn.length - turn.late(nearest), velocity)
    deflecting = [e for e in waves if e.deflects_by_rf]
    if deflecting:
        _check_slip(max(deflecting, key=turn.slip), turn)


class Turn(NamedTuple):
    """A turn of a ring: its length [m], and the velocity of the reference [m/s]."""

    length: float
    velocity: float

    def periods(self, element: Element) -> float:
        """Periods of a wave in it."""
        return self.length * to_float(element.rf_frequency) / self.velocity

    def harmonic(self, element: Element) -> int:
        """The nearest harmonic to a wave."""
        return max(1, round(self.periods(element)))

    def late(self, element: Element) -> float:
        """By what it is longer than the periods of the harmonic [m]; 0 within rounding."""
        whole = self.harmonic(element)
        if abs(self.periods(element) - whole) <= _ROUNDING * whole:
            return 0.0
        return self.length - whole * self.velocity / to_float(element.rf_frequency)

    def off(self, element: Element) -> float:
        """The same without a sign."""
        return abs(self.late(element))

    def slip(self, element: Element) -> float:
        """By what the phase of a wave differs from turn to turn [rad], without a sign."""
        return 2 * math.pi * self.off(element) * to_float(element.rf_frequency) / self.velocity

    def tell(self, element: Element) -> tuple[str, str]:
        """What is wrong with a wave, and the remedy."""
        whole = self.harmonic(element)
        return (
            f"{label(element)} has a frequency of {to_float(element.rf_frequency):.10g} Hz, and a "
            f"turn takes {self.periods(element):.9g} periods of it",
            f"give it harmonic {whole} of the revolution, "
            f"{whole * self.velocity / self.length:.10g} Hz, or the whole ring, if this is a part "
            "of it",
        )


def _check_shift(
    element: Element, turn: Turn, count: int, shifts: Callable[[Tensor], Tensor]
) -> None:
    if not turn.late(element):
        return
    gaps = torch.zeros(count, 6, dtype=torch.float64)
    gaps[-1, 4] = -turn.late(element)
    shift = float(shifts(gaps)[0, 5])
    if abs(shift) < _SMALL:
        return
    said, remedy = turn.tell(element)
    said += f": a beam would follow it at a delta of {shift:.2g}"
    if not abs(shift) < _ROOM:
        raise InvalidValueError(f"{said}, for which no ring has room; {remedy}")
    warn(
        f"{said}, and is found as if it were on the harmonic; {remedy}. Where the frequency is "
        "meant, ask for that delta in 4 dimensions",
        AccuracyWarning,
    )


def _check_slip(element: Element, turn: Turn) -> None:
    if turn.slip(element) < _SLIP:
        return
    said, remedy = turn.tell(element)
    warn(
        f"{said}: its phase slips by {turn.slip(element):.2g} rad from turn to turn, which is left "
        f"out, in tracking too; {remedy}",
        AccuracyWarning,
    )
