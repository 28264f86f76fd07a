"""The outcome of a calibration."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .measurements import Measurements
from .model import Twin
from .posterior import Posterior
from .residuals import Residuals, joined, readings_and_slopes

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Step:
    """What is logged of a step.

    Attributes:
        step: number.
        cost: loss of the shots that train, and of the priors.
        held_out: mean square of the residuals of the shots held out, or None without any.
    """

    step: int
    cost: float
    held_out: float | None


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a calibration found.

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
    def values(self) -> Array:
        """Best values of all unknown numbers, (P,)."""
        return joined(self.twin.unknowns)

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
        from ..errors import require_known

        require_known("unknown", label, self.labels)
        i = self.labels.index(label)
        return float(self.values[i]), float(self.sigma[i])

    def residuals(self) -> dict[str, Array]:
        """(predicted - measured) / error, by diagnostic, (shots, *shape); NaN where masked."""
        errors, found = self.data.errors(self.twin), {}
        predicted = [self.twin.predict(settings) for settings in self.data.settings]
        for name, reading in self.data.readings.items():
            off = (np.stack([p[name] for p in predicted]) - reading) / errors[name]
            found[name] = np.where(self.data.used[name], off, np.nan)
        return found

    def mean_square(self, *, held_out: bool = False) -> float:
        """Mean square of the residuals of the shots that trained, or of those held out.

        Near one where the model is right and the errors are what they were said to be.
        """
        shots = [i for i in range(len(self.data)) if (i in self.held_out) == held_out]
        if not shots:
            return float("nan")
        off = Residuals(self.twin, self.data.shots(shots)).at(self.values)
        return float((off * off).mean())

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
        variance = np.einsum("mp,pq,mq->m", slopes, self.posterior.covariance, slopes)
        cuts = np.cumsum([predicted[n].size for n in names])[:-1]
        parts = np.split(np.sqrt(np.maximum(variance, 0.0)), cuts)
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
        lines = [
            f"{self.message} after {self.history[-1].step if self.history else 0} steps; mean "
            f"square residual {self.mean_square():.3g} trained, "
            f"{self.mean_square(held_out=True):.3g} held out"
        ]
        rows = self.table()
        shown = [r for r in rows if "[" not in r["unknown"] or "knl" in r["unknown"]]
        lines += [f"{r['unknown']:>28} {r['value']:+.6g} +- {r['sigma']:.2g}" for r in shown]
        if len(shown) < len(rows):
            lines.append(f"{len(rows) - len(shown)} weights")
        return "\n".join(lines)

    def replace(self, **changes: Any) -> Calibration:
        """A copy with some attributes changed."""
        return dataclasses.replace(self, **changes)

    def report(self, folder: Any) -> Any:
        """Write a page with pictures and tables; see `pyjutrack.plotting.calibration`."""
        from ..plotting.calibration import report

        return report(self, folder)


def with_values(twin: Twin, parts: Sequence[Any]) -> Twin:
    """A twin whose unknowns have these values."""
    fresh = [dataclasses.replace(u, value=v) for u, v in zip(twin.unknowns, parts, strict=True)]
    return twin.replace(unknowns=tuple(fresh))
