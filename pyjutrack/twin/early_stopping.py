"""The end of a calibration: at a minimum, where it diverges, or where held-out shots fit worse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .calibration import Step
from .optimizers import Problem, State

Array = NDArray[np.float64]

#: a rise of the held-out error above the least of all steps that counts, in units of its noise
_SURE = 4.0
#: times the cost at the start that only a fit has which diverges
_WORSE = 10.0
DIVERGED = "diverged: the last good state is kept"
STOPPED = "stopped early: the error of the held-out shots rises"


def held_out_error(watched: Problem | None, vector: Array) -> float | None:
    """Twice the mean loss of the shots held out: the mean square, if the loss is Gaussian."""
    if watched is None:
        return None
    count = sum(int(row.used.sum()) for row in watched.residuals.rows)
    return 2 * watched.cost(vector) / count


class EarlyStopping(NamedTuple):
    """Rule that ends a run: by shots that are held out, or where there are none by its cost.

    Attributes:
        watched: the problem of the shots held out.
        patience: steps without a gain that a run may have.
    """

    watched: Problem | None
    patience: int

    def judge(self, best: State, state: State, history: Sequence[Step]) -> tuple[State, str, bool]:
        """Say which state is the best so far, what to say of the run, and whether it has ended."""
        bad = [not step.cost <= _WORSE * history[0].cost for step in history]
        if len(bad) > self.patience and all(bad[-self.patience :]):
            return best, DIVERGED, True
        said = "converged" if state.still else "not converged"
        if self.watched is None:
            return best if bad[-1] else state, said, state.still
        known = [step.held_out for step in history if step.held_out is not None]
        since = len(known) - 1 - int(np.argmin(known))
        if since == 0:
            return state, said, state.still
        if (state.still or since >= self.patience) and not bad[-1]:
            if self._worse(best.vector, state.vector):
                return best, STOPPED, True
            if state.still:  # the errors stated are those of a minimum
                return state, said, True
        return best, said, state.still

    def _worse(self, best: Array, other: Array) -> bool:
        """Return whether the held-out error rises by more than the noise of its shots explains.

        Of independent unit errors r the sum of (r + d)^2 / 2 - r^2 / 2 has the variance d^2.
        """
        assert self.watched is not None
        was, now = (self.watched.residuals.at(v) for v in (best, other))
        rise = float((self.watched.loss.value(now) - self.watched.loss.value(was)).sum())
        weight = np.sqrt(self.watched.loss.weight(was))
        noise = float(np.linalg.norm(weight * (now - was)))
        return rise > _SURE * noise
