"""A lattice and its effects as a flat list of operations, the form of all that is tracked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import index
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from ..beam.reference import Reference
from ..collective import answers
from ..collective.base import CollectiveEffect, Place
from ..core.checks import wrong
from ..core.errors import InvalidValueError, ManySettingsError, UnknownNameError, unknown
from ..core.names import label
from ..core.scalars import is_zero, to_float
from ..elements import Element
from ..elements.modelled import require_modelled
from ..elements.part import WHOLE, Part
from ..lattice.lattice import Lattice
from ..maps.state import State
from .effect_checks import check_effects


class Traverse(NamedTuple):
    """Particles traverse a part of the element at a place of the lattice."""

    place: int
    part: Part


class Act(NamedTuple):
    """An effect acts on the particles.

    Attributes:
        place: of the element in the lattice.
        effect: its place among the effects.
        slices: into which it cuts the element.
        s: along the reference orbit [m].
        centre: of the slice in the element, from 0 to 1.
    """

    place: int
    effect: int
    slices: int
    s: float
    centre: float


class Weigh(NamedTuple):
    """A soft aperture lowers the weights of particles."""

    place: int


Op = Traverse | Act | Weigh


@dataclass(frozen=True, eq=False)
class Plan:
    """The operations of one turn, and of how many elements they are.

    It holds places and no parameters, so that it serves all lattices of as many elements of the
    same kinds, whatever values their parameters have or carry.
    """

    ops: tuple[Op, ...]
    elements: int

    def __len__(self) -> int:
        """Count the operations."""
        return len(self.ops)

    def slices(self, effect: int = 0) -> tuple[int, ...]:
        """Count the slices into which an effect cuts each element."""
        found = Counter(o.place for o in self.ops if isinstance(o, Act) and o.effect == effect)
        return tuple(found[place] for place in range(self.elements))

    def first(self, place: int) -> int:
        """The first operation of an element, or the end."""
        after = (n for n, op in enumerate(self.ops) if op.place >= place)
        return next(after, len(self.ops))

    def until(self, stop: int) -> Plan:
        """Return the operations before `stop`; the same object each time."""
        if stop >= len(self.ops):
            return self
        if stop not in self._beginnings:
            self._beginnings[stop] = Plan(self.ops[:stop], self.elements)
        return self._beginnings[stop]

    @cached_property
    def traverses(self) -> int:
        """How many operations move particles through a part of an element."""
        return sum(isinstance(op, Traverse) for op in self.ops)

    @cached_property
    def _beginnings(self) -> dict[int, Plan]:
        return {}


def plan_of(lattice: Lattice, effects: Sequence[CollectiveEffect]) -> Plan:
    """The operations of one turn through a lattice, which the lattice keeps.

    Each effect acts at the centres of its slices, in the order of the effects where they meet.
    Between two actions, the second half of a slice and the first half of the next are one part.

    Raises:
        InvalidValueError: slices that cannot be made, or of an element that cannot have them.
        UnknownNameError: an effect at an element that is not there.
        Besides, those of `check_effects`.
    """
    slices = tuple(_slices(effect, lattice) for effect in effects)
    check_effects(lattice, effects, slices)
    key = slices, tuple(effect.lumped for effect in effects)
    plans = lattice.cache.setdefault("plans", {})
    if key not in plans:
        require_modelled(lattice)
        for effect, counts in zip(effects, slices, strict=True):
            _check(effect, lattice, counts)
        plans.clear()
        free = not effects and not lattice.soft
        plans[key] = _plan_alone(len(lattice)) if free else _plan(lattice, slices)
    found: Plan = plans[key]
    return found


def _plan(lattice: Lattice, slices: Sequence[Sequence[int]]) -> Plan:
    return Plan(tuple(_operations(lattice, slices)), len(lattice))


@lru_cache(16)
def _plan_alone(elements: int) -> Plan:
    """The plan of so many elements in which nothing acts."""
    return Plan(tuple(Traverse(place, WHOLE) for place in range(elements)), elements)


def _slices(effect: CollectiveEffect, lattice: Lattice) -> tuple[int, ...]:
    """Ask an effect for its slices of each element."""
    for element in lattice.elements:
        if isinstance(element.length, Tensor) and element.length.dim():
            raise ManySettingsError(
                f"{label(element)} has lengths {tuple(element.length.shape)}, and effects act "
                "where one length says; take one after another"
            )
    found: Any = effect.slices_along(lattice.elements)
    what = f"{type(effect).__name__}.slices_along: counts"
    if not isinstance(found, Iterable):
        raise wrong(what, found, f"one for each of {len(lattice)} elements")
    counts: tuple[Any, ...] = tuple(found)
    if len(counts) != len(lattice):
        raise wrong(what, counts, f"one for each of {len(lattice)} elements")
    try:
        return tuple(map(index, counts))
    except TypeError:
        bad = next(n for n, count in enumerate(counts) if not hasattr(count, "__index__"))
        raise _wrong_slices(effect, lattice.elements[bad], counts[bad], "a whole number") from None


def _check(effect: CollectiveEffect, lattice: Lattice, counts: Sequence[int]) -> None:
    """Raise where an effect cannot act as it says."""
    for element, count in zip(lattice.elements, counts, strict=True):
        thin = "length" not in element.knobs
        if count < 0:
            raise _wrong_slices(effect, element, count, "0 or more")
        if count > 1 and thin:
            raise _wrong_slices(effect, element, count, "0 or 1, as it has no length")
        if count and thin and not effect.lumped:
            raise InvalidValueError(
                f"{type(effect).__name__} acts along lengths, and {label(element)} has none; say "
                "`lumped = True` in the effect, or let its `slices` be 0 there"
            )
    if effect.lumped and not any(counts):
        raise _nowhere(effect, lattice)


def _wrong_slices(
    effect: CollectiveEffect, element: Element, count: Any, expected: str
) -> InvalidValueError:
    return wrong(f"{type(effect).__name__}: slices of {label(element)}", count, expected)


def _nowhere(effect: CollectiveEffect, lattice: Lattice) -> InvalidValueError | UnknownNameError:
    """The error that a lumped effect has no place: a name that is misspelt, most often."""
    kind, at = type(effect).__name__, getattr(effect, "at", None)
    if isinstance(at, str) and at not in lattice.names:
        return unknown(f"element for {kind}", at, lattice.names)
    if effect.acts_in:
        return InvalidValueError(
            f"{kind} acts in {effect.acts_in}, and this lattice has none; leave the effect out"
        )
    return InvalidValueError(
        f"{effect!r} acts at no element of this lattice: {kind}.slices is 0 at all of them"
    )


def _operations(lattice: Lattice, slices: Sequence[Sequence[int]]) -> Iterator[Op]:
    soft, s = frozenset(lattice.soft), 0.0
    for place, element in enumerate(lattice.elements):
        if place in soft:
            yield Weigh(place)
            continue
        length, done = to_float(element.length) if slices else 0.0, 0.0
        for centre, effect, count in _actions([each[place] for each in slices]):
            if centre > done:
                yield Traverse(place, Part(done, centre))
                done = centre
            yield Act(place, effect, count, s + centre * length, centre)
        yield Traverse(place, Part(done, 1.0) if done else WHOLE)
        s += length


def _actions(slices: Sequence[int]) -> list[tuple[float, int, int]]:
    """Place each effect in an element, from 0 to 1, with its number and its slices."""
    found = [((i + 0.5) / count, n, count) for n, count in enumerate(slices) for i in range(count)]
    return sorted(found) if len(slices) > 1 else found


def place_of(act: Act, element: Element, turn: int, first: int) -> Place:
    """Return the place of an action in an element of a lattice."""
    ds, share = element.length / act.slices, 1 / act.slices
    return Place(element, act.place, act.s, ds, share, turn, act.centre, first)


@dataclass(frozen=True, repr=False)
class Acting(Element):
    """An effect that acts by maps, as a thin element: recorded, differentiated, undone as these.

    Its tensors are those of the effect and of the element in which it acts.
    """

    effect: CollectiveEffect
    host: Element
    act: Act
    turn: int
    first: int
    abstract: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check nothing: the effect and the element have been checked."""

    @property
    def batch(self) -> torch.Size:  # type: ignore[override]
        return self.host.batch

    @property
    def along_particles(self) -> Element:  # type: ignore[override]
        return self

    @property
    def transmits_all(self) -> bool:
        return not self.host.is_displaced

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        place = place_of(self.act, self.host.along_particles, self.turn, self.first)
        return answers.transport(self.effect, state, reference, place)


def motion_of(
    op: Op,
    lattice: Lattice,
    effects: Sequence[CollectiveEffect],
    turn: int = 0,
    first: int = 0,
) -> tuple[Element, Part] | None:
    """What an operation moves particles through, each by itself: an element and a part of it.

    None where it does not, or does nothing.
    """
    if isinstance(op, Traverse):
        return lattice.elements[op.place], op.part
    if not isinstance(op, Act) or not effects[op.effect].by_maps or is_idle(op, lattice, effects):
        return None
    return Acting(effects[op.effect], lattice.elements[op.place], op, turn, first), WHOLE


def is_idle(act: Act, lattice: Lattice, effects: Sequence[CollectiveEffect]) -> bool:
    """Return whether an effect that acts along lengths is at a length that is a plain zero."""
    return is_zero(lattice.elements[act.place].length) and not effects[act.effect].lumped


def sections(plan: Plan) -> Iterator[tuple[Plan, Weigh | None]]:
    """Split at soft apertures: the operations before each, and the aperture."""
    start = 0
    for n, op in enumerate((*plan.ops, None)):
        if op is None or isinstance(op, Weigh):
            yield Plan(plan.ops[start:n], plan.elements), op
            start = n + 1
