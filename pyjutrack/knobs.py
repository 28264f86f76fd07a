"""The boundary of differentiation: knobs of lattice and beam as one vector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from .beam import Beam
from .errors import InvalidValueError, unknown
from .lattice import Lattice
from .number import detached

#: knobs that belong to the beam
CURRENT = "beam.current"


def values(lattice: Lattice, beam: Beam, wrt: Sequence[str]) -> Tensor:
    """The present values of knobs, (K,) float64.

    Args:
        wrt: addresses such as "q1.k1" and "m1.knl[2]" of the lattice, or "beam.current".

    Raises:
        InvalidValueError: none, or one twice.
        UnknownNameError: no such knob.
    """
    _distinct(wrt)
    for address in wrt:
        if address.startswith("beam.") and address != CURRENT and address not in lattice.knobs():
            raise unknown("knob", address, [*lattice.knobs(), CURRENT])
    found = [beam.current if a == CURRENT else lattice.value(a) for a in wrt]
    return torch.tensor([detached(v) for v in found], dtype=torch.float64)


def lattice_values(lattice: Lattice, wrt: Sequence[str]) -> Tensor:
    """The present values of knobs of a lattice alone; errors as for `values`."""
    _distinct(wrt)
    return torch.tensor([detached(lattice.value(a)) for a in wrt], dtype=torch.float64)


def _distinct(wrt: Sequence[str]) -> None:
    if isinstance(wrt, str):
        raise InvalidValueError(f"wrt must be a list of addresses, got the string {wrt!r}")
    if not wrt:
        raise InvalidValueError("wrt is empty; name at least one knob")
    if len(set(wrt)) < len(wrt):
        twice = next(a for a in wrt if list(wrt).count(a) > 1)
        raise InvalidValueError(f"knob {twice!r} is named twice")


def overlay(
    lattice: Lattice, beam: Beam, wrt: Sequence[str], numbers: Iterable[Tensor]
) -> tuple[Lattice, Beam]:
    """Lattice and beam with the knobs set to 0-d tensors; the originals are left as they are."""
    entries = dict(zip(wrt, numbers, strict=True))
    if CURRENT in entries:
        beam = beam.replace(current=entries.pop(CURRENT))
    return lattice.with_values(entries), beam
