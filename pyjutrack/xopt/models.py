"""The classes that Xopt takes, which is loaded with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from gest_api.vocs import MaximizeObjective
from numpy.typing import NDArray
from pydantic import Field
from xopt import Evaluator
from xopt.evaluator import DummyExecutor as DummyExecutor
from xopt.generators import generators
from xopt.generators.sequential import SequentialGenerator

from ..core.errors import InvalidValueError
from .descent import Seen, descend
from .evaluation import slope_column

Array = NDArray[np.float64]


class BeamEvaluator(Evaluator):  # type: ignore[misc]  # Xopt may not be there
    """An evaluator of many points in one pass; one after another where that raises."""

    def evaluate_data(self, input_data: Any) -> pd.DataFrame:
        """A table of points with their outputs."""
        if not isinstance(input_data, pd.DataFrame):
            numbers = isinstance(input_data, dict) and not any(map(np.ndim, input_data.values()))
            input_data = pd.DataFrame(input_data, index=[0] if numbers else None)
        found = super().evaluate_data(input_data)
        if self.vectorized and len(found) > 1 and found["xopt_error"].any():
            alone = self.model_copy(update={"vectorized": False})
            return alone.evaluate_data(input_data)
        return found


class GradientGenerator(SequentialGenerator):  # type: ignore[misc]
    """Descends by slopes of the objective; see `pyjutrack.xopt.gradient_generator`.

    Every proposal is found by going through the data once more, which costs nothing beside a
    tracking, so that data are all of its state.
    """

    name: ClassVar[str] = "gradient"
    supports_single_objective: bool = True
    initial_point: dict[str, float] | None = None
    first_step: float = Field(0.1, gt=0, le=1)
    memory: int = Field(10, ge=1)
    tolerance: float = Field(1e-9, ge=0)
    #: rows of the data from before the search
    given: int = Field(0, ge=0)

    @property
    def is_done(self) -> bool:
        """Whether the search has come to where nothing gets better."""
        return self.is_active and self._next() is None

    def _generate(self, first_gen: bool = False) -> list[dict[str, float]]:
        if first_gen:
            self.given = 0 if self.data is None else len(self.data)
        point = self._next()
        if point is None:
            found = self._finite(self._seen(0))
            if not found:
                raise InvalidValueError(
                    "the search cannot begin: its first point has no value with slopes; reset() "
                    "the generator, and give it another initial_point"
                )
            point = min(found, key=lambda seen: seen.value).point
        low, high = self._bounds()
        proposed = np.clip(low + point * (high - low), low, high)
        return [dict(zip(self.vocs.variable_names, proposed.tolist(), strict=True))]

    def _next(self) -> Array | None:
        """The next point of the search, from 0 to 1; None where it has ended."""
        start, seen = self._start()
        search = descend(start, self.first_step, self.memory, self.tolerance)
        point = next(search)
        try:
            for one in seen:
                point = search.send(one)
        except StopIteration:
            return None
        return point

    def _start(self) -> tuple[Array, list[Seen]]:
        """Where the search began, and what was seen of it."""
        low, high = self._bounds()
        later = list(self._seen(self.given))
        if self.initial_point is not None:
            names = self.vocs.variable_names
            if set(names) != set(self.initial_point):
                raise InvalidValueError(
                    f"initial_point has {sorted(self.initial_point)}, and the variables are {names}"
                )
            point = np.array([self.initial_point[name] for name in names])
            if not ((low <= point) & (point <= high)).all():
                raise InvalidValueError(
                    f"initial_point {self.initial_point} is outside of the bounds of the variables"
                )
            return (point - low) / (high - low), later
        before = self._finite(list(self._seen(0))[: self.given])
        if before:
            best = min(before, key=lambda seen: seen.value)
            return best.point, [best, *later]
        return np.full(len(low), 0.5), later

    def _seen(self, first: int) -> Iterator[Seen]:
        """Rows of the data from one on, of an objective that is to be small."""
        if self.data is None or len(self.data) <= first:
            return
        (objective,) = self.vocs.objective_names
        variables = self.vocs.variable_names
        wanted = [objective, *(slope_column(objective, variable) for variable in variables)]
        missing = [name for name in wanted if name not in self.data]
        failed = self.data["xopt_error"].all() if "xopt_error" in self.data else False
        if missing and not failed:
            raise InvalidValueError(
                f"the data have no {', '.join(missing)}: this generator needs slopes of the "
                f'objective; give the evaluator slopes=["{objective}"]'
            )
        low, high = self._bounds()
        sign = -1 if isinstance(self.vocs.objectives[objective], MaximizeObjective) else 1
        table = self.data.iloc[first:].reindex(columns=[*variables, *wanted])
        points = (table[variables].to_numpy(float) - low) / (high - low)
        found = sign * table[wanted].to_numpy(float)
        for point, (value, *slopes) in zip(points, found, strict=True):
            yield Seen(point, float(value), np.array(slopes) * (high - low))

    def _bounds(self) -> tuple[Array, Array]:
        low, high = np.array(self.vocs.bounds, dtype=float).T
        return low, high

    @staticmethod
    def _finite(seen: Any) -> list[Seen]:
        return [one for one in seen if one.is_finite]

    def _reset(self) -> None:
        self.given = 0

    def _add_data(self, new_data: pd.DataFrame) -> None:
        """Nothing: data are all of the state."""

    def _set_data(self, data: pd.DataFrame) -> None:
        self.data = data


# so that Xopt finds it by its name, in what it has written
generators[GradientGenerator.name] = GradientGenerator
