"""Lines against signals that are sums of known ones, and against another code."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack import diagnostics as dg

TURNS = np.arange(1000)
#: tune and amplitude: a betatron line, another plane's, its mirror, lines of sextupoles
LINES = [(0.31, 1.0), (0.22, 0.1), (-0.31, 0.05), (-0.62, 0.03), (0.93, 0.02), (0.84, 0.01)]


def _signal(turns: np.ndarray = TURNS, constant: float = 3.0) -> np.ndarray:
    phases = np.linspace(0.2, 2.0, len(LINES))
    waves = (
        a * np.exp(2j * np.pi * q * turns + 1j * p) for (q, a), p in zip(LINES, phases, strict=True)
    )
    return constant + sum(waves)


@pytest.mark.parametrize(("order", "error"), [(1, 1e-8), (2, 1e-10), (3, 1e-11), (4, 1e-12)])
def test_the_main_line_of_a_quasi_periodic_signal(order: int, error: float) -> None:
    """None of the other lines fitted, but the constant."""
    found = dg.find_lines(_signal(), order=order)
    assert abs(found.tunes[0] - 0.31) < error
    assert abs(found.amplitudes[0] - np.exp(0.2j)) < 1e3 * error


@pytest.mark.parametrize("order", [1, 2, 3])
def test_all_lines_of_a_quasi_periodic_signal(order: int) -> None:
    found = dg.find_lines(_signal(), len(LINES), order=order)
    phases = np.linspace(0.2, 2.0, len(LINES))
    np.testing.assert_allclose(found.tunes, [q % 1 for q, _ in LINES], rtol=0, atol=1e-13)
    exact = [a * np.exp(1j * p) for (_, a), p in zip(LINES, phases, strict=True)]
    np.testing.assert_allclose(found.amplitudes, exact, rtol=0, atol=1e-11)


@pytest.mark.parametrize("tune", [0.013, 0.2, 0.4871, 0.5129, 0.77, 0.991])
def test_tunes_on_either_side_of_one_half(tune: float) -> None:
    signal = np.exp(2j * np.pi * tune * TURNS) + 0.3 * np.exp(-2j * np.pi * tune * TURNS)
    found = dg.find_lines(signal, 2)
    np.testing.assert_allclose(found.tunes, [tune, 1 - tune], rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.abs(found.amplitudes), [1.0, 0.3], rtol=0, atol=1e-10)
    real = dg.find_lines(2.0 * np.cos(2 * np.pi * tune * TURNS + 0.4) + 5.0)
    assert abs(real.tunes[0] - min(tune, 1 - tune)) < 1e-12
    phase = 0.4 if tune < 0.5 else -0.4
    assert abs(real.amplitudes[0] - 2 * np.exp(1j * phase)) < 1e-9


def test_a_damped_line_is_found_near_its_tune() -> None:
    """No exact line: the window weighs the middle turns most, and the tune stays."""
    signal = np.exp((2j * np.pi * 0.27 - 1e-3) * TURNS)
    assert abs(dg.find_lines(signal).tunes[0] - 0.27) < 1e-9


def test_few_turns_are_enough_for_one_line() -> None:
    """The window does not tell it from its mirror image and the constant; the fit does."""
    tunes, phases = np.linspace(0.1, 0.4, 60), np.linspace(0, 6, 60)
    signal = 0.3 + np.exp(1j * (2 * np.pi * tunes * np.arange(32)[:, None] + phases))
    np.testing.assert_allclose(dg.find_lines(signal).tunes[0], tunes, rtol=0, atol=1e-13)
    np.testing.assert_allclose(dg.find_lines(signal.real).tunes[0], tunes, rtol=0, atol=1e-13)


def test_accuracy_grows_with_the_turns_as_the_window_says() -> None:
    """The error of the main line by a second falls as turns^-(2 order + 2)."""
    errors = []
    for turns in (200, 400, 800):
        n = np.arange(turns)
        worst = 0.0
        for phase in np.linspace(0, 2 * np.pi, 16, endpoint=False):
            signal = np.exp(2j * np.pi * 0.31 * n) + 0.5 * np.exp(
                2j * np.pi * 0.26 * n + 1j * phase
            )
            worst = max(worst, abs(dg.find_lines(signal - signal.mean(), order=1).tunes[0] - 0.31))
        errors.append(worst)
    powers = -np.diff(np.log2(errors))
    assert (powers > 3.5).all(), errors


def test_many_signals_are_each_by_itself() -> None:
    draw = np.random.default_rng(1)
    tunes = draw.uniform(0.1, 0.9, (40, 3))
    signals = np.exp(2j * np.pi * tunes * np.arange(4096)[:, None, None])
    found = dg.find_lines(torch.as_tensor(signals), 1)
    assert found.tunes.shape == found.amplitudes.shape == (1, 40, 3)
    np.testing.assert_allclose(found.tunes[0], tunes, rtol=0, atol=1e-12)


def test_what_has_no_line_is_nan() -> None:
    signals = np.stack([_signal().real, np.full(1000, 3.0), np.zeros(1000), _signal().real], 1)
    signals[500:, 3] = np.nan
    found = dg.find_lines(signals)
    assert abs(found.tunes[0, 0] - 0.31) < 1e-8
    assert np.isnan(found.tunes[0, 1:]).all()
    assert np.isnan(found.amplitudes[0, 1:]).all()
    # one line, and no second one in rounding
    pure = dg.find_lines(np.cos(2 * np.pi * 0.3 * TURNS), 3)
    assert abs(pure.tunes[0] - 0.3) < 1e-13
    assert np.isnan(pure.tunes[1:]).all()


def test_spectra_have_the_heights_of_lines() -> None:
    n = np.arange(1000)
    signal = 7.0 + 2e-3 * np.cos(2 * np.pi * 0.2 * n) + 1e-4 * np.cos(2 * np.pi * 0.35 * n)
    found = dg.spectrum(signal)
    assert found.tunes.shape == found.amplitudes.shape == (501,)
    assert found.tunes[[0, -1]].tolist() == [0.0, 0.5]
    assert found.amplitudes[200] == pytest.approx(2e-3, rel=1e-6)
    assert found.amplitudes[350] == pytest.approx(1e-4, rel=1e-6)
    assert found.amplitudes[[0, 100, 450]].max() < 1e-9
    turned = dg.spectrum(np.stack([np.exp(-2j * np.pi * 0.2 * n)] * 2, 1), order=0)
    assert turned.tunes[turned.amplitudes[:, 0].argmax()] == pytest.approx(0.8)
    assert turned.amplitudes.max() == pytest.approx(1.0, rel=1e-12)
    assert np.isnan(dg.spectrum(np.r_[np.nan, signal]).amplitudes).all()


@pytest.mark.parametrize(
    ("signal", "count", "said"),
    [
        (np.zeros(15), 1, "16 turns or more"),
        ("x", 1, "an array of numbers"),
        (np.zeros(40), 11, "a quarter of the 40 turns"),
    ],
)
def test_what_is_no_signal_is_refused(signal, count: int, said: str) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=said):
        dg.find_lines(signal, count)
    with pytest.raises(pj.errors.InvalidValueError, match="from 0 to 5"):
        dg.find_lines(np.zeros(40), order=6)


def test_lines_are_those_of_nafflib() -> None:
    naff = pytest.importorskip("nafflib")
    signal = _signal(constant=0.0)
    amplitudes, tunes = naff.harmonics(signal, num_harmonics=3, window_order=2, window_type="hann")
    found = dg.find_lines(signal, 3)
    np.testing.assert_allclose(found.tunes, np.asarray(tunes) % 1, rtol=0, atol=1e-8)
    np.testing.assert_allclose(np.abs(found.amplitudes), np.abs(amplitudes), rtol=0, atol=1e-5)
    assert math.isclose(naff.tune(signal, window_order=2), found.tunes[0], abs_tol=1e-8)
