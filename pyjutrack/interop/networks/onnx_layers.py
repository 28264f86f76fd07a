"""The layers that an ONNX graph stands for, as far as it has been read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...core.errors import InvalidValueError
from ...core.names import unused_name
from ...surrogate.layer_base import Layer
from ...surrogate.network import INPUT, Network
from ..onnx.model import Array, Node

#: rows and columns of zeros to be put before x, before y, after x, after y
Pads = tuple[int, int, int, int]
NO_PADS: Pads = (0, 0, 0, 0)


class Map(NamedTuple):
    """A value that a layer makes, with a border of zeros that a convolution is to add."""

    name: str
    pads: Pads = NO_PADS


class Constant(NamedTuple):
    """Numbers that the file holds, under the name of their first appearance."""

    name: str
    array: Array


class LayerGraph:
    """Layers made so far, and what each name of the ONNX graph stands for.

    Attributes:
        known: maps and constants by ONNX name.
        layers, weights: as of a network; a weight is one, however many layers use it.
    """

    def __init__(self, cells: tuple[int, int], constants: Mapping[str, Array]) -> None:
        self.known: dict[str, Map | Constant] = {k: Constant(k, a) for k, a in constants.items()}
        self.layers: dict[str, Layer] = {}
        self.weights: dict[str, Tensor] = {}
        # tensors without numbers show what shapes the layers make
        self._shapes = {INPUT: torch.empty(1, 1, *cells, device="meta")}

    def shape(self, name: str) -> tuple[int, int, int]:
        """Channels and cells in x and y of what a layer makes."""
        _, channels, nx, ny = self._shapes[name].shape
        return channels, nx, ny

    def add(self, layer: Layer) -> str:
        """Append a layer; returns its name, which has a number where it was taken."""
        name = unused_name(layer.name, self._shapes)
        layer = dataclasses.replace(layer, name=name)
        weights = {k: torch.empty(self.weights[k].shape, device="meta") for k in layer.weights()}
        try:
            made = layer(weights, *(self._shapes[i] for i in layer.inputs))
        except RuntimeError as error:
            raise InvalidValueError(f"shapes do not fit at {name!r}: {error}") from error
        self.layers[name], self._shapes[name] = layer, made
        return name

    def make(self, node: Node, layer: Layer) -> None:
        """Append a layer whose value is what a node makes."""
        self.known[node.outputs[0]] = Map(self.add(layer))

    def operand(self, node: Node, index: int) -> Map | Constant:
        """Return what a node reads as one of its inputs."""
        name = node.inputs[index] if node.has(index) else ""
        if name not in self.known:
            node.refuse(f"input {index} is missing, or is {name!r}, which nothing makes")
        return self.known[name]

    def read_padded(self, node: Node, index: int) -> Map:
        """Return a map that a node reads, which may have a border to be added."""
        found = self.operand(node, index)
        if isinstance(found, Constant):
            node.refuse(f"input {index} is constant; supported is a map")
        return found

    def map(self, node: Node, index: int) -> str:
        """The layer whose value a node reads."""
        return self.plain(node, self.read_padded(node, index))

    def plain(self, node: Node, found: Map) -> str:
        """The layer after a map that has no border to be added."""
        if found.pads != NO_PADS:
            node.refuse("it reads what a Pad makes; supported is Pad directly before Conv")
        return found.name

    def constant(self, node: Node, index: int) -> Constant:
        """Numbers that a node reads."""
        found = self.operand(node, index)
        if isinstance(found, Map):
            node.refuse(f"input {index} is computed; supported is a constant")
        return found

    def integers(self, node: Node, attribute: str, index: int) -> tuple[int, ...] | None:
        """Read integers that old versions of an operator have as attribute, new ones as input."""
        if attribute in node.attributes:
            return tuple(int(i) for i in node.attributes[attribute])
        if not node.has(index):
            return None
        return tuple(int(i) for i in self.constant(node, index).array.reshape(-1))

    def weight(self, node: Node, index: int) -> str:
        """The name of a weight that a node reads, kept as the file has it."""
        name, array = self.constant(node, index)
        if array.dtype not in (np.float16, np.float32, np.float64):
            node.refuse(f"numbers of type {array.dtype} are not supported as weights")
        if name not in self.weights:
            self.weights[name] = torch.from_numpy(np.array(array))
        return name

    def store(self, wanted: str, numbers: Array) -> str:
        """Keep a weight that the file does not have as such; returns its name."""
        name = unused_name(wanted, {*self.known, *self.weights})
        self.weights[name] = torch.from_numpy(np.array(numbers))
        return name

    def network(self, result: str) -> Network:
        """Keep the layers that a value needs; it comes last, as a network's result must."""
        needed = {result}
        for layer in reversed(self.layers.values()):
            if layer.name in needed:
                needed.update(layer.inputs)
        layers = tuple(layer for layer in self.layers.values() if layer.name in needed)
        used = {name for layer in layers for name in layer.weights()}
        return Network(layers, {k: w for k, w in self.weights.items() if k in used})
