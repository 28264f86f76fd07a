"""The protocol of engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..beam.beam import Beam
from ..tracking.task import Task

Array = NDArray[np.float64]

#: (final beam, initial beam) -> 0-d tensor
Objective = Callable[[Beam, Beam], Tensor]


@runtime_checkable
class Engine(Protocol):
    """Tracking and its exact derivatives; tasks come checked."""

    @property
    def name(self) -> str: ...

    def track(self, task: Task) -> Beam:
        """The beam at the end."""
        ...

    def probe(self, task: Task, starts: Tensor) -> Tensor:
        """Test particles (M, 6) at the end, in the field of the beam, to which they add nothing.

        Raises:
            ParticleLostError: one was lost.
        """
        ...

    def jacobian(self, task: Task, start: Tensor) -> Tensor:
        """d(final)/d(initial) of a test particle, (6, 6), for a start (6,)."""
        ...

    def jacobian_derivatives(
        self, task: Task, start: Tensor, wrt: Sequence[str]
    ) -> tuple[Tensor, Tensor]:
        """The Jacobian, and its derivatives by knobs, (K, 6, 6)."""
        ...

    def value_and_gradient(
        self,
        objective: Objective,
        task: Task,
        wrt: Sequence[str],
        mode: Literal["reverse", "forward"],
    ) -> tuple[Tensor, Tensor]:
        """An objective of the final and the initial beam, 0-d, and its gradient by knobs, (K,)."""
        ...
