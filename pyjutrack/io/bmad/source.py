"""A statement of a Bmad file as what an element is made of."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from ...beam.reference import SPEED_OF_LIGHT, Reference
from ...core.scalars import to_float
from ...elements import Aperture, Element
from ...lattice.expressions import Formula, call
from ..arithmetic import add, is_on, series_of
from ..builder import LatticeBuilder
from ..definition import Definition
from ..record import Say
from ..source import Source
from .classes import NEUTRAL

_OFFSETS = {"dx": "x_offset", "dy": "y_offset", "dz": "z_offset"}


class BmadSource(Source):
    """What a file of Bmad says of an element.

    Attributes:
        reference: at its entrance, or None.
        turn: length of the whole line [m], for harmonic numbers.
    """

    neutral = NEUTRAL

    def __init__(
        self,
        definition: Definition,
        length: Formula,
        reference: Reference | None,
        turn: float,
        value: Callable[[Formula], float],
        builder: LatticeBuilder,
        say: Say,
    ) -> None:
        super().__init__(definition, length, value, builder, say)
        self.reference, self.turn = reference, turn

    def strength(self, name: str, field: str) -> Formula:
        """A normalised strength, or one that is given as a field [T/m^n].

        Raises:
            ValueError: a field without a reference, by whose rigidity it is divided.
        """
        given = self.number(field)
        if not is_on(given):
            return self.number(name)
        self.number(name)
        return given * self.per_rigidity(field)

    def per_rigidity(self, what: str) -> float:
        """q c / (p0 c) of the reference here [1/(T m)]."""
        if self.reference is None:
            raise ValueError(f"{what} is a field, and the file has no reference; give reference=")
        return self.reference.species.charge * SPEED_OF_LIGHT / to_float(self.reference.p0c)

    def placement(self, tilt: str = "tilt") -> dict[str, Formula]:
        """Tilt, offsets and pitches; a pitch in y turns about negative x."""
        found = {field: self.number(name) for field, name in _OFFSETS.items()}
        pitch = self.number("y_pitch")
        return {
            **found,
            "tilt": self.number(tilt),
            "y_rot": self.number("x_pitch"),
            "x_rot": -pitch if is_on(pitch) else 0.0,
        }

    def errors(self, factor: Formula, order: int, tilt: Formula = 0.0) -> dict[str, object]:
        """Multipoles a_n, b_n and kicks beside the element's own field, as knl and ksl.

        Args:
            factor: by which Bmad scales multipoles, the integrated strength of the element.
            order: of that strength.
            tilt: by which kicks, that Bmad does not turn, are turned back.
        """
        normal, skew = self.multipoles(factor, order)
        h = self.number("hkick") + self._field_kick("bl_hkick")
        v = self.number("vkick") + self._field_kick("bl_vkick")
        if is_on(h) or is_on(v):
            if is_on(tilt):
                c, s = call("cos", tilt), call("sin", tilt)
                h, v = c * h + s * v, c * v - s * h
            normal, skew = add(normal, (-h,)), add(skew, (v,))
        return {"knl": normal, "ksl": skew}

    def _field_kick(self, name: str) -> Formula:
        given = self.number(name)
        return given * self.per_rigidity(name) if is_on(given) else 0.0

    def multipoles(
        self, factor: Formula = 1.0, order: int = 0
    ) -> tuple[tuple[Formula, ...], tuple[Formula, ...]]:
        """knl and ksl of b_n and a_n: (b_n + i a_n) (x + i y)^n is the integrated field."""
        found: list[dict[int, Formula]] = []
        scaled = self.number("scale_multipoles", 1.0)
        if not is_on(self.number("multipoles_on", 1.0)):
            factor = 0.0
        elif not is_on(scaled):
            factor = 1.0
        radius = self.number("r0_mag")
        for letter in "ba":
            terms: dict[int, Formula] = {}
            for name in self.attributes:
                if match := re.fullmatch(rf"{letter}(\d+)", name):
                    n = int(match[1])
                    scale = math.factorial(n) * factor
                    if is_on(radius) and is_on(scaled):
                        scale = scale * radius ** float(order - n)
                    term = self.number(name) * scale
                    terms[n] = term
            found.append(terms)
        return series_of(found[0]), series_of(found[1])

    def opening(self) -> Element | None:
        """The aperture of the element, or None; a limit of zero is none."""
        sizes: dict[str, float] = {}
        middle: dict[str, float] = {}
        both = self.fixed("aperture")
        for axis, field, at in (("x", "half_width", "dx"), ("y", "half_height", "dy")):
            plain = self.fixed(f"{axis}_limit") or both
            low = self.fixed(f"{axis}1_limit") or plain
            high = self.fixed(f"{axis}2_limit") or plain
            if low + high > 0 and low and high:
                sizes[field], middle[at] = 0.5 * (low + high), 0.5 * (high - low)
            elif low or high:
                self.say(f"{axis}1_limit, {axis}2_limit: an opening of one side is left out")
        if not sizes:
            return None
        elliptical = self.definition.base == "ecollimator"
        kind = self.word("aperture_type") or ("elliptical" if elliptical else "rectangular")
        if not kind.startswith(("ell", "rect")):
            self.say(f"aperture_type = {kind} is read as a rectangle")
        shape = "ellipse" if kind.startswith("ell") else "rectangle"
        turned: dict[str, Formula] = {}
        moves = 1.0 if self.definition.base in ("ecollimator", "rcollimator") else 0.0
        if self.fixed("offset_moves_aperture", moves):
            turned = {"tilt": self.number("tilt")}
            for at, name in (("dx", "x_offset"), ("dy", "y_offset")):
                middle[at] = middle.get(at, 0.0) + self.fixed(name)
        name = f"{self.definition.name}_aperture"
        return self.make_named(name, Aperture, shape=shape, **sizes, **middle, **turned)
