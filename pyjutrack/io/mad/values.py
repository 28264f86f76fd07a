"""Values of expressions in MAD and elegant files, and the size of lines."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from ...core.grammar import apply
from ..errors import clip, wrong
from ..limits import ELEMENTS, OPERATIONS, require_below, require_nesting
from ..madx.text import split_outside_brackets
from ..optional import optional
from .expressions import FUNCTIONS, Expression, Operation, call_function, parse


class Undefined(NameError):
    """A name that is not defined, or not yet."""

    def __init__(self, key: str) -> None:
        super().__init__(f"name {key!r} is not defined")
        self.key = key


class Group(list[Any]):
    """Elements and lines in brackets, in order."""


#: what comes after these classes: a parser of pyAT
_Parser: Any = object


class Values(_Parser):  # type: ignore[misc]
    """Evaluates expressions with the names of a parser; comes before a parser class of pyAT.

    Attributes:
        version: grows with every statement, which may change what an expression is worth.
    """

    env: dict[str, Any]
    version: int = 0
    _spent: int = 0

    def spend(self, count: int) -> None:
        """Count operations, of which a file may need so many."""
        self._spent += count
        if self._spent > OPERATIONS:
            raise ValueError(f"the expressions need more than the limit of {OPERATIONS:,} steps")

    def evaluate(self, expr: str) -> Any:
        """The value of an expression: a number, a word, numbers in brackets, or an element."""
        return self._run(parse(expr))

    def defer(self, text: str) -> Any:
        """An expression that is evaluated when it is needed; one of constants at once."""
        code = parse(text)
        if code[-1].kind == "group":
            return tuple(self.defer(part) for part in split_outside_brackets(text[1:-1]) if part)
        if all(operation.kind != "attribute" and self._is_fixed(operation) for operation in code):
            try:
                return self._run(code)
            except (ArithmeticError, ValueError):
                pass  # an error where it is needed
        return _deferred_class()(self, text, code)

    def _is_fixed(self, operation: Operation) -> bool:
        if operation.kind == "call":
            return operation.value in FUNCTIONS
        key = self._gen_key(operation.value) if operation.kind == "name" else ""
        known = isinstance(self.env.get(key), (int, float)) and key not in self
        return known or operation.kind != "name"

    def line(self, text: str) -> list[Any]:
        """The parts of a line, repeated and reversed as written."""
        found = self._run(parse(text))
        if isinstance(found, tuple) and not found:
            return []
        if not isinstance(found, Group):
            if not _is_part(found):
                raise ValueError("a line is made of elements and lines")
            found = Group([found])
        return list(found)

    def resolve(self, parameter: Any) -> Any:
        """The value of a deferred expression, those it needs first, each once.

        Raises:
            ValueError: it needs itself.
        """
        waiting, opened = [parameter], set()
        while waiting:
            top = waiting[-1]
            if top.found[0] == self.version:
                waiting.pop()
                continue
            missing = [p for p in self._find_needed(top.code) if p.found[0] != self.version]
            for needed in missing:
                if needed is top or id(needed) in opened:
                    raise ValueError(f"{clip(str(needed))!r} needs its own value")
            if missing:
                opened.add(id(top))
                waiting.extend(missing)
            else:
                top.found = (self.version, self._run(top.code))
                opened.discard(id(top))
                waiting.pop()
        return parameter.found[1]

    def _find_needed(self, code: Expression) -> list[Any]:
        found = []
        for operation in code:
            if operation.kind in ("name", "attribute"):
                value = self._resolve_name(operation)
                if isinstance(value, _deferred_class()):
                    found.append(value)
        self.spend(len(code))
        return found

    def _resolve_name(self, operation: Any) -> Any:
        """Return the value of a name or an attribute."""
        name = operation.value if operation.kind == "name" else operation.value[0]
        key = self._gen_key(name)
        if key in self:
            value = self[key]
        else:
            value = self.env.get(key)
            if not isinstance(value, (int, float, str)):
                raise Undefined(key)
        if operation.kind == "name":
            return value
        attribute = operation.value[1]
        if not isinstance(value, dict) or attribute not in value:
            raise ValueError(f"{clip(name)!r} has no attribute {clip(attribute)!r}")
        return value[attribute]

    def _run(self, code: Expression) -> Any:
        self.spend(len(code))
        stack: list[Any] = []
        turned: dict[int, Any] = {}
        for operation in code:
            kind = operation.kind
            if kind in ("number", "word"):
                stack.append(operation.value)
            elif kind in ("name", "attribute"):
                value = self._resolve_name(operation)
                if isinstance(value, _deferred_class()):
                    value = self.resolve(value)
                stack.append(value)
            elif kind == "negate":
                stack.append(self._negative(stack.pop(), turned))
            elif kind == "call":
                if operation.value not in FUNCTIONS:
                    raise Undefined(operation.value)
                stack.append(call_function(operation.value, _numbers(stack, operation.count)))
            elif kind == "group":
                stack.append(_group(stack, operation.count))
            else:
                right, left = stack.pop(), stack.pop()
                if kind == "*" and (_is_part(left) or _is_part(right)):
                    stack.append(self._repeat(left, right, turned))
                else:
                    stack.append(apply(kind, _number(left), _number(right)))
        (value,) = stack
        return value

    def _negative(self, value: Any, turned: dict[int, Any]) -> Any:
        if isinstance(value, Group):
            return Group(self._negative(part, turned) for part in reversed(value))
        if not _is_part(value):
            return -_number(value)
        if id(value) not in turned:
            self.spend(len(value))
            turned[id(value)] = (-value, value)  # keeps what has this id
        return turned[id(value)][0]

    def _repeat(self, left: Any, right: Any, turned: dict[int, Any]) -> Group:
        part, count = (right, left) if _is_part(right) else (left, right)
        count = _number(count)
        if count != int(count):
            raise ValueError(f"a line cannot be repeated {count:g} times")
        parts = part if isinstance(part, Group) else Group([part])
        if abs(count) * len(parts) > ELEMENTS:
            raise ValueError(f"repeated {abs(count):g} times, above the limit of {ELEMENTS:,}")
        self.spend(int(abs(count)) * len(parts))
        once = self._negative(parts, turned) if count < 0 else parts
        return Group(list(once) * abs(int(count)))

    def _reason(self, exc: Exception) -> Any:
        return exc.key if isinstance(exc, Undefined) else super()._reason(exc)

    def expanded_size(self, path: Path, name: str, nesting: int) -> int:
        """Count the elements to which a line or sequence expands.

        Raises:
            LatticeFileError: it holds itself, or more than the limit.
        """
        sizes: dict[int, int] = {}
        around: list[Any] = []

        def size(part: Any) -> int:
            if not isinstance(part, (list, tuple)):
                return 1
            if id(part) in sizes:
                return sizes[id(part)]
            if any(part is other for other in around):
                first = [part is other for other in around].index(True)
                names = [str(getattr(p, "name", "")) for p in (*around[first:], part)]
                raise wrong(path, f"cyclic lines: {' -> '.join(names)}")
            around.append(part)
            require_nesting(path, len(around))
            total = 1  # empty lines in empty lines take time too
            for entry in part:
                # a sequence keeps its entries as statements
                inner = self.get(entry[0], None) if _is_entry(entry) else entry
                total += size(inner)
                require_below(path, f"elements of line {name!r}", total, ELEMENTS)
            around.pop()
            sizes[id(part)] = total
            return total

        return size(self.get(name, None))


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, tuple) and bool(entry) and isinstance(entry[0], str)


def _is_part(value: Any) -> bool:
    return isinstance(value, (Group, _part_classes()))


def _number(value: Any) -> float:
    if isinstance(value, (int, float)):
        return value
    said = f"{value.name!r} is an element or a line" if _is_part(value) else f"{value!r} is none"
    raise ValueError(f"a number is needed here, and {clip(said)}")


def _numbers(stack: list[Any], count: int) -> list[float]:
    values = [_number(value) for value in stack[len(stack) - count :]]
    del stack[len(stack) - count :]
    return values


def _group(stack: list[Any], count: int) -> Any:
    values = stack[len(stack) - count :]
    del stack[len(stack) - count :]
    if not any(map(_is_part, values)):
        return tuple(values)
    group = Group()
    for value in values:
        if isinstance(value, Group):
            group.extend(value)
        elif _is_part(value):
            group.append(value)
        else:
            raise ValueError("elements and numbers stand in the same brackets")
        if len(group) > ELEMENTS:
            raise ValueError(f"a line of more than the limit of {ELEMENTS:,} parts")
    return group


@functools.cache
def _part_classes() -> type[Any]:
    """pyAT's class of all elements and lines."""
    found: type[Any] = optional("at.load.file_input", "accelerator-toolbox", "lattice").AnyDescr
    return found


@functools.cache
def _deferred_class() -> type[Any]:
    """pyAT's class of deferred expressions, with our value of it."""
    base = optional("at.load.parser", "accelerator-toolbox", "lattice").StrParameter

    class Deferred(base):  # type: ignore[misc, valid-type]
        def __init__(self, parser: Values, text: str, code: Expression) -> None:
            super().__init__(parser, text)
            self.code, self.found = code, (-1, None)

        @property
        def value(self) -> Any:
            return self.parser.resolve(self)

    return Deferred
