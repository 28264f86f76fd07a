"""Variables of a file: expressions that are evaluated when they are needed, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..core.errors import InvalidValueError, UnknownNameError, unknown
from ..core.scalars import to_float
from ..lattice.expressions import Expression, Formula
from ..lattice.functions import DIVIDE, FUNCTIONS
from .errors import clip
from .limits import OPERATIONS

_QUOTIENT = FUNCTIONS["quotient"]


class Variables:
    """Names and what they stand for, while a file is read.

    Attributes:
        formulas: a number or an expression of other names.
        find: gives what stands for a name that is not among them, or raises.
        divides_by_zero: whether something over zero is zero, as it is in MAD.
    """

    def __init__(
        self, find: Callable[[str], Formula] | None = None, *, divides_by_zero: bool = False
    ) -> None:
        self.formulas: dict[str, Formula] = {}
        self._find = find or self._refuse
        self._divides_by_zero = divides_by_zero
        self._values: dict[str, float] = {}
        self._versions: dict[str, int] = {}
        self._spent = 0

    def __contains__(self, name: str) -> bool:
        return name in self.formulas

    def set(self, name: str, formula: Formula) -> None:
        """Define a variable, or define it anew."""
        if self._values:
            self._values.clear()
        self.formulas[name] = formula

    def forget(self) -> None:
        """Evaluate anew: what a name that is found elsewhere stands for has changed."""
        self._values.clear()

    def restore(self, formulas: dict[str, Formula]) -> None:
        """Make the variables what they were: a copy of `formulas` from then."""
        self._values.clear()
        self.formulas = formulas

    def set_version(self, name: str, formula: Formula) -> str:
        """Define a variable without touching one that has the name: that gets a number.

        Returns:
            The name under which it is defined: "k", or "k_2", "k_3" where there is one.
        """
        variable, count = name, self._versions.get(name, 1)
        while variable in self.formulas:
            count += 1
            variable = f"{name}_{count}"
        self._versions[name] = count
        self.set(variable, formula)
        return variable

    def formula(self, name: str) -> Formula:
        """What a name stands for."""
        found = self.formulas.get(name)
        return self._find(name) if found is None else found

    def define_needed(self, formulas: Iterable[Formula]) -> None:
        """Define the names that formulas need and that are found elsewhere, directly or not."""
        waiting, seen = [*formulas], set[str]()
        while waiting:
            formula = waiting.pop()
            for name in formula.names if isinstance(formula, Expression) else ():
                if name in seen:
                    continue
                seen.add(name)
                if name not in self.formulas:
                    self.formulas[name] = self._find(name)
                waiting.append(self.formulas[name])

    def known(self) -> dict[str, Formula]:
        """Every variable that has a value; what is computed from tables of a program has none."""
        found: dict[str, Formula] = {}
        for name in self.formulas:
            try:
                self.evaluate(Expression.named(name))
            except (InvalidValueError, UnknownNameError):
                self.spend(0)  # which raises where the limit was the reason
                continue
            found[name] = self.formulas[name]
        return found

    def spend(self, count: int) -> None:
        """Count operations, of which a file may need so many."""
        self._spent += count
        if self._spent > OPERATIONS:
            raise InvalidValueError(f"the file needs more than the limit of {OPERATIONS:,} steps")

    def evaluate(self, formula: Formula) -> float:
        """The number that a formula is worth now.

        Raises:
            InvalidValueError: a name needs its own value, or there is no real number.
            UnknownNameError: a name has no value.
        """
        if not isinstance(formula, Expression):
            return float(formula)
        return self.settle(formula)[1]

    def settle(self, formula: Formula) -> tuple[Formula, float]:
        """A formula that has a value, and this; see `evaluate`.

        Where it divides by what is zero now, and the language allows that, its divisions are
        written in another way.
        """
        if not isinstance(formula, Expression):
            return formula, float(formula)
        self._resolve(formula.names)
        self.spend(len(formula.code))
        try:
            return formula, to_float(formula.evaluate(self._values))
        except InvalidValueError:
            if not self._divides_by_zero or DIVIDE not in formula.code:
                raise
        lenient = Expression(tuple(_QUOTIENT if e is DIVIDE else e for e in formula.code))
        return lenient, to_float(lenient.evaluate(self._values))

    def _resolve(self, names: Iterable[str]) -> None:
        """Find the values of names, those that they need first."""
        values = self._values
        opened: dict[str, list[str]] = {"": [n for n in names if n not in values]}
        while opened:
            name = next(reversed(opened))
            waiting = opened[name]
            while waiting and waiting[-1] in values:
                waiting.pop()
            if waiting:
                needed = waiting[-1]
                if needed in opened:
                    circle = [*list(opened)[list(opened).index(needed) :], needed]
                    raise InvalidValueError(f"it needs its own value: {clip(' -> '.join(circle))}")
                formula = self.formula(needed)
                if isinstance(formula, Expression):
                    opened[needed] = list(formula.names)
                else:
                    values[needed] = float(formula)
                continue
            del opened[name]
            if name:
                formula = self.formula(name)
                try:
                    settled, values[name] = self.settle(formula)
                    if settled is not formula:
                        self.formulas[name] = settled
                except InvalidValueError as error:
                    raise InvalidValueError(
                        f"{clip(name)} = {clip(str(formula))}: {error}"
                    ) from error

    def _refuse(self, name: str) -> Formula:
        raise unknown("variable", clip(name), self.formulas)
