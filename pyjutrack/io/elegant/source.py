"""A statement of an elegant file as what an element is made of."""

from __future__ import annotations

from ...beam.reference import Reference
from ...elements import Element
from ...lattice.expressions import Formula
from ..arithmetic import is_on
from ..source import Source
from .attributes import NEUTRAL, RADIATION


class ElegantSource(Source):
    """What a file of elegant says of an element.

    Attributes:
        reference: where the line begins, or None: files of elegant hold none.
    """

    neutral = NEUTRAL | RADIATION
    reference: Reference | None = None

    def make_placed(self, kind: type[Element], **fields: object) -> Element:
        """A straight element with its tilt and its misalignment."""
        return self.make(kind, **fields, **self.placement())

    def placement(self) -> dict[str, Formula]:
        """Tilt and misalignment of a straight element; pitch and yaw count in newer methods only.

        Source: MALIGN_METHOD of the manual, 0 if it is not given.
        """
        if not is_on(self.number("malign_method")):
            self.number("pitch"), self.number("yaw")
        return {name: self.number(name) for name in ("tilt", "dx", "dy", "dz")}

    def scaled(self, name: str, *errors: str) -> Formula:
        """A strength with its fractional errors."""
        return self.number(name) * self.scale(*errors)

    def scale(self, *errors: str) -> Formula:
        """One and the sum of fractional errors."""
        total: Formula = 1.0
        for name in errors:
            total = total + self.number(name)
        return total
