"""Changes of the frame by JuTrack's elements: shifts, drifts to a plane, rotations, matrices."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ....core.scalars import Number, carries, cos_sin, is_zero, vanishes
from ....elements.geometry import Frame
from .base import Twin, Twins

Vector = tuple[Number, ...]
Matrix = tuple[Vector, ...]

#: JuTrack leaves out rotations and shifts that are zero, and with them their slopes: these are made
#: of two that are not
_ASIDE = 0.01
#: of a float angle or shift that rounding makes of none
_ROUNDING = 1e-15


def matrix(*entries: tuple[int, int, Number]) -> Matrix:
    """The identity with other entries at (row, column) from 1."""
    rows: list[list[Number]] = [[float(i == j) for j in range(6)] for i in range(6)]
    for i, j, value in entries:
        rows[i - 1][j - 1] = value
    return tuple(map(tuple, rows))


def roll_matrix(angle: Number) -> Matrix:
    """Coordinates in a frame rolled about s."""
    cosine, sine = cos_sin(angle)
    plane = [(1, 1), (2, 2), (3, 3), (4, 4)]
    across = [(1, 3, sine), (2, 4, sine), (3, 1, -sine), (4, 2, -sine)]
    return matrix(*((i, j, cosine) for i, j in plane), *across)


def affine(rows: Matrix, shift: Vector = (0.0,) * 6) -> Twins:
    """A linear map and a shift after it, by a drift without length."""
    if all(map(is_zero, shift)):
        return (Twin("DRIFT", {"len": 0.0, "R1": rows}),)
    if all(map(vanishes, shift)):
        beside = tuple(k + _ASIDE for k in shift)
        fields = {"len": 0.0, "R1": rows, "T2": beside}
        return Twin("DRIFT", fields), Twin("DRIFT", {"len": 0.0, "T2": (-_ASIDE,) * 6})
    return (Twin("DRIFT", {"len": 0.0, "R1": rows, "T2": shift}),)


def rolled(angle: Number) -> Twins:
    """Into a frame rolled about s."""
    return () if _is_none(angle) else affine(roll_matrix(angle))


def shifted(dx: Number, dy: Number) -> Twins:
    """Into a frame that stands elsewhere."""
    if _is_none(dx) and _is_none(dy):
        return ()
    return (Twin("TRANSLATION", {"dx": dx, "dy": dy}),)


def moved_along(ds: Number, path: Number) -> Twins:
    """To a plane farther along s; `path` is that of the reference to it."""
    if _is_none(ds):
        return ()
    drift = Twin("DRIFT", {"len": ds}, path)
    if path is ds:
        return (drift,)
    return (drift, *affine(matrix(), (0.0, 0.0, 0.0, 0.0, ds - path, 0.0)))


def turned_about_y(angle: Number) -> Twins:
    """Into a frame whose s turns towards x."""
    if _is_none(angle):
        return ()
    if carries(angle) and vanishes(angle):
        return Twin("YROTATION", {"angle": angle + _ASIDE}), Twin("YROTATION", {"angle": -_ASIDE})
    return (Twin("YROTATION", {"angle": angle}),)


def turned_about_x(angle: Number) -> Twins:
    """Into a frame whose y turns towards s."""
    turn = turned_about_y(-angle)
    return (*rolled(math.pi / 2), *turn, *rolled(-math.pi / 2)) if turn else ()


def entered(frame: Frame, path: Number = 0.0) -> Twins:
    """Into another frame, at its plane s = 0; `path` is that of the reference to it.

    Any rotation is one about y, then one about x, then a roll.
    """
    (x, y, s), axes = frame
    about_y, about_x = _arctangent(axes[2][0], axes[2][2]), -_arcsine(axes[2][1])
    return (
        *shifted(x, y),
        *moved_along(s, path),
        *turned_about_y(about_y),
        *turned_about_x(about_x),
        *rolled(roll_of(frame)),
    )


def roll_of(frame: Frame) -> Number:
    """The roll that is left when a frame's s is turned to where it was."""
    return _arctangent(frame.axes[0][1], frame.axes[1][1])


def is_in_plane(frame: Frame) -> bool:
    """Whether a frame is shifted and rolled only, by numbers that may all vary."""
    (x, y, s), axes = frame
    upright = _is_none(s) and all(map(_is_none, (axes[2][0], axes[2][1])))
    return upright and (not (vanishes(x) and vanishes(y)) or (_is_none(x) and _is_none(y)))


def _is_none(value: Number) -> bool:
    return not isinstance(value, Tensor) and abs(value) < _ROUNDING


def _arctangent(up: Any, across: Any) -> Number:
    if isinstance(up, Tensor) or isinstance(across, Tensor):
        up, across = (torch.as_tensor(u, dtype=torch.float64) for u in (up, across))
        return torch.atan2(up, across)
    return math.atan2(up, across)


def _arcsine(value: Any) -> Number:
    return value.asin() if isinstance(value, Tensor) else math.asin(value)
