"""The julia engine behind the protocol of all engines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...beam import Beam
from ...errors import ParticleLostError
from ...knobs import CURRENT, values
from ..protocol import Figure, Task
from ..results import all_alive, checked
from . import border
from .session import Session, session

_ENZYME = "compiling derivatives with Enzyme, once a session"
_PLAIN = "compiling the tracking in Julia, once a session"


@dataclass(frozen=True)
class Julia:
    """JuTrack, NNlib and Enzyme in the Julia of this process.

    Coordinates are double precision. A network works in that of its weights.
    """

    session: Session
    name: str = "julia"

    @classmethod
    def started(cls) -> Julia:
        """The engine, with Julia running.

        Raises:
            MissingPackageError: Julia or what it needs is not installed.
        """
        return cls(session())

    def track(self, task: Task) -> Beam:
        """See `Engine`."""
        end, marks = self._call("track", *self._particles(task), self._study(task), say=_PLAIN)
        return _beam(task.beam, end, marks)

    def probe(self, task: Task, starts: Tensor) -> Tensor:
        """See `Engine`."""
        end, marks = self._call(
            "probes",
            starts.numpy(),
            *self._particles(task),
            self._study(task),
            say=_PLAIN,
        )
        all_alive(torch.as_tensor(_array(marks) == 0))
        return torch.as_tensor(_array(end))

    def jacobian(self, task: Task, start: Tensor) -> Tensor:
        """See `Engine`."""
        matrix, gone = self._call(
            "jacobian", start.numpy(), *self._particles(task), self._study(task)
        )
        all_alive(torch.tensor([not gone]))
        return torch.as_tensor(_array(matrix))

    def jacobian_derivatives(
        self, task: Task, start: Tensor, wrt: Sequence[str]
    ) -> tuple[Tensor, Tensor]:
        """See `Engine`."""
        study, at, moved = self._knobbed(task, wrt)
        matrix, slopes, gone = self._call(
            "jacobian_derivatives", start.numpy(), *self._particles(task), study, at, moved
        )
        all_alive(torch.tensor([not gone]))
        return torch.as_tensor(_array(matrix)), torch.as_tensor(_array(slopes)).movedim(-1, 0)

    def value_and_gradient(
        self, figure: Figure, task: Task, wrt: Sequence[str], mode: Literal["reverse", "forward"]
    ) -> tuple[Tensor, Tensor]:
        """See `Engine`."""
        study, at, moved = self._knobbed(task, wrt)
        particles = self._particles(task)
        if mode == "forward":
            end, marks, tangents = self._call("pushforward", *particles, study, at, moved)
            value, weights, by_current = _weighted(figure, _beam(task.beam, end, marks))
            slope = np.einsum("pck,pc->k", _array(tangents), weights)
        else:
            end, marks = self._call("track", *particles, study, at, say=_PLAIN)
            value, weights, by_current = _weighted(figure, _beam(task.beam, end, marks))
            slope = _array(self._call("pullback", *particles, study, at, weights)) @ moved
        slope = slope + by_current * np.array([address == CURRENT for address in wrt])
        return value, torch.as_tensor(slope)

    def _call(self, name: str, *arguments: Any, say: str = _ENZYME) -> Any:
        return self.session.call(name, *arguments, compiles=say)

    def _particles(self, task: Task) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        return border.coordinates(task.beam), border.lost(task.beam)

    def _study(self, task: Task, knobs: tuple[Any, ...] = ()) -> Any:
        s = self.session
        return s.call(
            "Study",
            border.elements(s, task.lattice),
            np.array(task.counts, dtype=np.int64),
            border.kicks(s, task),
            border.reference(s, task.beam.reference),
            task.turns,
            border.number(task.beam.current),
            knobs,
        )

    def _knobbed(self, task: Task, wrt: Sequence[str]) -> tuple[Any, Any, Any]:
        """A study with knobs, their values, and which of them each address moves."""
        entries, moved = border.knobs(task, wrt)
        at = moved @ values(task.lattice, task.beam, wrt).numpy()
        return self._study(task, entries), at, moved


def _array(julia: Any) -> NDArray[Any]:
    """A Julia array as NumPy sees it, without a copy."""
    return np.asarray(julia.to_numpy(copy=False))


def _beam(like: Beam, end: Any, marks: Any) -> Beam:
    tensor = torch.as_tensor(_array(end)).to(like.coordinates)
    return like.replace(coordinates=tensor, alive=torch.as_tensor(_array(marks) == 0))


def _weighted(figure: Figure, final: Beam) -> tuple[Tensor, NDArray[np.float64], float]:
    """A figure of the final beam, and its gradient by coordinates (N, 6) and by the current."""
    end = final.coordinates.detach().clone().requires_grad_()
    current = torch.as_tensor(border.number(final.current), dtype=end.dtype).requires_grad_()
    value = checked(figure, final.replace(coordinates=end, current=current))
    if not value.requires_grad:
        return value, np.zeros(tuple(end.shape)), 0.0
    by_end, by_current = torch.autograd.grad(
        value, [end, current], allow_unused=True, materialize_grads=True
    )
    if not bool(torch.isfinite(by_end).all()):
        raise ParticleLostError("the observable has no finite gradient at the end of the tracking")
    return value.detach(), by_end.numpy(), float(by_current)
