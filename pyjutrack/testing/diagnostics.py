"""A diagnostic keeps its promises."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..beam.beam import Beam
from ..diagnostics.instrument import Diagnostic
from ..elements import Marker
from ..lattice.lattice import Lattice
from ..twin.model import Twin
from .beams import shuffle, stack_twice, take_particles
from .comparison import Array, differences, require_close, require_true


def check_diagnostic(diagnostic: Diagnostic, beam: Beam, *, files: bool = True) -> None:
    """Put a diagnostic through what those of this package go through.

    Name, place, noise and shape; a pure reading that does not depend on the order of particles nor
    on where some were lost; twice the weight reads as two particles; batches; slopes by the
    coordinates against differences; a twin's file that gives it back.

    Args:
        diagnostic: with parameters of usual size.
        beam: that it can read.
        files: whether it should come back from a file; see `pyjutrack.twin.storable`.

    Raises:
        CheckFailedError: what does not hold.
    """
    kind = type(diagnostic).__name__
    for name in ("name", "at", "noise", "shape", "read"):
        require_true(
            f"{kind} is no diagnostic: it has no `{name}`; see pyjutrack.diagnostics.Diagnostic",
            hasattr(diagnostic, name),
        )
    require_true("name must be a text", isinstance(diagnostic.name, str) and diagnostic.name)
    require_true(
        f"noise must be a number from 0 on, not {diagnostic.noise!r}", diagnostic.noise >= 0
    )
    reading = _read(diagnostic, beam)
    require_true(
        f"a reading has shape {reading.shape}, and `shape` says {diagnostic.shape}",
        reading.shape == tuple(diagnostic.shape),
    )
    require_true(
        f"a reading must be finite, not {_show(reading)}, by {diagnostic!r}; count those of "
        "beam.alive, by torch.where, and divide by nothing that may be zero",
        np.isfinite(reading).all(),
    )
    tolerance = 1e-9 * (float(np.abs(reading).max()) + 1e-300)
    require_close(
        "A second reading must give the same",
        _read(diagnostic, beam),
        reading,
        0.0,
        "`read` is without noise, which `noise` states",
    )
    require_close(
        "The order of the particles must not matter",
        _read(diagnostic, shuffle(beam)[0]),
        reading,
        tolerance,
        "take no particle by its number",
    )
    batch = _read(diagnostic, stack_twice(beam))
    remedy = "a batch (..., N, 6) has readings (..., *shape): sum over the axis of the particles"
    require_close(
        "A beam in a batch must read as it does alone", batch, [reading, reading], tolerance, remedy
    )
    _check_lost(diagnostic, beam, tolerance)
    _check_weights(diagnostic, beam, tolerance)
    _check_slopes(diagnostic, beam)
    if files:
        _check_file(diagnostic, beam)


def _read(diagnostic: Diagnostic, beam: Beam) -> Array:
    reading: Any = diagnostic.read(beam)
    require_true(
        f"read of {type(diagnostic).__name__} must return a tensor, not {reading!r}",
        isinstance(reading, Tensor),
    )
    found: Array = reading.detach().numpy()
    return found


def _show(reading: Array) -> str:
    """Say how many numbers of a reading are none, and which is the first."""
    bad = np.argwhere(~np.isfinite(reading))
    if not reading.ndim or not len(bad):
        return "NaN" if np.isnan(reading).any() else str(reading)
    what = "NaN" if np.isnan(reading[tuple(bad[0])]) else "infinite"
    return f"{what} at {tuple(bad[0].tolist())}, and so {len(bad)} of {reading.size} numbers"


def _check_lost(diagnostic: Diagnostic, beam: Beam, tolerance: float) -> None:
    """Check that it does not matter where particles were lost; how many were may be read."""
    alive = beam.alive.clone()
    alive[:: max(2, len(beam) // 10)] = False
    lost = beam.replace(alive=alive)
    gone = (~alive).unsqueeze(-1)
    for where, coordinates in (
        ("far away", 3.0 * beam.coordinates.nan_to_num().abs().amax(0)),
        ("at NaN", torch.full_like(beam.coordinates[0], np.nan)),
    ):
        there = lost.replace(coordinates=torch.where(gone, coordinates, beam.coordinates))
        require_close(
            f"Particles that were lost {where} must not be read",
            _read(diagnostic, there),
            _read(diagnostic, lost),
            tolerance,
            "count those of beam.alive, as pyjutrack.moments does, by torch.where",
        )


def _check_weights(diagnostic: Diagnostic, beam: Beam, tolerance: float) -> None:
    """Check that a particle of twice the weight is read as two there."""
    count = len(beam)
    times = torch.ones(count, dtype=torch.int64)
    times[1::3] = 2
    repeated = take_particles(beam, torch.repeat_interleave(torch.arange(count), times))
    own = torch.ones_like(beam.coordinates[:, 0]) if beam.weights is None else beam.weights
    weighted = beam.replace(weights=own * times * (count / len(repeated)))
    require_close(
        "A particle of twice the weight must be read as two",
        _read(diagnostic, weighted),
        _read(diagnostic, repeated),
        tolerance,
        "count beam.weights, as pyjutrack.moments does",
    )


def _check_slopes(diagnostic: Diagnostic, beam: Beam) -> None:
    draw = np.random.default_rng(2)
    along = torch.as_tensor(draw.normal(size=tuple(beam.coordinates.shape)))
    along = along * beam.coordinates.detach().nan_to_num().std(0)
    weights = torch.as_tensor(draw.normal(size=tuple(diagnostic.shape)))

    def figure(coordinates: Tensor) -> Tensor:
        return (diagnostic.read(beam.replace(coordinates=coordinates)) * weights).sum()

    leaf = beam.coordinates.detach().clone().requires_grad_()
    read = figure(leaf)
    require_true(
        f"a reading of {type(diagnostic).__name__} carries no derivative by the coordinates; keep "
        "to operations of PyTorch, without .detach(), .item() or NumPy",
        read.requires_grad,
    )
    (slopes,) = torch.autograd.grad(read, leaf)

    def value(shift: float) -> float:
        return float(figure(beam.coordinates.detach() + shift * along))

    slope, bound = differences(value, 0.0, 1e-3)
    tolerance = 2 * bound + 1e-7 * abs(float(slope))
    remedy = "keep to operations of PyTorch, without .detach(), .item() or NumPy"
    found = float((slopes * along).sum())
    require_close("slope by the coordinates", found, slope, tolerance, remedy)


def _check_file(diagnostic: Diagnostic, beam: Beam) -> None:
    twin = Twin(Lattice([Marker(name=diagnostic.at)]), beam, (diagnostic,))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "twin.safetensors"
        twin.save(path)
        found = Twin.load(path)
    before, after = twin.predict({}), found.predict({})
    require_close("from a file", after[diagnostic.name], before[diagnostic.name], 0.0)
