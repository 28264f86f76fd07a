"""Convert pyjutrack's objects to those of the Julia package, which has the same conventions.

Where JuTrack's conventions differ stands in `julia/src/conventions.jl`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...beam.beam import Beam, require_whole
from ...beam.reference import ELEMENTARY_CHARGE
from ...core.errors import InvalidValueError
from ...core.scalars import Number, is_transformed, is_zero
from ...core.tensors import tensors_in
from ...lattice.batch import require_one
from ...tracking.adjoints import Auto, Reversible, name_of
from ...tracking.task import Task
from .session import Session

ENDS = (
    "PyTorch's derivatives end at the julia engine; use pj.gradient or pj.jacobian with "
    'engine="julia", or the native engine'
)


def check(task: Task) -> None:
    """Raise InvalidValueError for what the julia engine does not have.

    Another adjoint, or derivatives that PyTorch asks of the task.
    """
    require_one("a tracking by the julia engine", task.batch)
    moving = [e for e in task.lattice.elements if e.has_tensors]
    if any(map(is_asked, tensors_in((moving, task.effects, task.beam.intensity)))):
        raise InvalidValueError(ENDS)
    if not isinstance(task.adjoint, (Auto, Reversible)):
        raise InvalidValueError(
            f"adjoint={name_of(task.adjoint)!r} is of the native engine; the julia engine tracks "
            "back along the beam: take adjoint='auto' or 'reversible'"
        )


def is_asked(tensor: Tensor) -> bool:
    """Return whether PyTorch asks for derivatives by a tensor."""
    return tensor.requires_grad or is_transformed(tensor)


def number(value: Number) -> float:
    """A parameter as a float, if no PyTorch derivative is asked of it.

    Raises:
        InvalidValueError: one is.
    """
    if isinstance(value, Tensor):
        if is_asked(value):
            raise InvalidValueError(ENDS)
        return float(value)
    return value


def array(julia: Any) -> NDArray[Any]:
    """A Julia array as NumPy sees it, without a copy."""
    return np.asarray(julia.to_numpy(copy=False))


def coordinates(beam: Beam) -> NDArray[np.float64]:
    """(N, 6) in double precision.

    Raises:
        InvalidValueError: a batch of beams, a part of one, or tensors that PyTorch differentiates.
    """
    require_whole(beam, "the julia engine")
    tensor = beam.coordinates
    if tensor.dim() != 2:
        raise InvalidValueError(
            f"the julia engine tracks one beam, (N, 6), not a batch {tuple(tensor.shape)}"
        )
    if beam.weights is not None:
        raise InvalidValueError("the julia engine does not know weights; take the native engine")
    number(tensor.reshape(-1)[0])
    return np.asarray(tensor.detach().cpu().numpy(), dtype=np.float64)


def lost(beam: Beam) -> NDArray[np.int64]:
    """1 where a particle is lost, (N,)."""
    return np.asarray((~beam.alive).cpu().numpy(), dtype=np.int64)


def intensity(beam: Beam) -> tuple[str, Number]:
    """What a beam has of a current and a charge, by its name; its current where it has neither."""
    current, charge = beam.intensity
    return ("current", current) if is_zero(charge) else ("charge", charge)


def reference(session: Session, beam: Beam) -> Any:
    """Julia's record of the reference particle, and of how many of them the beam has."""
    reference, species = beam.reference, beam.reference.species
    energy, beta = number(reference.kinetic_energy), number(reference.beta)
    charge = float(species.charge)
    particles = abs(number(beam.charge) / (ELEMENTARY_CHARGE * charge)) if charge else 0.0
    current = number(beam.current)
    return session.call("Reference", energy, species.mass, charge, beta, particles, current)
