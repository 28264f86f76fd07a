"""Bending magnets: dipoles that carry the reference orbit, with or without gradients."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from .. import maps
from ..beam.reference import Reference
from ..core.checks import format_value
from ..core.errors import InvalidValueError
from ..core.scalars import Number, carries, has_zero, is_zero, vanishes
from ..maps.state import State
from .base import Element
from .drift_kick import integrate_with_kicks, multiply_by_length, replace_series
from .glyph import Glyph, box
from .magnet import Magnet
from .part import Part


@dataclass(frozen=True, repr=False)
class Bend(Magnet):
    """Base of sector and rectangular bends.

    The reference orbit is an arc of curvature h = angle / length; positive angles bend towards
    negative x. The field is k0 = h + dk0, and multipoles stand in the curved frame of the orbit.

    Attributes:
        length: of the arc [m].
        angle: [rad].
        k1, k2: normal gradient and sextupole [1/m^2, 1/m^3].
        dk0: field beyond that of the reference orbit [1/m].
        e1, e2: rotations of the entrance and exit face [rad], as in MAD: positive ones turn the
            face so that the magnet is longer on the inside for sector bends; they count from the
            sector's faces (SBend) or from those of a straight magnet (RBend).
        fint, fintx: field integrals of the entrance and exit fringe; hgap: half gap [m].
        model: "exact", "paraxial", or "linear", the exact solution of the paraxial Hamiltonian. The
            linear part of "exact" and "linear" is exact, whatever the steps, but for a skew
            gradient in ksl, which is kicked; "paraxial" kicks by all gradients and the curvature.
        edges: "exact" rotates into the face and adds the hard-edge fringe, "linear" is a thin
            lens, "none" leaves them out; "auto" takes "exact" where the model is that, else
            "linear".
        order, steps: of the integrator; used where there is more than the dipole (or, in the
            model "linear", more than dipole and gradient).
    """

    length: Number
    angle: Number = 0.0
    k1: Number = field(default=0.0, kw_only=True)
    k2: Number = field(default=0.0, kw_only=True)
    dk0: Number = field(default=0.0, kw_only=True)
    e1: Number = field(default=0.0, kw_only=True)
    e2: Number = field(default=0.0, kw_only=True)
    fint: Number = field(default=0.0, kw_only=True)
    fintx: Number = field(default=0.0, kw_only=True)
    hgap: Number = field(default=0.0, kw_only=True)
    edges: str = field(default="auto", kw_only=True)
    abstract: ClassVar[bool] = True
    strengths: ClassVar[tuple[str, ...]] = ("k1", "k2")
    fewest: ClassVar[int] = 4
    knobs: ClassVar[tuple[str, ...]] = (
        *("length", "angle", "k1", "k2", "dk0", "e1", "e2", "fint", "fintx", "hgap"),
        *("knl", "ksl"),
    )
    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "model": ("exact", "paraxial", "linear"),
        "edges": ("auto", "exact", "linear", "none"),
    }
    glyph: ClassVar[Glyph] = Glyph("bend", "#0072B2", box(-0.35, 0.35))

    def __post_init__(self) -> None:
        super().__post_init__()
        if has_zero(self.length) and carries(self.angle):
            raise InvalidValueError(
                f"{self._label()} has no length, and so no slope by its angle; give it one, or "
                "vary the angle of a ThinBend"
            )
        if has_zero(self.length) and not vanishes(self.angle):
            angle = format_value(self.angle)
            raise InvalidValueError(
                f"{self._label()} bends by {angle} rad over no length; give it a length, or take "
                f"ThinBend({angle})"
            )

    @property
    def bend_angle(self) -> Number:
        return self.angle

    @property
    def curvature(self) -> Number:
        # a straight magnet of no length is one of any length, and no quotient of zeros
        return 0.0 if is_zero(self.angle) else self.angle / self.length

    @property
    def normal_dipole(self) -> Number:
        return self.curvature + self.dk0

    @property
    def normal_gradient(self) -> Number:
        return self.k1

    @property
    def own_multipoles(self) -> tuple[tuple[Number, ...], tuple[Number, ...]]:
        return (self.normal_dipole, self.k1, self.k2), ()

    def with_field(self, factor: Number) -> Element:
        own = self.normal_dipole * factor - self.curvature
        return replace(super().with_field(factor), dk0=own)  # type: ignore[call-arg]

    @property
    def face_angles(self) -> tuple[Number, Number]:
        return self.e1, self.e2

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        entrance, exit_ = self.face_angles
        field = self.normal_dipole
        if part.start == 0:
            state = self._edge(state, reference, entrance, field, entering=True)
        state = self._body(state, reference, part, field)
        if part.stop == 1:
            state = self._edge(state, reference, exit_, field, entering=False)
        return state

    def _body(self, state: State, reference: Reference, part: Part, field: Number) -> State:
        length, angle = self.length * part.fraction, self.angle * part.fraction
        beta = reference.beta
        if self.model == "paraxial":
            return self._paraxial_body(state, reference, part, field)
        gradient, rest = self._split_gradient()
        higher = multiply_by_length(self, 0.0, 0.0, self.k2)

        def linear(state: State, share: float, gradient: Number = gradient) -> State:
            parameters = length * share, angle * share, field, gradient, beta
            return state.apply(maps.bend_linear, *parameters)

        def exact(state: State, share: float) -> State:
            return state.apply(maps.bend, length * share, angle * share, field, beta)

        def focus(state: State, share: float) -> State:
            """Apply what the gradient adds to the dipole's linear map, at the middle of a step."""
            state = linear(state, -share / 2, 0.0)
            state = linear(state, share)
            return linear(state, -share / 2, 0.0)

        def kick_curved(state: State, share: float) -> State:
            return state.apply(maps.curved_quadrupole_kick, self.k1 * angle * share)

        if self.model == "linear":
            return integrate_with_kicks(rest, linear, higher, (), state, part)
        extra = None if is_zero(self.k1) or is_zero(self.angle) else kick_curved
        middle = None if is_zero(gradient) or is_zero(self.length) else focus
        return integrate_with_kicks(rest, exact, higher, (), state, part, extra, middle)

    def _split_gradient(self) -> tuple[Number, Bend]:
        """All of the normal gradient [1/m^2], and the magnet without that of its series."""
        knl = self.knl
        if len(knl) < 2 or is_zero(knl[1]) or vanishes(self.length):
            return self.k1, self
        return self.k1 + knl[1] / self.length, replace_series(self, knl=(knl[0], 0.0, *knl[2:]))

    def _paraxial_body(
        self, state: State, reference: Reference, part: Part, field: Number
    ) -> State:
        """All of the field between paraxial drifts."""
        length, angle = self.length * part.fraction, self.angle * part.fraction

        def drift(state: State, share: float) -> State:
            return state.apply(maps.drift_paraxial, length * share, reference.beta)

        def curvature(state: State, share: float) -> State:
            at = angle * share
            return state.apply(maps.bend_kick, at, field * length * share, at * field)

        own = multiply_by_length(self, 0.0, self.k1, self.k2)
        focusing = self.angle * field
        return integrate_with_kicks(
            self, drift, own, (), state, part, curvature, curvature=focusing
        )

    def _edge(
        self, state: State, reference: Reference, face: Number, field: Number, *, entering: bool
    ) -> State:
        model = self.edges
        if model == "auto":
            model = "exact" if self.model == "exact" else "linear"
        fint = self.fint if entering else self.fintx
        if model == "none":
            return state
        if model == "linear":
            if is_zero(face) and (is_zero(fint) or is_zero(self.hgap)):
                return state
            return state.apply(maps.edge_linear, face, field, fint, self.hgap)
        # into the plane of the face, its fringe, and back through the field to the orbit's plane
        beta = reference.beta
        if entering:
            state = state.apply(maps.bend, 0.0, face, 0.0, beta)
            state = state.apply(maps.edge_fringe, field, fint, self.hgap)
            return state.apply(maps.bend, 0.0, -face, field, beta)
        state = state.apply(maps.bend, 0.0, -face, field, beta)
        state = state.apply(maps.edge_fringe, -field, fint, self.hgap)
        return state.apply(maps.bend, 0.0, face, 0.0, beta)


@dataclass(frozen=True, repr=False)
class SBend(Bend):
    """Sector bend: without e1 and e2 the faces are square to the reference orbit.

    What its parameters and options mean, `help(pj.elements.Bend)` says: they are those of its base.

    Example:
        >>> pj.SBend(1.5, angle=0.2, e1=0.1, e2=0.1, name="b1")
    """


@dataclass(frozen=True, repr=False)
class RBend(Bend):
    """Rectangular bend: without e1 and e2 the faces are parallel to each other.

    The length is that of the arc (MAD's RBEND counts the chord unless RBARC is off). The body is
    that of a sector bend between faces turned by half the angle.

    What its parameters and options mean, `help(pj.elements.Bend)` says: they are those of its base.
    """

    @property
    def face_angles(self) -> tuple[Number, Number]:
        return self.e1 + self.angle / 2, self.e2 + self.angle / 2
