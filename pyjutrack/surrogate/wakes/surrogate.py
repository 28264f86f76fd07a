"""A trained network that gives the wake of a line density."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

from ...autodiff import value_of
from ...beam.beam import Beam
from ...beam.moments import survivors
from ...collective.corrections import settle_weights
from ...core import tensorfile
from ...core.checks import require_real, require_whole
from ...core.errors import (
    AccuracyWarning,
    DomainError,
    DomainWarning,
    InvalidValueError,
    require_known,
    warn,
)
from ...core.scalars import is_transformed, to_float
from ...core.storage import storable
from ...mesh.grid import GHOSTS
from ..layer_base import Weights, from_record, record
from ..network import Network, check_fit, evaluate, require_plain
from ..surrogate import OUTSIDE
from ..validation import POOR, stated_error
from .domain import BunchFigures, WakeDomain

#: what files of these hold
_HOLDS = "wake"


@storable
@dataclass(frozen=True, eq=False)
class WakeSurrogate:
    """A network that gives the wake of a line density; a `WakeModel` for `NeuralWake`.

    Attributes:
        network: from the shares at the `cells` + 4 nodes to the wake there, as maps of one row.
        cells: of the line.
        window: full length of the line about the reference [m]; None for one that follows the bunch
            and stretches with it.
        power: of a line that stretches: the wake of one shape goes by this power of the length,
            such as -3/2 for a resistive wall, -4/3 for coherent radiation in free space.
        weights: (P,), those of the network one after another, each row by row; by default the
            network's own. They count, and not the network's, and are a knob.
        domain: the bunches that it was trained on, or None if that is not known.
        outside: what to do with a bunch outside of the domain: "warn", "raise" or "ignore".
        about: how it was trained, and its errors.

    Raises:
        InvalidValueError: any of these is not so, or they do not fit each other.
    """

    network: Network
    cells: int = 128
    window: float | None = None
    power: float = 0.0
    weights: Tensor = None  # type: ignore[assignment]  # the network's
    domain: WakeDomain | None = None
    outside: str = "warn"
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        require_known("choice for bunches outside the domain", self.outside, OUTSIDE)
        require_whole("cells", self.cells, 8)
        require_real("power", self.power)
        if self.window is not None:
            require_real("window", self.window, above=0)
            if self.power:
                raise InvalidValueError(
                    "a power of the length is that of a line that stretches; of a window there is "
                    "none: give one of both"
                )
        check_fit(self.network, (self.nodes, 1))
        require_plain(self.network, type(self).__name__)
        settle_weights(self, self.network.vector())

    @property
    def nodes(self) -> int:
        """Number of values that the network sees: the cells, and two ghosts a side."""
        return self.cells + 2 * GHOSTS

    @property
    def linear(self) -> bool:
        """Return whether the wake is linear in the density."""
        return self.network.linear

    def solve(self, shares: Tensor, spacing: float) -> Tensor:
        """The wake at the nodes by the charge. See `WakeModel`.

        Raises:
            InvalidValueError: another number of nodes than that of training.
            DomainError: the density is outside of the domain, and `outside` is "raise".
        """
        if shares.shape[-1] != self.nodes:
            raise InvalidValueError(
                f"the network was trained on {self.cells} cells, {self.nodes} nodes; "
                f"got {shares.shape[-1]}"
            )
        self._watch(value_of(shares).detach())
        return _predict(shares, self.weights, self.network) * spacing**self.power

    def check(self, beam: Beam, shares: Tensor) -> None:
        """Warn of, or raise for, a bunch unlike those of training, as `outside` says.

        Warns with `AccuracyWarning` of a network whose own card states a mean error above 3 %.

        Args:
            beam: the bunch, or a batch.
            shares: at the nodes (..., nodes).
        """
        self._warn_if_poor()
        if self.domain is None or self.outside == "ignore":
            return
        said: dict[str, None] = {}
        for row in shares.reshape(-1, shares.shape[-1]):
            figures = BunchFigures.of_shares(row)
            if figures is not None:
                said.update(dict.fromkeys(self.domain.violations(figures)))
        live = beam if beam.weights is None else beam.replace(weights=None)
        fewest = int(survivors(live).min())
        beta = to_float(beam.reference.beta)
        said.update(dict.fromkeys(self.domain.beam_violations(fewest, beta)))
        self._refuse_or_warn(list(said))

    def current_network(self) -> Network:
        """Return the network with its current weights."""
        return self.network.replace(self.network.unflatten(self.weights.detach()))

    def replace(self, **changes: Any) -> WakeSurrogate:
        """A copy with some attributes replaced."""
        return dataclasses.replace(self, **changes)

    def to(self, dtype: torch.dtype, device: str | torch.device | None = None) -> WakeSurrogate:
        """The same in another precision or on another device."""
        network = self.current_network().to(dtype, device)
        return self.replace(network=network, weights=None)

    def save(self, path: str | Path) -> str:
        """Write it in single precision, whole or not at all; returns the digest.

        The file holds numbers and a description in JSON; loading it runs nothing.
        """
        weights = self.current_network().to(torch.float32).weights
        return tensorfile.write(Path(path), self.description(), weights, holds=_HOLDS)

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        outside: str = "warn",
        dtype: torch.dtype = torch.float64,
        device: str | torch.device = "cpu",
    ) -> WakeSurrogate:
        """Read a file of `save`.

        Args:
            path: of the file.
            outside: what to do with a bunch unlike those of training: "warn", "raise" or "ignore".
            dtype: torch.float64, or torch.float32, which is faster.
            device: where it works.

        Raises:
            InvalidValueError: no such file, or one that is damaged, changed or of another kind.
        """
        said = "network for a wake"
        description, weights, mark = tensorfile.read(Path(path), holds=_HOLDS, said=said)
        found = cls.from_description(description, weights, str(path)).to(dtype, device)
        return found.replace(outside=outside, about={**found.about, "digest": mark})

    def description(self) -> dict[str, Any]:
        """All but the weights and `outside`, as plain data."""
        return {
            "layers": [record(layer) for layer in self.network.layers],
            "cells": self.cells,
            "window": self.window,
            "power": self.power,
            "domain": None if self.domain is None else dataclasses.asdict(self.domain),
            "about": {k: v for k, v in self.about.items() if k != "digest"},
        }

    @classmethod
    def from_description(
        cls, description: Mapping[str, Any], weights: Weights, source: str = "the description"
    ) -> WakeSurrogate:
        """Make the surrogate of a `description`, with weights by name.

        Raises:
            InvalidValueError: the description lacks something, or the weights do not fit it.
        """
        try:
            layers = tuple(from_record(r) for r in description["layers"])
            # in the order in which the layers use them, as a file has another
            used = dict.fromkeys(name for layer in layers for name in layer.weights())
            network = Network(layers, {**{k: weights[k] for k in used}, **weights})
            known = description["domain"]
            domain = None if known is None else WakeDomain.from_record(known)
            line = {name: description[name] for name in ("cells", "window", "power")}
            about = dict(description["about"])
        except (KeyError, TypeError, AttributeError) as error:
            raise InvalidValueError(
                f"{source} does not describe a network for a wake: {error!r}"
            ) from error
        found = cls(network, **line, domain=domain, about=about)
        found._warn_if_poor()
        return found

    def _warn_if_poor(self) -> None:
        error = stated_error(self.about)
        if error is not None and error > POOR:
            warn(
                f"the network's own card states a mean error of the wake of {error:.0%} on "
                f"held-out bunches, more than {POOR:.0%}; train it longer, or use what it learned",
                AccuracyWarning,
            )

    def _watch(self, shares: Tensor) -> None:
        """Check a density in a kick; batches and what PyTorch transforms are let pass."""
        if self.domain is None or self.outside == "ignore" or shares.dim() != 1:
            return
        figures = None if is_transformed(shares) else BunchFigures.of_shares(shares)
        if figures is not None:
            self._refuse_or_warn(self.domain.violations(figures, exact=False))

    def _refuse_or_warn(self, violations: list[str]) -> None:
        if not violations:
            return
        message = (
            "the bunch is unlike those that the network was trained on: "
            + "; ".join(violations)
            + "; train it on such bunches too, or use what it learned from"
        )
        if self.outside == "raise":
            raise DomainError(message)
        warn(message, DomainWarning)


def _predict(shares: Tensor, weights: Tensor, network: Network) -> Tensor:
    """The wake at the nodes from the shares there."""
    if has_torch_function((shares, weights)):  # one rule for all of it is cheaper than one a layer
        return handle_torch_function(_predict, (shares, weights), shares, weights, network)
    maps = shares.to(weights.dtype).unsqueeze(-1)
    return evaluate(network.layers, network.unflatten(weights), maps).squeeze(-1)
