"""A network in the place of a space-charge solver."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

from ..autodiff import Pushed, map_linear
from ..beam.beam import Beam
from ..collective.poisson import Potential, SpectralPoisson
from ..core import tensorfile
from ..core.devices import usable
from ..core.errors import (
    AccuracyWarning,
    DomainError,
    DomainWarning,
    InvalidValueError,
    require_known,
    warn,
)
from ..core.scalars import is_transformed
from ..core.storage import storable
from ..mesh.grid import Grid, Mesh
from ..mesh.shapes import shape
from .border import fold, unfold
from .domain import Domain, Figures
from .layer_base import Weights, from_record, record
from .network import Network, check_fit, respond
from .validation import POOR, Validation, compare, stated_error, stated_series

#: what may be done with a beam outside of the domain
OUTSIDE = ("warn", "raise", "ignore")


@storable
@dataclass(frozen=True, eq=False)
class Surrogate:
    """A trained network that gives the potential of a density, as a solver does.

    Its kick is the gradient of that potential, so it is symplectic whatever the network says. Pass
    it to `SpaceCharge` as the potential.

    Attributes:
        network: what maps the shares of the beam in the cells to H on the cells.
        mesh: the grid and shape function that it was trained with.
        domain: the beams that it was trained on, or None if that is not known.
        outside: what to do with a beam outside of the domain: "warn", "raise" or "ignore".
        about: how it was trained, and its errors.
    """

    network: Network
    mesh: Mesh
    domain: Domain | None = None
    outside: str = "warn"
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        require_known("choice for beams outside the domain", self.outside, OUTSIDE)
        check_fit(self.network, self.mesh.grid.shape)  # every copy passes through here

    @classmethod
    def load(
        cls,
        source: str | Path,
        *,
        outside: str = "warn",
        dtype: torch.dtype = torch.float64,
        device: str | torch.device = "cpu",
    ) -> Surrogate:
        """A surrogate that ships with the package, by name, or one from a file.

        Args:
            source: "linear", "pix2pix", "variational", or the path of a file of `save`.
            outside: what to do with a beam unlike those of training: "warn", "raise" or "ignore".
            dtype: torch.float64, or torch.float32, which is faster; finite differences through it
                need larger steps (1e-3). Files hold single precision.
            device: where it works.

        Raises:
            UnknownNameError: nothing of that name ships.
            InvalidValueError: no such file, or one that is damaged, changed or of another kind; a
                device that cannot be used.
        """
        device = usable(device)
        if not isinstance(source, (str, Path)):
            raise InvalidValueError(f"a surrogate is a name or a path, not {source!r}")
        path = Path(source)
        if isinstance(source, str) and not path.suffix and path.parent == Path("."):
            require_known("surrogate", source, list_pretrained())
            path = Path(str(resources.files(__package__) / "weights" / f"{source}.safetensors"))
        description, weights, mark = tensorfile.read(path)
        found = cls.from_description(description, weights, str(path)).to(dtype, device)
        return found.replace(outside=outside, about={**found.about, "digest": mark})

    def save(self, path: str | Path) -> str:
        """Write it in single precision, whole or not at all; returns the digest.

        The file holds numbers and a description in JSON; loading it runs nothing.
        """
        weights = self.network.to(torch.float32).weights
        return tensorfile.write(Path(path), self.description(), weights)

    def description(self) -> dict[str, Any]:
        """All but the weights and `outside`, as plain data."""
        grid, used = self.mesh
        return {
            "layers": [record(layer) for layer in self.network.layers],
            "size": grid.size,
            "shape": grid.shape,
            "assignment": used.name,
            "domain": None if self.domain is None else dataclasses.asdict(self.domain),
            "about": {k: v for k, v in self.about.items() if k != "digest"},
        }

    @classmethod
    def from_description(
        cls, description: Mapping[str, Any], weights: Weights, source: str = "the description"
    ) -> Surrogate:
        """Make the surrogate of a `description`, with weights by name.

        Raises:
            InvalidValueError: the description lacks something, or the weights do not fit it.
        """
        try:
            network = Network(tuple(from_record(r) for r in description["layers"]), weights)
            known = description["domain"]
            domain = None if known is None else Domain.from_record(known)
            grid = Grid(tuple(description["size"]), tuple(description["shape"]))
            mesh = Mesh(grid, shape(description["assignment"]))
            about = dict(description["about"])
        except (KeyError, TypeError, AttributeError) as error:
            raise InvalidValueError(f"{source} does not describe a surrogate: {error!r}") from error
        found = cls(network, mesh, domain, about=about)
        found._warn_if_poor()
        return found

    def replace(self, **changes: Any) -> Surrogate:
        """A copy with some attributes replaced."""
        return dataclasses.replace(self, **changes)

    def to(self, dtype: torch.dtype, device: str | torch.device | None = None) -> Surrogate:
        """The same in another precision or on another device."""
        return self.replace(network=self.network.to(dtype, device))

    def solve(self, fractions: Tensor) -> Tensor:
        """H on the padded grid from the share of the beam in each cell. See `Potential`.

        Raises:
            InvalidValueError: the grid is another than that of training.
            DomainError: the density is outside of the domain, and `outside` is "raise".
        """
        if fractions.shape[-2:] != self.mesh.grid.padded_shape:
            raise InvalidValueError(
                f"the surrogate was trained on {self.mesh.grid.shape} cells, a padded grid of "
                f"{self.mesh.grid.padded_shape}; got {tuple(fractions.shape[-2:])}"
            )
        self._watch(fractions.detach())
        return predict(fractions, self.network)

    def check(self, beam: Beam) -> None:
        """Warn of, or raise for, a beam unlike those of training, as `outside` says.

        Warns with `AccuracyWarning` of a network whose own card states a mean error of the field
        above 3 %.
        """
        self._warn_if_poor()
        if self.outside != "ignore":
            self._refuse_or_warn(self._violations(beam))

    def validate(self, beam: Beam, against: Potential | None = None) -> Validation:
        """The field at the macroparticles of a beam, compared with a solver's.

        Args:
            beam: its particles alive count.
            against: the solver; if None, the spectral solver that the network learned from, with
                the modes and the damping that its card states.

        Raises:
            InvalidValueError: no solver is given, and the network learned from another than that;
                or particles alive lie outside of the box.
        """
        if beam.weights is not None:
            raise InvalidValueError(
                "validate takes macroparticles of equal weight; give it the beam from before the "
                "first soft aperture"
            )
        grid, used = self.mesh
        teacher = self.about.get("teacher", "SpectralPoisson")
        if against is None and not teacher.startswith("SpectralPoisson"):
            raise InvalidValueError(f"give the solver as `against`: the network learned {teacher}")
        if against is None:
            against = SpectralPoisson(grid.size, grid.shape, used, *stated_series(teacher))
        x, y = (beam.coordinate(u).detach()[beam.alive] for u in "xy")
        said = [*self._violations(beam), *self._stated_errors()]
        return compare(self.replace(outside="ignore"), against, x, y, said)

    def _violations(self, beam: Beam) -> list[str]:
        """List how a beam, or any beam of a batch, lies outside of the domain."""
        if self.domain is None:
            return []
        said: dict[str, None] = {}
        for figures in Figures.of_beams(beam):
            said.update(dict.fromkeys(self.domain.violations(figures)))
        return list(said)

    def _stated_errors(self) -> list[str]:
        """List the errors of the network that its own card states."""
        error = stated_error(self.about)
        if error is None or error <= POOR:
            return []
        return [
            f"the network's own card states a mean error of the field of {error:.0%} on held-out "
            f"beams, more than {POOR:.0%}"
        ]

    def _warn_if_poor(self) -> None:
        for said in self._stated_errors():
            warn(f"{said}; train it longer, or use a solver", AccuracyWarning)

    def _watch(self, fractions: Tensor) -> None:
        """Check a density in a kick; batches and what PyTorch transforms are let pass."""
        if self.domain is None or self.outside == "ignore" or fractions.dim() != 2:
            return
        if is_transformed(fractions) or not float(fractions.sum()) > 0:
            return
        figures = Figures.of_density(self.mesh, fractions.cpu().numpy())
        self._refuse_or_warn(self.domain.violations(figures, exact=False))

    def _refuse_or_warn(self, violations: list[str]) -> None:
        if not violations:
            return
        message = (
            "the beam is unlike those that the surrogate was trained on: "
            + "; ".join(violations)
            + "; compare with `validate`, or use SpectralPoisson"
        )
        if self.outside == "raise":
            raise DomainError(message)
        warn(message, DomainWarning)


def predict(fractions: Tensor, network: Network) -> Tensor:
    """H on the padded grid from the shares there, by a network that sees the cells."""
    if isinstance(fractions, Pushed) and network.linear:
        return map_linear(lambda f: predict(f, network), fractions)
    if has_torch_function((fractions,)):  # one rule for all of it is cheaper than one a layer
        return handle_torch_function(predict, (fractions,), fractions, network)
    return unfold(respond(network.layers, network.weights, fold(fractions.to(network.dtype))))


def list_pretrained() -> list[str]:
    """List the names of the trained surrogates that come with the package."""
    folder = resources.files(__package__) / "weights"
    return sorted(
        entry.name.removesuffix(".safetensors")
        for entry in folder.iterdir()
        if entry.name.endswith(".safetensors")
    )
