"""Split a beam over ranks, and gather it again."""

from __future__ import annotations

import hashlib
import pickle

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..beam.beam import Beam, require_beam
from ..beam.communicator import Communicator
from ..core.checks import require_kind
from ..core.errors import InvalidValueError
from ..core.scalars import to_float


def shard(beam: Beam | None, world: Communicator) -> Beam:
    """This rank's part of a beam: a block of its particles, as many on all ranks but for one.

    A `distribution(..., world=world)` draws no more than the part, and needs no `shard`.

    Args:
        beam: the same on every rank, as a seed gives it; or the beam on rank 0 and None on all
            others, to which it is then sent.
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
    given = torch.zeros(world.size, dtype=torch.int64)
    given[world.rank] = _fingerprint(beam)
    prints = world.sum(given).tolist()
    if prints[0] and not any(prints[1:]):
        sent = world.first(None if beam is None else pickle.dumps(_detach(beam)))
        assert sent is not None
        beam = pickle.loads(sent)
    elif len(set(prints)) > 1 or beam is None:
        raise InvalidValueError(
            "the ranks were given different beams to share; give all of them the same, from the "
            "same seed, or one to rank 0 and None to the others"
        )
    assert beam is not None
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
    held = torch.zeros(world.size, dtype=torch.int64)
    held[world.rank] = len(beam)
    held = world.sum(held)
    before, after = int(held[: world.rank].sum()), int(held[world.rank + 1 :].sum())

    def whole(rows: Tensor) -> Tensor:
        """Rows (..., n, k) of all ranks: each adds its own to nothing of the others."""
        return world.sum(pad(rows, (0, 0, before, after)))

    return beam.replace(
        world=Communicator(),
        coordinates=whole(beam.coordinates),
        alive=whole(beam.alive.unsqueeze(-1).to(torch.uint8)).squeeze(-1).bool(),
        weights=None if beam.weights is None else whole(beam.weights.unsqueeze(-1)).squeeze(-1),
    )


def _fault(beam: Beam | None) -> str | None:
    if beam is not None and not beam.world.is_serial:
        return "the beam is shared already"
    return None


def _detach(beam: Beam) -> Beam:
    return beam.replace(
        coordinates=beam.coordinates.detach().cpu(),
        alive=beam.alive.cpu(),
        weights=None if beam.weights is None else beam.weights.detach().cpu(),
        current=to_float(beam.current),
        charge=to_float(beam.charge),
    )


def _fingerprint(beam: Beam | None) -> int:
    """A number that differs between beams, not 0; 0 for none."""
    if beam is None:
        return 0
    plain = _detach(beam)
    about = f"{plain.reference!r} {plain.intensity!r} {plain.coordinates.dtype}"
    digest = hashlib.sha256(about.encode())
    weights = () if plain.weights is None else (plain.weights,)
    for tensor in (plain.coordinates, plain.alive, *weights):
        digest.update(tensor.contiguous().numpy().tobytes())
    return 1 + int.from_bytes(digest.digest()[:7], "big")
