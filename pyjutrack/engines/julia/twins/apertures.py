"""Openings: a drift without length, with JuTrack's rectangular and elliptical apertures."""

from __future__ import annotations

from ....beam.reference import Reference
from ....elements import Aperture
from ....elements.part import Part
from .base import Twin, Twins, refused, twin


@twin(Aperture)
def _(e: Aperture, part: Part, reference: Reference) -> Twins:
    rectangle = (-e.half_width, e.half_width, -e.half_height, e.half_height, 0.0, 0.0)
    shape = e.shape
    if shape in ("racetrack", "octagon") and not (e.corner_x and e.corner_y):
        shape = "rectangle"
    if shape == "rectangle":
        return (Twin("DRIFT", {"len": 0.0, "RApertures": rectangle}),)
    if shape == "ellipse":
        return (Twin("DRIFT", {"len": 0.0, "EApertures": _ellipse(e.half_width, e.half_height)}),)
    if shape == "rectellipse":
        ellipse = _ellipse(e.radius_x, e.radius_y)
        return (Twin("DRIFT", {"len": 0.0, "RApertures": rectangle, "EApertures": ellipse}),)
    raise refused(
        e,
        f"JuTrack's openings are rectangles, ellipses, and both at once, not a {shape}",
        "take one of these",
    )


def _ellipse(half_width: float, half_height: float) -> tuple[float, ...]:
    return (half_width, half_height, 0.0, 0.0, 0.0, 0.0)
