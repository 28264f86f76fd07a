"""A collective effect keeps its promises."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..beam.beam import Beam
from ..collective.base import CollectiveEffect, require_effects
from ..core.scalars import to_float
from ..engines.derivatives import gradient, jacobian
from ..engines.track import track
from ..lattice.lattice import Lattice
from .comparison import differences, require_close, require_true

_FORM = np.kron(np.eye(3), [[0.0, 1.0], [-1.0, 0.0]])
_EFFECT = "effects[0]."


def check_effect(
    effect: CollectiveEffect,
    beam: Beam,
    lattice: Lattice,
    *,
    knobs: Sequence[str] = (),
    step: float = 1e-4,
) -> None:
    """Put an effect through all that effects of this package go through.

    It acts on the lattice, and does nothing without a current or charge; particles that are lost
    stay and make no field; order, batches, weights and single precision change nothing that they
    should not; the map of a test particle is symplectic, if it is `reversible`; gradients by its
    knobs, the intensity and a length, in every mode that it can have, against differences of
    values from rebuilt effects.

    Args:
        effect: with parameters of usual size.
        beam: with the current or the charge that it needs, of some hundred particles.
        lattice: in which it acts.
        knobs: of its fields, those that derivatives go through.
        step: of the differences, relative.

    Raises:
        CheckFailedError: what does not hold.
    """
    require_effects([effect])
    effect.check(beam)
    places = [effect.slices(element) for element in lattice]
    require_true("it acts nowhere in this lattice: see slices", sum(places) > 0)
    size = float(beam.coordinates.abs().max())
    end = track(lattice, beam, effects=[effect]).coordinates
    without = track(lattice, beam).coordinates
    change = float((end - without).abs().max())
    require_true("it changes nothing of this beam", change > 0)
    _check_nothing(effect, beam, lattice, without)
    _check_sets(effect, beam, lattice, end, change)
    if effect.reversible and effect.start(beam) is None:
        _check_symplectic(effect, beam, lattice, size)
    _check_gradients(effect, beam, lattice, knobs, step)


def _intensity_name(beam: Beam) -> str:
    return "charge" if to_float(beam.charge) else "current"


def _track_coordinates(effect: CollectiveEffect, beam: Beam, lattice: Lattice) -> Any:
    return track(lattice, beam, effects=[effect]).coordinates.numpy()


def _check_nothing(effect: CollectiveEffect, beam: Beam, lattice: Lattice, without: Tensor) -> None:
    empty = beam.replace(**{_intensity_name(beam): 0.0})
    found = _track_coordinates(effect, empty, lattice)
    tolerance = 1e-12 * (np.abs(without.numpy()).max() + 1e-300)
    require_close(f"no {_intensity_name(beam)}, no effect", found, without.numpy(), tolerance)


def _check_sets(
    effect: CollectiveEffect, beam: Beam, lattice: Lattice, end: Tensor, change: float
) -> None:
    tolerance = 1e-9 * change + 1e-12 * float(end.abs().max())
    order = torch.randperm(len(beam), generator=torch.Generator().manual_seed(1))
    shuffled = beam.replace(coordinates=beam.coordinates[order], alive=beam.alive[order])
    require_close(
        "order", _track_coordinates(effect, shuffled, lattice), end[order].numpy(), tolerance
    )
    batch = torch.stack([beam.coordinates, beam.coordinates])
    both = beam.replace(coordinates=batch, alive=beam.alive.expand(2, -1).clone())
    require_close("a batch", _track_coordinates(effect, both, lattice)[1], end.numpy(), tolerance)
    single = _track_coordinates(effect, beam.to(torch.float32), lattice)
    require_close(
        "single precision", single, end.numpy(), 1e-3 * change + 1e-5 * float(end.abs().max())
    )
    # a lost particle is as one that is not there: the rest has another share of the whole
    far = 0.5 * beam.coordinates.abs().amax(0, keepdim=True)
    marked = torch.cat([beam.coordinates, far, torch.full_like(far, np.nan)])
    alive = torch.cat([beam.alive, beam.alive.new_zeros(2)])
    amount = {_intensity_name(beam): getattr(beam, _intensity_name(beam)) * (1 + 2 / len(beam))}
    more = beam.replace(coordinates=marked, alive=alive, weights=None, **amount)
    require_close(
        "lost particles", _track_coordinates(effect, more, lattice)[:-2], end.numpy(), tolerance
    )
    if effect.weighted and beam.weights is None:
        halves = beam.replace(weights=torch.full_like(beam.coordinates[:, 0], 0.5))
        amount = {_intensity_name(beam): getattr(beam, _intensity_name(beam)) / 2}
        half = _track_coordinates(effect, beam.replace(**amount), lattice)
        require_close(
            "half the weight", _track_coordinates(effect, halves, lattice), half, tolerance
        )


def _check_symplectic(effect: CollectiveEffect, beam: Beam, lattice: Lattice, size: float) -> None:
    at = beam.coordinates[0].detach().numpy()
    exact = jacobian(lattice, beam, effects=[effect], at=at)
    off = exact.T @ _FORM @ exact - _FORM
    scale = max(np.abs(exact).max() ** 2, 1.0)
    require_close("symplecticity of a test particle", off, np.zeros((6, 6)), 1e-10 * scale)


def _check_gradients(
    effect: CollectiveEffect, beam: Beam, lattice: Lattice, knobs: Sequence[str], step: float
) -> None:
    effect.check_differentiable()
    # weights of the objective fall with the coordinates' sizes, so that none of them is hidden
    sizes = beam.coordinates.detach().std(0) + 1e-30
    draw = torch.as_tensor(np.random.default_rng(2).normal(size=tuple(beam.coordinates.shape)))
    weights = draw / sizes / len(beam)

    def objective(final: Beam) -> Tensor:
        live = torch.where(final.alive.unsqueeze(-1), final.coordinates, 0.0)
        return (live * weights).sum()

    def evaluate_at(values: Mapping[str, float]) -> float:
        own = {k.removeprefix(_EFFECT): v for k, v in values.items() if k.startswith(_EFFECT)}
        made = dataclasses.replace(effect, **own) if own else effect  # type: ignore[type-var]
        of_beam = {k.removeprefix("beam."): v for k, v in values.items() if k.startswith("beam.")}
        source = beam.replace(**of_beam)
        return float(objective(track(lattice, source, effects=[made])))

    wanted = {f"beam.{_intensity_name(beam)}": to_float(getattr(beam, _intensity_name(beam)))}
    wanted |= {_EFFECT + name: to_float(getattr(effect, name)) for name in knobs}
    ways: list[dict[str, Any]] = [{"mode": "reverse", "adjoint": "store"}, {"mode": "forward"}]
    if effect.start(beam) is None:
        ways.append({"mode": "reverse", "adjoint": "checkpoint"})
        if effect.reversible:
            ways.append({"mode": "reverse", "adjoint": "reversible"})
    for address, value in wanted.items():

        def one(number: float, address: str = address) -> float:
            return evaluate_at({address: number})

        slope, bound = differences(one, value, step * max(abs(value), 1e-300))
        for way in ways:
            found = gradient(objective, lattice, beam, wrt=[address], effects=[effect], **way)
            what = f"d/d {address} at {value:g}, {' '.join(map(str, way.values()))}"
            require_close(what, found[0], slope, 2 * bound + 1e-6 * abs(float(slope)))
