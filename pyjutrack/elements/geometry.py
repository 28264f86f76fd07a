"""Rigid motions of frames: what a displaced element is."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .. import maps
from ..beam.reference import Reference
from ..core.scalars import Number, cos_sin, is_zero
from ..maps.state import State
from .base import Element

Vector = tuple[Any, Any, Any]


class Frame(NamedTuple):
    """A frame seen from another: its origin [m], and its axes x, y, s as triples."""

    origin: Vector
    axes: tuple[Vector, Vector, Vector]


IDENTITY = Frame((0.0, 0.0, 0.0), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))


def compose(outer: Frame, inner: Frame) -> Frame:
    """The frame whose place in `outer` is `inner`."""
    origin = _combine(inner.origin, outer.axes)
    axes = tuple(_combine(axis, outer.axes) for axis in inner.axes)
    return Frame(tuple(a + b for a, b in zip(outer.origin, origin, strict=True)), axes)  # type: ignore[arg-type]


def invert(frame: Frame) -> Frame:
    """The outer frame as seen from the inner one."""
    axes = tuple(zip(*frame.axes, strict=True))
    away = tuple(-p for p in frame.origin)
    return Frame(tuple(_dot(away, axis) for axis in frame.axes), axes)  # type: ignore[arg-type]


def displacement(element: Element) -> Frame:
    """Translation, and then rotations about y, x and s."""
    turn = compose(
        compose(_turn(element.y_rot, 2, 0), _turn(element.x_rot, 1, 2)), _turn(element.z_rot, 0, 1)
    )
    return Frame((element.dx, element.dy, element.dz), turn.axes)


def roll(angle: Number) -> Frame:
    """A roll about s."""
    return _turn(angle, 0, 1)


def orbit_frame(element: Element, place: float) -> Frame:
    """The frame of the design orbit at a place in an element, from 0 to 1, seen from its start."""
    length: Any = element.length * place
    angle = element.bend_angle
    if is_zero(angle):
        return Frame((0.0, 0.0, length), IDENTITY.axes)
    return _arc(length, angle * place)


def middle_frame(element: Element) -> Frame:
    """The middle between both ends, with the orbit's direction half way."""
    whole, half = orbit_frame(element, 1.0), orbit_frame(element, 0.5)
    return Frame(tuple(p / 2 for p in whole.origin), half.axes)  # type: ignore[arg-type]


def _arc(length: Any, angle: Number) -> Frame:
    """The end of an arc that turns towards -x."""
    chord = length * _sinc(angle / 2)
    cosine, sine = cos_sin(angle / 2)
    return Frame((-chord * sine, 0.0, chord * cosine), _turn(-angle, 2, 0).axes)


def _turn(angle: Number, one: int, other: int) -> Frame:
    """A rotation by which axis `one` moves towards axis `other`."""
    if isinstance(angle, float) and angle == 0:
        return IDENTITY
    cosine, sine = cos_sin(angle)
    axes: list[list[Any]] = [list(axis) for axis in IDENTITY.axes]
    axes[one][one] = axes[other][other] = cosine
    axes[one][other], axes[other][one] = sine, -sine
    return Frame(IDENTITY.origin, tuple(tuple(a) for a in axes))  # type: ignore[arg-type]


def _combine(weights: Any, axes: Any) -> Any:
    return tuple(sum(w * axis[i] for w, axis in zip(weights, axes, strict=True)) for i in range(3))


def _dot(a: Any, b: Any) -> Any:
    return sum(p * q for p, q in zip(a, b, strict=True))


def _sinc(angle: Number) -> Any:
    if isinstance(angle, Tensor):
        return torch.sinc(angle / math.pi)
    return math.sin(angle) / angle if angle else 1.0


def enter_frame(state: State, reference: Reference, frame: Frame, path: Number) -> State:
    """Particles in another frame, at its plane s = 0, to which they drift.

    Args:
        path: of the reference particle to that plane [m].
    """
    return state.apply(maps.patch, frame.origin, frame.axes, path, reference.beta)
