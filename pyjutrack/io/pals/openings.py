"""Apertures of PALS."""

from __future__ import annotations

import math
from typing import Any

from ...elements import Aperture
from ...lattice.expressions import Formula
from .placement import placement
from .source import Made, Source, states_own_kind


def opening(source: Source) -> Made | None:
    """The opening of ApertureP, or None."""
    group = source.group("ApertureP")
    if not group.table or not group.choice("aperture_active", True, (True, False)):
        group.asked.update(group.table)
        return None
    group.asked.update(("material", "thickness", "location", "vertices"))
    shape = group.table.get("shape") or "ELLIPTICAL"
    group.asked.add("shape")
    if shape not in ("RECTANGULAR", "ELLIPTICAL"):
        group.asked.update(group.table)
        if not states_own_kind(source):
            source.say(f"ApertureP.shape = {shape} has no counterpart; left out")
        return None
    moves = group.choice("aperture_shifts_with_body", False, (True, False))
    shift: dict[str, Formula] = placement(source) if moves else {}
    if not moves and source.kind == "Mask":
        source.group("BodyShiftP")
    half: dict[str, Any] = {}
    for axis, size in (("x", "half_width"), ("y", "half_height")):
        low, high = group.number(f"{axis}_min", -math.inf), group.number(f"{axis}_max", math.inf)
        centre, width = group.number(f"{axis}_center"), group.number(f"{axis}_width", math.inf)
        if math.isfinite(source.value(width)):
            low, high = centre - width / 2, centre + width / 2
        closed = [math.isfinite(source.value(side)) for side in (low, high)]
        if all(closed):
            half[size] = (high - low) / 2
            shift[f"d{axis}"] = shift.get(f"d{axis}", 0.0) + (high + low) / 2
        elif any(closed):
            source.say(f"ApertureP is open on one side in {axis}; read as open on both")
    if shape == "ELLIPTICAL" and len(half) < 2:
        source.say("an elliptical aperture without all four limits is not active; left out")
        return None
    words = {"RECTANGULAR": "rectangle", "ELLIPTICAL": "ellipse"}
    return source.make(Aperture, **half, shape=words[shape], **shift)
