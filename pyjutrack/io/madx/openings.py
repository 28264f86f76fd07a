"""Apertures of MAD: shapes, and collimators. Source: MAD-X user's reference manual, APERTURE."""

from __future__ import annotations

import math
from typing import Any

from ...elements import Aperture, Element
from ..errors import clip
from .source import MadSource as Source

#: parameters of our shapes by MAD's APERTYPE, in the order of APERTURE; "" for what is angles
_SHAPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "circle": ("ellipse", ("half_width",)),
    "ellipse": ("ellipse", ("half_width", "half_height")),
    "rectangle": ("rectangle", ("half_width", "half_height")),
    "rectellipse": ("rectellipse", ("half_width", "half_height", "radius_x", "radius_y")),
    "lhcscreen": ("rectellipse", ("half_width", "half_height", "radius_x")),
    "racetrack": ("racetrack", ("half_width", "half_height", "corner_x", "corner_y")),
    "octagon": ("octagon", ("half_width", "half_height")),
}
#: MAD's collimators without APERTYPE, by their XSIZE and YSIZE
_OLD = {"ecollimator": "ellipse", "rcollimator": "rectangle"}


def openings(source: Source) -> list[Element]:
    """The openings at both ends of a collimator; none where the file gives no size."""
    shape, sizes = _shape(source)
    if not shape:
        return []
    offsets = [source.value(v) for v in source.numbers("aper_offset")] or [0.0]
    where = dict(zip(("dx", "dy"), offsets, strict=False))
    fields: dict[str, Any] = {"shape": shape, **sizes, **where}
    return [
        source.make_named(f"{source.definition.name}_{end}", Aperture, **fields)
        for end in ("entrance", "exit")
    ]


def _shape(source: Source) -> tuple[str, dict[str, float]]:
    """Our shape and its sizes; an empty shape for none."""
    kind, values = source.word("apertype"), [source.value(v) for v in source.numbers("aperture")]
    if not any(values):
        values = [source.value(source.number(name)) for name in ("xsize", "ysize")]
        kind = _OLD.get(source.definition.base, "rectangle")
    if not any(values):
        return "", {}
    kind = kind or "circle"
    if kind not in _SHAPES:
        source.say(f"apertype = {clip(kind)} has no counterpart; its opening is left out")
        return "", {}
    shape, names = _SHAPES[kind]
    sizes = {name: value for name, value in zip(names, values, strict=False) if value > 0}
    if kind == "circle":
        sizes["half_height"] = sizes["half_width"]
    if kind == "lhcscreen":
        sizes["radius_y"] = sizes["radius_x"]
    if kind == "racetrack":  # MAD adds the corners to a rectangle of straight sides
        sizes.setdefault("corner_y", sizes.get("corner_x", 0.0))
        sizes["half_width"] = sizes.get("half_width", 0.0) + sizes.get("corner_x", 0.0)
        sizes["half_height"] = sizes.get("half_height", 0.0) + sizes["corner_y"]
    if kind == "octagon" and len(values) > 3:
        wide, high, first, second = values[:4]  # where the corners are cut, as angles
        if not 0 <= first <= second <= 0.5 * math.pi or not second:
            raise ValueError(
                f"angles {first:g}, {second:g} of an octagon; give 0 <= a <= b <= pi/2"
            )
        sizes["corner_y"] = high - wide * math.tan(first)
        sizes["corner_x"] = wide - high / math.tan(second)
    return shape, sizes
