"""Elements as JuTrack's driving terms know them."""

from __future__ import annotations

import dataclasses

from ...core.errors import InvalidValueError
from ...core.scalars import vanishes
from ...elements import Bend, Element, Multipole, Quadrupole


def integrated(e: Element) -> Element:
    """An element as JuTrack's driving terms know it: by steps.

    Raises:
        InvalidValueError: a thin multipole.
    """
    thin = vanishes(e.length)
    if thin and isinstance(e, Multipole) and not all(map(vanishes, (*e.knl, *e.ksl))):
        raise InvalidValueError(
            f"JuTrack's driving terms leave out thin multipoles, and so {e.name or repr(e)}"
        )
    if isinstance(e, Quadrupole) and e.model == "linear":
        return dataclasses.replace(e, model="exact", steps=10)
    if isinstance(e, Bend) and e.model == "linear":
        return dataclasses.replace(e, model="paraxial", order=4, steps=10)
    return e
