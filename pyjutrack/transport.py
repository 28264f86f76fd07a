"""How each kind of element moves particles: from the record of parameters to the map."""

from __future__ import annotations

import math
from functools import singledispatch
from typing import NamedTuple

import torch
from torch import Tensor

from . import maps
from .compiled.element_maps import apply_map
from .elements import Drift, Element, Marker, Multipole, Quadrupole
from .errors import InvalidValueError
from .reference import Reference


class State(NamedTuple):
    """Particles while they are tracked: six columns, and which of them are alive."""

    coordinates: tuple[Tensor, ...]
    alive: Tensor


def passable(state: State) -> State:
    """Particles that no element can move are lost: delta <= -1, or no momentum left forward."""
    _, px, _, py, _, delta = (c.detach() for c in state.coordinates)
    forward = 1 + delta
    possible = (forward > 0) & (px * px + py * py < forward * forward)
    return State(state.coordinates, state.alive & possible)


@singledispatch
def transport(element: Element, state: State, reference: Reference, fraction: float) -> State:
    """Move particles through a fraction of an element's length.

    Register a function for a new kind of element with `transport.register`. Particles that are not
    alive must keep their coordinates.
    """
    raise InvalidValueError(f"no map is registered for elements of kind {type(element).__name__}")


@transport.register
def _(element: Marker, state: State, reference: Reference, fraction: float) -> State:
    return state


@transport.register
def _(element: Drift, state: State, reference: Reference, fraction: float) -> State:
    name = "drift" if element.model == "exact" else "drift_paraxial"
    return _compiled(name, state, reference, element.length * fraction)


@transport.register
def _(element: Quadrupole, state: State, reference: Reference, fraction: float) -> State:
    length = element.length * fraction
    if element.model == "linear":
        return _compiled("quadrupole", state, reference, length, element.k1)
    return _integrate(element.k1, length, element.steps, state, reference)


@transport.register
def _(element: Multipole, state: State, reference: Reference, fraction: float) -> State:
    knl = tuple(k * fraction for k in element.knl)
    ksl = tuple(k * fraction for k in element.ksl)
    return _kicked(state, knl, ksl)


def _compiled(name: str, state: State, reference: Reference, *parameters: float | Tensor) -> State:
    new = apply_map(name, state.coordinates, state.alive, parameters, (reference.beta,))
    return State(new, state.alive)


def _kicked(
    state: State, knl: tuple[float | Tensor, ...], ksl: tuple[float | Tensor, ...]
) -> State:
    x, px, y, py, z, delta = state.coordinates
    # a masked result is not enough: the backward pass would multiply its zero by a lost NaN
    at_x, at_y = (torch.where(state.alive, u, torch.zeros_like(u)) for u in (x, y))
    _, new_px, _, new_py, _, _ = maps.multipole_kick(at_x, px, at_y, py, z, delta, knl, ksl)
    px, py = torch.where(state.alive, new_px, px), torch.where(state.alive, new_py, py)
    return State((x, px, y, py, z, delta), state.alive)


# Source: E. Forest, R. Ruth, Fourth-order symplectic integration, Physica D 43 (1990) 105.
_FOREST_RUTH = 1 / (2 - 2 ** (1 / 3))
_FOREST_RUTH_DRIFTS = (
    _FOREST_RUTH / 2,
    (1 - _FOREST_RUTH) / 2,
    (1 - _FOREST_RUTH) / 2,
    _FOREST_RUTH / 2,
)
_FOREST_RUTH_KICKS = (_FOREST_RUTH, 1 - 2 * _FOREST_RUTH, _FOREST_RUTH)


def _integrate(
    k1: float | Tensor, length: float | Tensor, steps: int, state: State, reference: Reference
) -> State:
    """Drift-kick integration of a quadrupole, fourth order in the step."""
    step = length / steps
    for _ in range(steps):
        for i, drift in enumerate(_FOREST_RUTH_DRIFTS):
            state = _compiled("drift", state, reference, step * drift)
            if i < len(_FOREST_RUTH_KICKS):
                strength = k1 * step * _FOREST_RUTH_KICKS[i]
                state = _kicked(state, (0.0, strength), ())
    return state


def slices(length: float, max_step: float) -> int:
    """Number of equal slices no longer than a step; a length of zero has none."""
    if length == 0:
        return 0
    return max(1, math.ceil(length / max_step * (1 - 1e-12)))
