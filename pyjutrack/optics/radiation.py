"""Synchrotron radiation in rings: integrals along the bends, and the equilibrium they make.

Sources: M. Sands, SLAC-121 (1970); R. Helm, M. Lee, P. Morton, M. Sands, IEEE Trans. Nucl. Sci. 20
(1973) 900. The radiation of quadrupoles off their axis is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..beam.reference import SPEED_OF_LIGHT, Reference, require_reference
from ..core.errors import InvalidValueError, UnstableError
from ..core.scalars import to_float
from ..core.transforms import numeric
from ..elements import Element
from ..elements.part import Part
from ..lattice.batch import each_setting
from ..lattice.lattice import Lattice
from ..lattice.positions import path_of
from ..lattice.require import require_lattice
from .modes import normal_modes_4d
from .orbit import find, passage, start
from .passing import Passage, pairwise_products

Array = NDArray[np.float64]

#: points of the quadrature inside each bend
_POINTS = 12


@dataclass(frozen=True)
class Radiation:
    """Radiation integrals and the equilibrium of an electron ring.

    Attributes:
        i1: sum of D / rho [m]. i2: of 1 / rho^2 [1/m]. i3: of 1 / |rho|^3 [1/m^2].
        i4: of D / rho (1 / rho^2 + 2 k1), with the faces of bends, for both modes [1/m], (2,).
        i5: of H / |rho|^3 for both modes [1/m], (2,).
        energy_loss: of the reference per turn [eV].
        partition: damping partition numbers of both modes and of the energy, (3,).
        damping_times: of their amplitudes [s], (3,).
        emittances: natural ones of both modes [m rad], (2,).
        energy_spread: rms, relative.
    """

    i1: float
    i2: float
    i3: float
    i4: Array
    i5: Array
    energy_loss: float
    partition: Array
    damping_times: Array
    emittances: Array
    energy_spread: float


@numeric
@each_setting
def radiation_integrals(lattice: Lattice, reference: Reference) -> Radiation:
    """Radiation integrals, damping and equilibrium of a ring, on its closed orbit.

    Args:
        lattice: a ring of electrons or positrons, or of whatever radiates.
        reference: its particle.

    Raises:
        UnstableError: no periodic optics, or a mode that radiation does not damp.
        InvalidValueError: nothing bends, or what does has no length and no curvature.
    """
    require_lattice(lattice)
    require_reference(reference)
    if not any(map(_bends, lattice)):
        raise InvalidValueError("the lattice has no bend, and so no radiation to integrate")
    bends = [i for i, e in enumerate(lattice) if _bends(e) or _is_face(e)]
    with torch.no_grad():
        reference = reference.detach()
        found = _integrals(lattice, reference, bends)
    return _equilibrium(*found, reference, to_float(path_of(lattice)))


def _integrals(
    lattice: Lattice, reference: Reference, places: list[int]
) -> tuple[float, float, float, Array, Array]:
    orbit = find(passage(lattice, reference, 4), start(len(lattice), 0.0), 4)
    through = pairwise_products(orbit.matrices)
    turn = through[-1]
    modes = normal_modes_4d(turn[:4, :4])
    free = torch.eye(4, dtype=torch.float64) - turn[:4, :4]
    dispersion = torch.linalg.solve(free, turn[:4, 5])
    through = torch.cat([torch.eye(6, dtype=torch.float64)[None], through[:-1]])[places]
    coordinates = orbit.coordinates[places]
    bends = [lattice.elements[i] for i in places]
    line = Passage(bends, reference)

    def column(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64)

    length = column([_arc(b) for b in bends])
    curvature = column([to_float(b.normal_dipole) for b in bends])
    gradient = column([to_float(b.normal_gradient) for b in bends])
    tilt = column([to_float(b.tilt) for b in bends])
    towards = torch.stack([tilt.cos(), tilt.sin()], 1)  # the plane in which each bends

    def optics(matrices: Tensor) -> Tensor:
        """Dispersion in amplitudes of the modes, (n, 4)."""
        total = matrices @ through
        d = total[:, :4, :4] @ dispersion + total[:, :4, 5]
        amplitudes: Tensor = torch.linalg.solve(total[:, :4, :4] @ modes, d)
        return amplitudes

    def by_mode(d: Tensor, w: Tensor) -> Tensor:
        """D in the plane of the bend, split into what each mode and the energy add, (n, 2)."""
        place = torch.stack([w[:, 0], w[:, 2]], 1)  # x and y by amplitudes of the modes
        parts = place * d.unsqueeze(1)
        return (parts.unflatten(2, (2, 2)).sum(-1) * towards.unsqueeze(-1)).sum(1)

    nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
    i1 = torch.zeros(())
    i4, i5 = torch.zeros(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        _, matrices = line.matrices(coordinates, Part(0.0, float(node)))
        amplitudes = optics(matrices)
        w = (matrices @ through)[:, :4, :4] @ modes
        share = by_mode(amplitudes, w)
        step = weight * length
        i1 = i1 + (step * curvature * share.sum(1)).sum()
        strength = step * curvature * (curvature**2 + 2 * gradient)
        i4 = i4 + (strength.unsqueeze(1) * share).sum(0)
        sizes = amplitudes.square().unflatten(1, (2, 2)).sum(-1)
        i5 = i5 + ((step * curvature.abs() ** 3).unsqueeze(1) * sizes).sum(0)
    entrance = column([math.tan(to_float(b.face_angles[0])) for b in bends])
    leaving = column([math.tan(to_float(b.face_angles[1])) for b in bends])
    identity = torch.eye(6, dtype=torch.float64).expand(len(bends), 6, 6)
    for matrices, tangent in (
        (identity, entrance),
        (line.matrices(coordinates)[1], leaving),
    ):
        amplitudes = optics(matrices)
        share = by_mode(amplitudes, (matrices @ through)[:, :4, :4] @ modes)
        i4 = i4 - ((curvature**2 * tangent).unsqueeze(1) * share).sum(0)
    i2 = float((curvature**2 * length).sum())
    i3 = float((curvature.abs() ** 3 * length).sum())
    return float(i1), i2, i3, i4.numpy(), i5.numpy()


def _bends(element: Element) -> bool:
    return to_float(element.bend_angle) != 0


def _is_face(element: Element) -> bool:
    """Return whether it is the face of a bend by itself."""
    return to_float(element.length) == 0 and any(map(to_float, element.face_angles))


def _arc(bend: Element) -> float:
    """Length of the arc of a bend [m]; a face by itself has none.

    Raises:
        InvalidValueError: none, over which a thin bend would radiate without end.
    """
    length = to_float(bend.arc_length)
    if _bends(bend) and not length > 0:
        raise InvalidValueError(
            f"{type(bend).__name__} {bend.name!r} bends by {to_float(bend.bend_angle):g} rad over "
            f"an arc of {length:g} m, and radiates by its length; give it the curvature h of the "
            "bend that it stands for, of the sign of the angle"
        )
    return length


def _equilibrium(
    i1: float, i2: float, i3: float, i4: Array, i5: Array, reference: Reference, length: float
) -> Radiation:
    species = reference.species
    energy = reference.kinetic_energy + species.mass
    loss = to_float(reference.beta_gamma**3 * reference.gamma) * i2
    loss *= 2 / 3 * species.classical_radius * species.mass
    quantum = 55 / (32 * math.sqrt(3)) * species.reduced_wavelength
    partition = np.array([1 - i4[0] / i2, 1 - i4[1] / i2, 2 + i4.sum() / i2])
    if not (partition > 0).all():
        raise UnstableError(
            "radiation does not damp all modes; damping partition numbers are "
            f"{', '.join(f'{number:.4g}' for number in partition)}"
        )
    period = length / (reference.beta * SPEED_OF_LIGHT)
    damping = 2 * energy * period / (partition * loss)
    emittances = quantum * reference.gamma**2 * i5 / (i2 * partition[:2])
    spread = math.sqrt(quantum * reference.gamma**2 * i3 / (i2 * partition[2]))
    return Radiation(i1, i2, i3, i4, i5, loss, partition, damping, emittances, spread)
