"""A potential by a small neural network."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...core.errors import InvalidValueError
from ...core.scalars import is_whole
from .base import form, positive


@form
@dataclass(frozen=True)
class Perceptron:
    """H = unit v . tanh(A_n ... tanh(A_1 u + b_1) ... + b_n), u the places over their scales.

    A multilayer perceptron whose slopes are written out, so that a kick costs one pass through the
    network and one back, and its derivatives one of each more. At the start the last layer v is
    zero, and with it H, and the others are drawn by the seed.

    The weights are, layer by layer, A (rows are outputs) and b, and in the end v.

    Attributes:
        hidden: widths of the hidden layers.
        scales: lengths that make x and y numbers of order one, and z too if there are three [m].
        unit: what an output of one stands for [m].
        seed: of the first weights.

    Raises:
        InvalidValueError: any of these is not so.
    """

    hidden: tuple[int, ...] = (16, 16)
    scales: tuple[float, ...] = (5e-3, 5e-3)
    unit: float = 1e-6
    seed: int = 0

    def __post_init__(self) -> None:
        widths, scales, seed = _tuple(self.hidden), _tuple(self.scales), self.seed
        if not widths or not all(is_whole(n) and n > 0 for n in widths):
            raise InvalidValueError(
                f"hidden must be positive widths, such as (16, 16), got {self.hidden!r}"
            )
        if len(scales) not in (2, 3):
            raise InvalidValueError(f"scales are of x and y, or of x, y, z; got {self.scales!r}")
        if not is_whole(seed):
            raise InvalidValueError(f"seed must be a whole number, got {seed!r}")
        positive("scales", *scales)
        positive("unit", self.unit)
        # plain data, for files
        object.__setattr__(self, "hidden", tuple(map(int, widths)))
        object.__setattr__(self, "scales", scales)
        object.__setattr__(self, "seed", int(seed))

    @property
    def _shapes(self) -> list[tuple[int, int]]:
        return list(itertools.pairwise((len(self.scales), *self.hidden)))

    @property
    def count(self) -> int:
        """See `Form`."""
        return sum(a * b + b for a, b in self._shapes) + self.hidden[-1]

    def start(self) -> Tensor:
        """See `Form`."""
        generator = torch.Generator().manual_seed(self.seed)
        parts = []
        for fan_in, width in self._shapes:
            layer = torch.randn(width * fan_in, generator=generator, dtype=torch.float64)
            offset = torch.randn(width, generator=generator, dtype=torch.float64)
            parts += [layer / fan_in**0.5, offset / 2]
        return torch.cat([*parts, torch.zeros(self.hidden[-1], dtype=torch.float64)])

    def value(self, weights: Tensor, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        """See `Form`."""
        layers, v = self._layers(weights, x)
        last = self._activations(layers, x, y, z)[-1]
        return self.unit * (v @ last).reshape(x.shape)

    def slopes(
        self, weights: Tensor, x: Tensor, y: Tensor, z: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """See `Form`."""
        layers, v = self._layers(weights, x)
        outputs, back = self._activations(layers, x, y, z), v.mT
        for (a, _), out in zip(reversed(layers), reversed(outputs), strict=True):
            back = a.mT @ (back * (1 - out * out))
        along = [
            (self.unit / s) * row.reshape(x.shape)
            for s, row in zip(self.scales, back.unbind(0), strict=True)
        ]
        return along[0], along[1], along[2] if len(along) == 3 else None

    def _activations(
        self, layers: Sequence[tuple[Tensor, Tensor]], x: Tensor, y: Tensor, z: Tensor
    ) -> list[Tensor]:
        """Outputs of the hidden layers, (width, N)."""
        places = zip((x, y, z), self.scales, strict=False)
        signal = torch.stack([u.reshape(-1) * (1 / s) for u, s in places])
        found = []
        for a, b in layers:
            signal = (a @ signal + b).tanh()
            found.append(signal)
        return found

    def _layers(self, weights: Tensor, like: Tensor) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
        """A and b of the hidden layers, and v as a row."""
        if weights.shape[-1] != self.count:
            raise InvalidValueError(f"{self} has {self.count} weights, got {weights.shape[-1]}")
        weights, at, layers = weights.to(like.dtype), 0, []
        for fan_in, width in self._shapes:
            a = weights[at : at + fan_in * width].reshape(width, fan_in)
            at += fan_in * width
            layers.append((a, weights[at : at + width].reshape(width, 1)))
            at += width
        return layers, weights[at:].reshape(1, -1)


def _tuple(given: Any) -> tuple[Any, ...]:
    """The entries of a sequence; none of what is not one."""
    return (
        tuple(given) if isinstance(given, Sequence) and not isinstance(given, (str, bytes)) else ()
    )
