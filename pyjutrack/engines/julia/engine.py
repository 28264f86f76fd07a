"""The julia engine, by the protocol of all engines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...beam.beam import Beam
from ...lattice.knobs import CURRENT, values
from ...tracking.task import Task
from ..protocol import Objective
from ..results import evaluate, require_alive
from . import border, elements
from .session import Session, session

#: what Julia compiles at the first call of a function
_COMPILES = {
    "track": "the tracking",
    "probes": "the tracking",
    "jacobian": "the Jacobian with Enzyme",
    "jacobian_derivatives": "the slopes of the Jacobian with Enzyme",
    "pushforward": "forward derivatives with Enzyme",
    "pullback": "reverse derivatives with Enzyme",
}


@dataclass(frozen=True)
class Julia:
    """JuTrack, NNlib and Enzyme in the Julia of this process.

    Coordinates are double precision. A network works in that of its weights.
    """

    session: Session
    name: str = "julia"

    @classmethod
    def start(cls) -> Julia:
        """The engine, with Julia running.

        Raises:
            MissingPackageError: Julia or what it needs is not installed.
        """
        return cls(session())

    def track(self, task: Task) -> Beam:
        """See `Engine`."""
        return _beam(task.beam, *self._call("track", task, self._study(task)))

    def probe(self, task: Task, starts: Tensor) -> Tensor:
        """See `Engine`."""
        end, marks = self._call("probes", task, self._study(task), starts.numpy())
        require_alive(torch.as_tensor(border.array(marks) == 0))
        return torch.as_tensor(border.array(end))

    def jacobian(self, task: Task, start: Tensor) -> Tensor:
        """See `Engine`."""
        matrix, gone = self._call("jacobian", task, self._study(task), start.numpy())
        require_alive(torch.tensor([not gone]))
        return torch.as_tensor(border.array(matrix))

    def jacobian_derivatives(
        self, task: Task, start: Tensor, wrt: Sequence[str]
    ) -> tuple[Tensor, Tensor]:
        """See `Engine`."""
        study, at, moved = self._with_knobs(task, wrt)
        arguments = (study, start.numpy(), at, moved)
        matrix, slopes, gone = self._call("jacobian_derivatives", task, *arguments)
        require_alive(torch.tensor([not gone]))
        by_knob = np.moveaxis(border.array(slopes), -1, 0)
        return torch.as_tensor(border.array(matrix)), torch.as_tensor(by_knob)

    def value_and_gradient(
        self,
        objective: Objective,
        task: Task,
        wrt: Sequence[str],
        mode: Literal["reverse", "forward"],
    ) -> tuple[Tensor, Tensor]:
        """See `Engine`."""
        study, at, moved = self._with_knobs(task, wrt)
        if mode == "forward":
            end, marks, tangents = self._call("pushforward", task, study, at, moved)
            value, weights, by_current = _differentiate(
                objective, _beam(task.beam, end, marks), task.beam
            )
            slope = np.einsum("pck,pc->k", border.array(tangents), weights)
        else:
            end, marks = self._call("track", task, study, at)
            value, weights, by_current = _differentiate(
                objective, _beam(task.beam, end, marks), task.beam
            )
            slope = border.array(self._call("pullback", task, study, at, weights)) @ moved
        slope = slope + by_current * np.array([address == CURRENT for address in wrt])
        return value, torch.as_tensor(slope)

    def _call(self, name: str, task: Task, study: Any, *arguments: Any) -> Any:
        """Call a function of (coordinates, marks of the lost, study, ...)."""
        particles = border.coordinates(task.beam), border.lost(task.beam)
        kind = tuple(type(kick).__name__ for kick in task.effects)
        return self.session.call(
            name, *particles, study, *arguments, compiles=_COMPILES[name], kind=kind
        )

    def _study(self, task: Task, knobs: tuple[Any, ...] = ()) -> Any:
        border.check(task)
        s = self.session
        return s.call(
            "Study",
            elements.to_julia(s, task.lattice),
            np.array(border.slices(task), dtype=np.int64),
            border.effects(s, task),
            border.reference(s, task.beam.reference),
            task.turns,
            border.number(task.beam.current),
            knobs,
        )

    def _with_knobs(self, task: Task, wrt: Sequence[str]) -> tuple[Any, Any, Any]:
        """A study with knobs, their values, and which of them each address moves."""
        entries, moved = border.knobs(task, wrt)
        at = moved @ values(task, wrt).numpy()
        return self._study(task, entries), at, moved


def _beam(like: Beam, end: Any, marks: Any) -> Beam:
    tensor = torch.as_tensor(border.array(end)).to(like.coordinates)
    return like.replace(coordinates=tensor, alive=torch.as_tensor(border.array(marks) == 0))


def _differentiate(
    objective: Objective, final: Beam, initial: Beam
) -> tuple[Tensor, NDArray[np.float64], float]:
    """An objective of both beams, and its gradient by final coordinates (N, 6) and the current."""
    end = final.coordinates.detach().clone().requires_grad_()
    current = torch.as_tensor(border.number(final.current), dtype=end.dtype).requires_grad_()
    tracked = final.replace(coordinates=end, current=current)
    value = evaluate(objective, tracked, initial.replace(current=current))
    if not value.requires_grad:
        return value, np.zeros(tuple(end.shape)), 0.0
    by_end, by_current = torch.autograd.grad(
        value, [end, current], allow_unused=True, materialize_grads=True
    )
    return value.detach(), by_end.numpy(), float(by_current)
