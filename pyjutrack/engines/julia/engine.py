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
from ...core.scalars import to_float
from ...tracking.task import Task
from ..protocol import Objective
from ..results import evaluate, require_alive
from . import border
from .effects import effects
from .pack import Packed, pack, slopes
from .pieces import pieces
from .session import Session, session

#: what Julia compiles at the first call of a function
_COMPILES = {
    "track": "the tracking",
    "probes": "the tracking",
    "turn_by_turn": "the tracking",
    "jacobian": "the Jacobian with Enzyme",
    "jacobian_derivatives": "the slopes of the Jacobian with Enzyme",
    "pushforward": "forward derivatives with Enzyme",
    "track_and_keep": "the tracking",
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

    def track_turns(self, task: Task) -> NDArray[np.float64]:
        """Track a beam, and keep its coordinates after each turn, (T, N, 6); NaN of the lost."""
        found = border.array(self._call("turn_by_turn", task, self._study(task)))
        return np.ascontiguousarray(np.moveaxis(found, -1, 0))

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
        by = slopes(task, wrt)
        study, entries = self._study(task, by.packed), list(by.entries)
        arguments = study, entries, start.numpy(), by.seeds, by.starts
        matrix, found, gone = self._call("jacobian_derivatives", task, *arguments)
        require_alive(torch.tensor([not gone]))
        by_knob = np.moveaxis(border.array(found), -1, 0)
        return torch.as_tensor(border.array(matrix)), torch.as_tensor(by_knob)

    def value_and_gradient(
        self,
        objective: Objective,
        task: Task,
        wrt: Sequence[str],
        mode: Literal["reverse", "forward"],
    ) -> tuple[Tensor, Tensor]:
        """See `Engine`."""
        by = slopes(task, wrt)
        study = self._study(task, by.packed)
        if mode == "forward":
            found = self._call("pushforward", task, study, list(by.entries), by.seeds, by.starts)
            end, marks, tangents = found
            final = _beam(task.beam, end, marks)
            value, weights, by_initial, by_amount = _differentiate(objective, final, task.beam)
            # of what has no part in the objective, slopes may be no numbers
            moved = np.where(weights[:, :, None] == 0, 0.0, border.array(tangents))
            slope = np.einsum("pck,pc->k", moved, weights)
        else:
            end, marks, kept = self._call("track_and_keep", task, study)
            final = _beam(task.beam, end, marks)
            value, weights, by_initial, by_amount = _differentiate(objective, final, task.beam)
            found = self.session.call(
                "pull_back",
                *(kept, list(by.entries), weights),
                compiles="reverse derivatives with Enzyme",
            )
            by_entries, adjoint = found
            slope = border.array(by_entries) @ by.seeds
            by_initial = by_initial + border.array(adjoint)
        if by.starts.size:
            slope = slope + np.einsum("pck,pc->k", by.starts, by_initial)
        return value, torch.as_tensor(slope + by_amount * by.by_intensity)

    def _call(self, name: str, task: Task, study: Any, *arguments: Any) -> Any:
        """Call a function of (coordinates, marks of the lost, study, ...)."""
        particles = border.coordinates(task.beam), border.lost(task.beam)
        return self.session.call(name, *particles, study, *arguments, compiles=_COMPILES[name])

    def _study(self, task: Task, packed: Packed | None = None) -> Any:
        """Julia's study of a task, packed with what carries derivatives, or plain."""
        border.check(task)
        s, packed = self.session, packed or pack(task)
        lengths, strengths = (
            np.array([to_float(n) for n in numbers], dtype=np.float64)
            for numbers in (packed.lengths, packed.strengths)
        )
        return s.call(
            "study",
            pieces(s, packed.twins),
            np.array(packed.ops, dtype=np.int64).reshape(-1, 3),
            lengths,
            effects(s, task.effects),
            strengths,
            border.reference(s, task.beam),
            task.turns,
            compiles="the elements",
        )


def _beam(like: Beam, end: Any, marks: Any) -> Beam:
    tensor = torch.as_tensor(border.array(end)).to(like.coordinates)
    return like.replace(coordinates=tensor, alive=torch.as_tensor(border.array(marks) == 0))


def _differentiate(
    objective: Objective, final: Beam, initial: Beam
) -> tuple[Tensor, NDArray[np.float64], NDArray[np.float64], float]:
    """An objective of both beams, and its gradient by their coordinates and their intensity."""
    end, start = (b.coordinates.detach().clone().requires_grad_() for b in (final, initial))
    name, number = border.intensity(final)
    amount = torch.as_tensor(border.number(number), dtype=end.dtype).requires_grad_()
    given: dict[str, Any] = {name: amount}
    tracked = final.replace(coordinates=end, **given)
    value = evaluate(objective, tracked, initial.replace(coordinates=start, **given))
    if not value.requires_grad:
        none = np.zeros(tuple(end.shape))
        return value, none, none, 0.0
    by_end, by_start, by_amount = torch.autograd.grad(
        value, [end, start, amount], allow_unused=True, materialize_grads=True
    )
    return value.detach(), by_end.numpy(), by_start.numpy(), float(by_amount)
