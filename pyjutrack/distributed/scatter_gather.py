"""Split a beam over ranks, and gather it again."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..autodiff import PositionalFunction, Pushed
from ..beam.beam import Beam, require_beam
from ..beam.communicator import SERIAL, Communicator
from ..core.checks import require_kind
from ..core.errors import InvalidValueError
from ..core.scalars import to_float


def shard(beam: Beam | None, world: Communicator) -> Beam:
    """This rank's part of a beam: a block of its particles, as many on all ranks but for one.

    A `distribution(..., world=world)` draws no more than the part, and needs no `shard`.

    Args:
        beam: the same on every rank, as a seed gives it; or the beam on rank 0 and None on all
            others, each of which is then sent its part.
        world: of a `job`.

    Raises:
        InvalidValueError: beams that differ, a part already, fewer particles than ranks.
    """
    require_kind("world", world, Communicator, "a Communicator, as a job gives it")
    if beam is not None or world.is_serial:
        require_beam(beam)
    world.refuse(_fault(beam))
    if world.is_serial:
        assert beam is not None
        return beam
    prints = world.gather(_fingerprint(beam))
    if prints[0] and not any(prints[1:]):
        shared = world.for_particles(prints[0][0])
        parts = None if beam is None else [_cut(beam, world, rank) for rank in range(world.size)]
        part: Beam = world.scatter(parts)
        return part.replace(world=shared)
    if len(set(prints)) > 1 or beam is None:
        raise InvalidValueError(
            "the ranks were given different beams to share; give all of them the same, from the "
            "same seed, or one to rank 0 and None to the others"
        )
    mine = world.rows(len(beam))
    return beam.replace(
        world=world.for_particles(len(beam)),
        coordinates=beam.coordinates[..., mine, :],
        alive=beam.alive[..., mine],
        weights=None if beam.weights is None else beam.weights[..., mine],
    )


def gather(beam: Beam) -> Beam:
    """The whole of a beam that is shared, on every rank; differentiable.

    Its particles come in the order of the ranks: those of `shard`, as they were. All ranks must
    ask, even if only one of them writes it to a file.
    """
    require_beam(beam)
    world = beam.world
    if world.is_serial:
        return beam
    held = world.gather(len(beam))
    short = max(held) - len(beam)

    def whole(rows: Tensor) -> Tensor:
        """Rows (..., n, k) of all ranks."""
        parts = _join(pad(rows, (0, 0, 0, short)), world)
        return torch.cat([parts[rank][..., :n, :] for rank, n in enumerate(held)], -2)

    return beam.replace(
        world=SERIAL,
        coordinates=whole(beam.coordinates),
        alive=whole(beam.alive.unsqueeze(-1).to(torch.uint8)).squeeze(-1).bool(),
        weights=None if beam.weights is None else whole(beam.weights.unsqueeze(-1)).squeeze(-1),
    )


def _fault(beam: Beam | None) -> str | None:
    if beam is not None and not beam.world.is_serial:
        return "the beam is shared already"
    return None


def _cut(beam: Beam, world: Communicator, rank: int) -> Beam:
    """The part of a rank, without derivatives, on its own."""
    rows, plain = world.rows(len(beam), rank), _detach(beam)
    return plain.replace(
        coordinates=plain.coordinates[..., rows, :].clone(),
        alive=plain.alive[..., rows].clone(),
        weights=None if plain.weights is None else plain.weights[..., rows].clone(),
    )


def _detach(beam: Beam) -> Beam:
    return beam.replace(
        coordinates=beam.coordinates.detach().cpu(),
        alive=beam.alive.cpu(),
        weights=None if beam.weights is None else beam.weights.detach().cpu(),
        current=to_float(beam.current),
        charge=to_float(beam.charge),
    )


def _fingerprint(beam: Beam | None) -> tuple[int, str] | None:
    """How many particles a beam has, and what differs between beams; None for none."""
    if beam is None:
        return None
    plain = _detach(beam)
    about = f"{plain.reference!r} {plain.intensity!r} {plain.coordinates.dtype}"
    digest = hashlib.sha256(about.encode())
    weights = () if plain.weights is None else (plain.weights,)
    for tensor in (plain.coordinates, plain.alive, *weights):
        digest.update(tensor.contiguous().numpy().tobytes())
    return len(plain), digest.hexdigest()


def _join(part: Tensor, world: Communicator) -> Tensor:
    """The parts of all ranks (size, ...), of one shape."""
    if isinstance(part, Pushed):
        both = _join(torch.cat([part.value.unsqueeze(0), part.tangent]), world).transpose(0, 1)
        return Pushed.make(both[0], both[1:], part.directions)
    joined: Tensor = _Join.apply(part, world)
    return joined


class _Join(PositionalFunction):
    """Parts side by side: linear; its transpose sums what all ranks make of this rank's part."""

    @staticmethod
    def forward(part: Tensor, world: Communicator) -> Tensor:
        assert world.ranks is not None
        return world.ranks.all_gather(part.detach().contiguous())

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.world = inputs[1]

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: None) -> Any:  # type: ignore[override]
        return _Join.apply(tangent, ctx.world)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:  # type: ignore[override]
        return ctx.world.sum(gradient)[ctx.world.rank], None

    @staticmethod
    def vmap(info: Any, in_dims: Any, part: Tensor, world: Communicator) -> Any:
        return _Join.apply(part, world), in_dims[0] + 1
