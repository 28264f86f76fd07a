"""Rigid motions of frames: what a displaced element is."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...core.scalars import Number
from .. import Bend, Element

Vector = tuple[Any, Any, Any]


class Frame(NamedTuple):
    """Where a frame stands in another: its origin [m], and its axes x, y, s as triples."""

    origin: Vector
    axes: tuple[Vector, Vector, Vector]


HERE = Frame((0.0, 0.0, 0.0), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))


def then(outer: Frame, inner: Frame) -> Frame:
    """A frame that stands in `outer` as `inner` tells."""
    origin = _combined(inner.origin, outer.axes)
    axes = tuple(_combined(axis, outer.axes) for axis in inner.axes)
    return Frame(tuple(a + b for a, b in zip(outer.origin, origin, strict=True)), axes)  # type: ignore[arg-type]


def inverse(frame: Frame) -> Frame:
    """The outer frame as seen from the inner one."""
    axes = tuple(zip(*frame.axes, strict=True))
    away = tuple(-p for p in frame.origin)
    return Frame(tuple(_dot(away, axis) for axis in frame.axes), axes)  # type: ignore[arg-type]


def displacement(element: Element) -> Frame:
    """Translation, and then rotations about y, x and s."""
    turn = then(
        then(_turn(element.y_rot, 2, 0), _turn(element.x_rot, 1, 2)), _turn(element.z_rot, 0, 1)
    )
    return Frame((element.dx, element.dy, element.dz), turn.axes)


def rolled(angle: Number) -> Frame:
    """A roll about s."""
    return _turn(angle, 0, 1)


def along(element: Element, place: float) -> Frame:
    """The frame of the design orbit at a place in an element, from 0 to 1, as seen at its start."""
    length: Any = element.length * place
    if not isinstance(element, Bend):
        return Frame((0.0, 0.0, length), HERE.axes)
    return _arc(length, element.angle * place)


def middle(element: Element) -> Frame:
    """The middle between both ends, with the orbit's direction half way."""
    if not isinstance(element, Bend):
        return along(element, 0.5)
    whole, half = along(element, 1.0), along(element, 0.5)
    return Frame(tuple(p / 2 for p in whole.origin), half.axes)  # type: ignore[arg-type]


def _arc(length: Any, angle: Number) -> Frame:
    """The end of an arc that turns towards -x."""
    chord = length * _sinc(angle / 2)
    cosine, sine = cos_sin(angle / 2)
    return Frame((-chord * sine, 0.0, chord * cosine), _turn(-angle, 2, 0).axes)


def _turn(angle: Number, one: int, other: int) -> Frame:
    """A rotation by which axis `one` moves towards axis `other`."""
    if isinstance(angle, float) and angle == 0:
        return HERE
    cosine, sine = cos_sin(angle)
    axes: list[list[Any]] = [list(axis) for axis in HERE.axes]
    axes[one][one] = axes[other][other] = cosine
    axes[one][other], axes[other][one] = sine, -sine
    return Frame(HERE.origin, tuple(tuple(a) for a in axes))  # type: ignore[arg-type]


def _combined(weights: Any, axes: Any) -> Any:
    return tuple(sum(w * axis[i] for w, axis in zip(weights, axes, strict=True)) for i in range(3))


def _dot(a: Any, b: Any) -> Any:
    return sum(p * q for p, q in zip(a, b, strict=True))


def cos_sin(angle: Number) -> tuple[Any, Any]:
    """Of a float or a tensor."""
    if isinstance(angle, Tensor):
        return angle.cos(), angle.sin()
    return math.cos(angle), math.sin(angle)


def _sinc(angle: Number) -> Any:
    if isinstance(angle, Tensor):
        return torch.sinc(angle / math.pi)
    return math.sin(angle) / angle if angle else 1.0
