"""Which values follow which: the order in which expressions are evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..core.errors import InvalidValueError, UnknownNameError, unknown
from ..core.scalars import Number
from .expressions import Expression


@dataclass(frozen=True)
class Dependencies:
    """Expressions by the name of what they give, and the order among them.

    Attributes:
        expressions: of variables, "kqd", and of parameters, "q1.k1".
    """

    expressions: Mapping[str, Expression]

    @cached_property
    def order(self) -> dict[str, int]:
        """The place of each name in an order in which all that it needs comes first.

        Raises:
            InvalidValueError: expressions that need their own values; the message shows the circle.
        """
        placed: dict[str, int] = {}
        for start in self.expressions:
            if start in placed:
                continue
            opened: dict[str, list[str]] = {start: self._needed(start)}  # the path, in order
            while opened:
                last = next(reversed(opened))
                waiting = opened[last]
                while waiting and waiting[-1] in placed:
                    waiting.pop()
                if not waiting:
                    placed[last] = len(placed)
                    del opened[last]
                elif waiting[-1] in opened:
                    path = list(opened)
                    circle = [*path[path.index(waiting[-1]) :], waiting[-1]]
                    raise InvalidValueError(
                        f"expressions need their own values: {' -> '.join(circle)}"
                    )
                else:
                    opened[waiting[-1]] = self._needed(waiting[-1])
        return placed

    def _needed(self, name: str) -> list[str]:
        return [n for n in self.expressions[name].names if n in self.expressions][::-1]

    @cached_property
    def followers(self) -> dict[str, list[str]]:
        """What is computed directly from each name."""
        found: dict[str, list[str]] = {}
        for name, expression in self.expressions.items():
            for needed in expression.names:
                found.setdefault(needed, []).append(name)
        return found

    def following(self, changed: Iterable[str]) -> list[str]:
        """All that is computed from some names, directly or not, in the order of evaluation."""
        found: set[str] = set()
        waiting = list(changed)
        while waiting:
            for name in self.followers.get(waiting.pop(), ()):
                if name not in found:
                    found.add(name)
                    waiting.append(name)
        return sorted(found, key=self.order.__getitem__)

    def evaluate(
        self, names: Iterable[str], known: dict[str, Number], look_up: Callable[[str], Number]
    ) -> None:
        """Put the values of expressions into `known`, which `look_up` completes.

        Args:
            names: of the expressions, in the order of evaluation.
            known: values by name, which grows.
            look_up: the value of a name that is not in `known`; UnknownNameError if there is none.

        Raises:
            UnknownNameError, InvalidValueError: an expression has no value; the message shows it.
        """
        for name in names:
            expression = self.expressions[name]
            try:
                for needed in expression.names:
                    if needed not in known:
                        known[needed] = look_up(needed)
                known[name] = expression.evaluate(known)
            except InvalidValueError as error:
                raise InvalidValueError(f"{name} = {_clip(expression)}: {error}") from error
            except UnknownNameError as error:
                raise UnknownNameError(f"{name} = {_clip(expression)}: {error}") from error


def _clip(expression: Expression) -> str:
    text = str(expression)
    return text if len(text) <= 120 else f"{text[:90]} ... {text[-25:]}"


def no_value(name: str, known: Iterable[str]) -> UnknownNameError:
    """An error that says that a name in an expression has no value."""
    return unknown("variable or parameter", name, known)
