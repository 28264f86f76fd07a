"""Public calls on rings: closed orbits, matrices, Twiss functions, chromaticities."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ..beam.reference import Reference
from ..core.errors import InvalidValueError
from ..core.transforms import numeric
from ..lattice.batch import each_setting
from ..lattice.lattice import Lattice
from .linear import linear_optics, twiss_table
from .orbit import Orbit, find, passage, start
from .passing import pairwise_products
from .table import Twiss

Array = NDArray[np.float64]

#: entries of the off-diagonal blocks, beside the largest of the matrix, that are no coupling
_UNCOUPLED = 1e-9


@numeric
@each_setting
def closed_orbit(
    lattice: Lattice, reference: Reference, *, delta: float = 0.0, dimensions: int = 4
) -> Array:
    """The closed orbit: (N + 1, 6), at the entrance of each element and at the end.

    Args:
        lattice: a ring.
        reference: its particle.
        delta: momentum deviation; in 6 dimensions, where to begin the search.
        dimensions: 4 for a fixed delta, cavities off, z counted from the start; 6 for the
            synchronous orbit of a ring with a cavity.

    Raises:
        UnstableError: none is found. InvalidValueError: no cavity to fix delta, one so far off the
            harmonics of the revolution that it holds no beam, another number of dimensions.

    Warns:
        AccuracyWarning: in 4 dimensions, as for `linear_optics`; in 6, a cavity off the harmonics
            of the revolution, where a beam would take another momentum, by more than 1e-4.
    """
    with torch.no_grad():
        orbit = _orbit(lattice, reference, delta, dimensions)
        if dimensions == 4:
            return orbit.table.numpy()
        return torch.cat([orbit.coordinates, orbit.ends[-1:]]).numpy()


@numeric
@each_setting
def transfer_matrices(
    lattice: Lattice, reference: Reference, *, delta: float = 0.0, dimensions: int = 4
) -> Array:
    """Jacobians of all elements about the closed orbit, (N, 6, 6). Arguments as `closed_orbit`."""
    with torch.no_grad():
        return _orbit(lattice, reference, delta, dimensions).matrices.numpy()


@numeric
@each_setting
def one_turn_matrix(
    lattice: Lattice, reference: Reference, *, delta: float = 0.0, dimensions: int = 4
) -> Array:
    """Jacobian of one turn about the closed orbit, (6, 6). Arguments as `closed_orbit`."""
    with torch.no_grad():
        orbit = _orbit(lattice, reference, delta, dimensions)
        return pairwise_products(orbit.matrices)[-1].numpy()


@numeric
@each_setting
def chromaticities(lattice: Lattice, reference: Reference, *, delta: float = 0.0) -> Array:
    """d(tune)/d(delta) of both modes, (2,), exact by differentiating the tunes.

    Args:
        delta: momentum deviation at which to take them.

    Raises:
        UnstableError: no closed orbit or no periodic optics.
    """
    table = twiss_table(lattice, reference, delta=delta, chromatic=True)
    return np.array([table.chromaticity_x, table.chromaticity_y])


@numeric
@each_setting
def twiss(lattice: Lattice, reference: Reference, *, delta: float = 0.0) -> Twiss:
    """Periodic, uncoupled Twiss functions at the start of a ring, without collective effects.

    Raises:
        UnstableError: no periodic solution in a plane.
        InvalidValueError: the planes are coupled.

    Warns:
        AccuracyWarning: as for `linear_optics`.

    Source: E. Courant, H. Snyder, Annals of Physics 3 (1958) 1.
    """
    with torch.no_grad():
        table = linear_optics(lattice, reference, delta=delta)
    matrix = table.matrix
    coupling = max(float(matrix[:2, 2:4].abs().max()), float(matrix[2:4, :2].abs().max()))
    if coupling > _UNCOUPLED * float(matrix[:4, :4].abs().max()):
        raise InvalidValueError(
            f"the planes are coupled (off-diagonal block up to {coupling:.3g}); uncoupled Twiss "
            "functions do not exist; twiss_table has the coupled ones"
        )
    return table[0]


def _orbit(lattice: Lattice, reference: Reference, delta: float, dimensions: int) -> Orbit:
    ring = passage(lattice, reference, dimensions)
    return find(ring, start(len(lattice), delta), dimensions)
