"""Elements whose field is learned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from .. import maps
from ..beam.reference import Reference
from ..core.errors import InvalidValueError
from ..core.scalars import Number
from ..maps.state import State
from .base import Element
from .part import Part
from .potentials import Form


@dataclass(frozen=True, repr=False, eq=False)
class HamiltonianKick(Element):
    """A thin kick by a potential H(x, y, z) that is learned.

    (px, py, delta) -= strength grad H: symplectic whatever the weights are. With the weights at
    their start H is zero, and the element does nothing.

    Attributes:
        potential: the form of H; see `pyjutrack.elements.potentials`.
        weights: of the form, one vector (P,); None is its start. As a knob it is named as a whole,
            such as "field.weights".
        strength: factor on H.

    Raises:
        InvalidValueError: no form; weights of another shape, not finite, or no numbers.
    """

    potential: Form
    weights: Tensor = None  # type: ignore[assignment]  # the form's start, filled in __post_init__
    strength: Number = field(default=1.0, kw_only=True)
    merges: ClassVar[bool] = True
    knobs: ClassVar[tuple[str, ...]] = ("strength",)
    vectors: ClassVar[tuple[str, ...]] = ("weights",)
    is_learned: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        form: Any = self.potential
        if isinstance(form, type) or not all(
            hasattr(form, name) for name in ("count", "start", "slopes")
        ):
            raise InvalidValueError(
                f"{self._label()}: potential must be a form of "
                f"`pyjutrack.elements.potentials`, got {form!r}"
            )
        weights: Any = form.start() if self.weights is None else self.weights
        if not isinstance(weights, Tensor):
            try:
                weights = torch.tensor(weights, dtype=torch.float64)
            except (TypeError, ValueError, RuntimeError):
                raise InvalidValueError(
                    f"{self._label()}: weights must be a vector of {form.count} numbers, got "
                    f"{weights!r}"
                ) from None
        if weights.shape != (form.count,):
            raise InvalidValueError(
                f"{self._label()}: {form} has {form.count} weights, got shape "
                f"{tuple(weights.shape)}"
            )
        object.__setattr__(self, "weights", self._vector("weights", weights))

    def __repr__(self) -> str:
        own = f"{self.potential!r}, strength={self.strength!r}"
        return f"HamiltonianKick({own}, name={self.name!r})"

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        kick = getattr(self.potential, "map", maps.potential_kick)
        return state.apply(kick, self.potential, self.weights, self.strength)
