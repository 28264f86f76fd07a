"""Kicks, potentials and diagnostics as plain data and tensors, and back.

A kind that is to stand in files has a pair of functions in a table here. Tensors are kept apart
from the rest, under names that the plain data hold.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from ..diagnostics import Diagnostic, Instrument
from ..elements import Aperture
from ..errors import InvalidValueError, require_known
from ..io.fields import changed_fields, element_from
from ..number import is_transformed
from ..spacecharge import ImageCharges, SpaceCharge, SpectralPoisson
from ..spacecharge.poisson import Potential
from ..spacecharge.shapes import Shape
from ..surrogate import ResidualNetwork, Surrogate, layers
from ..surrogate.network import Network
from ..tracking import Kick

Plain = dict[str, Any]
Tensors = dict[str, Tensor]


class Kind(NamedTuple):
    """How a kind of record is written and read; the prefix is that of its tensors."""

    write: Callable[[Any, Tensors, str], Plain]
    read: Callable[[Plain, Tensors, str], Any]


def write(thing: Any, tensors: Tensors, prefix: str) -> Plain:
    """A kick or a potential as plain data; its tensors are added to `tensors`.

    Raises:
        InvalidValueError: a kind that no file can hold.
    """
    name = type(thing).__name__
    if name not in _KINDS or not isinstance(thing, _TYPES[name]):
        raise InvalidValueError(
            f"a file cannot hold a {name}, only {', '.join(_KINDS)}; save the weights and the "
            "settings of yours, and make the twin anew around them"
        )
    return {"kind": name, **_KINDS[name].write(thing, tensors, prefix)}


def read(data: Any, tensors: Tensors, prefix: str) -> Any:
    """What `write` gave.

    Raises:
        UnknownNameError, InvalidValueError: it is none.
    """
    if not isinstance(data, Mapping):
        raise InvalidValueError(f"not the record of a kick or potential: {data!r}")
    require_known("kind of kick or potential", str(data.get("kind")), _KINDS)
    try:
        return _KINDS[str(data["kind"])].read(dict(data), tensors, prefix)
    except (KeyError, TypeError) as error:
        raise InvalidValueError(f"not a record of {data['kind']}: {error!r}") from error


def write_diagnostic(diagnostic: Diagnostic) -> Plain:
    """A diagnostic as plain data.

    Raises:
        InvalidValueError: a kind of a user's own.
    """
    kinds = _instruments()
    kind = type(diagnostic).__name__
    if kinds.get(kind) is not type(diagnostic):
        raise InvalidValueError(
            f"a file cannot hold the diagnostic {diagnostic.name!r}: {kind} is no kind of "
            "pyjutrack.diagnostics"
        )
    found: Plain = {"kind": kind}
    for field in dataclasses.fields(diagnostic):  # type: ignore[arg-type]
        value = getattr(diagnostic, field.name)
        if field.init:
            is_opening = isinstance(value, Aperture)
            found[field.name] = {"opening": changed_fields(value)} if is_opening else value
    return found


def read_diagnostic(data: Any) -> Diagnostic:
    """What `write_diagnostic` gave.

    Raises:
        UnknownNameError, InvalidValueError: it is none.
    """
    kinds = _instruments()
    if not isinstance(data, Mapping):
        raise InvalidValueError(f"not the record of a diagnostic: {data!r}")
    require_known("kind of diagnostic", str(data.get("kind")), kinds)
    fields = {k: _field(v) for k, v in data.items() if k != "kind"}
    try:
        found: Diagnostic = kinds[str(data["kind"])](**fields)
    except TypeError as error:
        raise InvalidValueError(f"not a record of {data['kind']}: {error}") from error
    return found


def _field(value: Any) -> Any:
    if isinstance(value, Mapping):
        return element_from(Aperture, value["opening"])
    return tuple(value) if isinstance(value, list) else value


def _instruments(base: type = Instrument) -> dict[str, Any]:
    found: dict[str, Any] = {}
    kind: Any
    for kind in base.__subclasses__():
        own = {kind.__name__: kind} if kind.__module__.startswith("pyjutrack.") else {}
        found |= {**own, **_instruments(kind)}
    return found


def value(tensor: Tensor, label: str) -> Tensor:
    """A tensor that a file can hold.

    Raises:
        InvalidValueError: it carries derivatives.
    """
    if tensor.requires_grad or is_transformed(tensor):
        raise InvalidValueError(
            f"{label} carries derivatives, which a file cannot hold; save its value, detach()"
        )
    return tensor


def _number(number: Any, label: str) -> float:
    return float(value(number, label)) if isinstance(number, Tensor) else float(number)


def _kick_out(kick: SpaceCharge, tensors: Tensors, prefix: str) -> Plain:
    step = kick.max_step
    return {
        "potential": write(kick.potential, tensors, f"{prefix}potential."),
        "max_step": dict(step) if isinstance(step, Mapping) else step,
        "perveance_scale": _number(kick.perveance_scale, "perveance_scale"),
        "response": kick.response,
    }


def _kick_in(data: Plain, tensors: Tensors, prefix: str) -> Kick:
    potential: Potential = read(data["potential"], tensors, f"{prefix}potential.")
    return SpaceCharge(potential, data["max_step"], data["perveance_scale"], data["response"])


def _solver_out(solver: SpectralPoisson, tensors: Tensors, prefix: str) -> Plain:
    used = solver.assignment
    name = used.name if isinstance(used, Shape) else used
    return {"size": solver.size, "shape": solver.shape, "assignment": name, "modes": solver.modes}


def _solver_in(data: Plain, tensors: Tensors, prefix: str) -> SpectralPoisson:
    size, shape, modes = (tuple(data[name]) for name in ("size", "shape", "modes"))
    return SpectralPoisson(size, shape, data["assignment"], modes)


def _images_out(images: ImageCharges, tensors: Tensors, prefix: str) -> Plain:
    tensors[f"{prefix}weights"] = value(images.weights, f"{prefix}weights")
    solver = write(images.solver, tensors, f"{prefix}solver.")
    return {"solver": solver, "order": images.order, "radius": images.radius}


def _images_in(data: Plain, tensors: Tensors, prefix: str) -> ImageCharges:
    solver = read(data["solver"], tensors, f"{prefix}solver.")
    return ImageCharges(solver, data["order"], data["radius"], tensors[f"{prefix}weights"])


def _residual_out(residual: ResidualNetwork, tensors: Tensors, prefix: str) -> Plain:
    tensors[f"{prefix}weights"] = value(residual.weights, f"{prefix}weights")
    names = list(residual.network.weights)
    for name in names:
        tensors[f"{prefix}network.{name}"] = value(residual.network.weights[name], name)
    return {
        "solver": write(residual.solver, tensors, f"{prefix}solver."),
        "layers": [layers.record(layer) for layer in residual.network.layers],
        "names": names,  # in the order of the vector of weights
        "block": residual.block,
    }


def _residual_in(data: Plain, tensors: Tensors, prefix: str) -> ResidualNetwork:
    weights = {name: tensors[f"{prefix}network.{name}"] for name in data["names"]}
    network = Network(tuple(layers.from_record(r) for r in data["layers"]), weights)
    solver = read(data["solver"], tensors, f"{prefix}solver.")
    return ResidualNetwork(solver, network, tensors[f"{prefix}weights"], data["block"])


def _surrogate_out(surrogate: Surrogate, tensors: Tensors, prefix: str) -> Plain:
    names = list(surrogate.network.weights)
    for name in names:
        tensors[f"{prefix}network.{name}"] = value(surrogate.network.weights[name], name)
    described = surrogate.description()
    return {"description": described, "names": names, "outside": surrogate.outside}


def _surrogate_in(data: Plain, tensors: Tensors, prefix: str) -> Surrogate:
    weights = {name: tensors[f"{prefix}network.{name}"] for name in data["names"]}
    return Surrogate.described(data["description"], weights).replace(outside=data["outside"])


_KINDS: dict[str, Kind] = {
    "SpaceCharge": Kind(_kick_out, _kick_in),
    "SpectralPoisson": Kind(_solver_out, _solver_in),
    "ImageCharges": Kind(_images_out, _images_in),
    "ResidualNetwork": Kind(_residual_out, _residual_in),
    "Surrogate": Kind(_surrogate_out, _surrogate_in),
}
_TYPES: dict[str, type] = {
    kind.__name__: kind
    for kind in (SpaceCharge, SpectralPoisson, ImageCharges, ResidualNetwork, Surrogate)
}
