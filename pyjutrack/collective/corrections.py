"""Learned corrections of a solver: a term of the potential that is zero at the start."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

from ..autodiff import Pushed, map_linear, value_of
from ..beam.beam import Beam
from ..core.errors import InvalidValueError
from ..core.scalars import is_transformed
from ..core.special import on_host
from ..mesh.grid import Mesh
from .poisson import CheckedPotential, Potential


class Correction(ABC):
    """A solver, and a learned term of the potential beside it; a potential itself.

    The kick is the gradient of the sum, so it is symplectic whatever the weights are. Corrections
    may be put around each other. Fit `weights` by any optimiser: each `dataclasses.replace(c,
    weights=w)` is the same correction with others, and all derivatives run through it.

    Attributes:
        solver: what is corrected: any potential.
        weights: (P,), zero correction at the start; on the device of the beam.
    """

    solver: Potential
    weights: Tensor

    @property
    def mesh(self) -> Mesh:
        """The mesh of the solver."""
        return self.solver.mesh

    @property
    @abstractmethod
    def linear(self) -> bool:
        """Return whether the term is linear in the density."""

    @abstractmethod
    def term(self, fractions: Tensor, weights: Tensor) -> Tensor:
        """The term on the padded grid, (..., nx, ny), from fractions of that shape, and weights.

        A pure function of both, which have one precision.
        """

    #: whether the term is linear in the weights, of which `term` then takes a batch (K, P)
    linear_in_weights: ClassVar[bool] = False

    def check(self, beam: Beam) -> None:
        """Check a beam as the solver does."""
        if isinstance(self.solver, CheckedPotential):
            self.solver.check(beam)

    def solve(self, fractions: Tensor) -> Tensor:
        """H on the padded grid from the fractions of the beam in the cells; see `Potential`."""
        h = self.solver.solve(fractions)
        return h + _term(fractions, self.weights, self, h.dtype)

    def _settle(self, start: Tensor) -> None:
        """Set weights that are not given to `start`; raise for weights that cannot be."""
        settle_weights(self, start)


def settle_weights(record: Any, start: Tensor) -> None:
    """Set `weights` of a frozen record to a start (P,) where they are None, else check them.

    Raises:
        InvalidValueError: weights of another shape, no floating-point numbers, or not finite.
    """
    weights = record.weights
    if weights is None:
        object.__setattr__(record, "weights", start)
        return
    name, count = type(record).__name__, len(start)
    if not isinstance(weights, Tensor) or weights.shape != (count,):
        found = tuple(weights.shape) if isinstance(weights, Tensor) else repr(weights)
        raise InvalidValueError(
            f"the weights of this {name} are a tensor of shape ({count},), got {found}"
        )
    value = value_of(weights)
    if not value.is_floating_point():
        raise InvalidValueError(f"weights of {name} must be floating-point: {weights.dtype}")
    if on_host(value) and not is_transformed(value):
        wrong = (~torch.isfinite(value.detach())).nonzero().flatten().tolist()
        if wrong:
            raise InvalidValueError(
                f"weights of {name} must be finite, and {len(wrong)} are not, the first "
                f"number {wrong[0]}; go back to the last good ones, with smaller steps"
            )


def _term(fractions: Tensor, weights: Tensor, correction: Correction, dtype: torch.dtype) -> Tensor:
    if isinstance(fractions, Pushed) and correction.linear:
        there, now = value_of(weights), fractions.value
        along = map_linear(lambda f: _term(f, there, correction, dtype), fractions)
        if not isinstance(weights, Pushed):
            return along
        by_weights = _term(now, weights, correction, dtype)
        return along + (by_weights - value_of(by_weights))
    if isinstance(weights, Pushed) and correction.linear_in_weights:
        return map_linear(lambda w: _term(fractions, w, correction, dtype), weights)
    if has_torch_function((fractions, weights)):  # one rule for all of it
        return handle_torch_function(
            _term, (fractions, weights), fractions, weights, correction, dtype
        )
    return correction.term(fractions.to(weights.dtype), weights).to(dtype)
