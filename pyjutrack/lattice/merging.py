"""Runs of elements as one matrix each: fast, and no more than first order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from ..beam.reference import Reference, require_reference
from ..core.checks import require_instances, require_texts
from ..core.errors import ParticleLostError, UnknownNameError
from ..core.names import label
from ..core.scalars import carries, to_float
from ..elements import Element, TaylorMap
from ..elements.part import WHOLE
from ..elements.placement import advance
from ..maps.state import State
from .patterns import matching

if TYPE_CHECKING:
    from .lattice import Lattice


class Affine(NamedTuple):
    """u -> matrix u + kick, of many settings (..., 6, 6) and (..., 6); no kick is None."""

    matrix: Tensor
    kick: Tensor | None

    def then(self, other: Affine) -> Affine:
        """This one, and another one after it."""
        kick = None if self.kick is None else (other.matrix @ self.kick.unsqueeze(-1)).squeeze(-1)
        if other.kick is not None:
            kick = other.kick if kick is None else kick + other.kick
        return Affine(other.matrix @ self.matrix, kick)


class Made:
    """Maps in the order in which they were made, each once; they go by their numbers."""

    def __init__(self) -> None:
        self._maps: list[Affine] = []
        self._numbers: dict[Any, int] = {}

    def __getitem__(self, number: int) -> Affine:
        return self._maps[number]

    def number(self, key: Any, make: Callable[[], Affine]) -> int:
        """Return the number of what a key stands for, made if it is new."""
        if key not in self._numbers:
            self._maps.append(make())
            self._numbers[key] = len(self._maps) - 1
        return self._numbers[key]


def merged(
    lattice: Lattice, reference: Reference, effects: Sequence[Any], keep: Sequence[str]
) -> list[Element]:
    """The elements of `Lattice.merged`."""
    require_reference(reference)
    kept = _places_to_keep(lattice, effects, keep)
    made = Made()
    found: list[Element] = []
    stay, after = [], reference
    for n, element in enumerate(lattice.elements):
        before, after = after, element.exit_reference(after)
        stay.append(n in kept or not element.merges or after is not before)
    for stays, run in groupby(range(len(lattice)), lambda n: stay[n]):
        elements = [lattice.elements[n] for n in run]
        if stays:
            found += elements
            before = reference
            for element in elements:
                reference = element.exit_reference(reference)
            made = made if reference is before else Made()  # at another momentum
        elif len(elements) == 1:
            found += elements  # exact, and no slower
        else:
            found.append(_as_map(elements, reference, made))
    return found


def _places_to_keep(lattice: Lattice, effects: Sequence[Any], keep: Sequence[str]) -> set[int]:
    kept: set[int] = set()
    for pattern in require_texts("keep", keep, 'a list of names, such as ["bpm*"]'):
        names = set(matching(pattern, lattice.names))
        if not names:
            raise UnknownNameError(f"no element has a name that {pattern!r} in `keep` fits")
        kept |= {n for n, e in enumerate(lattice.elements) if e.name in names}
    example = "a list, such as effects=[SpaceCharge()]; of one effect, effects=[effect]"
    require_instances("effects", effects, ("slices_along",), "an effect", example)
    for effect in effects:
        kept |= {n for n, count in enumerate(effect.slices_along(lattice.elements)) if count}
    return kept


def _as_map(elements: Sequence[Element], reference: Reference, made: Made) -> TaylorMap:
    # what is alike in all settings first, which is one matrix for all of them
    alike = (
        _product((_linearise_once(e, reference, made) for e in some), made)
        for _, some in groupby(elements, lambda e: bool(e.batch))
    )
    whole = made[_product(alike, made)]
    length: Any = 0.0
    for element in elements:
        length = length + element.length
    matrix = _entries(whole.matrix.flatten(-2))
    # with derivatives by the momentum, that of any reference which carries them
    made_at = None if carries(reference.p0c) else to_float(reference.p0c)
    fields: dict[str, Any] = {"length": length, "made_at": made_at}
    if whole.kick is not None:
        fields["kick"] = _entries(whole.kick)
    return TaylorMap(matrix, **fields)


def _product(numbers: Iterable[int], made: Made) -> int:
    """All of them, in pairs and pairs of pairs: those of a cell that comes again are made once."""
    left = [*numbers]
    while len(left) > 1:
        pairs = [
            made.number((one, other), partial(made[one].then, made[other]))
            for one, other in zip(left[:-1:2], left[1::2], strict=True)
        ]
        left = pairs + left[2 * len(pairs) :]
    return left[0]


def _entries(values: Tensor) -> tuple[Any, ...]:
    """Floats where there is one setting and no derivative, else tensors."""
    if values.dim() == 1 and not carries(values):
        return tuple(values.tolist())
    return values.unbind(-1)


def _linearise_once(element: Element, reference: Reference, made: Made) -> int:
    """Linearise elements of one kind and the same parameters once; a tensor is like itself alone.

    The key holds these, so that none of them is taken for another that is made later.
    """
    values = {n: v for n, v in vars(element).items() if n in element.__dataclass_fields__}
    values.pop("name")
    key: Any = (type(element), *values.values())
    try:
        hash(key)
    except TypeError:  # a field of a user's kind has no equality: it is like no other
        key = object()
    return made.number(key, partial(linearise, element, reference))


def linearise(element: Element, reference: Reference) -> Affine:
    """An element to first order about the reference orbit at its entrance.

    Raises:
        ParticleLostError: the particle on that orbit is lost in it.
    """
    batch = element.batch
    alive = torch.ones(*batch, 1, dtype=torch.bool)

    def final(start: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        columns = tuple(c.expand(*batch, 1) for c in start.unbind(0))
        end = advance(element, State(columns, alive), reference, WHOLE)
        values = torch.broadcast_tensors(*end.coordinates, alive.to(torch.float64))[:6]
        found = torch.stack(values, -1)[..., 0, :]
        return found, (found, end.alive)

    origin = torch.zeros(6, dtype=torch.float64)
    matrix, (kick, left) = torch.func.jacfwd(final, has_aux=True)(origin)
    if not bool(left.all()):
        raise ParticleLostError(
            f"the particle on the reference orbit is lost in {label(element)}, which has no "
            "matrix then; name it in `keep`"
        )
    plain = not carries(kick) and not bool(kick.any())
    return Affine(matrix, None if plain else kick)
