"""Checks that a class of your own keeps its promises, the ones that this package's own go through.

Each takes an instance with parameters of usual size and raises `CheckFailedError`, which says what
differs and by how much.
"""

from .comparison import CheckFailedError
from .diagnostics import check_diagnostic
from .effects import check_effect
from .elements import check_element
from .formats import check_format
from .potentials import check_potential

__all__ = [
    "CheckFailedError",
    "check_diagnostic",
    "check_effect",
    "check_element",
    "check_format",
    "check_potential",
]


def __dir__() -> list[str]:
    return __all__
