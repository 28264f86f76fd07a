"""Motion in all three planes: the synchronous orbit of a ring with a cavity, and its tunes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..beam.reference import Reference
from ..core.transforms import numeric
from ..lattice.batch import each_setting
from ..lattice.lattice import Lattice
from .orbit import differentiable, find, passage, start
from .passing import pairwise_products
from .tunes import modes, perturb_tunes


@dataclass(frozen=True, eq=False)
class SynchrotronOptics:
    """A ring in six dimensions; tensors that carry derivatives.

    Attributes:
        orbit: closed in all coordinates, (N + 1, 6).
        matrix: of one turn about it, (6, 6).
        tunes: fractions of the modes next to x, y and z, in (0, 1), (3,); see
            `synchrobetatron_tunes`.
    """

    orbit: Tensor
    matrix: Tensor
    tunes: Tensor


@numeric
@each_setting
def synchrotron_optics(
    lattice: Lattice, reference: Reference, *, delta: float = 0.0, order: int = 1
) -> SynchrotronOptics:
    """The synchronous orbit and the three tunes, differentiable in the lattice's parameters.

    Args:
        lattice: a ring with an RFCavity.
        reference: its particle.
        delta: where to begin the search for the orbit.
        order: to which derivatives of the orbit are exact; those of tunes are first ones.

    Raises:
        UnstableError: no closed orbit, or motion that is not bounded in all planes.
        InvalidValueError: no cavity, or one that holds no beam, as for `closed_orbit`.

    Warns:
        AccuracyWarning: a cavity off the harmonics of the revolution, as for `closed_orbit`.
    """
    ring = passage(lattice, reference, 6)
    begin = start(len(lattice), delta)
    orbit = differentiable(ring, find(ring, begin, 6), begin, order, 6)
    matrix = pairwise_products(orbit.matrices)[-1]
    rows = torch.cat([orbit.coordinates, orbit.ends[-1:]])
    return SynchrotronOptics(rows, matrix, _tunes(matrix))


def _tunes(matrix: Tensor) -> Tensor:
    """The tunes: values by NumPy, first derivatives by perturbation of the eigenvalues."""
    values, weights = map(torch.from_numpy, perturb_tunes(modes(matrix.detach().numpy())))
    return values + (weights * (matrix - matrix.detach())).sum((-2, -1))
