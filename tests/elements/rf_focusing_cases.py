"""A cavity that focuses, and particles for it."""

from __future__ import annotations

from typing import Any

import pyjutrack as pj

PROTON = pj.Reference.from_kinetic("proton", 2.5e8)
ELECTRON = pj.Reference.from_kinetic("electron", 5e6)


def cavity(
    length: float = 1.0, voltage: float = 20e6, phase: float = 1.3, **options: Any
) -> pj.RFCavity:
    options = {"frequency": 1.3e9, "accelerate": True, "focusing": "standing-wave", **options}
    return pj.RFCavity(length, voltage, phase=phase, name="c", **options)
