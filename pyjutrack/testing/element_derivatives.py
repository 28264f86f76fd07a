"""Derivatives by the knobs of an element against differences of values."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..beam.beam import Beam
from ..beam.reference import Reference
from ..core.scalars import to_float
from ..elements import Element
from ..engines.derivatives import gradient
from ..engines.track import track
from ..lattice.lattice import Lattice
from .comparison import differences, require_close

#: by which the knobs of the element are addressed
NAME = "checked"
_WAYS: tuple[dict[str, Any], ...] = (
    {"mode": "reverse", "adjoint": "store"},
    {"mode": "reverse", "adjoint": "checkpoint"},
    {"mode": "reverse", "adjoint": "reversible"},
    {"mode": "forward"},
)


def _knobs(element: Element) -> Iterator[tuple[str, float, Any]]:
    """Address, value, and what makes the element with another value."""
    for field in (*element.knobs, "tilt", "dx", "y_rot"):
        value: Any = getattr(element, field)
        if isinstance(value, tuple):
            for i, entry in enumerate(value):

                def entries(number: Any, field: str = field, i: int = i) -> Element:
                    old = getattr(element, field)
                    changes: Any = {field: (*old[:i], number, *old[i + 1 :])}
                    return dataclasses.replace(element, **changes)

                yield f"{NAME}.{field}[{i}]", to_float(entry), entries
            continue

        def make(number: Any, field: str = field) -> Element:
            return dataclasses.replace(element, **{field: number})

        yield f"{NAME}.{field}", to_float(value), make


def check_gradients(element: Element, reference: Reference, start: Tensor) -> None:
    """Check the slopes by every knob of an element named NAME, in every mode."""
    weights = torch.as_tensor(np.random.default_rng(2).normal(size=tuple(start.shape)))

    def objective(final: Beam) -> Tensor:
        return (torch.where(final.alive.unsqueeze(-1), final.coordinates, 0.0) * weights).sum()

    for address, usual, make in _knobs(element):
        field = address.split(".")[1].split("[")[0]
        for value in {usual, 0.0}:
            if value == 0 and usual != 0 and not _can_be_zero(field, make, reference, start):
                continue
            here, step = make(value), 1e-4 * max(abs(usual), 1e-2)
            beam = Beam(reference, start)

            def evaluate_at(number: float, make: Any = make, beam: Beam = beam) -> float:
                return float(objective(track(Lattice([make(number)]), beam)))

            one_sided = field == "length" and value == 0
            slope, bound = differences(evaluate_at, value, step, one_sided=one_sided)
            for way in _WAYS:
                found = gradient(objective, Lattice([here]), beam, wrt=[address], **way)
                tolerance = 2 * bound + 1e-7 * abs(float(slope)) + 1e-12
                what = f"d/d {field} at {value:g}, {' '.join(map(str, way.values()))}"
                remedy = f"use {field} as it is, without float() or a branch on its value"
                if not np.isfinite(found).all():
                    remedy = f"write the map without a division by {field}, so that it has a slope"
                require_close(what, found[0], slope, tolerance, remedy)


def _can_be_zero(field: str, make: Any, reference: Reference, start: Tensor) -> bool:
    """Return whether a knob can be zero, and log why not."""
    try:
        alive = track(Lattice([make(0.0)]), Beam(reference, start)).alive
    except Exception as error:  # it says so in its own way
        cause = str(error)
    else:
        if alive.any():
            return True
        cause = (
            "every particle is lost there. If it should be possible, write the map without a "
            f"division by {field}"
        )
    logging.getLogger("pyjutrack").warning(
        "check_element: %s is not tried at zero: %s", field, cause
    )
    return False
