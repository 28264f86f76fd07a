"""Tunes of one-turn matrices, and their exact slopes by any knob."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

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
#: area that a unit vector of a mode turns in, below which rounding made two of one
_SEPARATE = 1e-6


@numeric
def tunes(matrix: ArrayLike) -> Array:
    """Fractional tunes of a stable one-turn matrix, coupled or not.

    Args:
        matrix: (4, 4), or (6, 6), also where kicks of delta by z, of a cavity or of space charge,
            act on x and y by dispersion. The motion in z may be unbounded.

    Returns:
        (2,): each normal mode's tune in (0, 1), the mode that lives mostly in x first.

    Raises:
        UnstableError: an eigenvalue of these is off the unit circle; InvalidValueError: another
            shape.

    Source: D. Edwards, L. Teng, IEEE Trans. Nucl. Sci. 20 (1973) 885; sign by the symplectic form.

    Example:
        >>> pj.tunes(pj.jacobian(ring, reference))
    """
    array = _matrix(matrix)
    if array.shape not in ((4, 4), (6, 6)):
        raise InvalidValueError(f"a one-turn matrix is (4, 4) or (6, 6), got shape {array.shape}")
    return np.array([mode.tune for mode in transverse_modes(array)])


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
    values, weights = perturb_tunes(transverse_modes(_matrix(matrix)))
    count = weights.shape[-1]
    return values, np.einsum("kij,tij->kt", slopes[:, :count, :count], weights)


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
    return np.array([mode.tune for mode in modes(array)])


class Mode(NamedTuple):
    """A normal mode: shares of the planes in it, exp(2 pi i tune), and its eigenvector."""

    shares: Array
    eigenvalue: complex
    vector: NDArray[np.complex128]

    @property
    def tune(self) -> float:
        """Its tune in (0, 1)."""
        return float(np.angle(self.eigenvalue) / (2 * np.pi) % 1)


def modes(matrix: Array) -> list[Mode]:
    """All modes of a stable matrix, in the order of the planes."""
    eigenvalues, vectors = np.linalg.eig(matrix)
    largest = max(np.abs(eigenvalues), key=_off)
    if _off(largest) > _STABLE:
        raise _unstable(matrix, largest)
    pairs = _clockwise(eigenvalues, vectors, 0.0)
    if 2 * len(pairs) != len(matrix):
        raise UnstableError(
            "the one-turn matrix is on a half-integer or a coupling resonance; its modes are "
            "not separate"
        )
    return _in_order(pairs, len(pairs))


def transverse_modes(matrix: Array) -> list[Mode]:
    """The two modes that live mostly in x and y, whatever the third one does.

    Of (6, 6), where z acts on the motion across, by a kick of delta and dispersion, they are modes
    of all six coordinates; else of the block across.
    """
    if len(matrix) == 4 or not matrix[:4, 4].any():
        return modes(matrix[:4, :4])
    eigenvalues, vectors = np.linalg.eig(matrix)
    sizes = np.abs(eigenvalues)
    stable = _off(sizes) <= _STABLE
    pairs = _clockwise(eigenvalues[stable], vectors[:, stable], _SEPARATE)
    found = _in_order(pairs, 2) if len(pairs) > 1 else []
    if not found or max(mode.shares[2] for mode in found) > 0.5:
        raise _unstable(matrix, max(sizes, key=_off))
    return found


def perturb_tunes(modes: Sequence[Mode]) -> tuple[Array, Array]:
    """Tunes (T,) of modes, and by what changes of their matrix (n, n) each changes, (T, n, n)."""
    weights = []
    for _, eigenvalue, v in modes:
        # first-order perturbation; the left eigenvector of a symplectic matrix is v* S
        left = v.conj() @ FORM[: len(v), : len(v)]
        weights.append((np.outer(left, v) / (left @ v) / eigenvalue).imag / (2 * np.pi))
    return np.array([mode.tune for mode in modes]), np.array(weights)


def _off(size: Any) -> Any:
    return np.abs(size - 1)


def _clockwise(eigenvalues: Any, vectors: Any, least: float) -> list[Mode]:
    """Of each conjugate pair, the one that turns clockwise in phase space, as oscillations do.

    Args:
        least: of the area that a unit vector turns in; less is a mode that is not one by itself.
    """
    form, found = FORM[: len(vectors), : len(vectors)], []
    for eigenvalue, v in zip(eigenvalues, vectors.T, strict=True):
        signature = (v.conj() @ form @ v).imag
        if signature > least:
            planes = v.reshape(-1, 2)
            shares = np.abs((planes[:, 0].conj() * planes[:, 1]).imag) * 2 / signature
            found.append(Mode(shares, complex(eigenvalue), v))
    return found


def _in_order(pairs: list[Mode], planes: int) -> list[Mode]:
    """For each plane the mode of which it has most, of those that are left."""
    ordered: list[Mode] = []
    for plane in range(planes):
        ordered.append(max(pairs, key=lambda pair: pair.shares[plane]))
        pairs = [pair for pair in pairs if pair is not ordered[-1]]
    return ordered


def _unstable(matrix: Array, size: float) -> UnstableError:
    form = FORM[: len(matrix), : len(matrix)]
    shown, _ = tell_apart(float(size), 1.0)
    off = float(np.abs(matrix.T @ form @ matrix - form).max())
    why = ""
    if off > _STABLE:
        why = f"; the matrix is not symplectic, by {off:.1g}: is it rounded, averaged, damped?"
    return UnstableError(
        f"the motion is unstable: an eigenvalue of the one-turn matrix has modulus {shown}; tunes "
        f"exist only where all have modulus 1{why}"
    )


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
