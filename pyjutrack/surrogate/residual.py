"""A network on top of a solver, for what the solver does not know."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..collective.corrections import Correction
from ..collective.poisson import Potential, require_potential
from ..core.checks import require_whole
from ..core.errors import InvalidValueError
from ..core.storage import storable
from ..mesh.grid import GHOSTS
from ..mesh.operators import Operators
from ..mesh.shapes import BSPLINE
from .architectures import Standardisation, check_channels, unet
from .network import Network, check_fit, require_plain, respond

#: channels of the network of `ResidualNetwork.small`, and the cells a side that it sees at least
_CHANNELS, _CELLS = (8, 12, 13), 32


@storable
@dataclass(frozen=True, eq=False)
class ResidualNetwork(Correction):
    """A solver, and a network of the density whose output is added to the potential.

    Cubic B-splines about the centres of blocks of cells join the padded grid to the maps that the
    network sees: densities are added up by the transpose of what spreads its answer. As with
    `Surrogate`, densities and potentials are continued oddly beyond the walls, so that the term is
    zero on them; walls that stand elsewhere are learned by `ImageCharges`.

    Attributes:
        solver: what gives the rest of the field: any potential.
        network: layers, and the weights at the start. Zero weights in the last layer make the
            correction zero at first.
        weights: (P,), those of the network one after another in the order of `network.weights`,
            each row by row; by default the network's own. They count, and not the network's.
        block: cells along a side of a block.

    Raises:
        InvalidValueError: blocks or a network that do not fit the cells, weights of another number.
    """

    solver: Potential
    network: Network
    weights: Tensor = None  # type: ignore[assignment]  # the network's
    block: int = 1

    @classmethod
    def small(
        cls, solver: Potential, seed: int = 0, channels: tuple[int, ...] = _CHANNELS
    ) -> ResidualNetwork:
        """A linear U-Net on about 32 x 32 blocks, 9 984 weights, zero in its last layer.

        Args:
            solver: beside which it stands.
            seed: of the random weights in the other layers.
            channels: after each of its steps down; the blocks must allow as many halvings.
        """
        require_potential(solver, "solver")
        require_whole("seed", seed)
        check_channels(channels)
        cells, step = solver.mesh.grid.shape, 2 ** len(channels)
        if any(n % step for n in cells):
            raise InvalidValueError(
                f"{len(channels)} steps down need cells in multiples of {step}, got {cells}; take "
                "such a grid, or fewer channels"
            )
        block = 1
        while min(cells) >= 2 * block * _CELLS and all(n % (2 * block * step) == 0 for n in cells):
            block *= 2
        # a beam fills about as many blocks as the square root of all
        standard = Standardisation(input_std=block / math.sqrt(cells[0] * cells[1]))
        network = unet(channels, standard, seed, activated=False).to(torch.float64)
        last = f"up{len(channels)}.weight"
        zero = {last: torch.zeros_like(network.weights[last])}
        return cls(solver, network.replace({**network.weights, **zero}), block=block)

    def __post_init__(self) -> None:
        cells = self.mesh.grid.shape
        if not (isinstance(self.block, int) and self.block >= 1) or any(
            n % self.block for n in cells
        ):
            raise InvalidValueError(f"{cells} cells do not make blocks of {self.block!r} a side")
        check_fit(self.network, (cells[0] // self.block, cells[1] // self.block))
        require_plain(self.network, type(self).__name__)
        self._settle(self.network.vector())

    @property
    def linear(self) -> bool:
        return self.network.linear

    @cached_property
    def _splines(self) -> Operators:
        """B-splines of the blocks at the padded nodes, along x and along y: (nodes, blocks)."""
        return Operators(*(_splines(n // self.block, self.block) for n in self.mesh.grid.shape))

    def unflatten(self, weights: Tensor) -> Mapping[str, Tensor]:
        """Unflatten weights to those of the network, by name."""
        return self.network.unflatten(weights)

    def current_network(self) -> Network:
        """Return the network with its current weights."""
        return self.network.replace(self.unflatten(self.weights.detach()))

    def term(self, fractions: Tensor, weights: Tensor) -> Tensor:
        """See `Correction`."""
        along_x, along_y = self._splines.tensors(weights.dtype, weights.device)
        blocks = along_x.mT @ fractions @ along_y
        h = respond(self.network.layers, self.unflatten(weights), blocks)
        return along_x @ h @ along_y.mT


def _splines(blocks: int, block: int) -> NDArray[np.float64]:
    """Cubic B-splines about the centres of blocks, odd about the walls: (padded nodes, blocks)."""
    place = (np.arange(-GHOSTS, blocks * block + GHOSTS) + 0.5) / block - 0.5
    first = np.floor(place).astype(int)
    powers = (place - first)[:, None] ** np.arange(4)
    table = np.zeros((len(place), blocks))
    for node, coefficients in enumerate(BSPLINE.coefficients):
        index, value = first + node - 1, powers @ np.array(coefficients)
        outside = (index < 0) | (index >= blocks)
        index = np.where(index < 0, -1 - index, np.where(outside, 2 * blocks - 1 - index, index))
        np.add.at(table, (np.arange(len(place)), index), np.where(outside, -value, value))
    return table
