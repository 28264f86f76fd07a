"""Wakes: what a bunch leaves in its surroundings, and how particles after it feel that."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor

from ...beam.beam import Beam
from ...beam.moments import mean, rms
from ...beam.reference import SPEED_OF_LIGHT
from ...core.checks import require_kind, require_real, require_text, require_whole, wrong
from ...core.errors import InvalidValueError, ResolutionWarning, require_known, warn
from ...core.scalars import Number, has_numbers, tensor_like, to_float
from ...core.storage import storable
from ...elements import Element
from ...maps.state import State
from ...mesh.line import Line, admit, bounds, line_around, spread
from ..base import (
    CollectiveEffect,
    Place,
    require_charge,
    slices_by_step,
    warn_if_few_cells,
)
from ..bunches import extents, lose_infinite
from .components import COMPONENTS, kick, kick_in_place
from .convolution import convolve, ring_after, ring_voltage
from .function import Phasor, WakeFunction
from .passages import Passage, on_cells, on_one_line

#: a bunch may start with this share of its particles outside the window
_OUTSIDE = 0.01
#: so many particles are charges by themselves, and no sample of a density
_FEW = 32


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
class Wake(CollectiveEffect):
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
        at: name of the elements, thin or thick, at whose centre the wake acts as a whole; None for
            all elements along their lengths, with the function that of one metre.
        component: a row of the table.
        cells: of the line; an rms length of the bunch should have some.
        window: full length in z of the line about the reference [m], outside of which particles are
            lost; None for a line that follows the bunch, which moves by steps, so that derivatives
            are those of the function. A batch of beams has one line. Test particles outside are
            lost.
        period: between two passages [s], after which the bunch meets what it left; None forgets.
            Bunches of a train share a line. Without a window the cells of later turns are as long
            as those of the first.
        turns: how many former passages count; None for all, of functions that ring.
        scale: factor on the wake; 1 is physical.
        max_step: longest slice between kicks where `at` is None [m]; a number, or one per kind.

    Raises:
        InvalidValueError: any of these is not so; a beam with a current instead of a charge; a
            window that the bunch does not fit in; a function that ends before the line does.

    Example:
        >>> mode = pj.collective.Resonator(frequency=1.3e9, shunt=1e6, quality=1e4)
        >>> pj.collective.Wake(mode, at="cavity", period=3e-6, window=0.2)

    Source: A. W. Chao, Physics of Collective Beam Instabilities in High Energy Accelerators, Wiley
    (1993), eqs. 2.50 and 2.82-2.88; K. Y. Ng, Physics of Intensity Dependent Beam Instabilities
    (2006), ch. 1.
    """

    reversible: ClassVar[bool] = True
    weighted: ClassVar[bool] = True

    function: WakeFunction
    at: str | None = None
    component: str = "longitudinal"
    cells: int = 256
    window: float | None = None
    period: Number | None = None
    turns: int | None = None
    scale: Number = 1.0
    max_step: float | Mapping[str, float] = 1.0

    def __post_init__(self) -> None:
        kinds = "a WakeFunction", "such as Resonator(frequency=1e9, shunt=1e4)"
        require_kind("function", self.function, WakeFunction, *kinds)
        if self.at is not None:
            require_text("at", self.at)
        require_known("component", self.component, COMPONENTS)
        require_whole("cells", self.cells, 8)
        require_real("scale", self.scale)
        steps = self.max_step if isinstance(self.max_step, Mapping) else {"": self.max_step}
        if not steps:
            raise wrong("max_step", self.max_step, "a length, or one per element kind")
        for step in steps.values():
            require_real("max_step", step, above=0)
        if self.window is not None:
            require_real("window", self.window, above=0)
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
    def lumped(self) -> bool:  # type: ignore[override]  # of the kick, and not of the class
        """Return whether it acts at elements as a whole."""
        return self.at is not None

    def slices(self, element: Element) -> int:
        """Once at the elements of the name, or along lengths by `max_step`."""
        if self.at is None:
            return slices_by_step(element, self.max_step)
        return int(element.name == self.at)

    def check(self, beam: Beam) -> None:
        """Raise for a coasting beam or one too long for the window; warn of one not resolved."""
        require_charge(beam, self)
        columns = list(beam.coordinates.detach().unbind(-1))
        z = columns[4] = columns[4].contiguous()
        state = lose_infinite(State(tuple(columns), beam.alive), (4,))
        line = self._line(beam, state)
        still = beam if beam.weights is None else beam.replace(weights=beam.weights.detach())
        if self.window is not None:
            self._check_window(still, z, line)
        size = float(rms(still, z).nan_to_num(0.0).max())
        crowd = beam.particles * line.spacing / (math.sqrt(2 * math.pi) * size) if size else 1.0
        if crowd < 1 and beam.particles > _FEW:
            warn(
                f"{crowd:.2g} particles are in a cell of the wake's line at the centre of a bunch "
                f"of {size:.3g} m rms, which is noise alone; take {math.ceil(1 / crowd)} times the "
                "particles, or fewer cells",
                ResolutionWarning,
            )
        if size:
            more = f"take cells={round(self.cells * 4 * line.spacing / size)}, or a shorter window"
            warn_if_few_cells({"z": size / line.spacing}, more)
        speed = SPEED_OF_LIGHT * to_float(beam.reference.beta)
        self.function.check(size / speed, line.spacing / speed)

    def _check_window(self, beam: Beam, z: Tensor, line: Line) -> None:
        low, high = bounds(z, beam.alive)
        beyond = torch.tensor([line.start - low, high - line.stop], dtype=torch.float64)
        if float(beam.world.largest(beyond).max()) <= 0:
            return
        outside = float(mean(beam, (~line.inside(z)).to(z.dtype)).nan_to_num(0.0).max())
        if outside > _OUTSIDE:
            raise InvalidValueError(
                f"{outside:.1%} of the bunch lie outside of the wake's window, "
                f"{self.window:g} m; take a longer one"
            )

    def start(self, beam: Beam) -> Mapping[tuple[int, float], Any] | None:
        """Start without a past; each place gets its own."""
        return None if self.period is None else {}

    def admit(self, state: State) -> State:
        """Particles outside the window are lost, and those whose places are no numbers."""
        source, z = COMPONENTS[self.component].source, state.coordinates[4]
        state = state if source is None else lose_infinite(state, (source,))
        if self.window is None:
            return lose_infinite(state, (4,))
        return State(state.coordinates, admit(self._window(self.window), z, state.alive))

    def field(self, beam: Beam, state: State, place: Place, memory: Any = None) -> Loss:
        """Compute the wake at each node of the line."""
        component, reference = COMPONENTS[self.component], beam.reference
        before = None if memory is None else memory.get((place.number, place.s))
        former = () if self.turns is None or before is None else before
        line, z = self._line(beam, state, former), state.coordinates[4]
        weights = (beam.charge * beam.shares).to(z)
        source = component.source
        offsets = () if source is None else (state.coordinates[source],)
        now = beam.world.sum(spread(line, z, state.alive, weights, *offsets))
        passages, ringing = (Passage(line, now), *former), None
        line, sources = on_one_line(passages)
        form = self.function, component.transverse, line, SPEED_OF_LIGHT * reference.beta
        voltage = convolve(*form, sources, 0.0 if self.period is None else self.period)
        if self.period is not None and self.turns is None:
            ringing = ring_after(self.function, line, form[-1], now)
            if before is not None:
                voltage = voltage + ring_voltage(*form, before)
                ringing = Phasor(*(a + b for a, b in zip(before, ringing, strict=True)))
        per_volt = abs(reference.species.charge) / (reference.beta * reference.p0c) * self.scale
        if self.at is None:
            per_volt = per_volt * place.ds
        return Loss(line, voltage * per_volt, passages, ringing)

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

    def apply(self, state: State, field: Loss, place: Place) -> State:
        """Kick particles by the wake where they are."""
        active = state.alive
        if self.window is None:  # by which none has been admitted
            active = admit(field.line, state.coordinates[4], active)
        component = COMPONENTS[self.component]
        return State(kick(state, component, field.line, active, field.nodes), active)

    def apply_in_place(
        self, columns: Sequence[NDArray[Any]], alive: Tensor, field: Loss, place: Place
    ) -> bool:
        """Kick particles that are plain numbers, all of them on the line."""
        if type(self).apply is not Wake.apply or not has_numbers(field.nodes):
            return False
        if (
            self.window is None
            and admit(field.line, torch.from_numpy(columns[4]), alive) is not alive
        ):
            return False
        component, active = COMPONENTS[self.component], alive.numpy()
        kick_in_place(columns, component, field.line, active, field.nodes)
        return True

    def _window(self, window: float) -> Line:
        return Line(-window / 2, window / 2, self.cells)

    def _line(self, beam: Beam, state: State, former: Sequence[Passage] = ()) -> Line:
        """The line of the window, or one that holds all live particles, of the former's cells."""
        if self.window is not None:
            return self._window(self.window)
        (low,), (high,) = extents(beam, (state.coordinates[4],), state.alive)
        line = line_around(low, high, self.cells)
        if self.turns is None:
            return line
        return on_cells(line, former[0].line.spacing if former else line.spacing)
