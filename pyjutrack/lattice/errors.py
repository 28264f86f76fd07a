"""Random errors of knobs, many machines at once."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..core.checks import require_flag, require_real, require_whole, wrong
from ..core.errors import InvalidValueError
from ..core.settings import broadcast_batch, ends
from .selection import Kinds

if TYPE_CHECKING:
    from .lattice import Lattice


def with_errors(
    lattice: Lattice,
    absolute: Mapping[str, float],
    relative: Mapping[str, float],
    count: int,
    seed: int,
    cut: float,
    kind: Kinds | None,
    shared: bool,
) -> Lattice:
    """See `Lattice.with_errors`."""
    require_whole("count", count, 1)
    require_whole("seed", seed)
    require_flag("shared", shared)
    if not (isinstance(cut, float) and cut == math.inf):
        require_real("cut", cut, above=0)
    found: dict[str, tuple[float, bool]] = {}
    for address, rms, part in _spreads(lattice, absolute, relative, kind):
        if address in found:
            raise InvalidValueError(
                f"{address!r} has two errors, of rms {found[address][0]:g} and {rms:g}; give one"
            )
        found[address] = rms, part
    if not found:
        raise wrong("errors", absolute, "a dict of pattern to rms, such as {'q*.dx': 1e-4}")
    if not shared:
        _refuse_shared(lattice, found)
    batch = (1,) * len(broadcast_batch("parameters", [e.batch for e in lattice.elements]))
    # variables first: what is computed from them has its own error on top
    for variables in (True, False):
        changes: dict[str, Any] = {}
        for address, (rms, part) in found.items():
            if (address in lattice.variables) is variables:
                draw = _draw(address, count, seed, float(cut)).reshape(count, *batch)
                changes[address] = _moved(address, lattice.value(address), rms, part, draw)
        lattice = lattice.with_values(changes) if changes else lattice
    return lattice


def _spreads(
    lattice: Lattice,
    absolute: Mapping[str, float],
    relative: Mapping[str, float],
    kind: Kinds | None,
) -> Iterator[tuple[str, float, bool]]:
    """Each knob, the rms of its error, and whether that is a part of its value."""
    for name, given in (("absolute", absolute), ("relative", relative)):
        if not isinstance(given, Mapping):
            raise wrong(name, given, "a dict of pattern to rms, such as {'q*.dx': 1e-4}")
        for pattern, rms in given.items():
            require_real(f"the rms of {pattern!r}", rms, least=0)
            if isinstance(rms, Tensor) and rms.requires_grad:
                raise wrong(f"the rms of {pattern!r}", rms, "a plain number")
            wild = isinstance(pattern, str) and ("*" in pattern or "?" in pattern)
            addresses = lattice.knobs(pattern, kind) if wild or kind is not None else [pattern]
            for address in addresses:
                lattice.value(address)  # there is such a knob
                yield address, float(rms), name == "relative"


def _refuse_shared(lattice: Lattice, found: Mapping[str, Any]) -> None:
    """Raise InvalidValueError where several elements would have one error."""
    for address in found:
        if address in lattice.variables:
            continue
        name, _, _ = lattice.resolve(address)
        times = sum(element.name == name for element in lattice.elements)
        if times > 1:
            raise InvalidValueError(
                f"{times} elements are named {name!r}, and would all have the same error; take "
                "lattice.with_unique_names().with_errors(...) for one of each, or shared=True for "
                "one of the family, as of one power supply"
            )


def _draw(address: str, count: int, seed: int, cut: float) -> Tensor:
    """Standard normal numbers between +-cut, (count,), of a stream that is the knob's own."""
    own = hashlib.blake2b(address.encode(), digest_size=16).digest()
    stream = np.random.SeedSequence([seed, int.from_bytes(own, "little")])
    uniform = torch.from_numpy(np.random.default_rng(stream).random(count))
    edge = torch.special.ndtr(torch.tensor(-cut, dtype=torch.float64))
    # never the ends themselves, where an uncut tail is infinite
    within = (edge + uniform * (1 - 2 * edge)).clamp(2.0**-53, 1 - 2.0**-53)
    return torch.special.ndtri(within)


def _moved(address: str, value: Any, rms: float, part: bool, draw: Tensor) -> Any:
    if part and rms and ends(value) == (0.0, 0.0):
        raise InvalidValueError(
            f"{address!r} is zero, and has no relative error; give an absolute one"
        )
    found = value * (1 + rms * draw) if part else value + rms * draw
    if address.endswith(".length") and ends(found)[0] < 0 <= ends(value)[0]:
        raise InvalidValueError(
            f"an error of rms {rms:g} makes {address!r} as short as {ends(found)[0]:g} m; lengths "
            "must not be negative: take a smaller one, or a `cut`"
        )
    return found
