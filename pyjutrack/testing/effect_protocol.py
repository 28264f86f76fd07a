"""The protocol of an effect, and why one may do nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..beam.beam import Beam
from ..collective.base import CollectiveEffect, require_effects
from ..core.scalars import to_float
from ..lattice.lattice import Lattice
from .comparison import require_true


def require_protocol(effect: CollectiveEffect, knobs: Sequence[str]) -> None:
    """Raise CheckFailedError for what lacks methods or fields."""
    require_effects([effect])
    kind = type(effect).__name__
    for name, call in (("field", "beam, state, place, memory"), ("apply", "state, field, place")):
        require_true(
            f"{kind} has no {name}: define {name}(self, {call})",
            getattr(type(effect), name, None) is not getattr(CollectiveEffect, name),
        )
    require_true("knobs must be a list of names of fields", not isinstance(knobs, str))
    if knobs:
        require_true(f"{kind} must be a frozen dataclass", dataclasses.is_dataclass(effect))
        fields = [field.name for field in dataclasses.fields(effect)]  # type: ignore[arg-type]
        for name in knobs:
            first = name.partition(".")[0]
            require_true(
                f"knobs: {kind} has no field {first!r}; it has {', '.join(fields)}", first in fields
            )


def explain_nowhere(effect: CollectiveEffect, lattice: Lattice) -> str:
    """Say why an effect may act nowhere."""
    at = getattr(effect, "at", None)
    if isinstance(at, str) and at not in lattice.names:
        return f"no element is named {at!r}; there are {', '.join(dict.fromkeys(lattice.names))}"
    return "`slices` gives 0 for each element; state it, or a max_step"


def explain_nothing(beam: Beam) -> str:
    """Say why an effect may change nothing."""
    causes = ["its strength is zero"]
    if not any(map(to_float, beam.intensity)):
        causes.insert(0, "the beam has no charge and no current: Beam(..., charge=) or current=")
    return f"it changes nothing of this beam: perhaps {', or '.join(causes)}"
