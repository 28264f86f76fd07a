"""Public calls on rings: closed orbits, matrices, Twiss functions, chromaticities."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ..beam.reference import Reference
from ..core.errors import InvalidValueError
from ..core.transforms import numeric
from ..lattice.lattice import Lattice
from .linear import optics_of
from .many import in_one_pass
from .orbit import Orbit, find, passage, start
from .passing import pairwise_products
from .table import Twiss

Array = NDArray[np.float64]

#: entries of the off-diagonal blocks, beside the largest of the matrix, that are no coupling
_UNCOUPLED = 1e-9


@numeric
@in_one_pass
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
        return (orbit.table if dimensions == 4 else orbit.rows).numpy()


@numeric
@in_one_pass
def transfer_matrices(
    lattice: Lattice, reference: Reference, *, delta: float = 0.0, dimensions: int = 4
) -> Array:
    """Jacobians of all elements about the closed orbit, (N, 6, 6).

    Args:
        lattice, reference, delta, dimensions: as for `closed_orbit`, whose errors and warnings
            it has too.
    """
    with torch.no_grad():
        return _orbit(lattice, reference, delta, dimensions).matrices.numpy()


@numeric
@in_one_pass
def one_turn_matrix(
    lattice: Lattice, reference: Reference, *, delta: float = 0.0, dimensions: int = 4
) -> Array:
    """Jacobian of one turn about the closed orbit, (6, 6).

    Args:
        lattice, reference, delta, dimensions: as for `closed_orbit`, whose errors and warnings
            it has too.
    """
    with torch.no_grad():
        orbit = _orbit(lattice, reference, delta, dimensions)
        return pairwise_products(orbit.matrices)[..., -1, :, :].numpy()


@numeric
@in_one_pass
def chromaticities(lattice: Lattice, reference: Reference, *, delta: float = 0.0) -> Array:
    """d(tune)/d(delta) of both modes, (2,), exact by differentiating the tunes.

    Args:
        lattice, reference: a ring and its particle.
        delta: momentum deviation at which to take them.

    Raises:
        UnstableError: no closed orbit or no periodic optics.
    """
    with torch.no_grad():
        table = optics_of(lattice, reference, delta, chromatic=True)
    return np.stack([table.chromaticity_x, table.chromaticity_y], -1)


@numeric
@in_one_pass
def twiss(lattice: Lattice, reference: Reference, *, delta: float = 0.0) -> Twiss:
    """Periodic, uncoupled Twiss functions at the start of a ring, without collective effects.

    Args:
        lattice: a ring, whose cavities count as drifts.
        reference: its particle.
        delta: momentum deviation of the closed orbit about which they are.

    Returns:
        Functions at the start [m], and fractions of the tunes.

    Raises:
        UnstableError: no periodic solution in a plane.
        InvalidValueError: the planes are coupled.

    Warns:
        AccuracyWarning: as for `linear_optics`.

    Source: E. Courant, H. Snyder, Annals of Physics 3 (1958) 1.

    Example:
        >>> optics = pj.twiss(ring, pj.Reference.from_kinetic("proton", 1e9))
        >>> optics.beta_x, optics.tune_x
    """
    with torch.no_grad():
        table = optics_of(lattice, reference, delta)
    sizes = table.matrix.abs()
    coupling = torch.maximum(sizes[..., :2, 2:4].amax((-2, -1)), sizes[..., 2:4, :2].amax((-2, -1)))
    if bool((coupling > _UNCOUPLED * sizes[..., :4, :4].amax((-2, -1))).any()):
        raise InvalidValueError(
            f"the planes are coupled (off-diagonal block up to {float(coupling.max()):.3g}); "
            "uncoupled Twiss "
            "functions do not exist; twiss_table has the coupled ones"
        )
    return table[0]


def _orbit(lattice: Lattice, reference: Reference, delta: float, dimensions: int) -> Orbit:
    ring = passage(lattice, reference, dimensions)
    return find(ring, start(len(lattice), delta), dimensions)
