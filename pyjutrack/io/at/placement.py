"""Displacements, rolls and turns of AT's elements, as ours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..record import Say
from .element import AtElement

Fields = dict[str, Any]


def fields_of(source: AtElement, say: Say) -> Fields:
    """Name, displacement and roll."""
    return {"name": source.name, **placement(source, say)}


def placement(source: AtElement, say: Say) -> Fields:
    """Displacement and roll, from AT's own record of them or from T1, T2, R1 and R2."""
    names = {"dx": "dx", "dy": "dy", "dz": "dz", "pitch": "x_rot", "yaw": "y_rot"}
    names |= {"tilt": "z_rot", "tilt_frame": "tilt"}
    given = {ours: source.number(theirs) for theirs, ours in names.items()}
    given = {name: value for name, value in given.items() if value}
    if given:
        if source.whole("reference", 0, 1) and {"x_rot", "y_rot"} & set(given):
            say("turned about its entrance; read as turned about its middle")
        if given.get("x_rot") and given.get("y_rot"):
            say("turned about x and y in AT's order; read in the order y, x, s")
        return given
    roll = _roll(source, say) if source.has("R1") or source.has("R2") else {}
    shift = _shift(source, say) if source.has("T1") or source.has("T2") else {}
    return roll | shift


def _roll(source: AtElement, say: Say) -> Fields:
    first, last = (
        np.reshape(source.numbers(r, 36), (6, 6), order="F") if source.has(r) else np.eye(6)
        for r in ("R1", "R2")
    )
    angle = math.atan2(first[0, 2], first[0, 0])
    c, s = math.cos(angle), math.sin(angle)
    rolled = np.diag([c, c, c, c, 1.0, 1.0])
    rolled[0, 2] = rolled[1, 3] = s
    rolled[2, 0] = rolled[3, 1] = -s
    if not (np.allclose(first, rolled, atol=1e-12) and np.allclose(last, rolled.T, atol=1e-12)):
        say("R1 and R2 are no pure roll; left out")
        return {}
    return {"tilt": angle} if angle else {}


def _shift(source: AtElement, say: Say) -> Fields:
    """T1 is -d + L s / 2 and T2 is d + L s / 2 in x and y, -s and s in px and py.

    d is the displacement of the middle, s the slope of the axis: that of a turn about y in x, and
    of a turn the other way about x in y.
    """
    first, last = (
        np.array(source.numbers(t, 6)) if source.has(t) else np.zeros(6) for t in ("T1", "T2")
    )
    if not (np.any(first) or np.any(last)):
        return {}
    slope = last[[1, 3]]
    turned = np.zeros(6)
    turned[[0, 2]] = source.length * slope
    if np.any(last[4:]) or not np.allclose(first + last, turned, rtol=1e-6, atol=1e-15):
        say("T1 and T2 are no displacement of a body; left out")
        return {}
    if np.any(slope):
        say("turned by T1 and T2, which shift px and py alike at every momentum; here they turn")
    if source.number("BendingAngle"):
        say("T1 and T2 shift both faces alike; read as a displacement of the body")
    dx, dy = (float(d) for d in (last - first)[[0, 2]] / 2)
    found = {"dx": dx, "dy": dy, "x_rot": -float(slope[1]), "y_rot": float(slope[0])}
    return {name: value for name, value in found.items() if value}
