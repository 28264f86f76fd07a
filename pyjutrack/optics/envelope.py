"""The equilibrium of a ring with synchrotron radiation, by its envelope in six dimensions.

The closed orbit with radiation, the matrix of a turn about it, which damps, and the covariance that
photons add in a turn: R = M R M^T + D. Coupling, dispersion in cavities, displaced magnets and
vertical emittances are in it.
Source: K. Ohmi, K. Hirata, K. Oide, PRE 49 (1994) 751.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..beam.reference import SPEED_OF_LIGHT, Reference
from ..collective.emission import radiates
from ..core.errors import InvalidValueError, UnstableError
from ..core.settings import show
from ..core.symplectic import FORM
from ..core.transforms import numeric
from ..lattice.batch import each_setting
from ..lattice.lattice import Lattice
from ..lattice.positions import path_of
from .orbit import close, find, passage, start
from .passing import pairwise_products
from .radiating import RadiatingPassage


@dataclass(frozen=True, eq=False, repr=False)
class Equilibrium:
    """A ring in equilibrium with its radiation; tensors that carry derivatives.

    The natural emittance of a flat ring is the first of `emittances`, with the motion in z in it;
    `emittances` of `radiation_integrals` are those of a beam without cavities.

    Attributes:
        orbit: closed in all coordinates, with radiation, (N + 1, 6).
        matrix: of one turn about it, which damps, (6, 6).
        covariance: of the beam at the start, (6, 6).
        tunes: fractions of the modes next to x, y and z, in (0, 1), (3,); see
            `synchrobetatron_tunes`.
        damping_times: of the modes' amplitudes [s], (3,).
        partition: damping partition numbers, 2 E0 T0 / (U0 tau), (3,).
        emittances: of the modes [m rad], the last in z and delta, (3,).
        energy_spread: rms of delta at the start. bunch_length: rms of z there [m].
        energy_loss: of a particle on the closed orbit per turn [eV].
    """

    orbit: Tensor
    matrix: Tensor
    covariance: Tensor
    tunes: Tensor
    damping_times: Tensor
    partition: Tensor
    emittances: Tensor
    energy_spread: Tensor
    bunch_length: Tensor
    energy_loss: Tensor

    def __repr__(self) -> str:
        """Its numbers; of the orbit the shape."""
        shown = [f"{name} {_show_modes(getattr(self, name))}{unit}" for name, unit in _OF_MODES]
        shown += [f"{name} {show(getattr(self, name).detach())}{unit}" for name, unit in _OWN]
        return f"Equilibrium({', '.join(shown)}; orbit {tuple(self.orbit.shape)})"


#: what is shown of an equilibrium: what the modes have, and what it has itself
_OF_MODES = (("tunes", ""), ("damping_times", " s"), ("emittances", " m rad"))
_OWN = (("energy_spread", ""), ("bunch_length", " m"), ("energy_loss", " eV"))


def _show_modes(values: Tensor) -> str:
    """Three numbers, each of many settings from the least to the greatest."""
    return f"({', '.join(map(show, values.detach().movedim(-1, 0)))})"


@numeric
@each_setting
def equilibrium(
    lattice: Lattice, reference: Reference, *, delta: float = 0.0, order: int = 1
) -> Equilibrium:
    """Damping and equilibrium beam of a ring, differentiable in the lattice's parameters.

    Particles radiate as with `pj.collective.Radiation`, in the limit of many slices.

    Args:
        lattice: a ring with an RFCavity that makes up for the loss.
        reference: its particle.
        delta: where to begin the search for the orbit.
        order: to which derivatives of the orbit are exact.

    Raises:
        UnstableError: no closed orbit, as where the voltage is less than the loss, or a mode that
            is not damped.
        InvalidValueError: no cavity, one that holds no beam, as for `closed_orbit`, or no magnet
            that radiates.

    Warns:
        AccuracyWarning: a cavity off the harmonics of the revolution, as for `closed_orbit`.

    Example:
        >>> pj.optics.equilibrium(ring, electron).emittances[0]
    """
    ring, coordinates = radiating_orbit(lattice, reference, delta, order)
    survey = ring.survey(coordinates)
    through = pairwise_products(survey.matrices)
    turn = through[-1]
    ahead = turn @ torch.linalg.inv(through)
    added = (ahead @ survey.diffusion @ ahead.mT).sum(0)
    eigenvalues, vectors = _modes(turn)
    rates = -eigenvalues.abs().log()
    if not bool((rates.detach() > 0).all()):
        raise UnstableError(
            "radiation does not damp all modes; their amplitudes shrink in a turn by "
            f"{', '.join(f'{rate:.3g}' for rate in rates.tolist())}"
        )
    square = torch.eye(36, dtype=turn.dtype) - torch.kron(turn, turn)
    covariance = torch.linalg.solve(square, added.reshape(36)).reshape(6, 6)
    covariance = (covariance + covariance.mT) / 2
    loss = survey.losses.sum()
    beta, species = reference.beta, reference.species
    energy = reference.kinetic_energy + species.mass
    period = path_of(lattice) / (beta * SPEED_OF_LIGHT)
    return Equilibrium(
        orbit=torch.cat([coordinates, coordinates[:1]]),
        matrix=turn,
        covariance=covariance,
        tunes=torch.remainder(eigenvalues.angle() / (2 * math.pi), 1.0),
        damping_times=period / rates,
        partition=2 * energy * rates / loss,
        emittances=_emittances(covariance, vectors),
        energy_spread=covariance[5, 5].sqrt(),
        bunch_length=covariance[4, 4].sqrt(),
        energy_loss=loss,
    )


def radiating_orbit(
    lattice: Lattice, reference: Reference, delta: float, order: int
) -> tuple[RadiatingPassage, Tensor]:
    """The elements with radiation, and the closed orbit at their entrances, (N, 6)."""
    elements = passage(lattice, reference, 6).elements
    if not any(map(radiates, elements)):
        raise InvalidValueError("no magnet of the lattice has a field, and so none radiates")
    if all(e.without_rf() is e for e in elements):
        raise InvalidValueError(
            "no cavity of the lattice makes up for the energy that is radiated; give it an RFCavity"
        )
    ring, begin = RadiatingPassage(elements, reference), start(len(lattice), delta)
    try:
        found = find(ring, begin, 6)
    except UnstableError as error:
        loss = float(ring.survey(begin).losses.sum())
        raise UnstableError(
            f"{error}; {loss:.4g} eV are radiated in a turn on the reference orbit, and cavities "
            "must give more than that [V]"
        ) from error
    return ring, close(ring, found, begin, order, 6)


def _modes(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (3,) and eigenvectors (6, 3) of the modes next to x, y and z.

    Of each pair the one that turns clockwise in phase space, as oscillations do.

    Raises:
        UnstableError: no three separate modes.
    """
    eigenvalues, vectors = torch.linalg.eig(matrix)
    planes = vectors.detach().unflatten(0, (3, 2))
    areas = (planes[:, 0].conj() * planes[:, 1]).imag
    left = [n for n, total in enumerate(areas.sum(0).tolist()) if total > 0]
    if len(left) != 3 or bool((eigenvalues.detach().imag == 0).any()):
        raise UnstableError(
            "the motion is unstable, or its modes are not separate: quadrupoles that do not focus, "
            "a tune near an integer, a half or a coupling resonance, or a bunch on the falling "
            "slope of the wave, which takes another phase of the cavity"
        )
    order = []
    for plane in range(3):
        order.append(max(left, key=lambda n: float(areas[plane, n] / areas[:, n].sum())))
        left.remove(order[-1])
    return eigenvalues[order], vectors[:, order]


def _emittances(covariance: Tensor, vectors: Tensor) -> Tensor:
    """Emittances of the modes, (3,): v* S R S^T v / |v* S v|."""
    form = torch.from_numpy(FORM.copy()).to(vectors.dtype)
    left = vectors.mH @ form
    sizes = (left @ covariance.to(vectors.dtype) @ left.mH).diagonal().real
    return sizes / (left @ vectors).diagonal().abs()
