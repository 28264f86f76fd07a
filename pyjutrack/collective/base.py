"""The protocol of collective effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from numpy.typing import NDArray
from torch import Tensor

from ..beam.beam import Beam
from ..beam.reference import Reference
from ..core.checks import require_instances, require_real, wrong
from ..core.errors import InvalidValueError, require_known
from ..core.scalars import Number, to_float
from ..elements import Element, kinds
from ..elements.part import count_slices
from ..maps.state import State
from .mesh_kick import MeshKick


class Place(NamedTuple):
    """The place and time at which an effect acts.

    Attributes:
        element: in which, and `number`, its place in the lattice.
        s: along the reference orbit from the start of the lattice as given [m].
        ds: length over which the effect acts [m], negative where the orbit steps back, which undoes
            what the effect did there; carries derivatives where the length does.
        share: of the element that this is: 1 / its slices.
        turn: from 0.
        centre: of the slice in the element, from 0 to 1.
        first: the number of the first particle here in the whole beam, which ranks may share.
        upstream: the elements before it that the effect asks for by its method of that name.
    """

    element: Element
    number: int
    s: float
    ds: Number
    share: float
    turn: int
    centre: float = 0.5
    first: int = 0
    upstream: tuple[Element, ...] = ()

    @property
    def slice(self) -> int:
        """The number of the slice in the element, from 0."""
        return int(self.centre / self.share)


class CollectiveEffect:
    """A collective effect: what a beam makes of itself, and how particles respond to it.

    Derive from it, and state at least `field`, `apply`, and `slices` or a `max_step`. The field and
    the response are apart, so that a test particle can feel the field of the beam without adding to
    it. Tensors on which an effect depends should be among its attributes.

    Attributes:
        reversible: it changes no coordinate on which its own change depends (a kick of px, py and
            delta by what depends on x, y, z), so that reverse mode can reconstruct the beam before
            it from the beam after it.
        weighted: its field counts `beam.weights`. Effects that do not say so are refused where
            particles have weights.
        lumped: it acts at elements as a whole, also at those of no length; a lattice without any
            of them is refused. Other effects act along lengths alone, and are left out while a
            length is a plain zero.
        individual: it acts on each particle by itself and needs no charge or current; it may damp.
        frozen: its field is of a given density, and of the particles asks for their charge alone.
        models: the physics that it stands for, "space charge" say, of which an element has one: two
            effects that model the same in one element warn.
        exclusive: such two are refused.
        acts_in: the elements in which a lumped effect acts, in words, for messages.
        numerics: names of fields that set how its kick is computed, or by what factor: two effects
            of a kind that differ in these alone are the same one twice.
        keeps_columns: what it makes or remembers may hold columns of a state that it was given.
            One with a memory that says it does not is spared a copy of the particles.
        batched: names of what may hold many settings, (B,): fields of its own, and "beam.current"
            or "beam.charge". Its methods get them with a last dimension for particles, (B, 1).
        one_by_one: names of other fields, of a frozen dataclass, that may hold many settings, and
            of records that say the same of theirs. The settings are tracked one after another, and
            its methods meet one; a `__post_init__` does by `check_each`.

    Example:
        >>> @dataclass(frozen=True)
        ... class Wake(pj.CollectiveEffect):
        ...     at: str
        ...     strength: float
        ...     lumped = reversible = True
        ...
        ...     def slices(self, element):
        ...         return int(element.name == self.at)
        ...
        ...     def field(self, beam, state, place, memory):
        ...         x = torch.where(state.alive, state.coordinates[0], 0.0).sum(-1, keepdim=True)
        ...         return self.strength * beam.charge * x / beam.particles
        ...
        ...     def apply(self, state, field, place):
        ...         x, px, *rest = state.coordinates
        ...         kicked = torch.where(state.alive, px + field, px)
        ...         return state._replace(coordinates=(x, kicked, *rest))
    """

    reversible: ClassVar[bool] = False
    weighted: ClassVar[bool] = False
    lumped: ClassVar[bool] = False
    individual: ClassVar[bool] = False
    frozen: ClassVar[bool] = False
    models: ClassVar[str] = ""
    exclusive: ClassVar[bool] = False
    acts_in: ClassVar[str] = ""
    numerics: ClassVar[tuple[str, ...]] = ()
    keeps_columns: ClassVar[bool] = True
    batched: ClassVar[tuple[str, ...]] = ()
    one_by_one: ClassVar[tuple[str, ...]] = ()

    @property
    def by_maps(self) -> bool:
        """Return whether it acts by `transport`, so that compiled programs hold it."""
        return False

    @property
    def numbered(self) -> bool:
        """Return whether a particle's number in the beam counts, as for what it draws at random."""
        return False

    def slices(self, element: Element) -> int:
        """Count the equal slices of an element at whose centres the effect acts; 0 is not here.

        A whole number; at an element that cannot have a length, 0, or 1 where the effect is lumped.
        Asked once, of the lattice as given, so that differentiating by a length changes no number.
        By default the fewest that are no longer than the effect's `max_step` [m], a number, or one
        per element kind.
        """
        step = getattr(self, "max_step", None)
        if step is None:
            raise InvalidValueError(
                f"{type(self).__name__} does not say where it acts, by `slices`"
            )
        return slices_by_step(element, step)

    def slices_along(self, elements: Sequence[Element]) -> Sequence[int]:
        """Count the slices of every element of a lattice; by default each by itself, by `slices`.

        Asked once, as `slices` is.

        Args:
            elements: all of the lattice, in order.
        """
        return [self.slices(element) for element in elements]

    def upstream(self, elements: Sequence[Element], number: int) -> Sequence[Element]:
        """Select what the effect must know of the elements before number `number`: none by default.

        They are `Place.upstream`, so that slopes by their parameters are found in every mode. An
        effect that is `by_maps` is refused with it, and with `admit`, `start` and `remember`.
        """
        return ()

    def check(self, beam: Beam) -> None:
        """Raise or warn, before tracking, where the effect cannot be right for this beam."""

    def check_differentiable(self) -> None:
        """Raise InvalidValueError, before tracking, where the effect has no derivative."""

    def start(self, beam: Beam) -> Any:
        """Return the memory before the first turn; None where the effect has no memory.

        With a memory, derivatives in reverse mode are those of adjoint="store".

        Args:
            beam: at the start, with its species, charge and weights.
        """
        return None

    def admit(self, state: State) -> State:
        """Lose the particles that the effect cannot serve: outside a box, say.

        Args:
            state: columns of coordinates, and which particles are alive.
        """
        return state

    def field(self, beam: Beam, state: State, place: Place, memory: Any) -> Any:
        """Compute the field of the particles of `state`; `beam` has species, charge and weights.

        Args:
            place: element, length ds [m] of the slice, turn.
            memory: what `start` or `remember` returned last.

        Returns:
            Whatever `apply` needs.
        """
        raise InvalidValueError(f"{type(self).__name__} does not say what it makes (field)")

    def remember(self, memory: Any, field: Any, place: Place) -> Any:
        """Return the memory after the effect has acted; `memory` must not be changed in place.

        Args:
            field: what `field` returned here.
        """
        return memory

    def apply(self, state: State, field: Any, place: Place) -> State:
        """Apply the field to particles of the beam or to test particles.

        Args:
            state: their coordinates, after `admit`.
            place: as for `field`.
        """
        raise InvalidValueError(f"{type(self).__name__} does not say what it does (apply)")

    def left(self, state: State) -> tuple[Tensor, str] | None:
        """Mask the particles that would be lost as no grid of the effect is where they are.

        Args:
            state: columns of coordinates of lost particles.

        Asked of lost particles after tracking, for a warning. None where what the effect loses is
        lost to walls of the machine, or nothing is.

        Returns:
            The mask, and what they left, in words.
        """
        return None

    def apply_in_place(
        self, columns: Sequence[NDArray[Any]], alive: Tensor, field: Any, place: Place
    ) -> bool:
        """Do what `apply` does to plain numbers, six columns (N,), in place.

        Args:
            alive, field, place: those of `apply`.

        Returns:
            Whether it has been done, no particle being lost; by default it has not, and `apply` is
            asked. It spares memory and half the time of a kick that is no more than some passes.
        """
        return False

    def transport(self, state: State, reference: Reference, place: Place) -> State:
        """Act by maps (`state.apply`), as an element does; of effects that are `by_maps`.

        Args:
            reference: the particle that coordinates count from here.
            place: as for `field`.
        """
        raise InvalidValueError(f"{type(self).__name__} is no effect of maps (transport)")

    def fused(self) -> MeshKick | None:
        """Describe the kick for compiled kernels, if they can do what the effect does."""
        return None


