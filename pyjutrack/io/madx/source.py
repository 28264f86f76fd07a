"""A statement of a MAD file as what an element is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...beam.reference import Reference
from ...elements import Element
from ...lattice.expressions import Formula
from ..arithmetic import add
from ..builder import Fields, LatticeBuilder
from ..definition import Definition
from ..record import Say
from ..source import Source

#: attributes of every element that do not concern tracking
_NEUTRAL = {
    *("l", "lrad", "type", "at", "from", "slot_id", "assembly_id", "mech_sep", "v_pos", "calib"),
    *("magnet", "model", "method", "thick", "comments", "kmax", "kmin", "polarity", "aperture"),
    *("apertype", "aper_tol", "aper_offset", "aper_vx", "aper_vy", "add_angle", "exact"),
    *("entrance", "kill_ent_fringe", "kill_exi_fringe"),
    *("rv1", "rv2", "rv3", "rv4", "rph1", "rph2", "lagf"),
    *("slice", "n_slices", "fringe_model", "other_bv", "bv", "nst", "seqpos", "magtype"),
}


class MadSource(Source):
    """What a file of MAD says of an element.

    Attributes:
        sign: of all fields, -1 for a beam of BV = -1.
        reference: of the file, or None.
        turn: length of the whole line [m], for harmonic numbers.
        errors: fields that its errors give: displacements, multipoles.
    """

    neutral = _NEUTRAL

    def __init__(
        self,
        definition: Definition,
        length: Formula,
        sign: float,
        reference: Reference | None,
        turn: float,
        errors: Fields,
        value: Callable[[Formula], float],
        builder: LatticeBuilder,
        say: Say,
    ) -> None:
        super().__init__(definition, length, value, builder, say)
        self.sign, self.reference, self.turn = sign, reference, turn
        self._errors = errors

    def strength(self, name: str) -> Formula:
        """A field, in the direction of the beam."""
        found = self.number(name)
        return found if self.sign > 0 else -found

    def strengths(self, name: str) -> tuple[Formula, ...]:
        """Fields of increasing order, in the direction of the beam."""
        return tuple(entry if self.sign > 0 else -entry for entry in self.numbers(name))

    def make_named(self, name: str, kind: type[Element], /, **fields: Any) -> Element:
        """An element with the errors that the file states."""
        for field, value in self._errors.items():
            if field in kind.series:
                turned = value if self.sign > 0 else tuple(-entry for entry in value)
                fields[field] = add(fields.get(field, ()), turned)
            elif field in kind.placement:
                fields[field] = value
            else:
                self.say(f"its errors in {field} are left out")
        return super().make_named(name, kind, **fields)
