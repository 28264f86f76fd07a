"""What is no lattice, refused by name."""

from __future__ import annotations

from typing import Any

from ..core.checks import wrong
from .lattice import Lattice


def require_lattice(lattice: Any) -> None:
    """Raise InvalidValueError for what is no Lattice."""
    if isinstance(lattice, Lattice):
        return
    remedy = "pass its .lattice" if hasattr(lattice, "lattice") else "wrap it: pj.Lattice([...])"
    if type(lattice).__name__ in ("Beam", "Reference"):
        remedy = "are the arguments swapped?"
    raise wrong("lattice", lattice, "a Lattice", remedy)