def slices_by_step(element: Element, max_step: float | Mapping[str, float]) -> int:
    """The fewest slices of an element no longer than a step, which may depend on its kind.

    An element of zero length that could be longer has one slice, so that the slope by its length
    contains the effect.
    """
    step = max_step
    if isinstance(step, Mapping):
        step = step.get(type(element).__name__, min(step.values()))
    return max(int("length" in element.knobs), count_slices(to_float(element.length), step))


def require_max_step(max_step: Any) -> None:
    """Raise InvalidValueError for what is no length of slices, nor one per element kind."""
    steps = max_step if isinstance(max_step, Mapping) else {"max_step": max_step}
    if not steps:
        raise InvalidValueError("max_step is empty; give a length, or one per element kind")
    for kind, step in steps.items():
        if isinstance(max_step, Mapping):
            require_known("element kind", kind, kinds())
        if isinstance(step, Tensor):
            raise wrong("max_step", step, "a plain number", "no derivative goes through counts")
        require_real(kind if step is max_step else f"max_step of {kind}", step, above=0)


def require_effects(effects: Sequence[CollectiveEffect]) -> None:
    """Raise InvalidValueError for what is no list of effects."""
    if isinstance(effects, tuple) and not effects:
        return
    methods = tuple(n for n in vars(CollectiveEffect) if not n.startswith("_"))
    example = "a list, such as effects=[SpaceCharge()]; of one effect, effects=[effect]"
    require_instances("effects", effects, methods, "an effect, such as SpaceCharge()", example)


def require_differentiable(effects: Sequence[CollectiveEffect]) -> None:
    """Raise InvalidValueError for an effect that has no derivative."""
    for effect in effects:
        effect.check_differentiable()
