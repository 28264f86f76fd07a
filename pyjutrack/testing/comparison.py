"""Comparisons of numbers, with bounds that follow from the numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..beam.beam import COORDINATES
from ..core.errors import PyJuTrackError
from ..core.symplectic import FORM

Array = NDArray[np.float64]

#: how many units of rounding a sequence of operations may gather
_ROUNDINGS = 2000.0


class CheckFailedError(PyJuTrackError, AssertionError):
    """A class does not keep a promise; the message says which and by how much."""


def require_close(
    what: str, found: Any, expected: Any, tolerance: Any, remedy: str = "", *, rows: bool = False
) -> None:
    """Raise CheckFailedError where numbers differ by more than a tolerance of the same shape.

    Args:
        what: a sentence, or its beginning, about what is compared.
        remedy: what to do about it.
        rows: whether they are the coordinates of particles, (N, 6), which are then named.
    """
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    advice = f"; {remedy}" if remedy else ""
    if found.shape != expected.shape:
        raise CheckFailedError(
            f"{what}: it has the shape {found.shape}, and should have {expected.shape}{advice}"
        )
    off = np.abs(found - expected)
    # what is lost may lie anywhere
    both = np.isnan(found) & np.isnan(expected) if rows else np.zeros_like(found, bool)
    wrong = ~((off <= tolerance) | both)
    if wrong.any():
        worst = np.unravel_index(
            int(np.where(wrong, np.nan_to_num(off, nan=np.inf), 0).argmax()), off.shape
        )
        allowed = np.broadcast_to(tolerance, off.shape)[worst]
        which = f"{COORDINATES[worst[1]]} of particle {worst[0]} is " if rows else ""
        raise CheckFailedError(
            f"{what}: {which}{_show(found[worst])}, expected {_show(expected[worst])}; "
            f"{_compare(off[worst], allowed, found, expected)}{advice}"
        )


def _show(number: Any) -> str:
    return "NaN" if np.isnan(number) else f"{number:.12g}"


def _compare(off: Any, allowed: Any, found: Array, expected: Array) -> str:
    """Say how far numbers differ, or how many of them are none."""
    if np.isfinite(off):
        return f"they differ by {off:.2g}, and {allowed:.2g} is allowed"
    bad = [int((~np.isfinite(numbers)).sum()) for numbers in (found, expected)]
    return f"of {found.size} numbers {bad[0]} are not finite, and of those expected {bad[1]}"


def require_finite(what: str, columns: Array, alive: Any, remedy: str) -> None:
    """Raise CheckFailedError where live particles have coordinates that are no finite numbers.

    Args:
        what: makes them, with its parameters.
        columns: (N, 6). alive: (N,).
    """
    bad = ~np.isfinite(columns) & np.asarray(alive, bool)[:, None]
    if bad.any():
        kind = "NaN" if np.isnan(columns[bad]).any() else "infinity"
        names = ", ".join(name for name, some in zip(COORDINATES, bad.any(0), strict=True) if some)
        lines = bad.any(1)
        raise CheckFailedError(
            f"{what} gives {kind} in {names} of {lines.sum()} of {len(lines)} particles, the first "
            f"of which is particle {lines.argmax()}; {remedy}"
        )


def require_symplectic(
    what: str, matrix: Array, rounding: float, remedy: str, momentum: float = 1.0
) -> None:
    """Raise CheckFailedError for a Jacobian J (6, 6) that is not symplectic, J^T S J = S.

    Args:
        rounding: relative to the square of the largest entry.
        momentum: of the reference before it over that after it, by which S is scaled.
    """
    off = matrix.T @ FORM @ matrix - momentum * FORM
    scale = max(np.abs(matrix).max() ** 2, 1.0)
    require_close(f"{what}, J^T S J - S", off, np.zeros((6, 6)), rounding * scale, remedy)


def require_true(what: str, holds: Any) -> None:
    """Raise CheckFailedError where something does not hold."""
    if not bool(holds):
        raise CheckFailedError(what)


def differences(
    function: Callable[[float], Any], at: float, step: float, *, one_sided: bool = False
) -> tuple[Array, Array]:
    """The slope of a function of a number, from its values alone, and a bound of its error.

    By two central differences (or one-sided ones of second order), the second of half the step,
    and Richardson's extrapolation; the bound is what the extrapolation changed, and rounding.
    """

    def quotient(h: float) -> Array:
        if one_sided:
            near, far, here = (values(at + k * h) for k in (1.0, 2.0, 0.0))
            return (4 * near - far - 3 * here) / (2 * h)
        return (values(at + h) - values(at - h)) / (2 * h)

    def values(number: float) -> Array:
        return np.asarray(function(number), float)

    coarse, fine = quotient(step), quotient(step / 2)
    size = np.abs(values(at))
    rounding = _ROUNDINGS * np.finfo(float).eps * size.max(initial=0.0) / step
    return (4 * fine - coarse) / 3, np.abs(fine - coarse) + rounding
