"""Backward passes through a tracking: what is kept, and what is reconstructed."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.checks import require_whole
from ..core.errors import require_known

__all__ = ["Auto", "Checkpoint", "Reversible", "Store"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Store:
    """Keep what every operation needs, some 130 bytes a particle and slice, as autograd does.

    The only one that gives second derivatives, and that transforms of `torch.func` go through.
    """


@dataclass(frozen=True)
class Checkpoint:
    """Keep some beams, and run each stretch between them once more in the backward pass.

    Attributes:
        every: operations of the plan between kept beams; None is about the square root of all.
    """

    every: int | None = None

    def __post_init__(self) -> None:
        if self.every is not None:
            require_whole("every", self.every, 1)


@dataclass(frozen=True)
class Reversible:
    """Reconstruct the beam from its end in the backward pass, operation by operation.

    Memory does not grow with the number of operations. Maps without an inverse keep their beam.

    Attributes:
        snapshots: whole beams that are kept, evenly, against the drift of rounding.
    """

    snapshots: int = 7

    def __post_init__(self) -> None:
        require_whole("snapshots", self.snapshots, 0)


@dataclass(frozen=True)
class Auto:
    """`Store` up to some memory; beyond, `Reversible` where it can be, or else `Checkpoint`.

    `gradient`, which needs no second derivative, takes `Reversible` wherever kernels serve it.

    Attributes:
        memory: that may be stored [byte].
    """

    memory: int = 2**30

    def __post_init__(self) -> None:
        require_whole("memory", self.memory, 0)


Adjoint = Store | Checkpoint | Reversible | Auto
_SHORT: dict[str, Adjoint] = {
    "auto": Auto(),
    "store": Store(),
    "checkpoint": Checkpoint(),
    "reversible": Reversible(),
}
ADJOINTS = tuple(_SHORT)


def adjoint_of(adjoint: str | Adjoint) -> Adjoint:
    """An adjoint, or the one of a short name.

    Raises:
        UnknownNameError: it is neither.
    """
    if isinstance(adjoint, (Store, Checkpoint, Reversible, Auto)):
        return adjoint
    require_known("adjoint", adjoint, ADJOINTS)
    return _SHORT[adjoint]


def name_of(adjoint: Adjoint) -> str:
    """The short name of an adjoint, for messages."""
    return type(adjoint).__name__.lower()
