"""Tunes and Twiss functions from one-turn matrices, and the exact slopes of tunes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .beam import Beam
from .derivatives import jacobian, jacobian_derivatives
from .engines import Engine
from .errors import InvalidValueError, UnstableError
from .lattice import Lattice
from .reference import Reference
from .tracking import Kick

Array = NDArray[np.float64]

#: |eigenvalue| - 1 above which motion counts as unbounded
_STABLE = 1e-7


@dataclass(frozen=True)
class Twiss:
    """Uncoupled Courant-Snyder functions at one place.

    Attributes:
        beta_x, beta_y: [m]. alpha_x, alpha_y: dimensionless. tune_x, tune_y: fractions in (0, 1).
    """

    beta_x: float
    alpha_x: float
    beta_y: float
    alpha_y: float
    tune_x: float = float("nan")
    tune_y: float = float("nan")


def twiss(lattice: Lattice, reference: Reference) -> Twiss:
    """Periodic, uncoupled Twiss functions at the start of a lattice, without collective effects.

    Raises:
        UnstableError: no periodic solution in a plane.
        InvalidValueError: the planes are coupled.

    Source: E. Courant, H. Snyder, Annals of Physics 3 (1958) 1.
    """
    matrix = jacobian(lattice, reference)
    coupling = max(np.abs(matrix[:2, 2:4]).max(), np.abs(matrix[2:4, :2]).max())
    if coupling > 1e-9 * np.abs(matrix[:4, :4]).max():
        raise InvalidValueError(
            f"the planes are coupled (off-diagonal block up to {coupling:.3g}); uncoupled Twiss "
            "functions do not exist"
        )
    found = []
    for plane, i in (("x", 0), ("y", 2)):
        (m11, m12), (m21, m22) = matrix[i : i + 2, i : i + 2]
        cosine = (m11 + m22) / 2
        if not abs(cosine) < 1:
            raise UnstableError(
                f"motion in {plane} is unstable: half the trace of the one-turn matrix is "
                f"{cosine:.6g}, which must lie between -1 and 1"
            )
        # sin^2 = -m12 m21 - ((m11 - m22)/2)^2 keeps its digits near the edge of stability
        sine = np.sign(m12) * np.sqrt(max(-m12 * m21 - ((m11 - m22) / 2) ** 2, 0.0))
        tune = np.arctan2(sine, cosine) / (2 * np.pi) % 1
        found.append((m12 / sine, (m11 - m22) / (2 * sine), float(tune)))
    (bx, ax, qx), (by, ay, qy) = found
    return Twiss(float(bx), float(ax), float(by), float(ay), qx, qy)


def tunes(matrix: ArrayLike) -> Array:
    """Fractional tunes of a stable one-turn matrix, coupled or not.

    Args:
        matrix: (4, 4), or (6, 6) of which the transverse block is used.

    Returns:
        (2,): each normal mode's tune in (0, 1), the mode that lives mostly in x first.

    Raises:
        UnstableError: an eigenvalue is off the unit circle; InvalidValueError: another shape.

    Source: D. Edwards, L. Teng, IEEE Trans. Nucl. Sci. 20 (1973) 885; sign by the symplectic form.
    """
    return _modes(_transverse(matrix))[0]


def tune_slopes(
    lattice: Lattice,
    beam: Beam | Reference,
    wrt: Sequence[str],
    *,
    kicks: Sequence[Kick] = (),
    turns: int = 1,
    engine: str | Engine = "native",
) -> tuple[Array, Array]:
    """Tunes of a test particle at the origin, and their exact slopes by any knobs.

    The slope takes in how the beam, and so its field, responds to the knob.

    Args:
        wrt: knobs, such as "beam.current" (slope per ampere) and "q1.k1" (times metre squared).
        lattice, beam, kicks, turns, engine: as for `jacobian`; tunes are of the whole, per `turns`.

    Returns:
        Tunes (2,), slopes (K, 2).

    Raises:
        UnstableError: the lattice has no tunes.
    """
    matrix, slopes = jacobian_derivatives(
        lattice, beam, wrt, kicks=kicks, turns=turns, engine=engine
    )
    values, vectors, eigenvalues = _modes(_transverse(matrix))
    changes = []
    for slope in slopes:
        row = []
        for v, eigenvalue in zip(vectors, eigenvalues, strict=True):
            # first-order perturbation; the left eigenvector of a symplectic matrix is v* S
            left = v.conj() @ _SYMPLECTIC
            shift = left @ _transverse(slope) @ v / (left @ v)
            row.append((shift / eigenvalue).imag / (2 * np.pi))
        changes.append(row)
    return values, np.array(changes)


_SYMPLECTIC = np.array([[0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 1], [0, 0, -1, 0]], dtype=float)


def _modes(matrix: Array) -> tuple[Array, list[NDArray[np.complex128]], list[complex]]:
    """Tunes, eigenvectors and eigenvalues exp(2 pi i tune) of both modes, the x-like first."""
    eigenvalues, vectors = np.linalg.eig(matrix)
    worst = np.abs(np.abs(eigenvalues) - 1).max()
    if worst > _STABLE:
        raise UnstableError(
            f"the motion is unstable: an eigenvalue of the one-turn matrix has modulus "
            f"{np.abs(eigenvalues).max():.6g}; tunes exist only where all have modulus 1"
        )
    modes = []
    for eigenvalue, v in zip(eigenvalues, vectors.T, strict=True):
        # of each conjugate pair, the one that turns clockwise in phase space, as oscillations do
        signature = (v.conj() @ _SYMPLECTIC @ v).imag
        if signature > 0:
            share_x = abs((v[:2].conj() @ _SYMPLECTIC[:2, :2] @ v[:2]).imag) / signature
            modes.append((share_x, complex(eigenvalue), v))
    if len(modes) != 2:
        raise UnstableError(
            "the one-turn matrix is on a half-integer or a coupling resonance; its modes are "
            "not separate"
        )
    modes.sort(key=lambda mode: -mode[0])
    found = np.array([np.angle(mode[1]) / (2 * np.pi) % 1 for mode in modes])
    return found, [mode[2] for mode in modes], [mode[1] for mode in modes]


def _transverse(matrix: ArrayLike) -> Array:
    array = np.asarray(matrix, dtype=np.float64)
    if array.shape not in ((4, 4), (6, 6)):
        raise InvalidValueError(f"a one-turn matrix is (4, 4) or (6, 6), got shape {array.shape}")
    if not np.isfinite(array).all():
        raise InvalidValueError("the one-turn matrix has entries that are not finite")
    return array[:4, :4]
