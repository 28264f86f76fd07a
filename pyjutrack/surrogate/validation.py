"""A surrogate held against a solver."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..collective.field import field_error, own_field
from ..collective.poisson import Potential
from ..core.errors import InvalidValueError
from ..core.scalars import is_real
from ..mesh.particle_mesh import inside

#: mean error of the field above which a network is called poor: four times that of the worst of
#: those that ship, and well below what tracks another beam
POOR = 0.03


def stated_series(teacher: str) -> tuple[tuple[int, int] | None, float | None]:
    """Modes and damping of the spectral solver that a card names, None where it names none."""
    modes = re.search(r"\bmodes=\((\d+), (\d+)\)", teacher)
    damping = re.search(r"\bdamping=([-+.\de]+)", teacher)
    return (
        (int(modes[1]), int(modes[2])) if modes else None,
        float(damping[1]) if damping else None,
    )


def stated_error(about: Mapping[str, Any]) -> float | None:
    """The mean error of the field on held-out beams that a card states; None if it states none."""
    held_out = about.get("held_out")
    mean: Any = held_out.get("mean") if isinstance(held_out, Mapping) else None
    return float(mean) if is_real(mean) else None


@dataclass(frozen=True)
class Validation:
    """Comparison of a potential with a solver on one beam.

    Attributes:
        field_error: rms error of the field at the macroparticles over the rms field.
        largest: largest error at a macroparticle, over the rms field.
        warnings: what of the beam lies outside of the training, and what the network's own card
            says against it, in words.
    """

    field_error: float
    largest: float
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        inside = "the beam is like those of training"
        if not self.field_error <= POOR:
            inside = (
                "the beam lies within the limits of training, and the network is poor there: train "
                "it longer, or use a solver"
            )
        said = "; ".join(self.warnings) or inside
        return (
            f"field error {self.field_error:.2%} rms over the beam, {self.largest:.2%} at the "
            f"worst macroparticle; {said}"
        )


def compare(
    potential: Potential, solver: Potential, x: Tensor, y: Tensor, warnings: Sequence[str] = ()
) -> Validation:
    """A potential against a solver on macroparticles at x and y (N,) [m].

    Raises:
        InvalidValueError: the solver is none, or particles lie outside of either box.
    """
    for one in (potential, solver):
        if not hasattr(one, "mesh") or not hasattr(one, "solve"):
            raise InvalidValueError(f"compare with a solver such as SpectralPoisson, not {one!r}")
        outside = int((~inside(one.mesh.grid, x, y)).sum())
        if outside:
            raise InvalidValueError(
                f"{outside} particles lie outside of the box of {one.mesh.grid.size} m"
            )
    ours, reference = own_field(potential, x, y), own_field(solver, x, y)
    off = torch.hypot(ours.along_x - reference.along_x, ours.along_y - reference.along_y)
    rms = torch.sqrt((reference.along_x**2 + reference.along_y**2).mean())
    return Validation(field_error(ours, reference), float(off.max() / rms), tuple(warnings))
