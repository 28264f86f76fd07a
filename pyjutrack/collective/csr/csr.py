"""Coherent synchrotron radiation: what a bunch radiates in bends, and feels itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from ...beam.beam import Beam
from ...beam.reference import VACUUM_PERMITTIVITY
from ...core.checks import require_real, require_setting, require_whole
from ...core.errors import InvalidValueError, require_known
from ...core.one_by_one import check_each
from ...core.scalars import Number, to_float
from ...core.storage import storable
from ...elements import Element
from ...maps.state import State
from ...mesh.line import Line, add_line, admit, spread
from ..base import (
    CollectiveEffect,
    Place,
    require_max_step,
    slices_by_step,
)
from ..bunches import (
    bunch_line,
    each_beam,
    join_beams,
    lose_infinite,
    require_extent,
    warn_if_few,
)
from ..intensity import require_charge
from ..wakes.lines import per_volt
from .arcs import arc_at, is_bend, reached, upstream_of
from .kernel import convolve
from .validity import rms_width, warn_if_wrong


class Loss(NamedTuple):
    """What particles lose of delta per length, at the nodes of a line [1/m]."""

    line: Line
    nodes: Tensor


@storable
@dataclass(frozen=True)
class CSR(CollectiveEffect):
    """Coherent synchrotron radiation of a bunch in bends and downstream of them, in one dimension.

    Charge at a distance u after a particle radiates towards it along the chord of the arc. With
    lambda the density along z and psi the angle from the place of emission,

        delta -= ds q Q / (4 pi eps0 beta P0 c) E(z),   E(z) = int_0^inf K(u) lambda'(z - u) du,
        K = 4 / (R (psi + 2 x)),                        u = R psi^3 (psi + 4 x) / (24 (psi + x)),

    for a charge Q of particles of charge q, in an arc of radius R, or a distance R x downstream of
    its exit. Upstream of the arc the orbit is taken to be straight. In the mode "transient" the
    bunch meets all of that, "steady" is a bend without ends, K = 2 / (3 R^2 u)^(1/3), and nothing
    downstream: what a long magnet does. A Gaussian loses 0.3505 q Q / (4 pi eps0 R^(2/3) s^(4/3))
    per length then.

    All particles are on one curve, and their bunch keeps its shape over what it overtakes, as in
    other 1D codes: right where it is narrower than (R s^2)^(1/3). Curvatures are those of the
    reference orbit. Bends that touch and turn to the same side are one arc; the field that comes
    from one arc ends at the entrance of the next. Upstream of the first element is no bend, in
    rings neither. gamma is infinite; walls do not shield.

    Attributes:
        mode: "transient" or "steady".
        cells: of a line that follows the bunch, off which test particles are lost; without noise
            four a rms length are enough.
        smoothing: rms of the Gaussian, its second order undone, by which the density is smoothed
            against the noise of macroparticles [cells]; 0 for none.
        max_step: longest slice between kicks [m]; a number, or one per element kind.
        reach: length downstream of a bend over which its field is followed [m], in whole elements;
            None up to the next bend. Of "transient" alone.
        scale: factor on the kick; 1 is physical.

    Raises:
        InvalidValueError: any of these is not so; a beam with a current instead of a charge, or a
            bunch without a length; a lattice without bends, or with bends without a length.

    Warns:
        ResolutionWarning: less than two cells a rms length, few particles a cell, or a smoothing
            of more than 0.5 rms lengths.
        AccuracyWarning: a bunch so short, or of so little energy, that gamma is not infinite; one
            that is wider in a bend than (R s^2)^(1/3); bends of other curvature in one arc.

    Example:
        >>> bunch = pj.Beam(reference, rows, charge=1e-9)
        >>> pj.track(chicane, bunch, effects=[pj.collective.CSR(max_step=0.02)])

    Source: E. Saldin, E. Schneidmiller, M. Yurkov, NIM A 398 (1997) 373; G. Stupakov, P. Emma, EPAC
    2002, 1479.
    """

    reversible: ClassVar[bool] = True
    weighted: ClassVar[bool] = True
    batched: ClassVar[tuple[str, ...]] = ("beam.charge",)
    one_by_one: ClassVar[tuple[str, ...]] = ("smoothing", "scale")
    models: ClassVar[str] = "coherent synchrotron radiation"

    mode: str = "transient"
    cells: int = 256
    smoothing: float = 4.0
    max_step: float | Mapping[str, float] = 0.05
    reach: float | None = None
    scale: Number = 1.0

    @check_each
    def __post_init__(self) -> None:
        require_known("mode of CSR", self.mode, ("transient", "steady"))
        require_whole("cells", self.cells, 8)
        require_real("smoothing", self.smoothing, least=0)
        require_max_step(self.max_step)
        if self.reach is not None:
            require_setting("reach", self.reach, least=0)
            if self._steady:
                raise InvalidValueError(
                    f"reach={self.reach:g} m is of fields downstream of bends, and mode='steady' "
                    "has none; leave it out, or take mode='transient'"
                )
        require_real("scale", self.scale)

    @property
    def _steady(self) -> bool:
        return self.mode == "steady"

    def slices(self, element: Element) -> int:
        """Count slices by `max_step` in a bend; of what is straight, by itself, none."""
        return slices_by_step(element, self.max_step) if is_bend(element) else 0

    def slices_along(self, elements: Sequence[Element]) -> Sequence[int]:
        """Count slices by `max_step` in bends, and downstream of them as far as `reach`."""
        here = reached(elements, 0.0 if self._steady else self.reach)
        counts = zip(elements, here, strict=True)
        return [slices_by_step(e, self.max_step) if on else 0 for e, on in counts]

    def upstream(self, elements: Sequence[Element], number: int) -> Sequence[Element]:
        """Select the arc before an element, and what is between."""
        return () if self._steady else upstream_of(elements, number)

    def check(self, beam: Beam) -> None:
        """Raise for a coasting beam, warn of too few particles."""
        require_charge(beam, self)
        require_extent(beam, self, "z")
        warn_if_few(beam, self.cells)

    def admit(self, state: State) -> State:
        """Particles are lost whose places are not finite numbers."""
        return lose_infinite(state)

    def field(self, beam: Beam, state: State, place: Place, memory: Any = None) -> Any:
        """Find the loss, one a beam of a batch."""
        return each_beam(lambda one, part: self._loss(one, part, place), beam, state)

    def apply(self, state: State, field: Any, place: Place) -> State:
        """Change delta by the loss over a slice; test particles outside the line are lost."""
        return join_beams(_lose, state, field, place)

    def _loss(self, beam: Beam, state: State, place: Place) -> Loss:
        z, reference = state.coordinates[4], beam.reference
        line = bunch_line(beam, state, self.cells)
        shares = beam.world.sum(spread(line, z, state.alive, beam.shares.to(z)))
        arc = arc_at(place)
        if arc is None:
            return Loss(line, torch.zeros_like(shares))
        if place.slice == round(1 / place.share) - 1:  # once an element, where it is worst
            width = rms_width(beam, state)
            gamma, smoothing = to_float(reference.gamma), to_float(self.smoothing)
            warn_if_wrong(arc, line, shares.detach(), width, gamma, smoothing)
        found = convolve(arc, line, shares, self.smoothing, steady=self._steady)
        volts = beam.charge * self.scale / (4 * torch.pi * VACUUM_PERMITTIVITY)
        return Loss(line, (found * (volts * per_volt(beam))).to(z.dtype))


def _lose(state: State, field: Loss, place: Place) -> State:
    x, px, y, py, z, delta = state.coordinates
    active = admit(field.line, z, state.alive)
    delta = add_line(field.line, z, active, delta, field.nodes * -place.ds)
    return State((x, px, y, py, z, delta), active)
