"""An element of a lattice, as what is written of it: attributes that are numbers or expressions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from torch import Tensor

from ...core.errors import InvalidValueError
from ...core.scalars import to_float
from ...elements import Element
from ...lattice.expressions import Expression, Formula
from ...lattice.lattice import Lattice
from ..arithmetic import is_on
from ..fields import plain
from .models import OWN, WRITTEN, WRITTEN_MODELS

#: betatron phase of a step [rad], and the most steps in a magnet
_PHASE, _MOST = 0.05, 500

Attributes = dict[str, Any]
#: attributes that are written as they are
KEPT = ""


class Part(NamedTuple):
    """An element of Xsuite: its class, and attributes."""

    kind: str
    attributes: Attributes


class Written:
    """The parameters of an element, as formulas.

    Attributes:
        element: of the lattice.
    """

    def __init__(self, lattice: Lattice, element: Element) -> None:
        self._lattice, self.element = lattice, element

    def field(self, name: str) -> Formula:
        """A parameter: the expression that it follows, or its number.

        Raises:
            InvalidValueError: it carries derivatives.
        """
        found = self._lattice.expressions.get(f"{self.element.name}.{name}")
        number: float = plain(self.element, name)
        return found if found is not None else number

    def series(self, name: str) -> tuple[Formula, ...]:
        """A parameter that is a tuple."""
        known = self._lattice.expressions
        return tuple(
            known.get(f"{self.element.name}.{name}[{n}]", float(value))
            for n, value in enumerate(plain(self.element, name))
        )

    def option(self, name: str) -> Any:
        """An option, which is no parameter."""
        return getattr(self.element, name)

    def refuse(self, why: str) -> InvalidValueError:
        """An error that says what Xsuite cannot hold."""
        return InvalidValueError(f"{self.element!r} cannot be written for Xsuite: {why}")

    def integrator(self, gradient: Formula = 0.0, **models: str) -> Attributes:
        """Attributes for a magnet's model, order and steps.

        A gradient that Xsuite kicks by, and that is exact here or takes as many steps as it needs,
        gets so many kicks there that they meet it; what it is here stands beside them.

        Args:
            gradient: that Xsuite kicks by [1/m^2].
            models: that are written otherwise than for most kinds.
        """
        order, steps, model = (self.option(name) for name in ("order", "steps", "model"))
        scheme, each = WRITTEN[order]
        found = {"model": models.get(model, WRITTEN_MODELS[model])}
        if steps is None and is_on(gradient):
            scheme, each = WRITTEN[6]
            kicks = each * self._fine_steps(gradient)
            own = {OWN: {"order": order, "steps": None, "kicks": kicks}}
            return {**found, "integrator": scheme, "num_multipole_kicks": kicks, "extra": own}
        found["integrator"] = scheme
        return {**found, "num_multipole_kicks": each * steps} if steps else found

    def _fine_steps(self, gradient: Formula) -> int:
        """Steps of sixth order that meet a gradient's focusing to some 1e-10 of itself."""
        value = gradient
        if isinstance(value, Expression):
            value = to_float(value.evaluate(self._lattice.variables))
        phase = math.sqrt(abs(value)) * to_float(self.element.length)
        return min(max(math.ceil(phase / _PHASE), 1), _MOST)


def number_of(value: Any) -> float:
    """A value of a lattice as a number.

    Raises:
        InvalidValueError: it carries derivatives.
    """
    if isinstance(value, Tensor) and value.requires_grad:
        raise InvalidValueError(
            "a variable carries derivatives, which a file cannot hold; write lattice.detach()"
        )
    return float(value)


def flat(value: Any) -> Iterator[Formula]:
    """The numbers of rows of rows."""
    for entry in value:
        if isinstance(entry, (tuple, list)):
            yield from flat(entry)
        else:
            yield entry
