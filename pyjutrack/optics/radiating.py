"""All elements of a ring at once, with the synchrotron radiation in each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..autodiff import Pushed
from ..beam.reference import Reference
from ..collective.emission import Piece, emission_of, emit, faces_of, radiates
from ..core.scalars import Number, is_zero
from ..elements import Element
from ..elements.part import WHOLE, Part
from ..elements.placement import advance, apply_within
from ..elements.recordings import memoize
from ..maps.packing import Program
from ..maps.program import NotRecordedError, Recorder
from ..maps.state import State
from .passing import Passage, pass_each

#: points of the quadrature in bends, and in other magnets
_POINTS, _FEWER = 4, 2
_COORDINATES = 6


class Survey(NamedTuple):
    """What elements do about an orbit.

    Attributes:
        matrices: (N, 6, 6).
        diffusion: covariances that photons add in each, at its exit, (N, 6, 6).
        losses: energies that are radiated in each [eV], (N,).
    """

    matrices: Tensor
    diffusion: Tensor
    losses: Tensor


#: (before, place in the element, piece, whether photons fluctuate) -> after
Emit = Callable[[State, float, Piece, bool], State]


class RadiatingPassage(Passage):
    """A `Passage` of elements whose fields make particles radiate, at points of a quadrature."""

    def values(self, coordinates: Tensor, part: Part = WHOLE) -> Tensor:
        """(N, 6) at the exits of the elements."""
        ends = [torch.stack(s.coordinates) for s, _ in self._moved(coordinates)]
        return self._joined(ends).squeeze(1).mT

    def matrices(self, coordinates: Tensor, part: Part = WHOLE) -> tuple[Tensor, Tensor]:
        """The same, and the Jacobians (N, 6, 6)."""
        if not torch.is_grad_enabled() and self._programs is not None:
            return pass_each(self._programs, coordinates)
        values, tangents, _ = self._pushed(coordinates, 0)
        return values, tangents

    def survey(self, coordinates: Tensor) -> Survey:
        """All that the elements and their photons do, in one pass."""
        _, tangents, losses = self._pushed(coordinates, _POINTS)
        kicks = tangents[:, :, _COORDINATES:]
        return Survey(tangents[:, :, :_COORDINATES], kicks @ kicks.mT, losses)

    @cached_property
    def _programs(self) -> list[Program] | None:
        """Each element with its mean loss, compiled; None where one of them has no kernels."""
        families: dict[Element, Element] = {}  # each is recorded once
        members = [
            e if e.has_tensors else families.setdefault(dataclasses.replace(e, name=""), e)
            for e in self.elements
        ]
        try:
            return [memoize(_record, e, self.reference, WHOLE) for e in members]
        except NotRecordedError:
            return None

    def _joined(self, pieces: list[Tensor]) -> Tensor:
        """Columns of all stacks, in the order of the elements."""
        return torch.cat(pieces, -1)[..., self._back]

    def _pushed(self, coordinates: Tensor, points: int) -> tuple[Tensor, Tensor, Tensor]:
        """The ends, tangents of them by coordinates and photons (N, 6, 6 + points), and losses."""
        count, moved = _COORDINATES + points, list(self._moved(coordinates, points))
        ends = [torch.stack(s.coordinates) for s, _ in moved]
        values = self._joined([_value(e) for e in ends])
        tangents = self._joined([_tangent(e, count) for e in ends])
        sizes = zip(moved, self._stacks, strict=True)
        losses = self._joined([lost.reshape(-1).expand(len(s.places)) for (_, lost), s in sizes])
        ordered = tangents.squeeze(2).permute(2, 1, 0).contiguous()
        return values.squeeze(1).mT, ordered, losses

    def _moved(
        self, coordinates: Tensor, points: int | None = None
    ) -> Iterator[tuple[State, Tensor]]:
        """Each stack after its elements, and the energies that it radiated.

        Args:
            points: of photons, by which there are tangents beside those by coordinates; None for
                no tangents at all.
        """
        for state, element in self._states(coordinates):
            directions = tuple(range(_COORDINATES + (points or 0)))
            if points is not None:
                columns = [_push(c, i, directions) for i, c in enumerate(state.coordinates)]
                state = State(tuple(columns), state.alive)
            lost: list[Tensor] = [torch.zeros_like(_value(state.coordinates[5]))]
            photons = iter(range(_COORDINATES, _COORDINATES + (points or 0)))

            def act(
                before: State, place: float, piece: Piece, noisy: bool,
                element: Element = element, directions: Any = directions,
                photons: Any = photons, lost: Any = lost,
            ) -> State:  # fmt: skip
                noise = None
                if points and noisy:
                    zero = torch.zeros_like(_value(before.coordinates[0]))
                    noise = _push(zero, next(photons), directions)
                emission = emission_of(element, self.reference, piece)
                radiate = partial(emit, emission=emission, noise=noise)
                after = apply_within(element, before, self.reference, place, radiate)
                energies = (self._energy(s.coordinates[5]) for s in (before, after))
                lost.append(next(energies) - next(energies))
                return after

            moved = _traverse(element, state, self.reference, act)
            yield moved, torch.stack(lost).sum(0)

    def _energy(self, delta: Any) -> Tensor:
        """The total energy of particles [eV]."""
        reference: Reference = self.reference
        p0c: Number = reference.p0c
        pc: Tensor = p0c * (1 + _value(delta))
        return (pc * pc + reference.species.mass**2).sqrt()


def _record(element: Element, reference: Reference, part: Part) -> Program:
    """An element with its mean loss, compiled."""

    def act(before: State, place: float, piece: Piece, noisy: bool) -> State:
        radiate = partial(emit, emission=emission_of(element, reference, piece))
        return apply_within(element, before, reference, place, radiate)

    recorder: Any = Recorder()
    _traverse(element, recorder, reference, act)
    found: Program = recorder.program()
    return found


def _traverse(element: Element, state: State, reference: Reference, act: Emit) -> State:
    """Move particles through an element, and let them radiate at points of it and at its faces."""
    if not radiates(element):
        return advance(element, state, reference, WHOLE)
    entrance, exit_ = faces_of(element)
    if "length" not in element.knobs:
        state = advance(element, state, reference, Part(0.0, 0.5))
        thick = not is_zero(element.arc_length)
        state = act(state, 0.5, Piece(element.arc_length, entrance, exit_), thick)
        return advance(element, state, reference, Part(0.5, 1.0))
    if not is_zero(entrance):
        state = act(state, 0.0, Piece(0.0, entrance), False)
    points = _FEWER if is_zero(element.bend_angle) else _POINTS
    done, (nodes, weights) = 0.0, np.polynomial.legendre.leggauss(points)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        state = advance(element, state, reference, Part(done, float(node)))
        done = float(node)
        state = act(state, done, Piece(element.arc_length * float(weight)), True)
    state = advance(element, state, reference, Part(done, 1.0))
    return state if is_zero(exit_) else act(state, 1.0, Piece(0.0, 0.0, exit_), False)


def _push(column: Tensor, direction: int, directions: Any) -> Any:
    """A column whose tangent in a direction is one, and zero in the others."""
    one = torch.zeros(len(directions), *(1,) * column.dim(), dtype=column.dtype)
    one[direction] = 1.0
    return Pushed.make(column, one.expand(-1, *column.shape), directions)


def _value(column: Any) -> Tensor:
    return column.value if isinstance(column, Pushed) else column


def _tangent(columns: Any, count: int) -> Tensor:
    """Tangents by direction, (count, ...)."""
    return columns.tangent if isinstance(columns, Pushed) else columns.new_zeros(count)
