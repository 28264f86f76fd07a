"""Quadrupoles."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from .. import maps
from ..beam.reference import Reference
from ..core.scalars import Number, is_zero, vanishes
from ..maps.state import State
from .drift_kick import drift_and_kick, integrate_with_kicks, multiply_by_length, replace_series
from .glyph import Glyph, box
from .magnet import Magnet
from .part import Part
from .steps import count_pieces


@dataclass(frozen=True, repr=False)
class Quadrupole(Magnet):
    """Quadrupole with hard edges.

    Attributes:
        length: [m].
        k1: normalised gradient (1/B rho) dB_y/dx [1/m^2]; positive focuses x, whatever the charge.
        k1s: skew gradient [1/m^2].
        model: "linear" is the exact solution of the paraxial Hamiltonian, chromatic in delta, with
            the skew gradient and those of knl and ksl in it; "exact" and "paraxial" are
            integrated.
        fringe: "none", or "hard-edge", the leading order of what a sharp end of the gradient does,
            with those of knl and ksl in it: kicks of third order, which act against each other at
            the two ends. Ends of higher multipoles are left out.

    Example:
        >>> pj.Quadrupole(0.3, k1=1.2, name="qf")
    """

    length: Number
    k1: Number = 0.0
    k1s: Number = field(default=0.0, kw_only=True)
    model: str = field(default="linear", kw_only=True)
    fringe: str = field(default="none", kw_only=True)
    fewest: ClassVar[int] = 4
    knobs: ClassVar[tuple[str, ...]] = ("length", "k1", "k1s", "knl", "ksl")
    strengths: ClassVar[tuple[str, ...]] = ("k1", "k1s")
    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "model": ("linear", "exact", "paraxial"),
        "fringe": ("none", "hard-edge"),
    }
    glyph: ClassVar[Glyph] = Glyph("quadrupole, focusing up", "#D55E00", box(0, 1), "k1")

    @property
    def normal_gradient(self) -> Number:
        return self.k1

    @property
    def transmits_all(self) -> bool:
        plain = self.model == "linear" and self.fringe == "none"
        return plain and not self.ksl + self.knl and not self.is_displaced

    @property
    def own_multipoles(self) -> tuple[tuple[Number, ...], tuple[Number, ...]]:
        return (0.0, self.k1), (0.0, self.k1s)

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        if self.fringe == "none":
            return self._body(state, reference, part)
        if part.start == 0:
            state = self._end(state, 1.0)
        state = self._body(state, reference, part)
        return self._end(state, -1.0) if part.stop == 1 else state

    def _end(self, state: State, sign: float) -> State:
        """The fringe at the entrance, or with the opposite sign at the exit."""
        normal, skew, _ = self._split_gradients()
        if is_zero(skew):
            return state.apply(maps.quadrupole_fringe, sign * normal)
        # the skew gradient is a normal one in a frame rolled by -pi/4; half of it before the normal
        # one and half after, so that both ends undo each other
        cosine, half = math.sqrt(0.5), sign * skew / 2

        def turned(state: State) -> State:
            state = state.apply(maps.roll, cosine, -cosine)
            state = state.apply(maps.quadrupole_fringe, half)
            return state.apply(maps.roll, cosine, cosine)

        return turned(turned(state).apply(maps.quadrupole_fringe, sign * normal))

    def _body(self, state: State, reference: Reference, part: Part) -> State:
        if self.model != "linear":
            normal_kicks = multiply_by_length(self, 0.0, self.k1)
            skew_kicks = multiply_by_length(self, 0.0, self.k1s)
            return drift_and_kick(self, normal_kicks, skew_kicks, state, reference, part)
        normal, skew, rest = self._split_gradients()

        def upright(state: State, share: float, gradient: Number) -> State:
            length = self.length * (part.fraction * share)
            return state.apply(maps.quadrupole, length, gradient, reference.beta)

        def free_coupled(state: State, share: float) -> State:
            length = self.length * (part.fraction * share)
            pieces = count_pieces(self, (normal, skew), length)
            for _ in range(pieces):
                parameters = length / pieces, normal, skew, reference.beta
                state = state.apply(maps.skew_quadrupole, *parameters)
            return state

        free = partial(upright, gradient=normal) if is_zero(skew) else free_coupled
        return integrate_with_kicks(rest, free, (), (), state, part)

    def _split_gradients(self) -> tuple[Number, Number, Quadrupole]:
        """All of the normal and the skew gradient, and the magnet with the other multipoles."""
        if vanishes(self.length):  # kicks, whose slope by the length the integrator has
            return self.k1, self.k1s, self
        taken: dict[str, Any] = {}
        found = []
        for own, name in ((self.k1, "knl"), (self.k1s, "ksl")):
            series = getattr(self, name)
            if len(series) > 1 and not is_zero(series[1]):
                own = own + series[1] / self.length
                taken[name] = (series[0], 0.0, *series[2:])
            found.append(own)
        return found[0], found[1], replace_series(self, **taken) if taken else self
