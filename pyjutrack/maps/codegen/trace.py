"""A tracer for the maps: symbols in, an expression graph out, with exact sparse derivatives.

`trace_map` calls a map with `Expression` symbols, differentiates what comes out, and the modules
beside it compile both as straight-line code. Equal subexpressions are one object, so that they are
computed once.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any, ClassVar

from ...core.gaussian import HIGHER, ORDERS

#: functions of one argument that are computed together
STUMPFF = ("c0", "c1", "c2", "c3", "c4", "c5")
ATAN = ("atan", "atan_slope")
#: of five arguments: derivatives of the potential of a Gaussian by x and y, see `core.gaussian`
GAUSSIAN, GAUSSIAN_HIGHER = (tuple(f"h{i}{j}" for i, j in orders) for orders in (ORDERS, HIGHER))
#: derivatives of that derivative by its arguments: a factor, and more orders in x and y
_GAUSSIAN_SLOPES = ((1.0, 1, 0), (1.0, 0, 1), (0.5, 2, 0), (1.0, 1, 1), (0.5, 0, 2))


class Expression:
    """A node of the graph. Make nodes by arithmetic on `symbol(...)`, never directly."""

    _known: ClassVar[dict[tuple[Any, ...], Expression]] = {}

    def __init__(self, op: str, args: tuple[Any, ...]) -> None:
        self.op, self.args = op, args

    @classmethod
    def make(cls, op: str, *args: Any) -> Expression:
        key = (op, *args)  # nodes hash by identity, and equal nodes are identical
        if key not in cls._known:
            cls._known[key] = cls(op, args)
        return cls._known[key]

    # numbers are folded, so that structural zeros and ones cost nothing in the compiled code
    def __add__(self, other: Any) -> Expression:
        a, b = self, constant(other)
        if a.op == b.op == "number":
            return constant(a.args[0] + b.args[0])
        if a.is_number(0):
            return b
        if b.is_number(0):
            return a
        return Expression.make("+", a, b)

    def __neg__(self) -> Expression:
        if self.op == "number":
            return constant(-self.args[0])
        return self.args[0] if self.op == "neg" else Expression.make("neg", self)

    def __mul__(self, other: Any) -> Expression:
        a, b = self, constant(other)
        if a.op == b.op == "number":
            return constant(a.args[0] * b.args[0])
        for one, two in ((a, b), (b, a)):
            if one.is_number(0):
                return one
            if one.is_number(1):
                return two
            if one.is_number(-1):
                return -two
        return Expression.make("*", a, b)

    def __truediv__(self, other: Any) -> Expression:
        b = constant(other)
        if b.op == "number":
            return self * (1 / b.args[0])
        return self if self.is_number(0) else Expression.make("/", self, b)

    def __sub__(self, other: Any) -> Expression:
        return self + (-constant(other))

    def __rsub__(self, other: Any) -> Expression:
        return constant(other) - self

    def __rtruediv__(self, other: Any) -> Expression:
        return constant(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def __pow__(self, power: Any) -> Expression:
        """Raise to a whole power, or a half-whole one."""
        if not isinstance(power, (int, float)) or 2 * power != round(2 * power):
            raise TypeError(f"powers in maps are whole or half-whole numbers, got {power!r}")
        whole, half = divmod(round(2 * abs(power)), 2)
        found = self.sqrt() if half else constant(1.0)
        square, bits = self, whole
        while bits:
            found = found * square if bits & 1 else found
            square, bits = square * square, bits >> 1
        return found if power >= 0 else 1 / found

    def __abs__(self) -> Expression:
        return Expression.make("abs", self)

    def abs(self) -> Expression:
        return abs(self)

    def exp(self) -> Expression:
        return Expression.make("exp", self)

    def log(self) -> Expression:
        return Expression.make("log", self)

    def __lt__(self, other: Any) -> Expression:
        return Expression.make("<", self, constant(other))

    def __le__(self, other: Any) -> Expression:
        return Expression.make("<=", self, constant(other))

    def __gt__(self, other: Any) -> Expression:
        return Expression.make(">", self, constant(other))

    def __ge__(self, other: Any) -> Expression:
        return Expression.make(">=", self, constant(other))

    def __and__(self, other: Any) -> Expression:
        return Expression.make("&", self, other)

    def __or__(self, other: Any) -> Expression:
        return Expression.make("|", self, other)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (int, float)):
            self.__bool__()
        return self is other

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise TypeError(
            "a map cannot branch on the value of a coordinate or a parameter; write one formula "
            "that serves both cases"
        )

    def __float__(self) -> float:
        raise _foreign("a function of math, or float()")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(str(_foreign(f"x.{name}()")))

    @classmethod
    def __torch_function__(cls, function: Any, *_: Any) -> Any:
        raise _foreign(f"torch.{getattr(function, '__name__', function)}")

    def sqrt(self) -> Expression:
        return Expression.make("sqrt", self)

    def stumpff(self) -> tuple[Expression, ...]:
        return tuple(Expression.make(name, self) for name in STUMPFF[:4])

    def sin(self) -> Expression:
        return Expression.make("sin", self)

    def cos(self) -> Expression:
        return Expression.make("cos", self)

    def tan(self) -> Expression:
        return Expression.make("tan", self)

    def arctangent(self) -> Expression:
        return Expression.make("atan", self)

    def gaussian(self, *others: Any) -> tuple[Expression, ...]:
        """See `core.gaussian.gaussian_derivatives`."""
        given = (self, *map(constant, others))
        return tuple(Expression.make(name, *given) for name in GAUSSIAN)

    def is_number(self, value: float) -> bool:
        return self.op == "number" and self.args[0] == value

    def derivative(self, variable: Expression, memo: dict[Expression, Expression]) -> Expression:
        """The exact derivative with respect to a symbol."""
        if self in memo:
            return memo[self]
        zero = constant(0.0)
        if self.op in ("number", "symbol"):
            result = constant(1.0) if self is variable else zero
        elif self.op in GAUSSIAN:
            result = zero
            i, j = ORDERS[GAUSSIAN.index(self.op)]
            for argument, (factor, di, dj) in zip(self.args, _GAUSSIAN_SLOPES, strict=True):
                slope = Expression.make(f"h{i + di}{j + dj}", *self.args)
                result = result + argument.derivative(variable, memo) * slope * factor
        else:
            a = self.args[0]
            da = a.derivative(variable, memo)
            if self.op in ("+", "*", "/"):
                b = self.args[1]
                db = b.derivative(variable, memo)
                if self.op == "+":
                    result = da + db
                elif self.op == "*":
                    result = da * b + a * db
                else:
                    result = (da - self * db) / b
            elif self.op == "neg":
                result = -da
            elif self.op == "sqrt":
                result = da * 0.5 / self
            elif self.op in STUMPFF[:4]:
                k = STUMPFF.index(self.op)
                higher = [Expression.make(name, a) for name in STUMPFF[k + 1 : k + 3]]
                result = da * (higher[1] * k - higher[0]) * 0.5
            elif self.op == "abs":
                result = da * Expression.make("sign", a)
            elif self.op == "sign":
                result = zero
            elif self.op == "exp":
                result = da * self
            elif self.op == "log":
                result = da / a
            elif self.op == "sin":
                result = da * a.cos()
            elif self.op == "cos":
                result = -(da * a.sin())
            elif self.op == "tan":
                result = da * (self * self + 1)
            elif self.op == "atan":
                result = da * Expression.make("atan_slope", a)
            else:
                raise AssertionError(f"no derivative rule for {self.op}")
        memo[self] = result
        return result


def _foreign(function: str) -> TypeError:
    return TypeError(
        f"kernels cannot be written for {function}: in a registered map write the methods x.sin(), "
        "x.cos(), x.tan(), x.exp(), x.log(), x.sqrt() and arithmetic, or leave the function "
        "unregistered, without @map: state.apply takes it as it is"
    )


def constant(value: Any) -> Expression:
    """A number as a node (nodes pass through)."""
    return value if isinstance(value, Expression) else Expression.make("number", float(value))


def symbol(name: str) -> Expression:
    """A named input."""
    return Expression.make("symbol", name)


def in_order(
    outputs: Iterable[Expression], known: Container[Expression] = ()
) -> Iterator[Expression]:
    """All that some expressions are made of, each once, and after what it is made of itself.

    What is `known` is left out, and what only that is made of.
    """
    done: set[Expression] = set()
    pending = list(outputs)[::-1]
    while pending:
        node = pending[-1]
        parts = [a for a in node.args if isinstance(a, Expression)]
        missing = [a for a in parts if a not in done and a not in known]
        if node in done or node in known or not missing:
            pending.pop()
            if node not in done and node not in known:
                done.add(node)
                yield node
        else:
            pending += missing[::-1]


def listing(outputs: Sequence[Expression]) -> list[str]:
    """Steps to some expressions, a line each, and the outputs by the numbers of their lines."""
    numbers: dict[Expression, int] = {}
    lines: list[str] = []
    for node in in_order(outputs):
        args = (f"t{numbers[a]}" if isinstance(a, Expression) else repr(a) for a in node.args)
        numbers[node] = len(lines)
        lines.append(f"t{len(lines)} = {node.op} {' '.join(args)}")
    return [*lines, " ".join(f"t{numbers[output]}" for output in outputs)]
