"""Statements of MAD-X by kind of element: what `kinds` reads, written."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

from ...core.errors import InvalidValueError
from ...core.scalars import to_float
from ...core.unstated import is_stated
from ...elements import Element
from ...lattice.expressions import Expression, Formula


class Written:
    """An element that is to be written.

    Attributes:
        element: the record.
        label: for messages.
        charge: of the particle, as a number of elementary charges, without its sign.
    """

    def __init__(
        self, element: Element, formulas: Mapping[str, Expression], label: str, charge: float
    ) -> None:
        self.element, self._formulas, self.label = element, formulas, label
        self.charge = charge

    def _bound(self, field: str) -> Expression | None:
        """What a parameter follows."""
        return self._formulas.get(f"{self.element.name}.{field}") if self.element.name else None

    def formula(self, field: str) -> Formula:
        """A parameter: a number, or the expression that it follows."""
        formula = self._bound(field)
        return to_float(getattr(self.element, field)) if formula is None else formula

    def series(self, field: str) -> tuple[Formula, ...]:
        """A parameter that is a series."""
        numbers = getattr(self.element, field)
        found = (self._bound(f"{field}[{n}]") for n in range(len(numbers)))
        return tuple(
            to_float(number) if formula is None else formula
            for number, formula in zip(numbers, found, strict=True)
        )

    def statement(self, command: str, **attributes: Any) -> str:
        """The text of a statement; attributes that are zero are left out.

        Raises:
            InvalidValueError: the element is displaced.
        """
        if self.element.is_displaced and not self.element.is_frame_change:
            raise InvalidValueError(f"{self.label} is displaced, which is not written for MAD-X")
        texts = [
            f"{name}{_attribute(value)}" for name, value in attributes.items() if _is_on(value)
        ]
        return ", ".join([command, *texts])

    def refuse_series(self, *fields: str) -> None:
        """Raise InvalidValueError for multipoles beside the element's own, which MAD-X ignores."""
        for field in fields:
            if any(map(_is_on, self.series(field))):
                raise InvalidValueError(f"{self.label}: MAD-X ignores the {field} of such elements")


def option_of(element: Element) -> str:
    """A model, edges or a fringe that are not those by default, which no file of MAD-X says."""
    for field in dataclasses.fields(element):
        value = getattr(element, field.name)
        if field.name in ("model", "edges", "fringe", "focusing") and value not in (
            field.default,
            "none",
        ):
            return f"{field.name}={value!r}"
    return ""


def _attribute(value: Any) -> str:
    if isinstance(value, str):
        return f"={value}"
    if isinstance(value, tuple):
        deferred = any(isinstance(entry, Expression) for entry in value)
        return f"{':' if deferred else ''}={{{', '.join(_text(entry) for entry in value)}}}"
    return f"{':' if isinstance(value, Expression) else ''}={_text(value)}"


def _text(value: Formula) -> str:
    return str(value) if isinstance(value, Expression) else repr(float(value))


