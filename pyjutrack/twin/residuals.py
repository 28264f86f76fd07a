"""Differences between a twin and measurements, in units of their errors, and their slopes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..autodiff import Pushed, seeds, value_of
from ..collective.base import require_differentiable
from ..core.errors import TrainingError
from ..lattice.knobs import split
from ..tracking.loss_warning import count_lost
from .measurements import Measurements
from .model import Settings, Twin
from .unknowns import Unknown

Array = NDArray[np.float64]
#: directions that are pushed through a tracking together
_TOGETHER = 96


class Row(NamedTuple):
    """One shot: which diagnostics, and of all their readings in a row those that count.

    `scales` has the parts of these that are brought to the sums measured.
    """

    names: tuple[str, ...]
    used: NDArray[np.bool_]
    measured: Array
    errors: Array
    scales: tuple[tuple[slice, float], ...]


@dataclass(frozen=True, eq=False)
class Residuals:
    """(predicted - measured) / error of all shots, as a function of the unknowns.

    Attributes:
        twin: with the unknowns, whose values are the arguments.
        data: the measurements.
    """

    twin: Twin
    data: Measurements

    @cached_property
    def rows(self) -> list[Row]:
        """Shot by shot."""
        errors, names = self.data.errors(self.twin), tuple(self.data.readings)
        totals = {n: self.data.totals(n) for n in self.data.scaled}
        found = []
        for shot in range(len(self.data)):
            used, measured, rms = (
                np.concatenate([table[n][shot].reshape(-1) for n in names])
                for table in (self.data.used, self.data.readings, errors)
            )
            ends = np.cumsum([0, *(self.data.used[n][shot].sum() for n in names)]).tolist()
            scales = tuple(
                (slice(start, end), float(totals[n][shot]))
                for n, start, end in zip(names, ends, ends[1:], strict=False)
                if n in totals and start < end
            )
            found.append(Row(names, used, measured[used], rms[used], scales))
        return found

    def at(self, vector: Array) -> Array:
        """(R,) of the readings that count, shot by shot."""
        with torch.no_grad():
            shots = [self.shot(i, torch.from_numpy(vector)).numpy() for i in range(len(self.data))]
        return np.concatenate(shots)

    def with_slopes(self, vector: Array) -> tuple[Array, Array]:
        """The same, and their Jacobian (R, P) by forward mode.

        Raises:
            TrainingError: the Jacobian is not finite.
        """
        residuals, slopes = [], []
        for shot, (settings, row) in enumerate(zip(self.data.settings, self.rows, strict=True)):
            predicted, jacobian = readings_and_slopes(self.twin, settings, vector, row.names)
            predicted, jacobian = predicted[row.used], jacobian[row.used]
            for part, total in row.scales:
                p, by = predicted[part], jacobian[part]
                jacobian[part] = (by - np.outer(p / p.sum(), by.sum(0))) * (total / p.sum())
                predicted[part] = p * (total / p.sum())
            residuals.append((predicted - row.measured) / row.errors)
            slopes.append(jacobian / row.errors[:, None])
            bad = ~np.isfinite(slopes[-1]).all(0)
            if bad.any():
                labels = [label for u in self.twin.unknowns for label in u.labels]
                raise TrainingError(
                    f"the readings of shot {shot} have no finite slope by "
                    f"{labels[int(np.argmax(bad))]} at {vector[bad][0]:g}; start elsewhere, or "
                    "leave it out of the unknowns"
                )
        return np.concatenate(residuals), np.concatenate(slopes)

    def count_lost(self, vector: Array) -> int:
        """Count particles lost at sharp edges before they are read, in the shot that loses most."""
        values, beam = split_values(torch.from_numpy(vector), self.twin.unknowns), self.twin.beam
        most = 0
        with torch.no_grad():
            for settings, row in zip(self.data.settings, self.rows, strict=True):
                _, beams = self.twin.read_quietly(settings, values, row.names)
                most = max(most, *(count_lost(beam, found) for found in beams))
        return most

    def thin(self, count: int | None) -> Residuals:
        """Restrict to the first particles of the beam; all of them if count is None."""
        beam = self.twin.beam
        if count is None or count >= len(beam):
            return self
        fewer = beam.replace(
            coordinates=beam.coordinates[:count],
            alive=beam.alive[:count],
            weights=None if beam.weights is None else beam.weights[:count],
        )
        return Residuals(self.twin.replace(beam=fewer), self.data)

    def shot(self, index: int, vector: Tensor) -> Tensor:
        """(R,) of the readings of one shot that count, differentiable in the unknowns (P,)."""
        row = self.rows[index]
        values = split_values(vector, self.twin.unknowns)
        read, _ = self.twin.read_quietly(self.data.settings[index], values, row.names)
        predicted = torch.cat([read[n].reshape(-1) for n in row.names])[torch.from_numpy(row.used)]
        if row.scales:
            scale = torch.ones_like(predicted)
            for part, total in row.scales:
                scale[part] = total / predicted[part].sum()
            predicted = predicted * scale
        return (predicted - torch.from_numpy(row.measured)) / torch.from_numpy(row.errors)


def readings_and_slopes(
    twin: Twin, settings: Settings, vector: Array, names: Sequence[str]
) -> tuple[Array, Array]:
    """Readings in a row (M,) at some settings, and their slopes by the unknowns (M, P)."""
    require_differentiable(twin.effects)
    size = len(vector)
    slopes = np.zeros((0, size))
    values = split_values(torch.from_numpy(vector), twin.unknowns)
    predicted = np.zeros(0)
    for first in range(0, size, _TOGETHER):
        pushed = _select_seeds(seeds(values), range(first, min(first + _TOGETHER, size)))
        with torch.no_grad():
            read, _ = twin.read_quietly(settings, pushed, names)
        rows = [read[n].reshape(-1) for n in names]
        if first == 0:
            predicted = np.concatenate([value_of(r).numpy() for r in rows])
            slopes = np.zeros((len(predicted), size))
        at = 0
        for row in rows:
            if isinstance(row, Pushed):
                slopes[at : at + row.value.numel(), list(row.directions)] = row.tangent.mT.numpy()
            at += row.numel()
    return predicted, slopes


def split_values(vector: Tensor, unknowns: Sequence[Unknown]) -> list[Tensor]:
    """Split a vector (P,) into the values of unknowns, of their shapes."""
    return split(vector, [u.tensor() for u in unknowns])


def join_values(unknowns: Sequence[Unknown]) -> Array:
    """Join the values of unknowns in one vector (P,)."""
    return np.concatenate([u.tensor().numpy().reshape(-1) for u in unknowns])


def _select_seeds(pushed: Sequence[Tensor], wanted: range) -> list[Tensor]:
    """Select the seeds of some directions."""
    found: list[Tensor] = []
    for p in pushed:
        assert isinstance(p, Pushed)
        kept = [i for i, d in enumerate(p.directions) if d in wanted]
        if not kept:
            found.append(p.value)
        else:
            directions = tuple(p.directions[i] for i in kept)
            found.append(Pushed.make(p.value, p.tangent[kept], directions))
    return found
