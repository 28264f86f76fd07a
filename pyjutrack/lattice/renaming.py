"""Names of their own for elements that share one."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator

from .change import Content, Knobbed
from .expressions import Expression


def number_shared_names(lattice: Knobbed) -> Content:
    """Elements that share a name numbered, with what they follow; see `Lattice`.

    A parameter of a shared name from which something else is computed becomes a variable of the
    same name, which the elements follow: one knob stays one.
    """
    shared = {n for n, count in Counter(e.name for e in lattice.elements).items() if count > 1}
    shared.discard("")
    taken = {element.name for element in lattice.elements}
    free = {name: _free_names(name, taken) for name in shared}
    elements, made = [], {name: list[str]() for name in shared}
    for element in lattice.elements:
        if element.name in shared:
            name = next(free[element.name])
            made[element.name].append(name)
            element = dataclasses.replace(element, name=name)
        elements.append(element)

    def addresses(address: str) -> list[str]:
        """What stands for the address of a parameter of a shared name."""
        name = "" if address in lattice.variables else lattice.resolve(address)[0]
        return [f"{new}{address[len(name) :]}" for new in made.get(name, ())]

    named = {n for e in lattice.expressions.values() for n in e.names}
    followed = [name for name in sorted(named) if addresses(name)]
    variables = {**lattice.variables, **{name: lattice.value(name) for name in followed}}
    expressions = {a: Expression.named(name) for name in followed for a in addresses(name)}
    for address, expression in lattice.expressions.items():
        places = [address] if address in followed else addresses(address) or [address]
        expressions |= dict.fromkeys(places, expression)
    return Content(elements, variables, expressions)


def _free_names(stem: str, taken: set[str]) -> Iterator[str]:
    """`stem_1`, `stem_2` and so on, without those that are taken."""
    number = 0
    while True:
        number += 1
        if f"{stem}_{number}" not in taken:
            yield f"{stem}_{number}"
