"""Set knobs of a lattice, and compute what follows from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from ..core.checks import require_mapping, require_real, require_text, wrong
from ..core.errors import InvalidValueError, unknown
from ..core.scalars import Number, to_float
from ..core.settings import require_settings, say_how
from ..elements import Element
from .dependencies import Dependencies
from .expressions import Expression, Formula
from .formulas import OWN, parse_formula
from .replace import replace_fields, same


class Knobbed(Protocol):
    """What has knobs: a `Lattice`."""

    @property
    def elements(self) -> tuple[Element, ...]: ...
    @property
    def variables(self) -> Mapping[str, Number]: ...
    @property
    def expressions(self) -> Mapping[str, Expression]: ...
    @property
    def tree(self) -> Dependencies: ...
    def has_parameter(self, address: str) -> bool: ...
    def value(self, address: str) -> Number: ...
    def resolve(self, address: str) -> tuple[str, str, int | None]: ...
    def knobs(self) -> list[str]: ...


class Content(NamedTuple):
    """What a lattice is made of."""

    elements: Iterable[Element]
    variables: Mapping[str, Number]
    expressions: Mapping[str, Expression]


def change(
    lattice: Knobbed, changes: Mapping[str, Number | Formula], new: Iterable[str]
) -> Content:
    """A lattice with knobs set, or made to follow expressions, and all that is computed from them.

    Args:
        changes: variable or address to a number or an expression.
        new: which of these are variables to be defined.

    Raises:
        UnknownNameError, InvalidValueError: see `Lattice`.
    """
    variables = dict.fromkeys([*lattice.variables, *new])  # a set in order
    computed = {a: f for a, f in changes.items() if isinstance(f, Expression)}
    known: dict[str, Any] = {a: v for a, v in changes.items() if a not in computed}
    expressions = {a: e for a, e in lattice.expressions.items() if a not in known} | computed
    tree = Dependencies(expressions) if computed else lattice.tree
    set_before = frozenset(known)

    def look_up(name: str) -> Number:
        if name in lattice.variables:
            return lattice.variables[name]
        if name in variables or not lattice.has_parameter(name):
            raise unknown("variable or parameter", name, [*variables, *lattice.knobs()])
        return lattice.value(name)

    names = {*tree.following(changes), *computed} - set_before
    tree.evaluate(sorted(names, key=tree.order.__getitem__), known, look_up)
    for address in names:
        if address.endswith(".length") and address not in variables:
            _require_no_overlap(address, lattice.value(address), known[address])
    settings: dict[str, list[tuple[str, int | None, Number]]] = {}
    for address in sorted((set_before | names) - variables.keys()):
        name, field, index = lattice.resolve(address)
        settings.setdefault(name, []).append((field, index, known[address]))
    elements: Iterable[Element] = lattice.elements
    if settings:
        made: dict[int, Element] = {}
        for element in lattice.elements:
            if element.name in settings and id(element) not in made:
                made[id(element)] = replace_fields(element, settings[element.name])
        elements = (made.get(id(element), element) for element in lattice.elements)
    numbers = {n: known[n] if n in known else lattice.variables[n] for n in variables}
    return Content(elements, numbers, expressions)


def _require_no_overlap(address: str, before: Number, after: Number) -> None:
    """Raise InvalidValueError for a computed length that falls below zero: elements overlap."""
    if isinstance(before, Tensor) or isinstance(after, Tensor) or after >= 0 or before < 0:
        return
    raise InvalidValueError(
        f"{address} would be {after:.9g} m: at these values elements overlap; a negative length "
        "may be set by its address"
    )


def merge(lattices: Sequence[Knobbed]) -> tuple[dict[str, Number], dict[str, Expression]]:
    """The variables and expressions of some lattices together.

    Raises:
        InvalidValueError: they differ in one.
    """
    variables: dict[str, Number] = {}
    expressions: dict[str, Expression] = {}
    for lattice in lattices:
        for name in [n for n in variables if n in lattice.variables]:
            mine, theirs = expressions.get(name), lattice.expressions.get(name)
            alike = same(variables[name], lattice.variables[name])
            if mine != theirs or not (mine or alike):
                raise InvalidValueError(
                    f"the lattices differ in the variable {name!r}: "
                    f"{_describe(name, variables, expressions)} and "
                    f"{_describe(name, lattice.variables, lattice.expressions)}; give both one "
                    "value by with_values"
                )
        for address, expression in lattice.expressions.items():
            if expressions.get(address, expression) != expression:
                raise InvalidValueError(
                    f"the lattices differ in {address!r}: {expressions[address]} and "
                    f"{lattice.expressions[address]}; give one of the elements another name"
                )
        variables |= lattice.variables
        expressions |= lattice.expressions
    for lattice in lattices:
        for address in lattice.expressions:
            if address in variables and address not in lattice.variables:
                raise _two_meanings(address)
    return variables, expressions


def _two_meanings(name: str) -> InvalidValueError:
    return InvalidValueError(
        f"{name!r} is both a variable and a parameter of an element; rename one"
    )


def _describe(name: str, values: Mapping[str, Number], formulas: Mapping[str, Expression]) -> str:
    return str(formulas.get(name, values[name]))


def read_settings(argument: str, given: Any) -> dict[str, Any]:
    """What a user sets knobs to: numbers as they are, expressions read.

    Raises:
        InvalidValueError: no dictionary of names and numbers or texts; an expression that cannot be
            read.
    """
    require_mapping(argument, given, "a dictionary of names and values")
    found: dict[str, Any] = {}
    for name, value in given.items():
        require_text(f"a name in {argument}", name)
        found[name] = parse_formula(value) if isinstance(value, str) else value
    return found


def define(lattice: Knobbed, variables: Any, expressions: Any) -> Content:
    """A lattice with variables to be defined, and what parameters and variables follow.

    Raises:
        InvalidValueError: as for `read_settings`; a variable with the name of a parameter, or with
            a number that contradicts its expression.
    """
    defined = read_variables({} if variables is None else variables)
    bound = read_settings("expressions", {} if expressions is None else expressions)
    for name in bound:
        if name in defined and lattice.has_parameter(name):
            raise _two_meanings(name)
    found = change(lattice, defined | bound, defined)
    for name in defined.keys() & bound.keys():
        stated, computed = defined[name], to_float(found.variables[name])
        if isinstance(stated, Expression) or not math.isclose(
            to_float(stated), computed, rel_tol=1e-9, abs_tol=1e-15
        ):
            raise InvalidValueError(
                f"the variable {name!r} is {stated}, and its expression is worth {computed:.12g}; "
                "give one of the two"
            )
    return found


def read_variables(given: Any) -> dict[str, Any]:
    """Variables to be defined; errors as for `read_settings`."""
    found = read_settings("variables", given)
    for name in found:
        if not name or "`" in name or name in OWN.constants:
            raise wrong("a name in variables", name, "a name of its own, without `")
    return {name: read_variable(name, value) for name, value in found.items()}


def read_variable(name: str, value: Any) -> Number | Expression:
    """What a variable is set to; InvalidValueError if it is no number."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, Tensor) and value.dim():
        return require_settings(f"the variable {name!r}", value)
    if remedy := say_how(value):
        raise wrong(f"the variable {name!r}", value, "a finite number", remedy)
    require_real(f"the variable {name!r}", value)
    return value if isinstance(value, Tensor) else float(value)
