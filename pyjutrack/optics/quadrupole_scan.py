"""Emittance and Twiss functions from beam sizes downstream of a quadrupole at many strengths.

Source: M. G. Minty, F. Zimmermann, Measurement and Control of Charged Particle Beams, sec. 4.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ..beam.reference import Reference, require_reference
from ..core.checks import require_real
from ..core.errors import InvalidValueError, MeasurementError, require_known, unknown
from ..core.scalars import is_real
from ..lattice.batch import each_setting
from ..lattice.lattice import Lattice
from ..lattice.require import require_lattice
from .linear import linear_optics
from .table import Twiss

Array = NDArray[np.float64]

_PLANES = {"x": 0, "y": 2}
#: smallest singular value, beside the largest, of a scan that determines three moments
_RANK = 1e-9
#: entries of a matrix, beside its largest, that are no coupling
_UNCOUPLED = 1e-9
#: weights are those of the fitted sizes, found in so many rounds
_ROUNDS = 5


@dataclass(frozen=True, eq=False)
class ScannedBeam:
    """Result of a quadrupole scan: the beam at the entrance of the quadrupole, in one plane.

    Attributes:
        plane: "x" or "y".
        emittance: geometric, rms [m rad]. beta: [m]. alpha: dimensionless.
        covariance: of emittance, beta and alpha, (3, 3), to first order in the errors.
        moments: <u^2>, <u u'>, <u'^2>, (3,).
        sizes: what the fit says of the sizes at each strength, the resolution included, (S,) [m].
        chi_square: of the sizes; about S - 3 if the errors were right. NaN without errors.
    """

    plane: str
    emittance: float
    beta: float
    alpha: float
    covariance: Array
    moments: Array
    sizes: Array
    chi_square: float

    @property
    def errors(self) -> tuple[float, float, float]:
        """Standard deviations of emittance, beta and alpha."""
        found = np.sqrt(np.diag(self.covariance))
        return float(found[0]), float(found[1]), float(found[2])


@each_setting
def quadrupole_scan(
    lattice: Lattice,
    reference: Reference,
    address: str,
    strengths: ArrayLike,
    sizes: ArrayLike,
    *,
    screen: str,
    plane: str = "x",
    errors: ArrayLike | None = None,
    resolution: float = 0.0,
    delta: float = 0.0,
) -> ScannedBeam:
    """Emittance and Twiss functions at the entrance of a quadrupole whose strength was scanned.

    Squares of sizes are linear in the three second moments of the plane; they are fitted by
    least squares, weighted by the errors of the squares, with the transfer matrices of the
    package. No coupling and no dispersion; space charge is not in the matrices.

    Args:
        lattice: quadrupole and screen in it, the screen downstream.
        reference: its particle.
        address: the knob that was scanned, such as "q1.k1"; the first element of the name counts.
        strengths: of the knob, (S,), three or more.
        sizes: rms at the entrance of the screen, (S,) [m].
        screen: name of the element at whose entrance the sizes were measured.
        plane: "x" or "y".
        errors: standard deviations of the sizes, (S,) or one for all [m]. Left out, all sizes are
            taken to be equally wrong, and by how much is found from the scatter: four or more.
        resolution: rms of the screen [m], taken off the sizes in quadrature.
        delta: momentum deviation of the beam.

    Raises:
        MeasurementError: wrong shapes; no numbers; sizes or errors above 0.5 m, which were hardly
            in metres; strengths that do not determine the beam; a fit that no beam can have; the
            message has the remedy.
        InvalidValueError: the screen is not downstream of the quadrupole, coupled matrices; a
            resolution that is no length.
        UnknownNameError: no such knob, screen or plane.
    """
    require_lattice(lattice)
    require_reference(reference)
    require_real("delta", delta)
    require_known("plane", plane, _PLANES)
    knob, measured, given = _check_arguments(strengths, sizes, errors)
    if not (is_real(resolution) and math.isfinite(resolution) and resolution >= 0):
        raise InvalidValueError(
            f"resolution must be a finite number and not negative [m], got {resolution!r}"
        )
    line = _line(lattice, address, screen)
    rows = _rows(line, reference, address, knob, plane, delta)
    error = np.ones_like(measured) if given is None else given
    # the square of a noisy size is too large by the variance of the noise
    bias = 0.0 if given is None else given**2
    squares = measured**2 - bias - resolution**2
    fitted = measured**2
    for _ in range(_ROUNDS):
        spread = 2 * np.sqrt(fitted) * error
        moments, covariance = _least_squares(rows / spread[:, None], squares / spread, address)
        fitted = np.maximum(rows @ moments + resolution**2, 1e-6 * measured**2)
    chi_square = float((((squares - rows @ moments) / spread) ** 2).sum())
    if given is None:
        covariance = covariance * (chi_square / (len(knob) - 3))
        chi_square = math.nan
    functions, slopes = _functions(moments, address)
    emittance, beta, alpha = functions
    return ScannedBeam(
        plane=plane,
        emittance=emittance,
        beta=beta,
        alpha=alpha,
        covariance=slopes @ covariance @ slopes.T,
        moments=moments,
        sizes=np.sqrt(fitted),
        chi_square=chi_square,
    )


def _check_arguments(
    strengths: ArrayLike, sizes: ArrayLike, errors: ArrayLike | None
) -> tuple[Array, Array, Array | None]:
    # late: few scripts have measurements, and all would load the diagnostics
    from ..diagnostics.profiles.profile_checks import FAR, numbers

    knob, measured = numbers("strengths", strengths), numbers("sizes", sizes)
    if knob.ndim != 1 or measured.shape != knob.shape:
        raise MeasurementError(
            f"strengths and sizes must have one shape (S,), got {knob.shape} and {measured.shape}"
        )
    least = 3 if errors is not None else 4
    if len(knob) < least:
        more = "" if errors is not None else ", or three with errors="
        raise MeasurementError(
            f"a scan needs at least {least} strengths{more}; there are {len(knob)}"
        )
    checks = [("size", measured)]
    given = None
    if errors is not None:
        given = numbers("errors", errors)
        if given.shape not in ((), (1,), knob.shape):
            raise MeasurementError(
                f"errors must be one number or have the shape {knob.shape} of the sizes, got "
                f"{given.shape}"
            )
        given = np.broadcast_to(given, knob.shape).copy()
        checks.append(("error", given))
    for what, values in checks:
        good = np.isfinite(values) & (values > 0)
        if not good.all():
            row = int(np.argmin(good))
            raise MeasurementError(
                f"{what} {row} (at strength {knob[row]:g}) must be positive and finite, got "
                f"{values[row]:g} m; leave the row out"
            )
        if values.max() > FAR:
            row = int(values.argmax())
            raise MeasurementError(
                f"{what} {row} (at strength {knob[row]:g}) is {values[row]:g} m, which looks like "
                "millimetres or micrometres; give it in metres"
            )
    if not np.isfinite(knob).all():
        row = int(np.argmin(np.isfinite(knob)))
        raise MeasurementError(f"strength {row} is {knob[row]}; leave the row out")
    return knob, measured, given


def _line(lattice: Lattice, address: str, screen: str) -> Lattice:
    """Cut the line from the quadrupole to the screen."""
    element, _, _ = lattice.resolve(address)
    names = [e.name for e in lattice]
    if screen not in names:
        raise unknown("screen", screen, lattice.names)
    first = names.index(element)
    if screen not in names[first + 1 :]:
        raise InvalidValueError(
            f"{screen!r} is not downstream of {element!r}; the sizes must be measured "
            "after the knob"
        )
    return Lattice(lattice.elements[first : names.index(screen, first + 1)])


def _rows(
    line: Lattice, reference: Reference, address: str, knob: Array, plane: str, delta: float
) -> Array:
    """The coefficients of <u^2>, <u u'>, <u'^2> in the square of the size, (S, 3)."""
    i = _PLANES[plane]
    start = Twiss(1.0, 0.0, 1.0, 0.0)  # of the matrix nothing depends on it
    rows = []
    for strength in knob:
        with torch.no_grad():
            changed = line.with_values({address: float(strength)})
            optics = linear_optics(changed, reference, delta=delta, initial=start)
        own, other = optics.matrix[i, i : i + 2], optics.matrix[i, 2 - i : 4 - i]
        if float(other.abs().max()) > _UNCOUPLED * float(own.abs().max()):
            raise InvalidValueError(
                f"at {address} = {strength:g} the planes are coupled, so that the size in {plane} "
                "depends on both; a scan needs an uncoupled line"
            )
        a, b = own.tolist()
        rows.append((a * a, 2 * a * b, b * b))
    return np.array(rows)


def _least_squares(rows: Array, squares: Array, address: str) -> tuple[Array, Array]:
    """Moments and their covariance, from weighted rows."""
    scale = np.linalg.norm(rows, axis=0)
    u, s, vt = np.linalg.svd(rows / np.where(scale > 0, scale, 1.0), full_matrices=False)
    if s[-1] < _RANK * s[0]:
        raise MeasurementError(
            f"the strengths of {address} do not determine the beam: of 3 moments they determine "
            f"{int((s >= _RANK * s[0]).sum())}; take three different strengths or more, on "
            "both sides of the smallest size, and a screen farther downstream"
        )
    inverse = vt.T / s
    moments = inverse @ (u.T @ squares) / scale
    return moments, inverse @ inverse.T / np.outer(scale, scale)


def _functions(moments: Array, address: str) -> tuple[tuple[float, float, float], Array]:
    """Emittance, beta and alpha, and their slopes by the moments, (3, 3)."""
    uu, up, pp = (float(m) for m in moments)
    square = uu * pp - up * up
    if not (uu > 0 and square > 0):
        raise MeasurementError(
            f"no beam fits: <u^2> = {uu:g} m^2 and emittance^2 = {square:g} m^2; scan {address} "
            "through the smallest size with more strengths, and check plane, resolution, sign of "
            "the strengths, and what stands between quadrupole and screen"
        )
    emittance = math.sqrt(square)
    by_emittance = np.array([pp, -2 * up, uu]) / (2 * emittance)
    by_beta = np.array([1.0, 0.0, 0.0]) / emittance - uu / square * by_emittance
    by_alpha = np.array([0.0, -1.0, 0.0]) / emittance + up / square * by_emittance
    slopes = np.stack([by_emittance, by_beta, by_alpha])
    return (emittance, uu / emittance, -up / emittance), slopes
