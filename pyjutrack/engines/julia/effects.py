"""Effects and potentials as those of the Julia package."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch

from ...beam.beam import Beam
from ...collective import Mesh, SpaceCharge, SpectralPoisson
from ...collective.base import CollectiveEffect
from ...core.errors import InvalidValueError
from ...core.scalars import Number
from ...interop.networks import to_nnlib
from ...mesh.shapes import shape
from ...surrogate import Surrogate
from .acting import is_element, is_radiation
from .border import ENDS
from .gridless import JuTrackSpaceCharge
from .session import Session


def is_kick(effect: CollectiveEffect) -> bool:
    """Whether Julia has an effect as a kick by a field, and not as an element of its line.

    Raises:
        InvalidValueError: it has it as neither.
    """
    if is_element(effect) or is_radiation(effect):
        return False
    # what is derived from one may do something else
    if type(effect) not in _KICKS:
        raise _unknown(effect)
    return True


def strength_of(effect: Any, beam: Beam) -> Number:
    """The perveance of a beam for a kick."""
    return beam.reference.perveance_per_ampere() * effect.perveance_scale * beam.current


def _unknown(effect: CollectiveEffect) -> InvalidValueError:
    return InvalidValueError(
        f"the julia engine has no {type(effect).__name__}; it knows SpaceCharge, "
        "JuTrackSpaceCharge, Wake and Radiation, and nothing that is derived from them"
    )


def effects(session: Session, ours: Sequence[CollectiveEffect]) -> Any:
    """Julia's effects, as a tuple.

    Raises:
        InvalidValueError: one that Julia lacks.
    """
    return tuple(_KICKS[type(effect)](session, effect) for effect in ours if is_kick(effect))


def _gridless(session: Session, effect: Any) -> Any:
    return session.call("Gridless", effect.size, effect.modes)


def _space_charge(session: Session, effect: Any) -> Any:
    return session.call("SpaceCharge", potential(session, effect.potential), effect.response)


_KICKS: dict[type[CollectiveEffect], Callable[[Session, Any], Any]] = {
    JuTrackSpaceCharge: _gridless,
    SpaceCharge: _space_charge,
}


def potential(session: Session, ours: Any) -> Any:
    """Julia's potential for a solver or a network.

    Raises:
        InvalidValueError: one that Julia lacks.
    """
    if type(ours) is SpectralPoisson:
        return _solver(session, ours.mesh, ours.modes, ours.damping)
    if type(ours) is Surrogate:
        weights = ours.network.weights.values()
        if any(w.requires_grad for w in weights):
            raise InvalidValueError(ENDS)
        # tensors count their changes, but for those of their data
        state = [(w._version, float(w.sum())) for w in weights]
        if ours not in _NETWORKS or _NETWORKS[ours][0] != state:
            _NETWORKS[ours] = state, _surrogate(session, ours)
        return _NETWORKS[ours][1]
    raise InvalidValueError(
        f"the julia engine has no potential {type(ours).__name__}; it knows SpectralPoisson "
        "and Surrogate, and nothing that is derived from them"
    )


@lru_cache(maxsize=8)
def _solver(session: Session, mesh: Mesh, modes: tuple[int, int], damping: float) -> Any:
    return session.call("Spectral", _mesh(session, mesh), modes, damping)


#: networks that Julia holds already, and the state that they were in; an entry goes with its
#: surrogate
_NETWORKS: WeakKeyDictionary[Surrogate, tuple[list[tuple[int, float]], Any]] = WeakKeyDictionary()


def _surrogate(session: Session, surrogate: Surrogate) -> Any:
    precision = "Float32" if surrogate.network.dtype == torch.float32 else "Float64"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.nnlib"
        # in double precision for the smoothing's kernel, which is no weight
        to_nnlib(surrogate, path, "float64")
        kind = getattr(session.main, precision)
        return session.call("surrogate", str(path), _mesh(session, surrogate.mesh), kind)


def _mesh(session: Session, mesh: Mesh) -> Any:
    # Julia has its own by these names
    known = shape(mesh.shape.name)
    if known.offset or mesh.shape != known or mesh.shape.transfer is not known.transfer:
        raise InvalidValueError(
            f"the julia engine does not know the shape function {mesh.shape.name!r}; take "
            'assignment="bspline", or the native engine'
        )
    return session.call("Mesh", mesh.grid.size, mesh.grid.shape, mesh.shape.name)
