"""Tracking: maps of elements, and kicks of collective effects between their slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from .adjoint import ADJOINTS
from .beam import Beam, check_beam, require_beam
from .checks import require_instances, require_whole
from .engines import Engine, Task, engine_of
from .errors import InvalidValueError, require_known
from .lattice import Lattice, require_lattice
from .loss_warning import warn_if_differentiable
from .moments import survivors
from .number import Number, detached
from .soft_apertures import require_weighing
from .transforms import uncompiled
from .transport import State, slices
from .walk import Plan


class Kick(Protocol):
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


def plan(lattice: Lattice, kicks: Sequence[Kick]) -> Plan:
    """How many slices each element is cut into: the fewest no longer than any kick's step.

    Made once from the lattice as given, so that differentiating by a length never changes it. An
    element of zero length that could be longer has one slice, so that the slope by its length
    contains the kicks; `Walk` gives it none while the length is a plain zero.
    """
    if not kicks:
        return (0,) * len(lattice)
    counts = []
    for element in lattice:
        length, kind = detached(element.length), type(element).__name__
        least = 1 if "length" in element.knobs else 0
        counts.append(max(least, *(slices(length, _step(k, kind)) for k in kicks)))
    return tuple(counts)


def _step(kick: Kick, kind: str) -> float:
    steps = kick.max_step
    if not isinstance(steps, Mapping):
        return steps
    if kind not in steps:
        return min(steps.values())
    return steps[kind]


@uncompiled
def track(
    lattice: Lattice,
    beam: Beam,
    *,
    kicks: Sequence[Kick] = (),
    turns: int = 1,
    engine: str | Engine = "native",
    adjoint: str = "auto",
) -> Beam:
    """Track a beam through a lattice.

    Each element is cut into slices no longer than the kicks ask for, or by less than a thousandth;
    a slice is half its map, the kicks, and the other half: second order in the step, symplectic at
    any step. With the native engine differentiable in every tensor among the parameters of the
    lattice, the beam and the kicks, by autograd and by `torch.func`.

    Args:
        lattice: what to track through.
        beam: what to track; it is left as it is.
        kicks: collective effects, applied in their order in the middle of every slice.
        turns: how often to pass the lattice.
        engine: "native", or "julia" for JuTrack.
        adjoint: how a later reverse pass goes back through a native tracking. "store" keeps what
            every slice needs, some 130 bytes a particle. "reversible" reconstructs the beam on the
            way back, in memory that does not grow with the slices, for some more time.
            "checkpoint" runs the way once more from kept beams, their number the square root of
            the slices, and asks nothing of the kicks. "auto" stores up to 1 GiB, and beyond that
            takes "reversible" where the kicks allow it and precision is double. The last two give
            first derivatives by autograd, of whatever "store" gives them. `gradient`, which needs
            no more, takes "reversible" for space charge at any size: it is also the fastest.

    Returns:
        The beam at the end. Lost particles are marked in `alive` and keep the coordinates at
        which they were lost.

    Raises:
        InvalidValueError: non-finite coordinates, a negative current, turns below 1, a beam larger
            than the box of a kick.

    Warns:
        LossWarning: the beam at the end carries derivatives, and particles were lost at sharp
            edges: which ones is held fixed. Soft apertures are part of a derivative; see
            `Aperture`.
    """
    chosen = engine_of(engine)
    end = chosen.track(task_of(lattice, beam, kicks, turns, adjoint))
    warn_if_differentiable(beam, [end])
    return end


def task_of(
    lattice: Lattice, beam: Beam, kicks: Sequence[Kick], turns: int, adjoint: str = "auto"
) -> Task:
    """What an engine is asked to track, checked."""
    require_known("adjoint", adjoint, ADJOINTS)
    check_track(lattice, beam, kicks, turns)
    return Task(lattice, beam, tuple(kicks), int(turns), plan(lattice, kicks), adjoint)


def check_track(lattice: Lattice, beam: Beam, kicks: Sequence[Kick], turns: int) -> None:
    """The checks of `track`."""
    require_lattice(lattice)
    require_beam(beam)
    require_whole("turns", turns, 1)
    require_kicks(kicks)
    check_beam(beam)
    if not bool(survivors(beam).any()):
        raise InvalidValueError("no particle of the beam is alive")
    require_weighing(lattice, beam, kicks)
    for kick in kicks:
        kick.check(beam)


def require_kicks(kicks: Sequence[Kick]) -> None:
    """Raise InvalidValueError for what is no list of kicks."""
    methods = ("max_step", "check", "admit", "field", "apply")
    example = "a list, such as kicks=[SpaceCharge()]; of one kick, kicks=[kick]"
    require_instances("kicks", kicks, methods, "a kick, such as SpaceCharge()", example)
