"""Lines of signals sampled once a turn: frequencies to far better than 1 / turns, and spectra.

A line is where the product of the signal, a Hann window of some order and exp(-2 pi i f t) is
largest in modulus; others are found in what is left when those found so far are fitted and taken
off. The product of one line deviates from that by another, at d bins from it, as d^-(2 order + 1).
Source: J. Laskar, Physica D 67 (1993) 257; for the window, its arXiv:math/0305364.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..core.checks import require_whole, wrong
from ..core.errors import InvalidValueError
from ..core.transforms import numeric

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

#: turns that a signal has at least
_FEWEST = 16
#: the largest order of the window: above, lines become wider and nothing is won
_MOST = 5
#: numbers that are worked on at a time, to stay in the cache
_CHUNK = 100_000
#: steps of Newton's method, which needs three or four
_STEPS = 12
#: steps below this part of a bin are rounding
_CONVERGED = 1e-10
#: how often at most all lines are refined with the others, their mirrors and the constant taken off
_SWEEPS = 20
#: an amplitude below this part of the largest number is rounding
_ROUNDING = 64 * np.finfo(np.float64).eps


@dataclass(frozen=True, eq=False)
class SpectralLines:
    """Lines of signals, by falling amplitude: signal(t) = sum of amplitude exp(2 pi i tune t).

    Attributes:
        tunes: frequencies per turn, (K, ...); in [0, 1), of real signals in [0, 1/2].
        amplitudes: complex, the phase is that of turn 0, (K, ...); of real signals those of
            cosines, signal(t) = sum of |amplitude| cos(2 pi tune t + phase).
    """

    tunes: Array
    amplitudes: Complex


@numeric
def find_lines(signal: ArrayLike | Tensor, count: int = 1, *, order: int = 2) -> SpectralLines:
    """Find the strongest lines of signals, by numerical analysis of fundamental frequencies.

    The constant part of a signal is taken off, and is no line.

    Args:
        signal: (T, ...), turn by turn; real, or complex such as x - i px of normalised
            coordinates, whose main line is the tune itself, above 1/2 as well as below.
        count: of lines.
        order: of the Hann window, (1 + cos)^order, from 0 to 5. A higher one separates lines from
            far ones better, and from near ones, within `order` + 1 bins of 1/T, worse. The mirror
            image of a line of a real signal is one of those, near 0 and 1/2.

    Returns:
        Lines of each signal; NaN for those that have a NaN, as lost particles have, or nothing but
        a constant and rounding.

    Raises:
        InvalidValueError: no numbers, fewer than 16 turns, more lines than a quarter of the turns.
    """
    given = _signal(signal)
    _require_order(order)
    require_whole("count", count, 1)
    if count > len(given) // 4:
        raise wrong("count", count, f"no more than a quarter of the {len(given)} turns")
    turns, shape = len(given), given.shape[1:]
    rows = given.reshape(turns, -1).T
    tunes = np.full((len(rows), count), np.nan)
    amplitudes = np.full((len(rows), count), np.nan + 0j)
    finite = np.flatnonzero(np.isfinite(rows).all(1))
    window, real = _Window(turns, int(order)), not np.iscomplexobj(given)
    for part in np.array_split(finite, -(-finite.size * turns // _CHUNK) or 1):
        if part.size:
            found = _Chunk(window, rows[part], real)
            tunes[part], amplitudes[part] = found.lines(int(count))
    return SpectralLines(
        tunes.T.reshape(count, *shape).copy(), amplitudes.T.reshape(count, *shape).copy()
    )


class Spectrum(NamedTuple):
    """Amplitudes against tune.

    Attributes:
        tunes: (F,).
        amplitudes: (F, ...), in the unit of the signal.
    """

    tunes: Array
    amplitudes: Array


@numeric
def spectrum(signal: ArrayLike | Tensor, *, order: int = 1) -> Spectrum:
    """Compute the amplitude spectrum of signals, such as centroids, by FFT with a Hann window.

    A line in the middle of a bin has the height of its amplitude; the mean is taken off. NaN in a
    signal makes its spectrum NaN.

    Args:
        signal: (T, ...), turn by turn; tunes of a real one go from 0 to 1/2, of a complex one from
            0 to 1.
        order: of the window, as for `find_lines`; 0 for none.

    Raises:
        InvalidValueError: as for `find_lines`.
    """
    given = _signal(signal)
    _require_order(order)
    window = _Window(len(given), int(order))
    weights = window.weights.reshape(-1, *[1] * (given.ndim - 1))
    windowed = (given - given.mean(0)) * weights
    if np.iscomplexobj(given):
        return Spectrum(np.arange(len(given)) / len(given), np.abs(np.fft.fft(windowed, axis=0)))
    amplitudes: Array = 2 * np.abs(np.fft.rfft(windowed, axis=0))
    if len(given) % 2 == 0:
        amplitudes[-1] /= 2
    return Spectrum(np.arange(len(amplitudes)) / len(given), amplitudes)


def _require_order(order: Any) -> None:
    require_whole("order", order)
    if order > _MOST:
        raise wrong("order", order, f"a whole number from 0 to {_MOST}")


def _signal(signal: Any) -> NDArray[Any]:
    """A signal as an array of floats or of complex numbers."""
    given = signal.detach().cpu().numpy() if isinstance(signal, Tensor) else signal
    try:
        found = np.asarray(given)
        found = found.astype(np.complex128 if np.iscomplexobj(found) else np.float64, copy=False)
    except (TypeError, ValueError):
        raise wrong("signal", signal, "an array of numbers (turns, ...)") from None
    if found.ndim < 1 or len(found) < _FEWEST:
        raise InvalidValueError(
            f"a signal must have {_FEWEST} turns or more along its first axis, got shape "
            f"{found.shape}"
        )
    return found


class _Window:
    """A periodic Hann window of some order with a sum of one, about the middle of the turns.

    Turns are counted from their middle, T/2, and cut into blocks: exp(-2 pi i f t) is a product
    of the one of a block and the one within, so that few of them are computed.
    """

    def __init__(self, turns: int, order: int) -> None:
        self.turns = turns
        within = math.isqrt(turns - 1) + 1
        blocks = -(-turns // within)
        self.shape = blocks, within
        times = np.arange(turns) - turns / 2
        shape = (1 + np.cos(2 * np.pi * times / turns)) ** order
        self.weights = shape / shape.sum()
        self.starts = np.arange(blocks) * float(within) - turns / 2
        self.powers = np.arange(within) ** np.arange(3.0)[:, None]
        sides = np.arange(-order, order + 1)
        terms = np.array([math.comb(2 * order, order + k) for k in sides])
        self._sides, self._terms = sides / turns, terms / terms[order] / turns

    def waves(self, tunes: Array) -> tuple[Complex, Complex]:
        """exp(2 pi i f t) of tunes (...), of blocks (..., blocks) and within (..., within)."""
        angles = 2j * np.pi * tunes[..., None]
        return np.exp(angles * self.starts), np.exp(angles * self.powers[1])

    def wave(self, tunes: Array) -> Complex:
        """exp(2 pi i f t), (..., T)."""
        blocks, within = self.waves(tunes)
        whole = blocks[..., None] * within[..., None, :]
        return whole.reshape(*tunes.shape, -1)[..., : self.turns]

    def overlap(self, tunes: Array) -> Complex:
        """The sum of exp(2 pi i f t) in the window, one at f = 0."""
        angle = np.pi * (tunes[..., None] + self._sides)
        sine = np.sin(angle)
        whole = np.abs(sine) < 1e-15
        kernel = np.sin(self.turns * angle) / np.where(whole, 1.0, sine)
        kernel = np.where(whole, np.cos(self.turns * angle) * np.cos(angle) * self.turns, kernel)
        found: Complex = (kernel * np.exp(-1j * angle)) @ self._terms
        return found


class _Chunk:
    """Some signals (M, T), and the lines found of them so far."""

    def __init__(self, window: _Window, rows: NDArray[Any], real: bool) -> None:
        self._window, self._real = window, real
        self._rows = np.ascontiguousarray(rows, dtype=np.complex128)
        self._largest = np.abs(rows).max(1)
        self._tunes = np.zeros((len(rows), 0))
        #: where there was a line left to find
        self._some = np.zeros((len(rows), 0), bool)
        self._fitted = np.zeros((len(rows), 1), np.complex128)
        self._fit()

    def lines(self, count: int) -> tuple[Array, Complex]:
        """Tunes and amplitudes, (M, K)."""
        for k in range(count):
            # in what lines leave, phases of so many turns are rounded too
            level = _ROUNDING * (1 + self._window.turns / 16 * (k > 0)) * self._largest
            found = self._refine(self._rest, self._peak(self._rest))
            left = (self._window.wave(found).conj() * self._rest) @ self._window.weights
            self._tunes = np.column_stack([self._tunes, found])
            self._some = np.column_stack([self._some, np.abs(left) > level])
            self._fit()
        for _ in range(_SWEEPS):
            before = self._tunes.copy()
            for k in range(count):
                own = self._window.wave(self._tunes[:, k]) * self._fitted[:, k : k + 1]
                self._tunes[:, k] = self._refine(self._rest + own, self._tunes[:, k])
                self._fit()
            if np.abs(self._tunes - before).max() * self._window.turns < _CONVERGED:
                break
        tunes = self._tunes.copy()
        fitted = self._fitted[:, :count] * np.exp(-1j * np.pi * self._window.turns * tunes)
        if self._real:
            below = tunes % 1 > 0.5
            tunes, fitted = (
                np.where(below, -tunes, tunes),
                2 * np.where(below, fitted.conj(), fitted),
            )
        order = np.argsort(-np.abs(fitted), axis=1)
        tunes, fitted = (np.take_along_axis(a, order, 1) for a in (tunes % 1, fitted))
        none = np.abs(fitted) <= _ROUNDING * self._largest[:, None]
        return np.where(none, np.nan, tunes), np.where(none, np.nan, fitted)

    def _fit(self) -> None:
        """Fit lines and a constant to the signals in the window, and keep what is left.

        By least squares; lines of real signals with their mirrors.
        """
        window, one = self._window, np.ones((len(self._rows), 1), bool)
        sides = [(self._tunes, self._some), (-self._tunes, self._some)][: 1 + self._real]
        basis = np.column_stack([*(tunes for tunes, _ in sides), 0.0 * one])
        some = np.column_stack([*(mask for _, mask in sides), one])
        waves = window.wave(basis) * some[..., None]
        products = (waves.conj() @ (self._rows * window.weights)[..., None])[..., 0]
        both = some[:, None, :] & some[:, :, None]
        gram = np.where(both, window.overlap(basis[:, None, :] - basis[:, :, None]), 0.0)
        # of what is not there, and of lines that have come to be one, it must not be singular
        size = basis.shape[1]
        gram[:, range(size), range(size)] += np.where(some, 1e-14, 1.0)
        self._fitted = np.linalg.solve(gram, products[..., None])[..., 0]
        self._rest = self._rows - (self._fitted[:, None, :] @ waves)[:, 0]

    def _peak(self, rows: Complex) -> Array:
        """The tune of the highest point of the spectrum, to a quarter of a bin."""
        size = 2 * self._window.turns
        heights = np.abs(np.fft.fft(rows * self._window.weights, size, axis=1))
        if self._real:
            heights = heights[:, : size // 2 + 1]
        return np.asarray(heights.argmax(1) / size)

    def _refine(self, rows: Complex, tunes: Array) -> Array:
        """Move tunes to the next maximum of the logarithm of the modulus, by Newton's method."""
        window = self._window
        blocks, within = window.shape
        padded = np.zeros((len(rows), blocks * within), np.complex128)
        padded[:, : window.turns] = rows * window.weights
        folded = padded.reshape(-1, blocks, within)
        limit = 0.5 / window.turns
        for _ in range(_STEPS):
            outer, inner = (wave.conj() for wave in window.waves(tunes))
            moments = folded @ (inner[:, None] * window.powers).swapaxes(1, 2)
            s, (zeroth, first, second) = window.starts, np.moveaxis(moments, 2, 0)
            value = (outer * zeroth).sum(1)
            some = value != 0
            value = np.where(some, value, 1.0)
            slope = -2j * np.pi * (outer * (s * zeroth + first)).sum(1) / value
            bend = (
                -4 * np.pi**2 * (outer * (s * s * zeroth + 2 * s * first + second)).sum(1) / value
            )
            up, curvature = slope.real, (bend - slope * slope).real
            down = curvature < 0
            step = np.where(down, -up / np.where(down, curvature, 1.0), np.sign(up) * limit)
            step = np.where(some, np.clip(step, -limit, limit), 0.0)
            tunes = tunes + step
            if np.abs(step).max() * window.turns < _CONVERGED:
                break
        return tunes
