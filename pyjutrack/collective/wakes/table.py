"""Wakes from tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ...core.checks import require_flag, wrong
from ...core.digits import tell_apart
from ...core.errors import AccuracyWarning, InvalidValueError, ResolutionWarning, warn
from ...core.special import bool_or
from ...core.storage import storable
from ...core.tensors import tensor_copy
from .function import WakeFunction
from .impedance import bent_between, wake_of_impedance

#: what may be missing of an integral over frequencies without a warning
_TAIL = 0.01
#: of the highest frequency times the last time: a wake that does not change over a table
_STILL = 1e-3
#: cells next to the charge, where the wake is integrated
_NEAR = 2
#: rms lengths that no bunch is long, and no table in its unit leaves out: other units are 1e3 apart
_LONG = 30.0
#: in a cell, the wake may go up and down by this much of its largest value without a warning
_WAY = 0.5


@storable
@dataclass(frozen=True, eq=False)
class WakeTable(WakeFunction):
    """Wake between given times, linear from one to the next.

    Attributes:
        time: ascending from 0 (T,) [s].
        values: W there (T,) [V/C], transverse [V/(C m)]; at 0 that of a charge just after the
            other, and not its half. A vector of knobs, "effects[0].function.values".
        transverse: whether the wake deflects, in place of taking energy, if that is known, as of
            impedances and files: `Wake` refuses it as a component of the other kind.

    Raises:
        InvalidValueError: shapes or order are not so; and, as it is tracked, where the line of the
            wake, with the turns of its memory, is longer than the table.

    Example:
        >>> table = pj.collective.WakeTable([0.0, 1e-9, 2e-9], [2e12, 1e12, 0.0])
    """

    time: Tensor
    values: Tensor
    transverse: bool | None = None

    def __post_init__(self) -> None:
        if self.transverse is not None:
            require_flag("transverse", self.transverse)
        for name in ("time", "values"):
            object.__setattr__(self, name, _vector(name, getattr(self, name)))
        if len(self.values) != len(self.time):
            raise InvalidValueError(
                f"values must be as many as times, got {len(self.values)} and {len(self.time)}"
            )
        if float(self.time[0]) != 0:
            raise InvalidValueError(
                f"times must ascend from 0, the first is {float(self.time[0]):g} s; add the wake "
                "just after the charge where a table starts later"
            )
        back = (self.time.diff() <= 0).nonzero()
        if len(back):
            before, after = self.time[int(back[0]) :][:2].tolist()
            later, earlier = tell_apart(after, before)
            raise InvalidValueError(
                f"times must ascend, and {later} s follows {earlier} s; sort the rows, and of "
                "two at one time leave one"
            )

    @classmethod
    def from_impedance(
        cls,
        frequencies: ArrayLike | Tensor,
        impedance: ArrayLike | Tensor,
        time: ArrayLike | Tensor,
        *,
        transverse: bool = False,
    ) -> WakeTable:
        """The wake of an impedance, by the integral over its real part.

        Args:
            frequencies: ascending from 0 (F,) [Hz]. Take several a 1/time, and up to where the real
                part has died away; it is taken as linear in between, and as zero beyond.
            impedance: Z (F,) complex or its real part [ohm], transverse [ohm/m]; real and imaginary
                part belong together by causality, so that either convention of phase will do.
            time: ascending from 0 (T,) [s], fine enough to be linear in between.
            transverse: whether the wake deflects.

        Raises:
            InvalidValueError: shapes or order are not so.

        Warns:
            AccuracyWarning: the real part has not died away at the last frequency.
            ResolutionWarning: frequencies too far apart for the last time where the real part
                bends, or too low to show anything before it, as by other units of one of them.
        """
        require_flag("transverse", transverse)
        given: Any = impedance
        try:
            if not isinstance(given, Tensor):
                given = tensor_copy(np.asarray(given, np.complex128))
        except (TypeError, ValueError):
            raise wrong("impedance", given, "two or more complex numbers") from None
        resistance = _vector("impedance", given.real if given.is_complex() else given)
        frequencies, time = _vector("frequencies", frequencies), _vector("time", time)
        if len(frequencies) != len(resistance):
            raise InvalidValueError(
                f"impedance must be as long as frequencies, got {len(resistance)} and "
                f"{len(frequencies)}"
            )
        if float(frequencies[0]) != 0 or not bool((frequencies.diff() > 0).all()):
            raise InvalidValueError(
                f"frequencies must ascend from 0, the first is {float(frequencies[0]):g} Hz"
            )
        size = resistance.detach().abs()
        tail, whole = size[-1] * frequencies[-1], torch.trapezoid(size, frequencies)
        if float(tail) > _TAIL * float(whole):
            warn(
                f"the impedance has not died away at {float(frequencies[-1]):g} Hz: what is beyond "
                f"may be {float(tail / whole):.1%} of the wake at short times; give higher "
                "frequencies",
                AccuracyWarning,
            )
        end = float(time.detach()[-1])
        apart, last = float(frequencies.diff().min()), float(frequencies[-1])
        if end > 0 and not (apart * end <= 1 and last * end >= _STILL):
            warn(
                f"frequencies {apart:.3g} Hz apart up to {last:.3g} Hz do not show a wake up to "
                f"{end:.3g} s: give several a 1/time, {1 / end:.3g} Hz, and up to many times that; "
                "frequencies are in Hz, and times in s",
                ResolutionWarning,
            )
        elif (bent := bent_between(frequencies, size, end)) > _TAIL * float(whole):
            warn(
                f"frequencies are further apart than 1/time, {1 / end:.3g} Hz of the last, where "
                f"the impedance bends from one to the next: {bent / float(whole):.1%} of its area "
                "is not known that well, nor the wake at late times; give more there, several a "
                "1/time",
                ResolutionWarning,
            )
        values = wake_of_impedance(frequencies, resistance, time, transverse)
        return cls(time, values, transverse)

    def value(self, time: Tensor, transverse: bool) -> Tensor:
        """Evaluate W, whatever it is."""
        place, beyond, values, slopes = self._pieces(time)
        return values[place] + slopes[place] * beyond

    def double_integral(self, time: Tensor, transverse: bool) -> Tensor:
        """Integrate (t - s) W(s) over s from 0 to t: piece by piece of the table."""
        place, beyond, values, slopes = self._pieces(time)
        steps = self.time.to(time.device).diff()
        none = steps[:1] * 0
        first = (values[:-1] + slopes * steps / 2) * steps
        once = torch.cat([none, torch.cumsum(first, 0)])
        second = once[:-1] * steps + (values[:-1] / 2 + slopes * steps / 6) * steps**2
        twice = torch.cat([none, torch.cumsum(second, 0)])
        piece = (values[place] / 2 + slopes[place] * beyond / 6) * beyond * beyond
        return twice[place] + once[place] * beyond + piece

    def _pieces(self, time: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Numbers of the pieces and times in them, values (T,) and slopes (T - 1,)."""
        nodes, values = self.time.to(time.device), self.values.to(time.device)
        place = torch.searchsorted(nodes, time.detach().contiguous(), right=True) - 1
        place = place.clamp(0, len(nodes) - 2)
        return place, time - nodes[place], values, (values[1:] - values[:-1]) / nodes.diff()

    def check(self, duration: float, step: float) -> None:
        """Warn of a bunch far within the first rows, and of cells too long for what rows show."""
        values, first = self.values.detach(), float(self.time[1])
        changes = bool_or(values[0] != values[1], default=True)
        if 0 < _LONG * duration < first and changes:
            warn(
                f"the table of the wake has its first rows {first:.3g} s apart, and acts on a "
                f"bunch of {duration:.3g} s rms, which meets a straight line between two of them "
                "and nothing else; times are in s, of a table in ns 1e-9 times the numbers; where "
                "the wake is straight there, put rows in between",
                ResolutionWarning,
            )
        # by how much the wake goes up and down in each cell, but for those next to the charge
        shares = (step / self.time.diff()).clamp(max=1)
        cells, number = torch.unique((self.time[1:] / step).floor(), return_inverse=True)
        ways = torch.zeros_like(cells).scatter_add(0, number, values.diff().abs() * shares)
        ways = torch.where(cells > _NEAR, ways, 0.0)
        if float(ways.max()) > _WAY * float(values.abs().max()):
            warn(
                f"the table of the wake changes by {float(ways.max()):.3g} within a cell of "
                f"{step:.3g} s of its line, where its largest value is "
                f"{float(values.abs().max()):.3g}; take more cells, or a shorter window",
                ResolutionWarning,
            )

    def require_component(self, transverse: bool) -> None:
        """Raise InvalidValueError for a table that is known to be of the other kind."""
        if self.transverse in (None, transverse):
            return
        kinds = "longitudinal", "transverse"
        own, other = kinds[self.transverse], kinds[transverse]
        raise InvalidValueError(
            f"the table of the wake is {own} (transverse={self.transverse}), and the component is "
            f"{other}; give the {own} component, or a table of that, such as "
            f"WakeTable.from_impedance(..., transverse={transverse})"
        )

    def require_reach(self, time: float) -> None:
        """Raise InvalidValueError where the table ends before a time [s]."""
        last = float(self.time[-1])
        if time > last:
            end, asked = tell_apart(last, time, digits=4)
            raise InvalidValueError(
                f"the table of the wake ends at {end} s, and is asked for {asked} s, the "
                "length of the line of cells and the turns of its memory; give a longer table, "
                "with zeros at its end if the wake is over, or a shorter window"
            )


def _vector(name: str, value: Any) -> Tensor:
    """A real vector in double precision."""
    try:
        found = value if isinstance(value, Tensor) else tensor_copy(np.asarray(value, np.float64))
    except (TypeError, ValueError):
        raise wrong(name, value, "two or more numbers") from None
    if found.dim() != 1 or len(found) < 2 or found.is_complex():
        raise wrong(name, value, "two or more real numbers")
    if not bool_or(torch.isfinite(found.detach()).all(), default=True):
        raise InvalidValueError(f"{name} must be finite")
    return found if found.dtype == torch.float64 else found.to(torch.float64)