def _is_on(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(map(_is_on, value))
    return isinstance(value, (str, Expression)) or value != 0


def _straight(command: str, *strengths: str) -> Callable[[Written], str]:
    def write(found: Written) -> str:
        found.refuse_series("knl", "ksl")
        fields = {name: found.formula(name) for name in ("tilt", *strengths)}
        return found.statement(command, l=found.formula("length"), **fields)

    return write


def _space(command: str) -> Callable[[Written], str]:
    return lambda found: found.statement(command, l=found.formula("length"))


def _multipole(found: Written) -> str:
    if _is_on(found.formula("length")):
        raise InvalidValueError(f"{found.label}: MAD-X's multipoles have no length")
    normal, skew = found.series("knl"), found.series("ksl")
    if any(_is_on(s[0]) for s in (normal, skew) if s):
        raise InvalidValueError(
            f"{found.label}: a dipole in a multipole of MAD-X bends the reference orbit; write a "
            "Kicker or a ThinBend"
        )
    return found.statement("multipole", knl=normal, ksl=skew, tilt=found.formula("tilt"))


def _thin_bend(found: Written) -> str:
    angle, curvature = found.formula("angle"), found.formula("h")
    normal, skew = found.series("knl"), found.series("ksl")
    if (normal and _is_on(normal[0])) or (skew and _is_on(skew[0])):
        raise InvalidValueError(f"{found.label}: MAD-X has no field beside that of a thin bend")
    arc = angle / curvature if _is_on(curvature) else 0.0
    fields = {"knl": (angle, *normal[1:]), "ksl": skew, "lrad": arc}
    return found.statement("multipole", **fields, tilt=found.formula("tilt"))


def _bend(found: Written) -> str:
    """Written as a sector bend, whose length is that of the arc."""
    found.refuse_series("knl", "ksl")
    length, angle = found.formula("length"), found.formula("angle")
    half = 0.5 * angle if type(found.element).__name__ == "RBend" else 0.0
    fields: dict[str, Any] = {
        name: found.formula(name) for name in ("k1", "k2", "fint", "hgap", "tilt")
    }
    fields |= {"e1": found.formula("e1") + half, "e2": found.formula("e2") + half}
    beside = found.formula("dk0")
    if _is_on(beside):
        fields["k0"] = angle / length + beside
    if getattr(found.element, "edges", "") == "none":
        fields |= dict.fromkeys(("kill_ent_fringe", "kill_exi_fringe"), "true")
    text = found.statement("sbend", l=length, angle=angle, **fields)
    fintx = found.formula("fintx")  # that of the entrance where it is not given
    return text if fintx == found.formula("fint") else f"{text}, fintx{_attribute(fintx)}"


def _kicker(found: Written) -> str:
    found.refuse_series("knl", "ksl")
    fields = {name: found.formula(name) for name in ("hkick", "vkick", "tilt")}
    return found.statement("kicker", l=found.formula("length"), **fields)


def _cavity(command: str) -> Callable[[Written], str]:
    def write(found: Written) -> str:
        if getattr(found.element, "accelerate", False):
            raise InvalidValueError(f"{found.label}: MAD-X's cavities keep the reference momentum")
        text = found.statement(
            command,
            l=found.formula("length"),
            volt=found.formula("voltage") * found.charge / 1e6,
            lag=found.formula("phase") / (2 * math.pi),
            tilt=found.formula("tilt"),
        )
        frequency = found.formula("frequency")
        return f"{text}, freq{_attribute(frequency / 1e6)}" if is_stated(frequency) else text

    return write


def _edge(found: Written) -> str:
    names = ("h", "e1", "fint", "hgap", "tilt")
    return found.statement("dipedge", **{name: found.formula(name) for name in names})


def _patch(found: Written) -> str:
    """One of MAD-X's changes of the frame; several at once are none of its elements."""
    moves = {"dx": "dx", "dy": "dy", "dz": "ds"}
    shift = {mad: found.formula(ours) for ours, mad in moves.items()}
    turns = {"tilt": "srotation", "z_rot": "srotation", "x_rot": "xrotation", "y_rot": "yrotation"}
    turned = {name: found.formula(name) for name in turns if _is_on(found.formula(name))}
    if len(turned) + any(map(_is_on, shift.values())) > 1:
        raise InvalidValueError(f"{found.label}: write a Patch for each shift and rotation")
    for name, angle in turned.items():
        return found.statement(turns[name], angle=angle)
    return found.statement("translation", **shift)


def _map(found: Written) -> str:
    if getattr(found.element, "variables", "") != "t pt":
        raise InvalidValueError(f'{found.label}: MAD-X has maps in the variables "t pt" only')
    rows, kick, second = (found.series(name) for name in ("matrix", "kick", "second"))
    axes = range(1, 7)
    fields: dict[str, Any] = {f"kick{i}": kick[i - 1] for i in axes}
    # those of the identity are MAD's own
    fields |= {
        f"rm{i}{j}": rows[6 * i + j - 7]
        for i in axes
        for j in axes
        if rows[6 * i + j - 7] != float(i == j) and _is_on(rows[6 * i + j - 7])
    }
    if any(rows[7 * i - 7] == 0 for i in axes):
        raise InvalidValueError(f"{found.label}: MAD-X takes a 1 where the diagonal is not given")
    if second:
        fields |= {
            f"tm{i}{j}{k}": second[36 * i + 6 * j + k - 43]
            for i in axes
            for j in axes
            for k in axes
        }
    return found.statement("matrix", l=found.formula("length"), **fields)


#: how elements of a kind are written; drifts are what is between the others
STATEMENTS: dict[str, Callable[[Written], str]] = {
    "Marker": _space("marker"),
    "Monitor": _space("monitor"),
    "Quadrupole": _straight("quadrupole", "k1", "k1s"),
    "Sextupole": _straight("sextupole", "k2", "k2s"),
    "Octupole": _straight("octupole", "k3", "k3s"),
    "Multipole": _multipole,
    "ThinBend": _thin_bend,
    "SBend": _bend,
    "RBend": _bend,
    "Kicker": _kicker,
    "RFCavity": _cavity("rfcavity"),
    "CrabCavity": _cavity("crabcavity"),
    "Solenoid": lambda found: found.statement(
        "solenoid", l=found.formula("length"), ks=found.formula("ks")
    ),
    "DipoleEdge": _edge,
    "Patch": _patch,
    "TaylorMap": _map,
}
