"""What is read of a beam turn by turn, in one tracking and without keeping the beams."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..beam.beam import Beam, require_beam
from ..collective.base import CollectiveEffect
from ..core.checks import require_callable, require_mapping, require_text, require_texts, wrong
from ..core.checks import require_whole as require_count
from ..core.errors import InvalidValueError, require_known
from ..core.scalars import has_numbers
from ..core.transforms import disable_compile
from ..lattice.batch import each_where_needed
from ..lattice.lattice import Lattice
from ..tracking.adjoints import Adjoint
from ..tracking.loss_warning import warn_if_differentiable, warn_of_effects
from ..tracking.observation import position, run_observed
from ..tracking.task import task_of

#: a function of a beam: a tensor of any shape, or a number
Observable = Callable[[Beam], Any]


@dataclass(frozen=True, eq=False, repr=False)
class TurnHistory:
    """Readings of a beam, turn by turn; `history["size"]` are those of one name.

    Attributes:
        turns: the turns that were read, counted from 0, (T,).
        readings: name to tensor, (T, ...) of one place, (T, P, ...) of a list of P places.
        beam: after the last turn.
        dimensions: so many of the readings are turns and places; those of settings follow.
    """

    turns: Tensor
    readings: Mapping[str, Tensor]
    beam: Beam
    dimensions: int = 1

    @classmethod
    def joined(cls, found: Sequence[TurnHistory], batch: torch.Size) -> TurnHistory:
        """Join those that were found, one of each setting in a row, as a batch."""
        first, at = found[0], found[0].dimensions
        readings = {}
        for name in first.readings:
            stack = torch.stack([one.readings[name] for one in found], at)
            readings[name] = stack.reshape(*stack.shape[:at], *batch, *stack.shape[at + 1 :])
        beam = Beam.joined([one.beam for one in found], batch)
        return cls(first.turns, readings, beam, at)

    def __getitem__(self, name: str) -> Tensor:
        """Readings of a name."""
        require_known("reading", name, self.readings)
        return self.readings[name]

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {tuple(r.shape)}" for name, r in self.readings.items())
        return f"TurnHistory({shapes}; {self.beam.lost} lost)"


@disable_compile
@each_where_needed
def track_turns(
    lattice: Lattice,
    beam: Beam,
    observables: Mapping[str, Observable],
    *,
    turns: int,
    at: str | Sequence[str] | None = None,
    every: int = 1,
    effects: Sequence[CollectiveEffect] = (),
    adjoint: str | Adjoint = "auto",
    memory: int = 2**31,
) -> TurnHistory:
    """Track a beam for many turns and read it in each, in one tracking.

    Readings are of the beam as it passes a place, the first before it has moved by a turn. Those
    of `pyjutrack.moments` and `pyjutrack.observables` are of live particles, by their weights.
    They carry derivatives by autograd and by `torch.func.jvp`, of all that `track` carries them
    of. A beam is kept for no longer than it is read, but what a backward pass needs is: readings
    with `adjoint="reversible"` keep the beam of each turn, not of each operation.

    Args:
        lattice, beam, effects, adjoint: as for `track`, with the native engine.
        observables: name to function of a beam, which returns a number or a tensor: of
            `pyjutrack.moments`, made by `pyjutrack.observables`, the `read` of a diagnostic,
            `live_coordinates`, or your own.
        turns: how often to pass the lattice.
        at: the name of an element, at whose entrance is read, or several in a list; the start of
            the lattice if None.
        every: read each so many turns alone, the first among them.
        memory: that readings may take [byte]. Coordinates take 48 bytes a particle, turn and place.

    Raises:
        InvalidValueError: readings that would not fit, or are no numbers, or change their shape;
            as for `track`. UnknownNameError: no such element.

    Warns:
        LossWarning: as for `track`.

    Example:
        >>> read = {"x": pj.observables.centroid("x"), "sizes": pj.moments.sizes}
        >>> history = pj.diagnostics.track_turns(ring, beam, read, turns=1000)
        >>> history["sizes"].shape
        torch.Size([1000, 6])
    """
    task = task_of(lattice, beam, effects, turns, adjoint)
    require_mapping(
        "observables", observables, 'a dict such as {"x": pj.observables.centroid("x")}'
    )
    for name, observable in observables.items():
        require_text("each name of observables", name)
        require_callable(f"observable {name!r}", observable, "a function of a Beam")
    if not observables:
        raise wrong("observables", observables, "a dict of one function or more")
    require_count("every", every, 1)
    require_count("memory", memory)
    single = at is None or isinstance(at, str)
    expected = "a name or a list of names of elements"
    places = [at] if at is None or isinstance(at, str) else require_texts("at", at, expected)
    if not places:
        raise wrong("at", at, "a name, a list of names, or None")
    stops: dict[int, list[int]] = {}
    for row, place in enumerate(places):
        stop = 0 if place is None else task.plan.first(position(lattice, place))
        stops.setdefault(stop, []).append(row)
    read = torch.arange(0, task.turns, int(every))
    readings = _Readings(observables, len(read) * len(places), memory)

    def see(turn: int, op: int, seen: Beam) -> None:
        readings.read(seen, [turn // every * len(places) + row for row in stops[op]])

    end = run_observed(task, stops, see, every=int(every))
    warn_of_effects(task, [end])
    warn_if_differentiable(beam, [end])
    found = readings.stacked()
    if not single:
        shape = len(read), len(places)
        found = {name: values.unflatten(0, shape) for name, values in found.items()}
    return TurnHistory(read, found, end, 1 if single else 2)


def live_coordinates(beam: Beam) -> Tensor:
    """Coordinates (N, 6) of the live particles, NaN in the place of the lost.

    For `track_turns`: coordinates of each particle turn by turn, (T, N, 6), as `tunes_by_turns`
    takes them, at 48 bytes a particle and turn.

    Args:
        beam: at the end of a turn.
    """
    require_beam(beam)
    return torch.where(beam.alive.unsqueeze(-1), beam.coordinates, torch.nan)


class _Readings:
    """Rows of numbers, filled in place; of derivatives, listed until the end."""

    def __init__(self, observables: Mapping[str, Observable], count: int, memory: int) -> None:
        self._observables, self._count, self._left = observables, count, memory
        self._rows: dict[str, Tensor | list[Tensor]] = {}
        self._shapes: dict[str, torch.Size] = {}

    def read(self, beam: Beam, places: Sequence[int]) -> None:
        """Read a beam into some rows."""
        for name, observable in self._observables.items():
            value = _as_tensor(name, observable(beam))
            plain = has_numbers(value) and not value.requires_grad
            if name not in self._rows:
                self._start(name, value)
            if value.shape != self._shapes[name]:
                raise InvalidValueError(
                    f"observable {name!r} returned shape {tuple(value.shape)} after "
                    f"{tuple(self._shapes[name])}; readings of all turns must be alike"
                )
            rows = self._rows[name]
            if isinstance(rows, Tensor) and not plain:
                rows = self._rows[name] = list(rows.unbind(0))
            for place in places:
                rows[place] = value

    def stacked(self) -> dict[str, Tensor]:
        """All rows of each name."""
        return {
            name: rows if isinstance(rows, Tensor) else torch.stack(rows)
            for name, rows in self._rows.items()
        }

    def _start(self, name: str, value: Tensor) -> None:
        size = self._count * value.numel() * value.element_size()
        if size > self._left:
            raise InvalidValueError(
                f"readings {name!r} of shape {tuple(value.shape)}, {self._count} times, take "
                f"{size / 2**20:.4g} MiB, and memory={self._left / 2**20:.4g} MiB is left for "
                "them; read less of the beam, give a larger `every`, or allow more `memory`"
            )
        self._left -= size
        self._shapes[name] = value.shape
        self._rows[name] = value.detach().new_empty((self._count, *value.shape))


def _as_tensor(name: str, value: Any) -> Tensor:
    """What an observable returned, as a tensor."""
    try:
        # NumPy takes numbers in double precision, and refuses lists that would lose derivatives
        found = value if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value))
    except (TypeError, ValueError, RuntimeError):
        found = None
    if found is None or found.is_complex():
        raise wrong(f"what observable {name!r} returns", value, "a tensor or a number")
    # counts too: with the first soft aperture they are sums of weights
    return found if isinstance(value, Tensor) and found.is_floating_point() else found.double()
