"""What all registries refuse: a name for two things, and decorators of what they cannot take."""

from __future__ import annotations

from functools import partial
from typing import Any

from .checks import wrong
from .errors import InvalidValueError


def refuse_taken(kind: str, name: str, made: Any, former: Any) -> None:
    """Raise InvalidValueError where a name stands for another thing already.

    What is defined again at the same place, as in a notebook, is the same thing.

    Args:
        kind: of what is registered, in words: "lattice format".
        made, former: functions or classes that the name stands for; None where it was free.
    """
    if former is not None and _origin(former) != _origin(made):
        raise InvalidValueError(
            f"another {kind} is named {name!r}, that of {_place(former)}; rename one"
        )


def require_class(decorator: str, kind: Any, base: type = object, expected: str = "") -> None:
    """Raise InvalidValueError where a decorator of classes is given anything else."""
    if not isinstance(kind, type) or not issubclass(kind, base):
        remedy = f"write @{decorator} in the line above the class, without brackets"
        raise wrong(f"what @{decorator} registers", kind, expected or "a class", remedy)


def _origin(made: Any) -> tuple[Any, ...]:
    """Where something was defined."""
    if isinstance(made, partial):
        return _origin(made.func), repr(made.args), repr(made.keywords)
    name = getattr(made, "__qualname__", repr(made))
    code = getattr(made, "__code__", None)
    # all lambdas of a function have one name
    line = (code.co_filename, code.co_firstlineno) if code and "<lambda>" in name else ()
    return getattr(made, "__module__", ""), name, *line


def _place(made: Any) -> str:
    while isinstance(made, partial):
        made = made.func
    return f"{getattr(made, '__module__', '')}.{getattr(made, '__qualname__', repr(made))}"
