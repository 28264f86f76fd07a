"""A network: layers in the order in which they run, and their weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..core.errors import InvalidValueError
from ..core.storage import register_description
from .layer_base import Layer, Weights, from_record, record

_PRECISIONS = (torch.float32, torch.float64)
#: the name of what a network reads
INPUT = "input"


@dataclass(frozen=True, eq=False)
class Network:
    """Layers and weights; the value of the last layer is that of the network.

    A pure function of its input and its weights, differentiable in both.

    Attributes:
        layers: each reads "input" or layers before it.
        weights: tensors by name.
    """

    layers: tuple[Layer, ...]
    weights: Weights

    def __post_init__(self) -> None:
        check_layers(self.layers)
        for layer in self.layers:
            for name in layer.weights():
                if name not in self.weights:
                    raise InvalidValueError(f"layer {layer.name!r} lacks its weight {name!r}")
        used = {name for layer in self.layers for name in layer.weights()}
        for name, weight in self.weights.items():
            if name not in used:
                raise InvalidValueError(f"no layer uses the weight {name!r}")
            if weight.dtype not in _PRECISIONS:
                raise InvalidValueError(
                    f"weights are float32 or float64, and {name!r} is {weight.dtype}"
                )
            if not bool(torch.isfinite(weight.detach()).all()):
                raise InvalidValueError(f"the weight {name!r} holds NaN or infinite numbers")

    @property
    def linear(self) -> bool:
        """True if the output is linear in the input, without an offset."""
        return is_linear(self.layers)

    @property
    def count(self) -> int:
        """Number of weights."""
        return sum(w.numel() for w in self.weights.values())

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return next((w.dtype for w in self.weights.values()), torch.get_default_dtype())

    def __repr__(self) -> str:
        kind = "linear" if self.linear else "not linear"
        return f"Network({len(self.layers)} layers, {self.count} weights; {kind})"

    def __call__(self, x: Tensor) -> Tensor:
        """Maps (..., nx, ny) from maps of the same shape."""
        return evaluate(self.layers, self.weights, x)

    def vector(self) -> Tensor:
        """All weights one after another, each row by row; (P,)."""
        return torch.cat([w.reshape(-1) for w in self.weights.values()])

    def unflatten(self, vector: Tensor) -> Weights:
        """The weights by name, of a `vector`."""
        parts = vector.split([w.numel() for w in self.weights.values()])
        named = zip(self.weights.items(), parts, strict=True)
        return {k: part.view(w.shape) for (k, w), part in named}

    def replace(self, weights: Weights) -> Network:
        """The same layers with other weights."""
        return Network(self.layers, weights)

    def to(self, dtype: torch.dtype, device: torch.device | str | None = None) -> Network:
        """The same network in a `dtype`, float32 or float64, on the same or another device."""
        if dtype not in _PRECISIONS:
            raise InvalidValueError(f"networks work in torch.float32 or float64, not {dtype!r}")
        return self.replace({k: w.to(device=device, dtype=dtype) for k, w in self.weights.items()})


def evaluate(layers: Sequence[Layer], weights: Weights, x: Tensor) -> Tensor:
    """Run layers on maps (..., nx, ny); the last value is the result, of the same shape."""
    values: dict[str, Tensor] = {INPUT: x.reshape(-1, 1, *x.shape[-2:])}
    for layer in layers:
        values[layer.name] = layer(weights, *(values[name] for name in layer.inputs))
    return values[layers[-1].name].reshape(x.shape)


def is_linear(layers: Sequence[Layer]) -> bool:
    """Return whether layers are linear in their input, without an offset."""
    return all(layer.linear for layer in layers)


def respond(layers: Sequence[Layer], weights: Weights, cells: Tensor) -> Tensor:
    """H on the cells (..., nx, ny) from the shares there.

    H is proportional to the current, so a network that is not linear sees the density of a whole
    beam.
    """
    if is_linear(layers):
        return evaluate(layers, weights, cells)
    share = cells.sum((-1, -2), keepdim=True)
    whole = torch.where(share == 0, torch.ones_like(share), share)  # where all is lost, H is zero
    return share * evaluate(layers, weights, cells / whole)


def check_fit(network: Network, cells: tuple[int, int]) -> None:
    """Raise InvalidValueError unless a network makes maps of so many cells from such maps."""
    # shapes alone, without numbers
    weights = {k: torch.empty_like(w, device="meta") for k, w in network.weights.items()}
    try:
        evaluate(network.layers, weights, torch.empty(cells, dtype=network.dtype, device="meta"))
    except (RuntimeError, TypeError) as error:
        raise InvalidValueError(
            f"the network does not fit {cells} cells, or its weights its layers: {error}"
        ) from error


def require_plain(network: Network, owner: str) -> None:
    """Raise InvalidValueError where weights that are but the start of others require gradients."""
    if any(w.requires_grad for w in network.weights.values()):
        raise InvalidValueError(
            "weights of the network require gradients, and would get none; detach them, and "
            f"ask for gradients by the `weights` of the {owner}"
        )


def check_layers(layers: Sequence[Layer]) -> None:
    """Raise InvalidValueError unless every layer reads what stands before it, under one name."""
    if not layers:
        raise InvalidValueError("a network needs at least one layer")
    known = {INPUT}
    for layer in layers:
        if layer.name in known:
            raise InvalidValueError(f"two values of the network are named {layer.name!r}")
        for name in layer.inputs:
            if name not in known:
                raise InvalidValueError(
                    f"layer {layer.name!r} reads {name!r}, which no layer before it makes"
                )
        known.add(layer.name)


def _describe(network: Network) -> dict[str, Any]:
    # in pairs: the order tells which entry of a vector belongs to which weight
    return {"layers": [*map(record, network.layers)], "weights": tuple(network.weights.items())}


def _from_description(data: dict[str, Any]) -> Network:
    return Network(tuple(map(from_record, data["layers"])), dict(data["weights"]))


register_description(Network, _describe, _from_description)
