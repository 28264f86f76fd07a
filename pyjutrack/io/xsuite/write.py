"""Write lattices as lines of Xsuite, with their variables and expressions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...beam.reference import Reference
from ...core.atomic import write_json
from ...core.errors import InvalidValueError
from ...core.names import unused_name
from ...elements import Drift, Element, Marker, Monitor, Patch
from ...lattice.expressions import Expression, Formula
from ...lattice.lattice import Lattice
from ..arithmetic import is_on
from ..builder import states_zero
from .language import write_expression, write_reference
from .layout import Record
from .particle import write_particle
from .placement import Body, move_anchor
from .source import CLASS
from .write_kinds import WRITERS
from .written import KEPT, Attributes, Part, Written, flat, number_of

_UNMOVED = (Drift, Marker, Monitor, Patch)


def write_xsuite(path: str | Path, lattice: Lattice, reference: Reference | None = None) -> None:
    """Write a lattice as a line that `xtrack.load` reads, whole or not at all.

    Variables and expressions are kept. Rectangular bends become sectors with turned faces, kickers
    and thin bends multipoles, and a patch a translation and a rotation.

    Raises:
        InvalidValueError: Xsuite has no counterpart of an element or an expression, or something
            carries derivatives.
    """
    write_json(Path(path), line_record(lattice, reference))


def line_record(lattice: Lattice, reference: Reference | None) -> Record:
    """A lattice as the data of a file; errors as for `write_xsuite`."""
    line = _Line(lattice)
    for element in lattice:
        line.add(element)
    values = {name: number_of(value) for name, value in lattice.variables.items()}
    computed = [
        (write_reference(name), line.text(name, lattice.expressions[name]))
        for name in values
        if name in lattice.expressions
    ]
    found: Record = {CLASS: "Line", "elements": line.elements, "element_names": line.names}
    if reference is not None:
        found["particle_ref"] = write_particle(reference)
    return {
        **found,
        "_var_management_data": {"var_values": values, "functions": {"_funcs": {}}},
        "_var_manager": [*computed, *line.expressions],
        "metadata": {},
    }


class _Line:
    """Elements by name, and what is computed of them.

    Attributes:
        elements: by name. names: in the order of the lattice. expressions: of attributes.
    """

    def __init__(self, lattice: Lattice) -> None:
        self._lattice = lattice
        self.elements: dict[str, Record] = {}
        self.names: list[str] = []
        self.expressions: list[tuple[str, str]] = []
        self._made: dict[int, list[str]] = {}
        self._alike: dict[str, list[tuple[Element, list[str]]]] = {}

    def add(self, element: Element) -> None:
        """Put an element at the end of the line; the same one is written once."""
        if id(element) not in self._made:
            self._made[id(element)] = self._names_of(element)
        self.names += self._made[id(element)]

    def _names_of(self, element: Element) -> list[str]:
        alike = self._alike.setdefault(element.name, [])
        for other, names in alike:
            if type(other) is type(element) and other == element:
                return names
        writer = WRITERS.get(type(element))
        written = Written(self._lattice, element)
        if writer is None:
            raise written.refuse(f"it has no counterpart of the kind {type(element).__name__}")
        names = []
        for part in writer(written):
            name = unused_name(element.name or type(element).__name__.lower(), self.elements)
            self._write(name, part, written)
            names.append(name)
        alike.append((element, names))
        return names

    def _write(self, name: str, part: Part, written: Written) -> None:
        record: Record = {CLASS: part.kind}
        self.elements[name] = record
        for field, value in {**part.attributes, **_placement(written)}.items():
            if field == KEPT:
                record |= value
            elif isinstance(value, (str, bool, int, dict)):
                record[field] = value
            elif isinstance(value, (tuple, list)):
                entries = self._entries(f"{name!r}].{field}", value)
                if any(map(is_on, flat(value))):
                    record[field] = entries
            elif is_on(value) or states_zero(type(written.element), field, value):
                record[field] = self._number(f"{name!r}].{field}", value)

    def _entries(self, at: str, value: Sequence[Any]) -> list[Any]:
        """Numbers of a series, or of rows of them."""
        return [
            self._entries(f"{at}[{n}]", entry)
            if isinstance(entry, (tuple, list))
            else self._number(f"{at}[{n}]", entry)
            for n, entry in enumerate(value)
        ]

    def _number(self, at: str, value: Formula) -> float:
        if not isinstance(value, Expression):
            return float(value)
        self.expressions.append((f"element_refs[{at}", self.text(at, value)))
        return number_of(value.evaluate(self._lattice.variables))

    def text(self, at: str, expression: Expression) -> str:
        """An expression as Xsuite writes it; InvalidValueError if it cannot."""
        for name in expression.names:
            if name not in self._lattice.variables:
                raise InvalidValueError(
                    f"{at} = {expression} names the parameter {name!r}, and Xsuite's expressions "
                    "name variables; make it one"
                )
        try:
            return write_expression(expression)
        except InvalidValueError as error:
            raise InvalidValueError(f"{at} = {expression}: {error}") from error


def _placement(written: Written) -> Attributes:
    """Displacements, about the entrance where that is the same, and else about the middle."""
    if isinstance(written.element, _UNMOVED):
        return {}
    names = ("dx", "dy", "dz", "y_rot", "x_rot", "z_rot")
    tilt, given = written.field("tilt"), [written.field(name) for name in names]
    found: Attributes = {"rot_s_rad": tilt}
    if not any(map(is_on, given)):
        return found
    length = written.field("length")
    angle: Any = written.element.bend_angle
    middle = length / 2 if is_on(length) else 0.0
    if angle != 0:
        numbers = [*given, length, tilt]
        if any(isinstance(number, Expression) for number in numbers):
            raise written.refuse("a displacement of a bend that follows variables")
        along, h = float(written.element.length), float(written.element.curvature)
        body = Body(along, float(angle), h, float(written.element.tilt))
        moved = [float(number) for number in given if not isinstance(number, Expression)]
        given = [*move_anchor(moved, along / 2, body, to_middle=False)]
    else:
        given[4] = 0.0 - given[4]  # turned about x in the other sense
    shifts = dict(zip(("shift_x", "shift_y", "shift_s"), given[:3], strict=True))
    turns = dict(zip(("rot_y_rad", "rot_x_rad", "rot_s_rad_no_frame"), given[3:], strict=True))
    return {**found, **shifts, **turns, "rot_shift_anchor": middle}
