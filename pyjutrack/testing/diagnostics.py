"""A diagnostic keeps its promises."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..beam.beam import Beam
from ..diagnostics.instrument import Diagnostic
from ..elements import Marker
from ..lattice.lattice import Lattice
from ..twin.model import Twin
from .comparison import differences, require_close, require_true


def check_diagnostic(diagnostic: Diagnostic, beam: Beam, *, files: bool = True) -> None:
    """Put a diagnostic through what those of this package go through.

    Name, place, noise and shape; a pure reading that does not depend on the order of particles nor
    on the lost; batches; slopes by the coordinates against differences; a twin's file that gives it
    back.

    Args:
        diagnostic: with parameters of usual size.
        beam: that it can read.
        files: whether it should come back from a file; see `pyjutrack.twin.storable`.

    Raises:
        CheckFailedError: what does not hold.
    """
    require_true(
        "it is no Diagnostic: see pyjutrack.diagnostics", isinstance(diagnostic, Diagnostic)
    )
    require_true("name must be a text", isinstance(diagnostic.name, str) and diagnostic.name)
    require_true("noise must be a number from 0 on", diagnostic.noise >= 0)
    reading = diagnostic.read(beam).detach()
    require_true(
        f"a reading has shape {tuple(reading.shape)}, and `shape` says {diagnostic.shape}",
        tuple(reading.shape) == tuple(diagnostic.shape),
    )
    size = float(reading.abs().max()) + 1e-300
    again = diagnostic.read(beam).detach()
    require_close("a second reading", again.numpy(), reading.numpy(), 0.0)
    order = torch.randperm(len(beam), generator=torch.Generator().manual_seed(1))
    shuffled = beam.replace(coordinates=beam.coordinates[order], alive=beam.alive[order])
    require_close("order", diagnostic.read(shuffled).numpy(), reading.numpy(), 1e-9 * size)
    batch = torch.stack([beam.coordinates, beam.coordinates])
    both = beam.replace(coordinates=batch, alive=beam.alive.expand(2, -1).clone())
    require_close("a batch", diagnostic.read(both)[1].numpy(), reading.numpy(), 1e-9 * size)
    _check_slopes(diagnostic, beam)
    if files:
        _check_file(diagnostic, beam)


def _check_slopes(diagnostic: Diagnostic, beam: Beam) -> None:
    draw = np.random.default_rng(2)
    along = torch.as_tensor(draw.normal(size=tuple(beam.coordinates.shape)))
    along = along * beam.coordinates.std(0)
    weights = torch.as_tensor(draw.normal(size=tuple(diagnostic.shape)))

    def figure(coordinates: Tensor) -> Tensor:
        return (diagnostic.read(beam.replace(coordinates=coordinates)) * weights).sum()

    leaf = beam.coordinates.detach().clone().requires_grad_()
    (slopes,) = torch.autograd.grad(figure(leaf), leaf)

    def value(shift: float) -> float:
        return float(figure(beam.coordinates.detach() + shift * along))

    slope, bound = differences(value, 0.0, 1e-3)
    tolerance = 2 * bound + 1e-7 * abs(float(slope))
    require_close("slope by the coordinates", float((slopes * along).sum()), slope, tolerance)


def _check_file(diagnostic: Diagnostic, beam: Beam) -> None:
    twin = Twin(Lattice([Marker(name=diagnostic.at)]), beam, (diagnostic,))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "twin.safetensors"
        twin.save(path)
        found = Twin.load(path)
    before, after = twin.predict({}), found.predict({})
    require_close("from a file", after[diagnostic.name], before[diagnostic.name], 0.0)
