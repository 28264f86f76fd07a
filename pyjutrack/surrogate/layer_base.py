"""The base of all layers of networks, and the kinds of layers that files may hold.

A layer reads values and weights by name and makes one value, which has the layer's own name. The
same records are what training fits, what files hold, and what is converted to ONNX and NNlib.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeVar

from numpy.typing import NDArray
from torch import Tensor

from ..core.errors import InvalidValueError, require_known
from ..core.registry import refuse_taken, require_class

Weights = Mapping[str, Tensor]

Kind = TypeVar("Kind", bound="Layer")


class Operator(NamedTuple):
    """An operator of ONNX.

    Attributes:
        name: in ONNX.
        attributes: by name.
        constants: what it reads after all else.
        notes: what a file says of it besides.
    """

    name: str
    attributes: Mapping[str, Any] = {}
    constants: Sequence[NDArray[Any]] = ()
    notes: Mapping[str, str] = {}


@dataclass(frozen=True)
class Layer(ABC):
    """One step of a network.

    Attributes:
        name: of the layer and of what it makes.
        inputs: names of the values that it reads; "input" is that of the network.
    """

    name: str
    inputs: tuple[str, ...]

    #: whether the layer is linear in what it reads, without an offset
    linear: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        """Let no kind pass elsewhere for the one that it derives from.

        What computes otherwise has other operators, and files for NNlib hold the name of the kind.
        """
        super().__init_subclass__()
        says_operators, computes = (_place(cls, name) for name in ("operators", "__call__"))
        unsaid = ["operators"] if says_operators > computes else []
        if "kernels" not in vars(cls):
            unsaid.append("kernels")
        for name in unsaid:
            setattr(cls, name, getattr(Layer, name))

    def weights(self) -> tuple[str, ...]:
        """Names of the weights that the layer needs."""
        return ()

    @abstractmethod
    def __call__(self, weights: Weights, *values: Tensor) -> Tensor:
        """The value from those of the inputs, each (batch, channels, nx, ny)."""

    def operators(self, channels: int) -> Sequence[Operator]:
        """Operators of ONNX that compute the layer, each from what the one before it makes.

        The first reads what the layer reads, and then its weights. A kind that derives from another
        and has its own `__call__` has its own `operators`, too.

        Args:
            channels: of the first value that the layer reads.

        Raises:
            InvalidValueError: the kind does not say.
        """
        kind = type(self).__name__
        raise InvalidValueError(f"no ONNX operator is known for layers of kind {kind}")

    def kernels(self) -> dict[str, Tensor]:
        """Fixed kernels by name, which files for NNlib hold besides the weights.

        A kind says so itself, with an empty dictionary too: what it derives from does not count.

        Raises:
            InvalidValueError: the kind does not say.
        """
        kind = type(self).__name__
        raise InvalidValueError(f"layer {self.name!r}: no counterpart of {kind} in NNlib is known")


def _place(kind: type, name: str) -> int:
    """Find how far up among what a kind derives from a method is defined."""
    return next(i for i, k in enumerate(kind.__mro__) if name in vars(k))


#: kinds of layers that files may hold, by name
KINDS: dict[str, type[Layer]] = {}


def register_layer(kind: type[Kind]) -> type[Kind]:
    """Let files of networks hold a kind of layer; a decorator.

    Raises:
        InvalidValueError: it is no kind of layer, or another kind has its name.
    """
    require_class("register_layer", kind, Layer, "a class that derives from Layer")
    refuse_taken("kind of layer", kind.__name__, kind, KINDS.get(kind.__name__))
    KINDS[kind.__name__] = kind
    return kind


def record(layer: Layer) -> dict[str, Any]:
    """A layer as plain data, with its kind under "kind"."""
    return {"kind": type(layer).__name__, **dataclasses.asdict(layer)}


def from_record(data: Mapping[str, Any]) -> Layer:
    """The layer of a record.

    Raises:
        UnknownNameError: no such kind of layer.
        InvalidValueError: fields that the kind does not have, or lacks.
    """
    fields = dict(data)
    kind = fields.pop("kind", None)
    require_known("kind of layer", str(kind), KINDS)
    try:
        fields["inputs"] = tuple(fields["inputs"])
        return KINDS[str(kind)](**fields)
    except (TypeError, KeyError) as error:
        raise InvalidValueError(f"not a record of a {kind} layer: {dict(data)}") from error
