"""Elements as JuTrack's driving terms know them."""

from __future__ import annotations

import dataclasses
from typing import Any

from ...core.errors import InvalidValueError
from ...elements import Bend, Element, Multipole, Quadrupole


def integrated(e: Element) -> Element:
    """An element as JuTrack's driving terms know it: by steps.

    Raises:
        InvalidValueError: a thin multipole.
    """
    thin = not is_given(e.length)
    if thin and isinstance(e, Multipole) and any(map(is_given, (*e.knl, *e.ksl))):
        raise InvalidValueError(
            f"JuTrack's driving terms leave out thin multipoles, and so {e.name or repr(e)}"
        )
    if isinstance(e, Quadrupole) and e.model == "linear":
        return dataclasses.replace(e, model="exact", steps=10)
    if isinstance(e, Bend) and e.model == "linear":
        return dataclasses.replace(e, model="paraxial", order=4, steps=10)
    return e


def is_given(strength: Any) -> bool:
    """Return whether a strength is not zero."""
    return bool(strength != 0)
