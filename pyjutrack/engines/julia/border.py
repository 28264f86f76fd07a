"""Convert pyjutrack's objects to those of the Julia package, which has the same conventions.

Where JuTrack's conventions differ stands in `julia/src/conventions.jl`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...beam.beam import Beam, require_whole
from ...beam.initial_moments import KNOBS
from ...beam.reference import Reference
from ...collective import Mesh, SpaceCharge, SpectralPoisson
from ...core.errors import InvalidValueError
from ...core.scalars import Number, is_transformed
from ...elements import Element, Multipole, Quadrupole
from ...interop.networks import to_nnlib
from ...lattice.knobs import CURRENT
from ...lattice.lattice import Lattice
from ...surrogate import Surrogate
from ...tracking.adjoints import Auto, Store, name_of
from ...tracking.task import Task
from .gridless import JuTrackSpaceCharge
from .session import Session

_ENDS = (
    "PyTorch's derivatives end at the julia engine; use pj.gradient or pj.jacobian with "
    'engine="julia", or the native engine'
)
#: strengths below this [1/m^2] are too small for JuTrack's formula to be differentiated by them
_LEAST_K1 = 1e-6


def check(task: Task) -> None:
    """Raise InvalidValueError for an adjoint that Enzyme does not have."""
    if not isinstance(task.adjoint, (Auto, Store)):
        raise InvalidValueError(
            f"adjoint={name_of(task.adjoint)!r} is of the native engine; with Julia "
            "Enzyme's backward pass stores what it needs: take adjoint='auto'"
        )


def number(value: Number) -> float:
    """A parameter as a float, if no PyTorch derivative is asked of it.

    Raises:
        InvalidValueError: one is.
    """
    if isinstance(value, Tensor):
        if value.requires_grad or is_transformed(value):
            raise InvalidValueError(_ENDS)
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


def reference(session: Session, reference: Reference) -> Any:
    """Julia's record of the reference particle."""
    species = reference.species
    energy, beta = number(reference.kinetic_energy), number(reference.beta)
    return session.call("Reference", energy, species.mass, float(species.charge), beta)


def slices(task: Task) -> tuple[int, ...]:
    """Into how many slices each element is cut.

    Raises:
        InvalidValueError: effects that ask for different ones.
    """
    found = {task.plan.slices(n) for n in range(len(task.effects))}
    if len(found) > 1:
        raise InvalidValueError(
            "with the julia engine all effects act in the same slices; give them one max_step"
        )
    return found.pop() if found else (0,) * len(task.lattice)


def effects(session: Session, task: Task) -> Any:
    """Julia's effects, as a tuple.

    Raises:
        InvalidValueError: one that Julia lacks.
    """
    per_ampere = number(task.beam.reference.perveance_per_ampere())
    return tuple(_kick(session, k, per_ampere) for k in task.effects)


def _kick(session: Session, kick: Any, per_ampere: float) -> Any:
    if isinstance(kick, JuTrackSpaceCharge):
        perveance = per_ampere * number(kick.perveance_scale)
        return session.call("Gridless", kick.size, kick.modes, perveance)
    if not isinstance(kick, SpaceCharge):
        raise InvalidValueError(
            f"the julia engine has no kick {type(kick).__name__}; it knows SpaceCharge and "
            "JuTrackSpaceCharge"
        )
    perveance = per_ampere * number(kick.perveance_scale)
    made = potential(session, kick.potential)
    return session.call("SpaceCharge", made, perveance, kick.response)


def potential(session: Session, ours: Any) -> Any:
    """Julia's potential for a solver or a network.

    Raises:
        InvalidValueError: one that Julia lacks.
    """
    if isinstance(ours, SpectralPoisson):
        return session.call("Spectral", _mesh(session, ours.mesh), ours.modes, ours.damping)
    if isinstance(ours, Surrogate):
        weights = ours.network.weights.values()
        if any(w.requires_grad for w in weights):
            raise InvalidValueError(_ENDS)
        # tensors count their changes
        state = [w._version for w in weights]
        if ours not in _NETWORKS or _NETWORKS[ours][0] != state:
            _NETWORKS[ours] = state, _surrogate(session, ours)
        return _NETWORKS[ours][1]
    raise InvalidValueError(
        f"the julia engine has no potential {type(ours).__name__}; it knows SpectralPoisson "
        "and Surrogate"
    )


#: networks that Julia holds already, and the state that they were in; an entry goes with its
#: surrogate
_NETWORKS: WeakKeyDictionary[Surrogate, tuple[list[int], Any]] = WeakKeyDictionary()


def _surrogate(session: Session, surrogate: Surrogate) -> Any:
    precision = "Float32" if surrogate.network.dtype == torch.float32 else "Float64"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.nnlib"
        # in double precision for the smoothing's kernel, which is no weight
        to_nnlib(surrogate, path, "float64")
        kind = getattr(session.main, precision)
        return session.call("surrogate", str(path), _mesh(session, surrogate.mesh), kind)


def _mesh(session: Session, mesh: Mesh) -> Any:
    if mesh.shape.offset:
        raise InvalidValueError(
            f"the julia engine does not know the shape function {mesh.shape.name!r}; take "
            'assignment="bspline", or the native engine'
        )
    return session.call("Mesh", mesh.grid.size, mesh.grid.shape, mesh.shape.name)


def knobs(
    task: Task, wrt: Sequence[str]
) -> tuple[tuple[tuple[int, str, int], ...], NDArray[np.float64]]:
    """Julia's knobs, and which of them each address moves, (entries, K).

    A knob is (place from 1 or 0 for the current, JuTrack's field, order from 0 or -1). Elements of
    one name are one address and several entries.

    Raises:
        InvalidValueError: JuTrack's overlay of parameters cannot reach one.
    """
    entries: list[tuple[int, str, int]] = []
    moved = []
    for column, address in enumerate(wrt):
        found = _entries(task.lattice, address)
        entries += found
        moved += [column] * len(found)
    return tuple(entries), np.eye(len(wrt))[moved]


def _entries(lattice: Lattice, address: str) -> list[tuple[int, str, int]]:
    """(place from 1 or 0, JuTrack's field, order from 0 or -1) of what an address moves."""
    if address == CURRENT:
        return [(0, "current", -1)]
    if address in KNOBS or address.startswith("effects["):
        raise InvalidValueError(f"JuTrack's parameters cannot reach the knob {address!r}")
    name, field, index = lattice.resolve(address)
    return [
        (place, *_field(e, address, field, index))
        for place, e in enumerate(lattice, start=1)
        if e.name == name
    ]


def _field(e: Element, address: str, field: str, index: int | None) -> tuple[str, int]:
    if field == "length" and not isinstance(e, Multipole):
        return "len", -1
    if isinstance(e, Quadrupole) and field == "k1":
        if e.model == "linear" and abs(number(e.k1)) < _LEAST_K1:
            raise InvalidValueError(
                f"JuTrack's quadrupole cannot be differentiated by {address!r} at "
                f"{number(e.k1):g}: its formula divides by the strength; use the native engine, "
                'or model="exact"'
            )
        return "k1", -1
    if isinstance(e, Multipole) and index is not None:
        return ("PolynomB" if field == "knl" else "PolynomA"), index
    raise InvalidValueError(f"JuTrack's parameters cannot reach the knob {address!r}")
