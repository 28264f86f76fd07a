"""Figures of the final and the initial beam: the package's, a user's, and the same by NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from battery_setup import SIZES, Array

import pyjutrack as pj
from pyjutrack.beam import observables
from pyjutrack.beam.beam import COORDINATES

_DRAW = np.random.default_rng(5)
#: weights of the second moments in the user's figure
_WEIGHTS = _DRAW.normal(size=(7, 7))

Plain = Callable[[pj.Beam, pj.Beam], float]


def _user(final: Any, initial: Any, gamma: Any, current: Any, weights: Any) -> Any:
    """Of all first and second moments of both beams; (N, 7) with a column of ones."""
    first, last = (c.T @ c / len(c) for c in (initial, final))
    both = (last * weights).sum() * (1 + 0.1 * (first * weights).sum())
    return both * gamma + 0.01 * current


def user(final: pj.Beam, initial: pj.Beam) -> torch.Tensor:
    """A figure of a user's own, of both beams, the reference and the current."""
    scaled = []
    for beam in (final, initial):
        live = beam.coordinates[beam.alive] / torch.as_tensor(SIZES).to(beam.coordinates)
        scaled.append(torch.cat([live, torch.ones_like(live[:, :1])], 1))
    weights = torch.as_tensor(_WEIGHTS).to(final.coordinates.dtype)
    found = _user(*scaled, final.reference.beta_gamma, initial.current, weights)
    return torch.as_tensor(found)


def plain_user(final: pj.Beam, initial: pj.Beam) -> float:
    scaled = [
        np.column_stack([b.numpy()[b.alive.numpy()] / SIZES, np.ones(int(b.alive.sum()))])
        for b in (final, initial)
    ]
    momentum = final.reference.p0c / final.reference.species.mass
    return float(_user(*scaled, momentum, float(initial.current), _WEIGHTS))


def _weights(beam: pj.Beam) -> Array:
    live = beam.alive.numpy().astype(float)
    return live if beam.weights is None else live * beam.weights.numpy()


def _covariance(beam: pj.Beam) -> Array:
    return np.cov(beam.numpy().T, aweights=_weights(beam), bias=True)


def _geometric(beam: pj.Beam, plane: str) -> float:
    i = 2 * "xy".index(plane)
    (uu, up), (_, pp) = _covariance(beam)[i : i + 2, i : i + 2]
    return float(np.sqrt(uu * pp - up * up))


def _normalized(beam: pj.Beam, plane: str) -> float:
    return _geometric(beam, plane) * beam.reference.p0c / beam.reference.species.mass


def _size(i: int) -> Plain:
    return lambda final, _: float(np.sqrt(_covariance(final)[i, i]))


def _centroid(i: int) -> Plain:
    return lambda final, _: float(np.average(final.numpy()[:, i], weights=_weights(final)))


def _figures() -> dict[str, tuple[Any, Plain]]:
    found: dict[str, tuple[Any, Plain]] = {"user": (user, plain_user)}
    for i, name in enumerate(COORDINATES):
        found[f"size_{name}"] = (observables.size(name), _size(i))
        found[f"centroid_{name}"] = (observables.centroid(name), _centroid(i))
    for p in "xy":
        found[f"emittance_{p}"] = (
            observables.emittance(p, normalized=True),
            lambda f, _, p=p: _normalized(f, p),
        )
        found[f"geometric_{p}"] = (
            observables.emittance(p, normalized=False),
            lambda f, _, p=p: _geometric(f, p),
        )
        found[f"growth_{p}"] = (
            observables.emittance_growth(p),
            lambda f, i, p=p: _normalized(f, p) / _normalized(i, p) - 1,
        )
    return found


#: name -> the package's observable, and the same of plain numbers
FIGURES = _figures()
#: the package's observables that make these figures
OBSERVABLES = {"size", "centroid", "emittance", "emittance_growth"}
#: one of each observable, and the user's
FEW = ("user", "size_px", "centroid_y", "emittance_x", "growth_x")
