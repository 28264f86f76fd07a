"""Derivatives through a collective effect against differences of values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..beam.beam import Beam
from ..collective.base import CollectiveEffect
from ..core.errors import InvalidValueError
from ..core.scalars import to_float
from ..engines.derivatives import gradient, jacobian
from ..engines.track import track
from ..lattice.lattice import Lattice
from .comparison import CheckFailedError, differences, require_close, require_symplectic

_EFFECT = "effects[0]."
_NOT = "do not state `reversible` where it changes what its field is made of"


def _rebuild(record: Any, path: Sequence[str], number: float) -> Any:
    """Make a record anew with another number at the end of a path of fields."""
    first, *rest = path
    inner = _rebuild(getattr(record, first), rest, number) if rest else number
    return dataclasses.replace(record, **{first: inner})


def count_turns(effect: CollectiveEffect, beam: Beam) -> int:
    """How many turns show all that the effect does: with a memory, some."""
    return 1 if effect.start(beam) is None else 3


def intensity_name(beam: Beam) -> str:
    return "charge" if to_float(beam.charge) else "current"


def check_symplectic(effect: CollectiveEffect, beam: Beam, lattice: Lattice) -> None:
    """Check that the map of a test particle is symplectic."""
    at = beam.coordinates[0].detach().numpy()
    exact = jacobian(lattice, beam, effects=[effect], at=at)
    remedy = "derive the kicks from one potential, or do not state `reversible`"
    require_symplectic("symplecticity of a test particle", exact, 1e-10, remedy)


def check_gradients(
    effect: CollectiveEffect, beam: Beam, lattice: Lattice, knobs: Sequence[str], step: float
) -> None:
    """Check the slopes by knobs of the effect, the intensity and a length, in every mode."""
    effect.check_differentiable()
    # weights of the objective fall with the coordinates' sizes, so that none of them is hidden
    sizes = beam.coordinates.detach().nan_to_num().std(0) + 1e-30
    draw = torch.as_tensor(np.random.default_rng(2).normal(size=tuple(beam.coordinates.shape)))
    weights = draw / sizes / len(beam)

    turns = count_turns(effect, beam)

    def objective(final: Beam) -> Tensor:
        live = torch.where(final.alive.unsqueeze(-1), final.coordinates, 0.0)
        return (live * weights).sum()

    def evaluate_at(values: Mapping[str, float]) -> float:
        made = effect
        for address, number in values.items():
            if address.startswith(_EFFECT):
                made = _rebuild(made, address.removeprefix(_EFFECT).split("."), number)
        of_beam = {k.removeprefix("beam."): v for k, v in values.items() if k.startswith("beam.")}
        source = beam.replace(**of_beam)
        return float(objective(track(lattice, source, effects=[made], turns=turns)).detach())

    wanted = {f"beam.{intensity_name(beam)}": to_float(getattr(beam, intensity_name(beam)))}
    wanted |= {_EFFECT + name: to_float(attrgetter(name)(effect)) for name in knobs}
    ways: list[dict[str, Any]] = [{"mode": "reverse", "adjoint": "store"}, {"mode": "forward"}]
    if effect.start(beam) is None:
        ways.append({"mode": "reverse", "adjoint": "checkpoint"})
        if effect.reversible:
            ways.append({"mode": "reverse", "adjoint": "reversible"})

    def slope_by(address: str, way: dict[str, Any]) -> float:
        try:
            found = gradient(
                objective, lattice, beam, wrt=[address], effects=[effect], turns=turns, **way
            )
        except InvalidValueError as error:
            if way.get("adjoint") != "reversible":
                raise
            raise CheckFailedError(f"d/d {address}, reverse reversible: {error}; {_NOT}") from None
        return float(found[0])

    _check_length_slope(effect, lattice, slope_by, ways)
    for address, value in wanted.items():

        def one(number: float, address: str = address) -> float:
            return evaluate_at({address: number})

        slope, bound = differences(one, value, step * max(abs(value), 1e-300))
        for way in ways:
            found = slope_by(address, way)
            what = f"d/d {address} at {value:g}, {' '.join(map(str, way.values()))}"
            if turns > 1:
                what += f", over {turns} turns, through the memory"
            tolerance = 2 * bound + 1e-6 * abs(float(slope))
            remedy = "keep to operations of PyTorch, without .detach(), float() or NumPy"
            if way.get("adjoint") == "reversible":
                remedy = _NOT
            require_close(what, found, slope, tolerance, remedy)


def _check_length_slope(
    effect: CollectiveEffect,
    lattice: Lattice,
    slope_by: Callable[[str, dict[str, Any]], float],
    ways: Sequence[dict[str, Any]],
) -> None:
    """Check that modes agree on the slope by the length of an element in which an effect acts.

    Not against differences: an effect may take what it needs at s of the lattice as given.
    """
    places = (e for e in lattice if e.name and effect.slices(e) and to_float(e.length))
    host = next(places, None)
    if host is None:
        return
    address = f"{host.name}.length"
    expected = slope_by(address, {"mode": "forward"})
    for way in ways:
        what = f"d/d {address}, {' '.join(map(str, way.values()))}, beside forward mode"
        remedy = "take the length from place.ds, as it is"
        require_close(what, slope_by(address, way), expected, 1e-9 * abs(expected), remedy)
