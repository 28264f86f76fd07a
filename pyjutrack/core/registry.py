"""What all registries refuse: a name for two things, and decorators of what they cannot take."""

from __future__ import annotations

from functools import partial
from typing import Any

from .checks import wrong
from .errors import InvalidValueError


def refuse_taken(kind: str, name: str, made: Any, former: Any) -> None:
    """Raise InvalidValueError where a name stands for another thing already.

    What is defined again at the same place, as in a cell that was edited, is the same thing.

    Args:
        kind: of what is registered, in words: "lattice format".
        made, former: functions or classes that the name stands for; None where it was free.
    """
    if former is not None and not same_origin(former, made):
        raise InvalidValueError(
            f"another {kind} is named {name!r}, that of {_place(former)}; rename one"
        )


def require_class(decorator: str, kind: Any, base: type = object, expected: str = "") -> None:
    """Raise InvalidValueError where a decorator of classes is given anything else."""
    if not isinstance(kind, type) or not issubclass(kind, base):
        remedy = f"write @{decorator} in the line above the class, without brackets"
        raise wrong(f"what @{decorator} registers", kind, expected or "a class", remedy)


def same_origin(one: Any, other: Any) -> bool:
    """Return whether two functions or classes were defined at one place.

    Of a `partial` its function counts, not what that is given; of a lambda the function that it
    stands in. Neither the line nor, in a notebook, the file says more: both change with an edit.
    """
    return _place(one) == _place(other)


def _place(made: Any) -> str:
    while isinstance(made, partial):
        made = made.func
    return f"{getattr(made, '__module__', '')}.{getattr(made, '__qualname__', repr(made))}"
