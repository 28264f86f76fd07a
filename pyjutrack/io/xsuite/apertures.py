"""Openings of Xsuite."""

from __future__ import annotations

import math

from ...elements import Aperture
from ..builder import Fields
from .source import Piece, Source

#: what Xsuite writes for no limit [m]
UNLIMITED = 1e10
#: beyond what no particle lives: where the other side has a limit [m]
_FAR = 1e3


def read_rectangle(source: Source) -> list[Piece]:
    return [Piece(Aperture, _box(source))]


def read_racetrack(source: Source) -> list[Piece]:
    corners = {f"corner_{p}": _size(source, n, 0.0) for p, n in (("x", "a"), ("y", "b"))}
    return [Piece(Aperture, {**_box(source), "shape": "racetrack", **corners})]


def read_ellipse(source: Source) -> list[Piece]:
    return [_ellipse(source)]


def read_rectellipse(source: Source) -> list[Piece]:
    width, height = (_limit(_size(source, n, UNLIMITED)) for n in ("max_x", "max_y"))
    radii = dict(zip(("radius_x", "radius_y"), _half_axes(source), strict=True))
    box = {"half_width": width, "half_height": height}
    return [Piece(Aperture, {**box, **radii, "shape": "rectellipse"})]


def read_polygon(source: Source) -> list[Piece]:
    source.ignore("x_normal", "y_normal", "resc_fac")
    columns = [
        [source.value(entry) for entry in source.series(name, whole=True)]
        for name in ("x_vertices", "y_vertices")
    ]
    if len(columns[0]) != len(columns[1]):
        raise ValueError("x_vertices and y_vertices differ in length")
    corners = tuple(zip(*columns, strict=True))
    return [Piece(Aperture, {"shape": "polygon", "vertices": corners})]


def _half_axes(source: Source) -> list[float]:
    source.ignore("a_b_squ")
    sizes = []
    for name in ("a", "b"):
        square = _size(source, f"{name}_squ", UNLIMITED**2)
        sizes.append(_limit(_size(source, name, math.sqrt(max(square, 0.0)))))
    return sizes


def _ellipse(source: Source) -> Piece:
    width, height = _half_axes(source)
    return Piece(Aperture, {"half_width": width, "half_height": height, "shape": "ellipse"})


def _box(source: Source) -> Fields:
    fields: Fields = {}
    for axis, half, move in (("x", "half_width", "dx"), ("y", "half_height", "dy")):
        low, high = (
            _size(source, f"{end}_{axis}", sign * UNLIMITED)
            for end, sign in (("min", -1), ("max", 1))
        )
        if math.isinf(_limit(low)) and math.isinf(_limit(high)):
            fields[half] = math.inf
            continue
        low, high = max(low, -_FAR), min(high, _FAR)
        fields[half], fields[move] = (high - low) / 2, (high + low) / 2
    return fields


def _size(source: Source, name: str, default: float) -> float:
    """A size, which is no knob: a number, whatever it is computed from."""
    found = source.number(name, default)
    if not isinstance(found, float):
        source.say(f"{name} = {found} is read as its value: sizes of openings are no knobs")
    return source.value(found)


def _limit(size: float) -> float:
    return size if abs(size) < UNLIMITED else math.copysign(math.inf, size)
