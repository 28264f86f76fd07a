"""A trained network that gives the wake of a line density."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

from ...autodiff import value_of
from ...beam.beam import Beam
from ...beam.moments import survivors
from ...collective.corrections import settle_weights
from ...core.checks import require_real, require_whole
from ...core.errors import InvalidValueError
from ...core.scalars import to_float
from ...core.storage import storable
from ...mesh.grid import GHOSTS
from ..network import Network, check_fit, evaluate, require_plain
from ..trained import Trained, Words
from .domain import BunchFigures, WakeDomain

#: what a file says of the line
_LINE = ("cells", "window", "power")


@storable
@dataclass(frozen=True, eq=False)
class WakeSurrogate(Trained):
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

    _words = Words(
        holds="wake", said="network for a wake", beam="bunch", output="wake",
        advice="train it on such bunches too, or use what it learned from",
        instead="what it learned",
    )  # fmt: skip
    _limits = WakeDomain
    _dimensions = 1

    def __post_init__(self) -> None:
        self._require_outside()
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
        """The wake at the nodes, of shares of the charge there, in a spacing; see `WakeModel`.

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
        rows = shares.reshape(-1, shares.shape[-1])
        found = [f for f in map(self._figures, rows) if f is not None]
        live = beam if beam.weights is None else beam.replace(weights=None)
        fewest, beta = int(survivors(live).min()), to_float(beam.reference.beta)
        said = [*self.domain.violations_of_any(found), *self.domain.beam_violations(fewest, beta)]
        self._refuse_or_warn(said)

    def current_network(self) -> Network:
        """Return the network with its current weights."""
        return self.network.replace(self.network.unflatten(self.weights.detach()))

    def replace(self, **changes: Any) -> Self:
        """A copy with some changes; of another network the weights, where not given."""
        start = {"weights": None} if "network" in changes else {}
        return super().replace(**start | changes)

    def _more(self) -> dict[str, Any]:
        """Return the line; see `Trained`."""
        return {name: getattr(self, name) for name in _LINE}

    @classmethod
    def _read_more(cls, description: Mapping[str, Any]) -> dict[str, Any]:
        """Return the line; see `Trained`."""
        return {name: description[name] for name in _LINE}

    def _figures(self, density: Tensor) -> BunchFigures | None:
        """Return length, place and shape of shares at the nodes; see `Trained`."""
        return BunchFigures.of_shares(density)


def _predict(shares: Tensor, weights: Tensor, network: Network) -> Tensor:
    """The wake at the nodes from the shares there."""
    if has_torch_function((shares, weights)):  # one rule for all of it is cheaper than one a layer
        return handle_torch_function(_predict, (shares, weights), shares, weights, network)
    maps = shares.to(weights.dtype).unsqueeze(-1)
    return evaluate(network.layers, network.unflatten(weights), maps).squeeze(-1)
