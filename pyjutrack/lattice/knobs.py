"""The boundary of differentiation: knobs of lattice, beam and effects as one vector.

Addresses are "q1.k1", "m1.knl[2]" and "field.weights" of a lattice, "beam.current", "beam.charge"
and the moments of the incoming beam such as "beam.beta_x", and what the effects hold:
"effects[0].perveance_scale", "effects[0].potential.weights".
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from ..beam import initial_moments
from ..beam.beam import Beam
from ..core.checks import require_texts
from ..core.errors import InvalidValueError, unknown
from ..core.one_by_one import paths_in
from ..core.scalars import carries, is_zero, to_float
from .batch import batched_fields
from .lattice import Lattice

#: the beam's own knobs, beside those of its shape
CURRENT, CHARGE = "beam.current", "beam.charge"

#: annotations of counts, by which there is no slope
_WHOLE = (int, "int", "int | None")

_KICK = re.compile(r"^effects\[(\d+)\]\.([\w.]+)$")


class HasKnobs(Protocol):
    """A dataclass with knobs, such as a `Task`."""

    @property
    def lattice(self) -> Lattice: ...
    @property
    def beam(self) -> Beam: ...
    @property
    def effects(self) -> tuple[Any, ...]: ...


T = TypeVar("T", bound=HasKnobs)


def values(of: HasKnobs, wrt: Sequence[str]) -> Tensor:
    """The present values of knobs, (K,) float64; a vector among them counts with all its entries.

    Raises:
        InvalidValueError: none, or one twice.
        UnknownNameError: no such knob.
    """
    return torch.cat([v.reshape(-1) for v in parts(of, wrt)])


def parts(of: HasKnobs, wrt: Sequence[str]) -> list[Tensor]:
    """The present value of each knob, 0-d or a vector (P,), float64; errors as for `values`."""
    _require_independent(of.lattice, wrt)
    return [_plain(current(of, address)) for address in wrt]


def lattice_values(lattice: Lattice, wrt: Sequence[str]) -> Tensor:
    """The present values of knobs of a lattice alone; errors as for `values`."""
    _require_independent(lattice, wrt)
    return torch.tensor([to_float(lattice.value(a)) for a in wrt], dtype=torch.float64)


def lower_bound(address: str) -> float:
    """Lower bound of a knob of the beam or of a kick; -inf if there is none.

    Lengths of elements have none: maps run backwards below zero, so that they have slopes there.
    """
    sized = address.startswith(("beam.emittance", "beam.beta"))
    return (
        0.0
        if sized or address in (CURRENT, CHARGE) or address.endswith(".perveance_scale")
        else -math.inf
    )


def split(vector: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """A vector (K,) cut into knobs of the shapes of `like`."""
    cut = vector.split([v.numel() for v in like])
    return [part.reshape(v.shape) for part, v in zip(cut, like, strict=True)]


def overlay(of: T, wrt: Sequence[str], numbers: Iterable[Tensor]) -> T:
    """The same with its knobs set to tensors, 0-d or vectors; the original is left as it is."""
    in_lattice, of_beam, effects, carried = {}, {}, list(of.effects), {}
    for address, number in zip(wrt, numbers, strict=True):
        kick = _KICK.match(address)
        if kick:
            place, path = int(kick[1]), kick[2].split(".")
            old = _effect_value(effects, address, place, path)
            many = (*batched_fields(effects[place]), *paths_in(effects[place]))
            if not number.dim() or ".".join(path) not in many:
                _require_shape(address, old, number)
            effects[place] = _with_effect_value(effects, address, place, path, number)
        elif address in (CURRENT, CHARGE):
            _require_intensity(of.beam, address)
            carried[address.removeprefix("beam.")] = number
        elif address in initial_moments.KNOBS and address not in of.lattice.knobs():
            of_beam[address] = number
        else:
            in_lattice[address] = number
    beam = initial_moments.set_moments(of.beam, of_beam) if of_beam else of.beam
    beam = beam.replace(**carried) if carried else beam
    lattice = of.lattice.with_values(in_lattice) if in_lattice else of.lattice
    return dataclasses.replace(of, lattice=lattice, beam=beam, effects=tuple(effects))  # type: ignore[type-var]


def current(of: HasKnobs, address: str) -> Any:
    """Return the value at an address, derivatives and all: a float, a 0-d tensor or a vector."""
    kick = _KICK.match(address)
    if kick:
        return _effect_value(of.effects, address, int(kick[1]), kick[2].split("."))
    if address in (CURRENT, CHARGE):
        _require_intensity(of.beam, address)
        return getattr(of.beam, address.removeprefix("beam."))
    if address.startswith("beam.") and address not in of.lattice.knobs():
        if address not in initial_moments.KNOBS:
            raise unknown(
                "knob", address, [*of.lattice.knobs(), CURRENT, CHARGE, *initial_moments.KNOBS]
            )
        return initial_moments.value(of.beam, address)
    return of.lattice.value(address)


def _require_intensity(beam: Beam, address: str) -> None:
    """Raise InvalidValueError for the current of a bunch, and the charge of a coasting beam."""
    current, charge = beam.intensity
    if address == CURRENT and not is_zero(charge):
        raise InvalidValueError(f"{CURRENT} is no knob here: this beam is a bunch; use {CHARGE}")
    if address == CHARGE and not is_zero(current):
        raise InvalidValueError(f"{CHARGE} is no knob here: this beam is coasting; use {CURRENT}")


def _effect_value(effects: Sequence[Any], address: str, place: int, path: Sequence[str]) -> Any:
    if place >= len(effects):
        raise InvalidValueError(f"{address}: there are {len(effects)} effects, counted from 0")
    thing = effects[place]
    if path[-1] == "max_step":
        raise InvalidValueError(
            f"{address} decides how many slices there are, which has no slope; make other effects"
        )
    for name in path:
        known = [f.name for f in dataclasses.fields(thing)] if _is_record(thing) else []
        if name not in known:
            deeper = [k for k in _knobs_of(thing) if "." in k] if known else []
            raise unknown(f"knob of {type(thing).__name__}", name, [*known, *deeper])
        thing = getattr(thing, name)
    if _is_number(thing):
        return thing
    if thing is None and ".".join(path) in _knobs_of(effects[place]):
        raise InvalidValueError(f"{address} is None, and no number; give one to the effect")
    raise _setting(effects, address, place, "no number and no vector of numbers")


def _with_effect_value(
    effects: Sequence[Any], address: str, place: int, path: Sequence[str], number: Tensor
) -> Any:
    """An effect with a knob set; InvalidValueError for a setting, by which there is no slope."""
    knob = ".".join(path)
    try:
        changed = _with_values(effects[place], path, number)
    except InvalidValueError:
        if knob in _knobs_of(effects[place]):
            raise  # it can have derivatives, and not this value
        raise _setting(effects, address, place) from None
    if carries(number) and _effect_value([changed], address, 0, path) is not number:
        raise _setting(effects, address, place)
    return changed


def _setting(
    effects: Sequence[Any], address: str, place: int, what: str = "a setting"
) -> InvalidValueError:
    effect = effects[place]
    knobs = [f"effects[{place}].{name}" for name in _knobs_of(effect)]
    kind = type(effect).__name__
    return InvalidValueError(
        f"{address} is {what}, and has no derivatives; give its values to new effects. Those of "
        f"{kind} that have: {', '.join(knobs) or 'none'}"
    )


def _knobs_of(effect: Any, path: tuple[str, ...] = ()) -> list[str]:
    """Paths of the numbers and vectors of an effect that take tensors with derivatives."""
    record, found = effect, []
    for name in path:
        record = getattr(record, name)
    for field in dataclasses.fields(record):
        inner, value = (*path, field.name), getattr(record, field.name)
        if _is_record(value):
            found += _knobs_of(effect, inner)
        elif field.name != "max_step" and field.type not in _WHOLE and field.init:
            found += [".".join(inner)] * _takes_tensors(effect, inner, value)
    return found


def _takes_tensors(effect: Any, path: Sequence[str], value: Any) -> bool:
    if not (value is None or _is_number(value)):
        return False
    tensor = _plain(1.0 if value is None else value).requires_grad_()
    try:
        changed = _with_values(effect, path, tensor)
    except (TypeError, ValueError, RuntimeError):
        return False
    for name in path:
        changed = getattr(changed, name)
    return changed is tensor


def _is_number(thing: Any) -> bool:
    if isinstance(thing, Tensor):
        return thing.is_floating_point()
    return isinstance(thing, (float, int)) and type(thing) is not bool


def _require_shape(address: str, old: Any, new: Tensor) -> None:
    shape = tuple(old.shape) if isinstance(old, Tensor) else ()
    if tuple(new.shape) != shape:
        raise InvalidValueError(f"{address} has the shape {shape}, and was set to {new.tolist()}")


def _with_values(record: Any, path: Sequence[str], number: Tensor) -> Any:
    """A record with what stands at the end of a path replaced."""
    first, *rest = path
    inner = _with_values(getattr(record, first), rest, number) if rest else number
    return dataclasses.replace(record, **{first: inner})


def _is_record(thing: Any) -> bool:
    return dataclasses.is_dataclass(thing) and not isinstance(thing, type)


def _plain(value: Any) -> Tensor:
    if isinstance(value, Tensor) and value.dim():
        return value.detach().to(torch.float64)
    return torch.tensor(to_float(value), dtype=torch.float64)


def _require_independent(lattice: Lattice, wrt: Sequence[str]) -> None:
    """Raise InvalidValueError for no knob, one twice, or one that another one moves."""
    require_texts("wrt", wrt, 'a list of addresses, such as ["q1.k1"]')
    if not len(wrt):
        raise InvalidValueError("wrt is empty; name at least one knob")
    if len(set(wrt)) < len(wrt):
        twice = next(a for a in wrt if list(wrt).count(a) > 1)
        raise InvalidValueError(f"knob {twice!r} is named twice")
    for address in wrt:
        moved = set(lattice.tree.following([address])).intersection(wrt)
        if moved:
            follower = min(moved, key=list(wrt).index)
            raise InvalidValueError(
                f"knob {follower!r} follows {address!r} ({follower} = "
                f"{lattice.expressions[follower]}); name one of them, or define the lattice anew "
                f"with a variable of its own in that expression"
            )
