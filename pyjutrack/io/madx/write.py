"""Write lattices as MAD-X files: a sequence, with variables and deferred expressions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...beam.reference import Reference
from ...core.atomic import write_text
from ...core.errors import InvalidValueError, warn
from ...core.names import label
from ...core.scalars import to_float
from ...elements import Drift
from ...lattice.expressions import Expression, Formula
from ...lattice.functions import Function
from ...lattice.lattice import Lattice
from ..arithmetic import charge_number
from ..errors import LatticeWarning
from .kinds import CLASSES
from .language import CONSTANTS
from .write_kinds import STATEMENTS, Written, option_of

#: that MAD-X 5.09 has of ours
_FUNCTIONS = {
    *("sqrt", "log", "log10", "exp", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh"),
    *("tanh", "sinc", "abs", "erf", "erfc", "floor", "ceil", "round", "frac"),
}
#: words of its statements, which no element should have as a name
_KEYWORDS = {
    *("sequence", "endsequence", "line", "use", "beam", "at", "from", "l", "angle", "k0", "k1"),
    *("k1s", "k2", "k3", "tilt", "kick", "hkick", "vkick", "volt", "freq", "lag", "ks", "knl"),
    *("real", "const", "int", "shared", "option", "select", "if", "while", "else", "macro", "exec"),
    *("call", "return", "stop", "exit", "quit", "value", "title", "twiss", "match", "table"),
}
_NAME = re.compile(r"[a-z_][a-z0-9_.$]*")
_GEV = 1e-9


def write_madx(path: Path, lattice: Lattice, reference: Reference | None) -> None:
    """Write a sequence named `ring`, whole or not at all.

    Raises:
        InvalidValueError: what MAD-X has no element or no attribute for, named with its element; a
            parameter that carries derivatives.

    Warns:
        LatticeWarning: models, edges or fringes are not those that elements have by default.
    """
    write_text(path, "\n".join(_rows(lattice, reference)) + "\n")
    chosen = [(e, option) for e in lattice if (option := option_of(e))]
    if chosen:
        element, option = chosen[0]
        warn(
            f"{path}: MAD-X moves particles by models of its own; those chosen for {len(chosen)} "
            f"element(s), such as {option} of {label(element)}, are not "
            "in the file",
            LatticeWarning,
        )


def _rows(lattice: Lattice, reference: Reference | None) -> Iterator[str]:
    names = _Names()
    yield "! written by pyjutrack"
    if reference is not None:
        species = reference.species
        yield (
            f'beam, particle="{species.name}", mass={_number(species.mass * _GEV)}, '
            f"charge={_number(species.charge)}, pc={_number(to_float(reference.p0c) * _GEV)};"
        )
    variables = {name: names.own(name) for name in lattice.variables}
    formulas = {a: _rename(a, e, variables) for a, e in lattice.expressions.items()}
    for name, value in lattice.variables.items():
        yield f"{variables[name]} {_value(formulas.get(name, to_float(value)))};"
    written: dict[tuple[str, str], str] = {}
    placed: list[str] = []
    place: Formula = 0.0
    offsets = 0
    charge = charge_number(reference)
    for position, element in enumerate(lattice):
        found = Written(element, formulas, f"element {position} ({element.name})", charge)
        if not isinstance(element, Drift):
            statement = STATEMENTS.get(type(element).__name__, _refuse)(found)
            key = element.name, statement
            if key not in written:
                written[key] = names.own(element.name)
                yield f"{written[key]}: {statement};"
            placed.append(f"  {written[key]}, at {_value(place)};")
        place = place + found.formula("length")
        if isinstance(place, Expression) and len(place.code) > 1:
            offsets += 1
            name = names.own(f"at_{offsets}")
            yield f"{name} {_value(place)};"
            place = Expression.named(name)
    yield f"ring: sequence, refer=entry, l {_value(place)};"
    yield from placed
    yield "endsequence;"
    yield "use, sequence=ring;"


class _Names:
    """Names that MAD-X takes, each once, in lower case."""

    def __init__(self) -> None:
        self._taken = {"ring", *CONSTANTS, *CLASSES, *_FUNCTIONS, *_KEYWORDS}

    def own(self, name: str) -> str:
        """A name like another one that no other element has."""
        plain = re.sub(r"[^a-z0-9_.$]", "_", name.lower())
        stem = plain if _NAME.fullmatch(plain) else f"e_{plain}"
        found, count = stem, 1
        while found in self._taken:
            count += 1
            found = f"{stem}_{count}"
        self._taken.add(found)
        return found


def _refuse(found: Written) -> str:
    raise InvalidValueError(
        f"{found.label}: MAD-X has no {type(found.element).__name__}; write another format"
    )


def _rename(address: str, formula: Expression, names: Mapping[str, str]) -> Expression:
    """An expression by the names that its variables have in the file."""
    for entry in formula.code:
        if isinstance(entry, Function) and not entry.strength and entry.name not in _FUNCTIONS:
            raise InvalidValueError(f"{address} = {formula}: MAD-X has no function {entry.name}")
    for name in formula.names:
        if name not in names:
            raise InvalidValueError(
                f"{address} = {formula}: expressions of MAD-X follow variables; {name!r} is a "
                "parameter, give both a variable"
            )
    return Expression(tuple(names[e] if isinstance(e, str) else e for e in formula.code))


def _number(value: float) -> str:
    return repr(float(value))


def _value(formula: Formula) -> str:
    """What follows a name."""
    return f":= {formula}" if isinstance(formula, Expression) else f"= {_number(formula)}"
