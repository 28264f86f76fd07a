"""The outcome of a calibration."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import display
from ..core.errors import require_known
from ..core.storage import storable
from .goodness import spread_of
from .measurements import Measurements
from .model import Twin
from .posterior import Posterior
from .residuals import Residuals, join_values, readings_and_slopes
from .serialization import Saved

Array = NDArray[np.float64]


@storable
@dataclass(frozen=True)
class Step:
    """Log of a step.

    Attributes:
        step: number.
        cost: loss of the shots that train, and of the priors; estimated from a few shots for Adam.
        held_out: twice the mean loss of the shots held out, which is their mean square residual for
            the Gaussian loss; None without any.
    """

    step: int
    cost: float
    held_out: float | None


@storable
@dataclass(frozen=True, eq=False)
class Calibration(Saved):
    """Result of a calibration.

    Attributes:
        twin: with the unknowns at their best values.
        data: all measurements.
        held_out: which shots were held out, ascending.
        posterior: of the unknowns, those of all vectors in a row; None if a reverse-mode descent
            had too many of them.
        history: step by step.
        converged: nothing was gained any more, or the held-out error had its least value.
        message: how it ended.
    """

    twin: Twin
    data: Measurements
    held_out: tuple[int, ...]
    posterior: Posterior | None
    history: tuple[Step, ...]
    converged: bool
    message: str

    @property
    def labels(self) -> list[str]:
        """Names of all unknown numbers, (P,)."""
        return [label for u in self.twin.unknowns for label in u.labels]

    @property
    def scalar(self) -> NDArray[np.bool_]:
        """Mask of those that are numbers by themselves, not entries of vectors of weights, (P,)."""
        return np.array([u.tensor().dim() == 0 for u in self.twin.unknowns for _ in u.labels])

    @property
    def values(self) -> Array:
        """Best values of all unknown numbers, (P,)."""
        return join_values(self.twin.unknowns)

    @property
    def sigma(self) -> Array:
        """Their rms errors, (P,); NaN where there is no posterior."""
        if self.posterior is None:
            return np.full(len(self.labels), np.nan)
        return self.posterior.sigma

    def __getitem__(self, label: str) -> tuple[float, float]:
        """Value and rms error of one unknown, by a label such as "q1.k1".

        Raises:
            UnknownNameError: there is none.
        """
        require_known("unknown", label, self.labels)
        i = self.labels.index(label)
        return float(self.values[i]), float(self.sigma[i])

    def predict_shots(self, twin: Twin | None = None) -> dict[str, Array]:
        """Readings at the settings of all measurements, (shots, *shape), of it or of another twin.

        In the scale of the measurements, where they have one of their own.
        """
        shots = [(twin or self.twin).predict(settings) for settings in self.data.settings]
        return {
            name: self.data.in_scale(name, np.stack([shot[name] for shot in shots]))
            for name in self.data.readings
        }

    def residuals(self, predicted: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """(predicted - measured) / error, by diagnostic, (shots, *shape); NaN where masked."""
        predicted = self.predict_shots() if predicted is None else predicted
        errors, found = self.data.errors(self.twin), {}
        for name, reading in self.data.readings.items():
            used = self.data.used[name]
            found[name] = np.full(reading.shape, np.nan)
            found[name][used] = (predicted[name] - reading)[used] / errors[name][used]
        return found

    def mean_square(self, *, held_out: bool = False) -> float:
        """Mean square of the residuals of the shots that trained, or of those `held_out`.

        Near one, to the `mean_square_spread`, where the model is right and the errors are what they
        were said to be.
        """
        shots = self.held_out if held_out else self.trained
        if not shots:
            return float("nan")
        off = Residuals(self.twin, self.data.shots(shots)).at(self.values)
        return float((off * off).mean())

    def mean_square_spread(self, *, held_out: bool = False) -> float:
        """Rms by which `mean_square` differs from one by chance: sqrt(2 / number of readings).

        Args:
            held_out: of the shots held out, in place of those that trained.
        """
        shots = list(self.held_out if held_out else self.trained)
        return spread_of(sum(int(used[shots].sum()) for used in self.data.used.values()))

    @property
    def trained(self) -> tuple[int, ...]:
        """The shots that trained, ascending."""
        return tuple(i for i in range(len(self.data)) if i not in self.held_out)

    def predict(
        self, settings: Mapping[str, float] | None = None
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """Readings at some settings, and their rms errors that the posterior leaves.

        The errors are those of the unknowns; noise of a reading comes on top.
        """
        names = [d.name for d in self.twin.diagnostics]
        given = dict(settings or {})
        predicted = self.twin.predict(given)
        if self.posterior is None:
            return predicted, {n: np.full_like(p, np.nan) for n, p in predicted.items()}
        _, slopes = readings_and_slopes(self.twin, given, self.values, names)
        cuts = np.cumsum([predicted[n].size for n in names])[:-1]
        parts = np.split(self.posterior.spread(slopes), cuts)
        return predicted, {
            n: part.reshape(predicted[n].shape) for n, part in zip(names, parts, strict=True)
        }

    def table(self) -> list[dict[str, Any]]:
        """One row an unknown: what it is, its value, its error, its prior."""
        priors = [u.prior for u in self.twin.unknowns for _ in u.labels]
        relative = [u.relative for u in self.twin.unknowns for _ in u.labels]
        rows = zip(self.labels, self.values, self.sigma, priors, relative, strict=True)
        return [
            {"unknown": a, "value": float(v), "sigma": float(s), "prior": p, "relative": r}
            for a, v, s, p, r in rows
        ]

    def __str__(self) -> str:
        rows = [r for r, scalar in zip(self.table(), self.scalar, strict=True) if scalar]
        lines = [self.summary()]
        lines += [f"{r['unknown']:>28} {r['value']:+.6g} +- {r['sigma']:.2g}" for r in rows]
        if len(rows) < len(self.labels):
            lines.append(f"{len(self.labels) - len(rows)} weights")
        return "\n".join(lines)

    def summary(self) -> str:
        """Say how it ended and how well it fits, in one line."""
        held_out = self.mean_square(held_out=True) if self.held_out else None
        said = "none held out" if held_out is None else f"{held_out:.3g} held out"
        expected = f"1 +- {self.mean_square_spread():.2g} expected"
        return (
            f"{self.message}, {self.history[-1].step} steps; mean square residual "
            f"{self.mean_square():.3g} trained ({expected}), {said}"
        )

    def replace(self, **changes: Any) -> Calibration:
        """A copy with some attributes changed, which are given as `changes` by name."""
        return dataclasses.replace(self, **changes)

    def report(self, folder: str | Path) -> Path:
        """Write a page with pictures and tables to a folder; see `pyjutrack.plotting.report`."""
        return display.report(self, folder)

    def _repr_html_(self) -> str:
        return display.html(self)


def with_values(twin: Twin, parts: Sequence[Any]) -> Twin:
    """A twin whose unknowns have these values."""
    fresh = [dataclasses.replace(u, value=v) for u, v in zip(twin.unknowns, parts, strict=True)]
    return twin.replace(unknowns=tuple(fresh))
