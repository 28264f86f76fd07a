"""Tunes of one-turn matrices, and their exact slopes by any knob."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..beam.beam import Beam
from ..beam.reference import Reference
from ..collective.base import CollectiveEffect
from ..core.checks import wrong
from ..core.digits import tell_apart
from ..core.errors import InvalidValueError, UnstableError
from ..core.symplectic import FORM
from ..core.transforms import numeric
from ..engines import Engine
from ..engines.derivatives import jacobian_derivatives
from ..lattice.batch import each_setting
from ..lattice.lattice import Lattice

Array = NDArray[np.float64]

#: |eigenvalue| - 1 above which motion counts as unbounded
_STABLE = 1e-7


@numeric
def tunes(matrix: ArrayLike) -> Array:
    """Fractional tunes of a stable one-turn matrix, coupled or not.

    Args:
        matrix: (4, 4), or (6, 6) of which the transverse block is used.

    Returns:
        (2,): each normal mode's tune in (0, 1), the mode that lives mostly in x first.

    Raises:
        UnstableError: an eigenvalue is off the unit circle; InvalidValueError: another shape.

    Source: D. Edwards, L. Teng, IEEE Trans. Nucl. Sci. 20 (1973) 885; sign by the symplectic form.

    Example:
        >>> pj.tunes(pj.jacobian(ring, reference))
    """
    return modes(_transverse(matrix))[0]


@numeric
@each_setting
def tune_slopes(
    lattice: Lattice,
    beam: Beam | Reference,
    wrt: Sequence[str],
    *,
    effects: Sequence[CollectiveEffect] = (),
    turns: int = 1,
    engine: str | Engine = "native",
) -> tuple[Array, Array]:
    """Tunes of a test particle at the origin, and their exact slopes by any knobs.

    The slope takes in how the beam, and so its field, responds to the knob.

    Args:
        wrt: knobs, such as "beam.current" (slope per ampere) and "q1.k1" (times metre squared).
        lattice, beam, effects, turns, engine: as for `jacobian`; tunes are per `turns`.

    Returns:
        Tunes (2,), slopes (K, 2).

    Raises:
        UnstableError: the lattice has no tunes.
    """
    matrix, slopes = jacobian_derivatives(
        lattice, beam, wrt, effects=effects, turns=turns, engine=engine
    )
    values, weights = perturb_tunes(_transverse(matrix))
    return values, np.einsum("kij,tij->kt", slopes[:, :4, :4], weights)


@numeric
def synchrobetatron_tunes(matrix: ArrayLike) -> Array:
    """Fractional tunes of the three modes of a stable (6, 6) one-turn matrix.

    Returns:
        (3,): of the modes that live mostly in x, in y and in z, in (0, 1). The synchrotron tune is
        near 1 where particles that are ahead fall back: its rotation is then the other way round.

    Raises:
        UnstableError: an eigenvalue is off the unit circle; InvalidValueError: another shape.
    """
    array = _matrix(matrix)
    if array.shape != (6, 6):
        raise InvalidValueError(f"three tunes need a (6, 6) matrix, got shape {array.shape}")
    return modes(array)[0]


def modes(matrix: Array) -> tuple[Array, list[NDArray[np.complex128]], list[complex]]:
    """Tunes, eigenvectors and eigenvalues exp(2 pi i tune) of the modes, in order of the planes."""
    eigenvalues, vectors = np.linalg.eig(matrix)
    form = FORM[: len(matrix), : len(matrix)]
    worst = np.abs(np.abs(eigenvalues) - 1).max()
    if worst > _STABLE:
        largest, _ = tell_apart(float(np.abs(eigenvalues).max()), 1.0)
        off = float(np.abs(matrix.T @ form @ matrix - form).max())
        why = ""
        if off > _STABLE:
            why = f"; the matrix is not symplectic, by {off:.1g}: is it rounded, averaged, damped?"
        raise UnstableError(
            f"the motion is unstable: an eigenvalue of the one-turn matrix has modulus "
            f"{largest}; tunes exist only where all have modulus 1{why}"
        )
    pairs = []
    for eigenvalue, v in zip(eigenvalues, vectors.T, strict=True):
        # of each conjugate pair, the one that turns clockwise in phase space, as oscillations do
        signature = (v.conj() @ form @ v).imag
        if signature > 0:
            planes = v.reshape(-1, 2)
            shares = np.abs((planes[:, 0].conj() * planes[:, 1]).imag) * 2 / signature
            pairs.append((shares, complex(eigenvalue), v))
    if 2 * len(pairs) != len(matrix):
        raise UnstableError(
            "the one-turn matrix is on a half-integer or a coupling resonance; its modes are "
            "not separate"
        )
    ordered = []
    for plane in range(len(pairs)):
        ordered.append(max(pairs, key=lambda pair: pair[0][plane]))
        pairs = [pair for pair in pairs if pair is not ordered[-1]]
    found = np.array([np.angle(eigenvalue) / (2 * np.pi) % 1 for _, eigenvalue, _ in ordered])
    return found, [v for *_, v in ordered], [eigenvalue for _, eigenvalue, _ in ordered]


def perturb_tunes(matrix: Array) -> tuple[Array, Array]:
    """Tunes (T,) of the modes, and by what changes of the matrix each changes, (T, 2 T, 2 T)."""
    values, vectors, eigenvalues = modes(matrix)
    form = FORM[: len(matrix), : len(matrix)]
    weights = []
    for v, eigenvalue in zip(vectors, eigenvalues, strict=True):
        # first-order perturbation; the left eigenvector of a symplectic matrix is v* S
        left = v.conj() @ form
        weights.append((np.outer(left, v) / (left @ v) / eigenvalue).imag / (2 * np.pi))
    return values, np.array(weights)


def _transverse(matrix: ArrayLike) -> Array:
    array = _matrix(matrix)
    if array.shape not in ((4, 4), (6, 6)):
        raise InvalidValueError(f"a one-turn matrix is (4, 4) or (6, 6), got shape {array.shape}")
    return array[:4, :4]


def _matrix(matrix: ArrayLike) -> Array:
    if isinstance(matrix, Lattice):
        raise wrong(
            "matrix",
            matrix,
            "a one-turn matrix",
            "of a lattice, tunes(one_turn_matrix(lattice, reference))",
        )
    try:
        given: object = matrix.detach() if isinstance(matrix, Tensor) else matrix
        array = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise wrong("matrix", matrix, "a (4, 4) or (6, 6) array of real numbers") from None
    if not np.isfinite(array).all():
        raise InvalidValueError("the one-turn matrix has entries that are not finite")
    return array
