"""Instabilities by wakes against the theory of two particles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from claims import claim, share
from scipy.special import struve

import pyjutrack as pj
from pyjutrack.collective import Wake, WakeFunction

PROTON = pj.Reference.from_kinetic("proton", 5e9)
BETA, TUNE, SYNCHROTRON_TUNE, LENGTH, SPREAD = 20.0, 0.28, 0.005, 0.1, 1e-3
CHARGE = 1e-8


@dataclass(frozen=True)
class Step(WakeFunction):
    """W = strength, for ever."""

    strength: Any

    def value(self, time: torch.Tensor, transverse: bool) -> torch.Tensor:
        return self.strength * torch.ones_like(time)


@dataclass(frozen=True, repr=False)
class Turn(pj.Element):
    """A turn of a smooth ring: rotations, that of x by a tune that depends on delta."""

    chromaticity: float = 0.0

    def transport(self, state: Any, reference: pj.Reference, part: Any) -> Any:
        def turn(x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any) -> Any:
            phase = 2 * math.pi * (TUNE + self.chromaticity * delta)
            c, s = torch.cos(phase), torch.sin(phase)
            cz, sz = (f(2 * math.pi * SYNCHROTRON_TUNE) for f in (math.cos, math.sin))
            slope = LENGTH / SPREAD
            return (
                c * x + BETA * s * px,
                c * px - s / BETA * x,
                y,
                py,
                cz * z + slope * sz * delta,
                cz * delta - sz / slope * z,
            )

        return state.apply(turn)


def amplitudes(kick: float, periods: int, chromaticity: float = 0.0) -> tuple[float, float]:
    """Of two particles that oscillate in opposite phase, before and after synchrotron periods.

    Args:
        kick: of the trailing one a turn by the offset of the leading one, in units of 1/beta.
    """
    rows = np.zeros((2, 6))
    rows[:, 0] = 1e-9  # so small that delta does not feel it
    rows[:, 5] = [SPREAD, -SPREAD]
    beam = pj.Beam(PROTON, rows, charge=CHARGE)
    strength = kick / BETA * 2 / CHARGE * PROTON.beta * PROTON.p0c
    wake = Wake(Step(float(strength)), "gap", "dipole x", cells=16)
    ring = pj.Lattice([Turn(chromaticity=chromaticity), pj.Marker(name="gap")])
    turns = round(periods / SYNCHROTRON_TUNE)
    end = pj.track(ring, beam, effects=[wake], turns=turns)
    sizes = [float((b.coordinate("x") ** 2 + (BETA * b.coordinate("px")) ** 2).sum().sqrt())
             for b in (beam, end)]  # fmt: skip
    return sizes[0], sizes[1]


def test_threshold_of_strong_head_tail() -> None:
    """Where Y = kick/(4 nu_s) is 2: A. W. Chao (1993), sec. 4.4."""
    for part, grows in ((0.96, False), (1.04, True)):
        before, after = amplitudes(8 * SYNCHROTRON_TUNE * part, 15)
        assert (after > 10 * before) is grows, part
    # beyond it, a synchrotron period has the eigenvalue exp(arcosh(Y^2/2 - 1))
    y = 2.3
    first, second = (amplitudes(4 * SYNCHROTRON_TUNE * y, n)[1] for n in (3, 9))
    rate = math.log(second / first) / 6
    text = "strong head-tail: growth beyond the threshold, of it"
    error = share(rate, math.acosh(y**2 / 2 - 1))
    claim("Wakes", text, "two particles (Chao, 4.4)", error, 0.05)


@pytest.mark.parametrize("sign", [1, -1])
def test_growth_of_head_tail(sign: int) -> None:
    """Of the + mode: kick/4 H0(2 chi) a turn, with the Struve function of the chromatic phase.

    Chao (1993), sec. 4.5, has that of small chi: H0(2 chi) = 4 chi / pi.
    """
    kick, chi = 4 * SYNCHROTRON_TUNE * 0.1, 0.5
    periods = 10
    before, after = amplitudes(kick, periods, sign * chi * SYNCHROTRON_TUNE / SPREAD)
    rate = math.log(after / before) / (periods / SYNCHROTRON_TUNE)
    expected = kick / 4 * struve(0, 2 * chi)
    text = "head-tail: growth by chromaticity, of it"
    claim("Wakes", text, "two particles, Struve function", share(abs(rate), expected), 0.05)
    assert np.sign(rate) == sign, "below transition positive chromaticity drives it"
