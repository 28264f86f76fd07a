"""Overlays and groups of Bmad: elements' attributes as expressions of variables.

The variable `a` of the overlay `ov` is the variable `ov.a` of the lattice. Source: The Bmad
Reference Manual, 2025, Overlay, Group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ...core.errors import PyJuTrackError
from ...lattice.expressions import Expression, Formula
from ..definition import Definition
from ..errors import clip, wrong
from ..statements import before_sign, split_outside_brackets
from .knots import interpolate, parabola, require_knots
from .machine import GLOBALS, Machine
from .names import has_wild_cards

_SLAVE = re.compile(r"((?:\w+::)?[^\[\]]+?)(?:\[([^\[\]]*)\])?")
#: of groups: they move elements, and the lengths of their neighbours
_MOVES = ("accordion_edge", "start_edge", "end_edge", "s_position", "symmetric_edge")

#: what a changed attribute counts, in operations of an expression
_CHANGE = 20


def apply_controllers(machine: Machine) -> None:
    """Let the elements' attributes follow what controls them.

    Raises:
        LatticeFileError: an expression cannot be read, or what it controls does not exist.
    """
    totals: dict[tuple[str, str], Formula] = {}
    for controller in machine.controllers.values():
        try:
            _apply(machine, controller, totals)
        except (PyJuTrackError, ValueError, ArithmeticError) as error:
            where = f"{controller.base} {clip(controller.name)!r}"
            raise wrong(controller.file, f"{where}: {error}", controller.row) from error
    for controller in machine.controllers.values():
        for name in filter(None, str(controller.attributes["var"]).split(",")):
            try:
                machine.variables.evaluate(Expression.named(f"{controller.name}.{name}"))
            except PyJuTrackError as error:
                where = f"{controller.base} {clip(controller.name)!r}"
                raise wrong(controller.file, f"{where}: {error}", controller.row) from error


def _apply(
    machine: Machine, controller: Definition, totals: dict[tuple[str, str], Formula]
) -> None:
    say = machine.notes.for_element(controller.name, controller.base)
    if controller.attributes.get("is_on", 1.0) == 0.0:
        return
    if controller.base in ("ramper", "girder"):
        say("no counterpart; left out")
        return
    if not _has_curve(controller):
        say("curves that are cubic between more than three knots: what it controls keeps its value")
        return
    if controller.attributes.get("gang", "t").startswith("f"):  # type: ignore[union-attr]
        say("GANG = F: all elements of a name follow it alike")
    for target, attribute, text in _slaves(controller):
        if attribute in _MOVES or target in GLOBALS or target in machine.lines:
            say(f"{attribute} of {clip(target)!r} is left out")
            continue
        _follow(machine, controller, target, attribute, text, totals)


def _follow(
    machine: Machine,
    controller: Definition,
    target: str,
    attribute: str,
    text: str,
    totals: dict[tuple[str, str], Formula],
) -> None:
    """Let one attribute follow."""
    follow = _curve if "x_knot" in controller.attributes else _expression
    value = follow(machine, controller, text, "")
    if controller.base == "group":
        value = value - follow(machine, controller, text, "old_")
    if target in machine.controllers:
        name = f"{target}.{attribute}"
        before = machine.variables.formulas.get(name, 0.0)
        machine.variables.set(name, before + value if controller.base == "group" else value)
        return
    found = machine.match(target)
    if not found and not has_wild_cards(target) and "::" not in target:
        raise ValueError(f"there is no element {clip(target)!r}")
    for name in found:
        element = machine.elements[name]
        key = name, attribute
        if controller.base == "group":
            before = element.attributes.get(attribute, 0.0)  # type: ignore[assignment]
        else:
            before = totals.get(key, 0.0)
        if isinstance(before, (str, tuple)):
            raise ValueError(f"{attribute} of {clip(name)!r} is no number")
        totals[key] = before + value
        machine.variables.spend(_CHANGE + len(element.attributes) + _size(totals[key]))
        attributes = {**element.attributes, attribute: totals[key]}
        machine.elements[name] = replace(element, attributes=attributes)


def _size(formula: Formula) -> int:
    return len(formula.code) if isinstance(formula, Expression) else 1


def _expression(machine: Machine, controller: Definition, text: str, prefix: str) -> Formula:
    """What a slave follows; a constant is the factor of the first variable."""
    names = [n for n in str(controller.attributes["var"]).split(",") if n]
    own = {n: f"{controller.name}.{prefix}{n}" for n in names}
    if not prefix:
        own |= {f"old_{n}": f"{controller.name}.old_{n}" for n in names}
    value = machine.formula(text, own) if text else 1.0
    mentioned = value.names if isinstance(value, Expression) else ()
    if names and not any(name in own.values() for name in mentioned):
        return value * Expression.named(own[names[0]])
    return value


def _knots(controller: Definition) -> list[str]:
    return split_outside_brackets(str(controller.attributes["x_knot"]).strip("{}"))


def _has_curve(controller: Definition) -> bool:
    """Return whether it has no knots, or such as are understood."""
    if "x_knot" not in controller.attributes:
        return True
    linear = str(controller.attributes.get("interpolation", "cubic")).startswith("l")
    return linear or len(_knots(controller)) <= 3


def _curve(machine: Machine, controller: Definition, text: str, prefix: str) -> Formula:
    """What a slave follows by knots: a function of the one variable."""
    names = [n for n in str(controller.attributes["var"]).split(",") if n]
    if len(names) != 1:
        raise ValueError(f"knots need one variable, and not {len(names)}")
    places = [machine.variables.evaluate(machine.formula(t)) for t in _knots(controller)]
    values = [machine.formula(t) for t in split_outside_brackets(text.strip("{}"))]
    require_knots(places, values)
    linear = str(controller.attributes.get("interpolation", "cubic")).startswith("l")
    variable = Expression.named(f"{controller.name}.{prefix}{names[0]}")
    return (interpolate if linear or len(places) == 2 else parabola)(variable, places, values)


def _slaves(controller: Definition) -> Iterator[tuple[str, str, str]]:
    """Names of elements, of an attribute, and the expression."""
    listed = str(controller.attributes["slaves"])
    names = [n for n in str(controller.attributes["var"]).split(",") if n]
    by_knots, before = "x_knot" in controller.attributes, ""
    for slave in split_outside_brackets(listed.strip()[1:-1]):
        if not slave:
            continue
        target, text = _split(slave)
        found = _SLAVE.fullmatch(target)
        if found is None:
            raise ValueError(f"{clip(slave)!r} is nothing that can be controlled")
        if text.startswith("{") and not by_knots:
            raise ValueError(f"{clip(slave)!r} has knots without x_knot")
        if by_knots:  # those of the slave before it, if it has none
            before = text = text or before
        if found[2] == "*":
            for name in names:
                yield found[1], name, name
        else:
            yield found[1], found[2] or (names[0] if names else ""), text


def _split(slave: str) -> tuple[str, str]:
    """Split `quadrupole::q1[k1]:expression`, or the old `q1[k1]/factor`."""
    end = slave.find("]")
    if end >= 0:
        return slave[: end + 1], slave[end + 1 :].lstrip(":/")
    kind, double, rest = slave.partition("::")
    plain = rest if double else slave
    split = before_sign(plain, ":") or before_sign(plain, "/") or (plain, "")
    return (f"{kind}::{split[0]}" if double else split[0]), split[1]
