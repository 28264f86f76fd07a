"""Back through elements: every map has an inverse, told by its own parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...beam.reference import Reference
from ...maps.apply import apply_map
from ...maps.compiled import COMPILED_MAPS
from ...maps.program import NotRecordedError, Recorder
from .. import Element
from .apply import kick
from .base import Part, State
from .geometry import Frame, inverse
from .placement import advance

Parameters = tuple[Any, ...]
#: a map by name, and its parameters
Operation = tuple[str, Parameters]


def retreat(element: Element, state: State, reference: Reference, part: Part) -> State:
    """Where particles were before `advance` brought them through a part of an element.

    Of those alive behind it; the others keep their coordinates. To rounding, and without
    derivatives.

    Args:
        reference: in front of the element.

    Raises:
        NotRecordedError: the element is moved by a function of a user's own, whose inverse nobody
            knows; see `has_inverse`.
    """
    return all_undone(taped(element, reference, part), state)


def has_inverse(element: Element, reference: Reference, part: Part) -> bool:
    """Whether `retreat` knows the way back through a part of an element."""
    try:
        taped(element, reference, part)
    except NotRecordedError:
        return False
    return True


#: maps that add to momenta what depends on places alone
_KICKS = ("multipole_kick", "potential_kick")


def is_kick(operations: Sequence[Operation]) -> bool:
    """Whether all that is done is one kick by what depends on places."""
    return len(operations) == 1 and operations[0][0] in _KICKS


class _Tape(Recorder):
    """Notes operations with their parameters as they are, tensors among them."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def record(self, name: str, *parameters: Any) -> Any:
        self.operations.append((name, parameters))
        return self


def taped(element: Element, reference: Reference, part: Part) -> list[Operation]:
    """What is done to particles in a part of an element."""
    tape: Any = _Tape()
    advance(element, tape, reference, part)
    found: list[Operation] = tape.operations
    return found


def all_undone(operations: Sequence[Operation], state: State) -> State:
    """Particles in front of operations."""
    for name, parameters in reversed(operations):
        state = undone(name, parameters, state)
    return state


def undone(name: str, parameters: Parameters, state: State) -> State:
    """Particles in front of an operation."""
    if name.startswith("in_"):  # an opening moves nobody
        return state
    if name == "edge_fringe":
        return _iterated(name, parameters, state)
    back = way_back(name, parameters)
    if name in COMPILED_MAPS:
        *own, beta0 = back
        return State(
            apply_map(name, state.coordinates, state.alive, tuple(own), (beta0,)), state.alive
        )
    return kick(name, state, *back)


def way_back(name: str, parameters: Parameters) -> Parameters:
    """The parameters with which a map undoes itself."""
    return _BACK[name](*parameters)


#: the fringe moves a particle by k0 y^2: each iteration gains three digits and more
_ITERATIONS = 8


def _iterated(name: str, parameters: Parameters, end: State) -> State:
    """The inverse of a map close to the identity, by fixed-point iteration."""
    guess = end
    for _ in range(_ITERATIONS):
        reached = kick(name, guess, *parameters)
        columns = zip(guess.coordinates, end.coordinates, reached.coordinates, strict=True)
        guess = State(tuple(g + (e - r) for g, e, r in columns), end.alive)
    return guess


def _other_way(length: Any, *rest: Any) -> Parameters:
    return (-length, *rest)


def _arc_back(length: Any, angle: Any, *rest: Any) -> Parameters:
    return (-length, -angle, *rest)


def _opposite(*strengths: Any) -> Parameters:
    return tuple(-s for s in strengths)


def _frame_back(shift: Any, axes: Any, path: Any, beta0: float) -> Parameters:
    back = inverse(Frame(shift, axes))
    return back.origin, back.axes, -path, beta0


#: parameters of a map -> parameters with which the same map undoes it
_BACK: dict[str, Callable[..., Parameters]] = {
    "drift": _other_way,
    "drift_paraxial": _other_way,
    "quadrupole": _other_way,
    "skew_quadrupole": _other_way,
    "solenoid": _other_way,
    "bend": _arc_back,
    "bend_linear": _arc_back,
    "bend_kick": _opposite,
    "curved_quadrupole_kick": _opposite,
    # the gap's correction has the sign of the field, so it must turn with the face
    "edge_linear": lambda face, k0, fint, hgap: (-face, k0, -fint, hgap),
    # energies change at a fixed time, so the wave has the same phase on the way back
    "rf_kick": _other_way,
    "crab_kick": _other_way,
    "rescale": lambda ratio: (1 / ratio,),
    "roll": lambda cosine, sine: (cosine, -sine),
    "patch": _frame_back,
    "potential_kick": lambda form, weights, strength: (form, weights, -strength),
    "multipole_kick": lambda knl, ksl: (_opposite(*knl), _opposite(*ksl)),
}
