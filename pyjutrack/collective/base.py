"""What every collective effect is, and into how many slices effects cut a lattice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..beam.beam import Beam
from ..core.checks import require_instances
from ..core.scalars import Number, detached
from ..elements.part import count_slices
from ..lattice.lattice import Lattice
from ..maps.state import State

#: into how many slices each element is cut
Plan = tuple[int, ...]


class CollectiveEffect(Protocol):
    """A collective effect: what the beam makes of itself, and how particles respond to it.

    The two are apart so that a test particle can feel the field of the beam without adding to it.
    A kick that only adds to px, py and delta, by what depends on x, y, z, the field and ds, may say
    so by an attribute `reversible = True`: reverse mode then finds the beam in front of it from
    the beam behind it. One whose field counts `beam.weights` says so by `weighted = True`; others
    are refused where a beam has weights. Tensors that it depends on should be among its attributes.
    """

    @property
    def max_step(self) -> float | Mapping[str, float]:
        """Longest slice [m], for all elements or by kind."""
        ...

    def check(self, beam: Beam) -> None:
        """Raise or warn, before tracking, where the effect cannot be right for this beam."""
        ...

    def admit(self, state: State) -> State:
        """Take out the particles that this kick cannot serve: outside a box, say."""
        ...

    def field(self, beam: Beam, state: State) -> Any:
        """What the particles of `state` make; `beam` tells species and current."""
        ...

    def apply(self, state: State, field: Any, ds: Number) -> State:
        """How particles, of the beam or not, respond over a slice of length ds [m]."""
        ...


def plan(lattice: Lattice, effects: Sequence[CollectiveEffect]) -> Plan:
    """How many slices each element is cut into: the fewest no longer than any kick's step.

    Made once from the lattice as given, so that differentiating by a length never changes it. An
    element of zero length that could be longer has one slice, so that the slope by its length
    contains the effects; `Walk` gives it none while the length is a plain zero.
    """
    if not effects:
        return (0,) * len(lattice)
    counts = []
    for element in lattice:
        length, kind = detached(element.length), type(element).__name__
        least = 1 if "length" in element.knobs else 0
        counts.append(max(least, *(count_slices(length, _step(k, kind)) for k in effects)))
    return tuple(counts)


def _step(kick: CollectiveEffect, kind: str) -> float:
    steps = kick.max_step
    if not isinstance(steps, Mapping):
        return steps
    if kind not in steps:
        return min(steps.values())
    return steps[kind]


def require_effects(effects: Sequence[CollectiveEffect]) -> None:
    """Raise InvalidValueError for what is no list of effects."""
    methods = ("max_step", "check", "admit", "field", "apply")
    example = "a list, such as effects=[SpaceCharge()]; of one effect, effects=[effect]"
    require_instances("effects", effects, methods, "an effect, such as SpaceCharge()", example)
