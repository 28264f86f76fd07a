"""Wakes: what a bunch leaves in its surroundings, and how particles after it feel that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from ...beam.beam import Beam
from ...beam.reference import SPEED_OF_LIGHT
from ...core.checks import require_kind, require_real, require_setting, require_whole
from ...core.errors import InvalidValueError, require_known
from ...core.one_by_one import check_each
from ...core.scalars import Number, tensor_like, to_float
from ...core.storage import storable
from ...maps.state import State
from ...mesh.line import Line, spread
from ..base import Place
from ..intensity import require_charge
from .components import COMPONENTS
from .convolution import convolve, ring_after, ring_voltage
from .function import Phasor, WakeFunction, require_integral, require_values
from .lines import (
    LineEffect,
    check_line,
    check_places,
    per_volt,
    require_apart,
    still_state,
    wake_line,
)
from .passages import Passage, hull, on_cells, on_one_line

#: the cells of a bunch that grows, and of its past, may be so many times those of the first turn
_GROWN = 64


class Loss(NamedTuple):
    """The wake at the nodes of a line in units of P0 c, and what is remembered of this passage.

    `passages` has this and former passages, this one first; `ringing` what is left by them in one
    oscillation.
    """

    line: Line
    nodes: Tensor
    passages: tuple[Passage, ...]
    ringing: Phasor | None


@storable
@dataclass(frozen=True)
class Wake(LineEffect):
    """The wake that a bunch leaves, as kicks at elements of a name, or along all lengths.

    A particle that passes by t = -z/(beta c) later than a charge q at (x', y') meets the voltage V
    of the component, with W its function; those before q meet none, and q itself half of W(0).

    ================  ===========  ==================================================
    component         V            changes, with k = e/(beta P0 c)
    ================  ===========  ==================================================
    "longitudinal"    q W(t)       delta by -k V: positive V takes energy
    "constant x"      q W(t)       px by k V, delta by k x dV/dz
    "dipole x"        q x' W(t)    px by k V, delta by k x dV/dz
    "dipole xy"       q y' W(t)    px by k V, delta by k x dV/dz
    "quadrupole x"    q W(t)       px by k x V, delta by k x^2/2 dV/dz
    "quadrupole xy"   q W(t)       px by k y V, py by k x V, delta by k x y dV/dz
    ================  ===========  ==================================================

    and y likewise; "quadrupole yx" would be the same as "quadrupole xy". Positive transverse wakes
    and offsets deflect away from the axis, as in Xsuite and PyHEADTAIL. The change of delta by
    transverse wakes, of second order in the offsets, is that of the theorem of Panofsky and Wenzel;
    other codes leave it out, and then their maps are not symplectic. Offsets x' are from the
    reference orbit.

    The charge is spread over a line of cells by cubic B-splines, convolved by FFT with the function
    (averaged over cells where it jumps or diverges), and read by B-splines; their smoothing of z is
    undone to fourth order. The kick is twice differentiable in everything.

    Attributes:
        function: W: a `Resonator`, `ResistiveWall`, `WakeTable`, or a `WakeFunction` of your own.
            Its knobs are those of the effect, "effects[0].function.shunt".
        at: name of the elements, thin or thick, at whose centre the wake acts as a whole; in
            its place `max_step` for all elements along their lengths, with W that of one metre.
        component: a row of the table.
        cells: of the line; an rms length of the bunch should have some.
        window: full length in z of the line about the reference [m], outside of which particles are
            lost; None for a line that follows the bunch, which moves by steps, so that derivatives
            are those of the function. A batch of beams has one line. Test particles outside are
            lost.
        period: between two passages [s], after which the bunch meets what it left; None forgets.
            Bunches of a train share a line. Without a window the cells of later turns are as long
            as those of the first, and 64 times as many at most.
        turns: how many former passages count; None for all, of functions that ring.
        scale: factor on the wake; 1 is physical.
        max_step: longest slice between kicks along lengths [m], a number, or one per element kind:
            given in place of `at`.

    Raises:
        InvalidValueError: any of these is not so, `at` and `max_step` both or neither among them; a
            beam with a current instead of a charge; a window that the bunch does not fit in, or
            none and a bunch that grows without end; a period shorter than the bunch; a function
            that ends before the line does, or that has no integral from 0.

    Example:
        >>> mode = pj.collective.Resonator(frequency=1.3e9, shunt=1e6, quality=1e4)
        >>> pj.collective.Wake(mode, at="cavity", period=3e-6, window=0.2)

    Source: A. W. Chao, Physics of Collective Beam Instabilities in High Energy Accelerators, Wiley
    (1993), eqs. 2.50 and 2.82-2.88; K. Y. Ng, Physics of Intensity Dependent Beam Instabilities
    (2006), ch. 1.
    """

    batched: ClassVar[tuple[str, ...]] = ("beam.charge",)
    one_by_one: ClassVar[tuple[str, ...]] = ("function", "window", "period", "scale")
    function: WakeFunction
    at: str | None = None
    component: str = "longitudinal"
    cells: int = 256
    window: float | None = None
    period: Number | None = None
    turns: int | None = None
    scale: Number = 1.0
    max_step: float | Mapping[str, float] | None = None

    @check_each
    def __post_init__(self) -> None:
        kinds = "a WakeFunction", "such as Resonator(frequency=1e9, shunt=1e4)"
        require_kind("function", self.function, WakeFunction, *kinds)
        check_places(self.at, self.max_step)
        self.function.require_place(self.lumped)
        require_known("component", self.component, COMPONENTS)
        self.function.require_component(COMPONENTS[self.component].transverse)
        require_whole("cells", self.cells, 8)
        require_real("scale", self.scale)
        if self.window is not None:
            require_setting("window", self.window, above=0)
        if self.turns is not None:
            require_whole("turns", self.turns, 1)
        if self.period is None:
            if self.turns is not None:
                raise InvalidValueError("turns of memory need a period, the time between passages")
            return
        require_real("period", self.period, above=0)
        if self.turns is None and not self.function.rings:
            raise InvalidValueError(
                f"a {type(self.function).__name__} does not ring: give turns, the number of former "
                "passages that count"
            )

    @property
    def keeps_columns(self) -> bool:  # type: ignore[override]  # of a class derived from this
        """Return whether it makes or remembers other things than this class does."""
        kind = type(self)
        return (kind.field, kind.remember) != (Wake.field, Wake.remember)

    @property
    def line_form(self) -> tuple[float | None, int]:
        """The window and the cells."""
        return self.window, self.cells

    def check(self, beam: Beam) -> None:
        """Raise for a coasting beam or one too long for the window; warn of one not resolved."""
        require_charge(beam, self)
        line = self._line(beam, still_state(beam))
        size = check_line(beam, line)
        speed = SPEED_OF_LIGHT * to_float(beam.reference.beta)
        if self.period is not None:
            require_apart(beam, to_float(self.period) * speed)
        step = line.spacing / speed
        form = self.function, COMPONENTS[self.component].transverse, step
        require_values(*form)
        require_integral(*form)
        self.function.check(size / speed, step)

    def start(self, beam: Beam) -> Mapping[tuple[int, float], Any] | None:
        """Start without a past; each place gets its own."""
        return None if self.period is None else {}

    def field(self, beam: Beam, state: State, place: Place, memory: Any = None) -> Loss:
        """Compute the wake at each node of the line."""
        component = COMPONENTS[self.component]
        before = None if memory is None else memory.get((place.number, place.s))
        former = () if self.turns is None or before is None else before
        line, z = self._line(beam, state, former), state.coordinates[4]
        weights = (beam.charge * beam.shares).to(z)
        source = component.source
        offsets = () if source is None else (state.coordinates[source],)
        now = beam.world.sum(spread(line, z, state.alive, weights, *offsets))
        passages, ringing = (Passage(line, now), *former), None
        line, sources = on_one_line(passages)
        form = self.function, component.transverse, line, SPEED_OF_LIGHT * beam.reference.beta
        voltage = convolve(*form, sources, 0.0 if self.period is None else self.period)
        if self.period is not None and self.turns is None:
            ringing = ring_after(self.function, line, form[-1], now)
            if before is not None:
                voltage = voltage + ring_voltage(*form, before)
                ringing = Phasor(*(a + b for a, b in zip(before, ringing, strict=True)))
        factor = per_volt(beam) * self.scale
        if self.at is None:
            factor = factor * place.ds
        return Loss(line, voltage * factor, passages, ringing)

    def remember(self, memory: Any, field: Loss, place: Place) -> Any:
        """Return what the bunch will meet when it comes back."""
        if self.period is None:
            return memory
        if field.ringing is not None:
            double = torch.zeros((), dtype=torch.float64, device=field.nodes.device)
            kept: Any = self.function.ring(field.ringing, tensor_like(self.period, double))
            kept = Phasor(*(part.to(field.nodes.dtype) for part in kept))
        else:
            kept = field.passages[: self.turns]
        return {**memory, (place.number, place.s): kept}

    def _line(self, beam: Beam, state: State, former: Sequence[Passage] = ()) -> Line:
        """The line of the window, or one that holds all live particles, of the former's cells."""
        line = wake_line(beam, state, self.window, self.cells)
        if self.turns is None or self.window is not None:
            return line
        line = on_cells(line, former[0].line.spacing if former else line.spacing)
        whole = hull([line, *(passage.line for passage in former)])
        if whole.cells > _GROWN * self.cells:
            raise InvalidValueError(
                f"the bunch and its former passages lie over {whole.stop - whole.start:.3g} m, "
                f"which is {whole.cells} cells of the first turn, more than {_GROWN} times "
                f"{self.cells}; give a window, outside of which particles are lost"
            )
        return line
