"""Charge density and potential of a beam, as a space-charge kick sees them."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from torch import Tensor

from ..beam.beam import Beam, require_beam, require_single, require_whole
from ..beam.reference import SPEED_OF_LIGHT, VACUUM_PERMITTIVITY
from ..collective import Grid, SpaceCharge, deposit
from ..core.checks import require_kind
from ..core.errors import InvalidValueError
from ..core.scalars import to_float
from ..mesh.grid import GHOSTS
from .figure import require_axes


def plot_density(ax: Axes, kick: SpaceCharge, beam: Beam) -> Axes:
    """Charge density [C/m^3] of a beam on the grid of a kick, with its colour bar.

    The beam's charge per metre, q/|q| current / (beta c), spread over the cells by the particles
    alive.

    Raises:
        InvalidValueError: no current, a batch of beams, or a part of one.

    Example:
        >>> kick = pj.SpaceCharge(pj.SpectralPoisson((0.02, 0.02), (64, 64)), max_step=0.1)
        >>> pj.plotting.plot_density(ax, kick, beam)
    """
    require_axes(ax)
    require_kind("kick", kick, SpaceCharge, "a SpaceCharge")
    require_beam(beam)
    grid = kick.potential.mesh.grid
    density = _line_charge(beam) / math.prod(grid.spacing) * _shares(kick, beam)
    return _map(ax, grid, density, "charge density [C/m$^3$]", "viridis")


def plot_potential(ax: Axes, kick: SpaceCharge, beam: Beam) -> Axes:
    """Electric potential [V] of a beam in the box of a kick, from its solver or network.

    phi = charge per metre / (2 pi eps0) H, times the kick's perveance_scale. Errors as for
    `plot_density`.

    Example:
        >>> pj.plotting.plot_potential(ax, kick, beam)
    """
    require_axes(ax)
    require_kind("kick", kick, SpaceCharge, "a SpaceCharge")
    require_beam(beam)
    factor = _line_charge(beam) / (2 * math.pi * VACUUM_PERMITTIVITY)
    h = kick.potential.solve(_shares(kick, beam)).detach()
    volts = factor * to_float(kick.perveance_scale) * h
    return _map(ax, kick.potential.mesh.grid, volts, "potential [V]", "magma")


def _line_charge(beam: Beam) -> float:
    """Charge per metre [C/m], with its sign."""
    require_whole(beam, "a map")
    require_single(beam, "a map is")
    current = to_float(beam.current)
    if not current > 0:
        raise InvalidValueError(f"a beam of {current} A has no field; give it a current")
    return math.copysign(current, beam.reference.species.charge) / (
        to_float(beam.reference.beta) * SPEED_OF_LIGHT
    )


def _shares(kick: SpaceCharge, beam: Beam) -> Tensor:
    """The share of the beam in each cell, of the padded grid."""
    x, y = beam.coordinate("x").detach(), beam.coordinate("y").detach()
    return deposit(kick.potential.mesh, x, y, beam.alive, beam.shares.detach())


def _map(ax: Axes, grid: Grid, padded: Tensor, label: str, colours: str) -> Axes:
    values = padded[GHOSTS:-GHOSTS, GHOSTS:-GHOSTS].cpu().numpy()
    half_x, half_y = (1e3 * side / 2 for side in grid.size)
    image = ax.imshow(
        values.T, origin="lower", extent=(-half_x, half_x, -half_y, half_y), cmap=colours
    )
    ax.figure.colorbar(image, ax=ax, label=label)
    ax.set(xlabel="x [mm]", ylabel="y [mm]")
    return ax
