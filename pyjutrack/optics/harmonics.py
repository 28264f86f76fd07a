"""Cavities whose waves do not fit into a turn: no beam meets them as the maps of a ring do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..beam.reference import SPEED_OF_LIGHT, Reference
from ..core.errors import AccuracyWarning, InvalidValueError, warn
from ..core.names import label
from ..core.scalars import to_float
from ..elements import Element

#: shift of delta that may be left out, some tenth of the spread of an electron beam, and the
#: largest that a ring has room for
_SMALL, _ROOM = 1e-4, 0.05
#: part of a frequency by which rounding moves it off a harmonic
_ROUNDING = 1e-9


def check_harmonics(
    elements: Sequence[Element], reference: Reference, shifts: Callable[[Tensor], Tensor]
) -> None:
    """Raise or warn where the closed orbit is not that of the frequencies as they are stated.

    Maps have the reference arrive at one phase of each wave in every turn, as it does at harmonics
    of the revolution alone. At another frequency the orbit closes on the wave if every turn takes
    some time more or less, by another momentum: the shift that the warning names, to first order.

    Args:
        shifts: of the closed orbit, (N, 6), by gaps between its elements, (N, 6).

    Raises:
        InvalidValueError: no beam is held by the wave, as it would need too large a shift.

    Warns:
        AccuracyWarning: the shift is not small.
    """
    waves = {to_float(e.rf_frequency): e for e in elements if to_float(e.rf_frequency) > 0}
    turn = sum(to_float(e.length) for e in elements)
    velocity = to_float(reference.beta) * SPEED_OF_LIGHT
    late: dict[float, tuple[float, int]] = {}  # by what a turn is longer than the waves, and those
    for frequency in waves:
        periods = turn * frequency / velocity
        whole = max(1, round(periods))
        if abs(periods - whole) > _ROUNDING * whole:
            late[frequency] = turn - whole * velocity / frequency, whole
    if not late:
        return
    frequency = max(late, key=lambda f: abs(late[f][0]))
    longer, whole = late[frequency]
    gaps = torch.zeros(len(elements), 6, dtype=torch.float64)
    gaps[-1, 4] = -longer
    shift = float(shifts(gaps)[0, 5])
    if abs(shift) < _SMALL:
        return
    said = (
        f"{label(waves[frequency])} has a frequency of {frequency:.10g} Hz, and a turn takes "
        f"{turn * frequency / velocity:.9g} periods of it: a beam would follow it at a delta of "
        f"{shift:.2g}"
    )
    remedy = (
        f"give it harmonic {whole} of the revolution, {whole * velocity / turn:.10g} Hz, or the "
        "whole ring, if this is a part of it"
    )
    if not abs(shift) < _ROOM:
        raise InvalidValueError(f"{said}, for which no ring has room; {remedy}")
    warn(
        f"{said}, and is found as if it were on the harmonic; {remedy}. Where the frequency is "
        "meant, ask for that delta in 4 dimensions",
        AccuracyWarning,
    )
