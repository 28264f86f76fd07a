"""A network in the place of a space-charge solver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

from ..autodiff import Pushed, map_linear
from ..beam.beam import Beam
from ..collective.poisson import Potential, SpectralPoisson
from ..core.errors import InvalidValueError, require_known
from ..core.storage import storable
from ..mesh.grid import Grid, Mesh
from ..mesh.shapes import shape
from .border import fold, unfold
from .domain import Domain, Figures
from .network import Network, check_fit, respond
from .trained import Trained, Words
from .validation import Validation, compare, stated_series


@storable
@dataclass(frozen=True, eq=False)
class Surrogate(Trained):
    """A trained network that gives the potential of a density, as a solver does.

    Its kick is the gradient of that potential, so it is symplectic whatever the network says. Pass
    it to `SpaceCharge` as the potential.

    Attributes:
        network: what maps the shares of the beam in the cells to H on the cells.
        mesh: the grid and shape function that it was trained with.
        domain: the beams that it was trained on, or None if that is not known.
        outside: what to do with a beam outside of the domain: "warn", "raise" or "ignore".
        about: how it was trained, and its errors.

    Example:
        >>> pj.track(cell, beam, effects=[pj.SpaceCharge(pj.Surrogate.load("linear"))])
    """

    network: Network
    mesh: Mesh
    domain: Domain | None = None
    outside: str = "warn"
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)

    _words = Words(
        holds="surrogate", said="surrogate", beam="beam", output="field",
        advice="compare with `validate`, or use the solver that it learned from",
        instead="a solver",
    )  # fmt: skip
    _limits = Domain
    _dimensions = 2

    def __post_init__(self) -> None:
        self._require_outside()
        check_fit(self.network, self.mesh.grid.shape)  # every copy passes through here

    @classmethod
    def _find(cls, source: str | Path) -> Path:
        """Return the file of a surrogate that ships with the package, by name, or of a path.

        Raises:
            UnknownNameError: nothing of that name ships.
        """
        path = Path(source)
        if isinstance(source, str) and not path.suffix and path.parent == Path("."):
            require_known("surrogate", source, list_pretrained())
            path = Path(str(resources.files(__package__) / "weights" / f"{source}.safetensors"))
        return path

    def _more(self) -> dict[str, Any]:
        """Return grid and shape function; see `Trained`."""
        grid, used = self.mesh
        return {"size": grid.size, "shape": grid.shape, "assignment": used.name}

    @classmethod
    def _read_more(cls, description: Mapping[str, Any]) -> dict[str, Any]:
        """Return the mesh; see `Trained`."""
        grid = Grid(tuple(description["size"]), tuple(description["shape"]))
        return {"mesh": Mesh(grid, shape(description["assignment"]))}

    def _figures(self, density: Tensor) -> Figures | None:
        """Return sizes and places of shares on the padded grid; see `Trained`."""
        found = density.cpu().numpy()
        return Figures.of_density(self.mesh, found) if float(found.sum()) > 0 else None

    def solve(self, fractions: Tensor) -> Tensor:
        """H on the padded grid from the fractions of the beam in the cells; see `Potential`.

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
            InvalidValueError: no solver is given, and the network learned from another than that,
                or does not say from which; or particles alive lie outside of the box.
        """
        if beam.weights is not None:
            raise InvalidValueError(
                "validate takes macroparticles of equal weight; give it the beam from before the "
                "first soft aperture"
            )
        grid, used = self.mesh
        teacher = str(self.about.get("teacher", "from what its card does not say"))
        if against is None and not teacher.startswith("SpectralPoisson("):
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
        return self.domain.violations_of_any(Figures.of_beams(beam))


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
