"""The longitudinal wake of a resonator against its closed form, explicit sums and differences."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from rebuilt import jacobian
from scipy.integrate import quad

import pyjutrack as pj
from pyjutrack.collective import Resonator, Wake

ELECTRON = pj.Reference.from_kinetic("electron", 1e9)
LIGHT = 299792458.0
#: 5 GHz: a wavelength of 6 cm
WAKE = Wake(Resonator(5e9, shunt=1e4, quality=1.4), "gap", window=0.06, cells=300)
LINE = pj.Lattice([pj.Drift(0.3, name="d"), pj.Marker(name="gap"), pj.Drift(0.2)])


def wake(time: float, effect: Wake = WAKE) -> float:
    """Of the textbook [V/C]."""
    of = effect.function
    omega = 2 * math.pi * of.frequency
    decay = omega / (2 * of.quality)
    bar = math.sqrt(omega**2 - decay**2)
    if time < 0:
        return 0.0
    half = 0.5 if time == 0 else 1.0
    rings = math.cos(bar * time) - decay / bar * math.sin(bar * time)
    return half * omega * of.shunt / of.quality * math.exp(-decay * time) * rings


def bunch(count: int, length: float = 6e-3, charge: Any = 2e-9, seed: int = 1) -> pj.Beam:
    rows = np.random.default_rng(seed).normal(size=(count, 6)) * 1e-5
    rows[:, 4] = np.random.default_rng(seed + 1).normal(0, length, count)
    rows[:, 5] = 1e-4 * rows[:, 5]
    return pj.Beam(ELECTRON, rows, charge=charge)


def quiet(count: int, length: float) -> pj.Beam:
    """A Gaussian bunch without noise: even shares of its distribution."""
    shares = (np.arange(count) + 0.5) / count
    rows = np.zeros((count, 6))
    rows[:, 4] = length * torch.special.ndtri(torch.tensor(shares)).numpy()
    return pj.Beam(ELECTRON, rows, charge=2e-9)


def lost(beam: pj.Beam, effect: Wake = WAKE, turns: int = 1) -> np.ndarray:
    """By how much each particle slows down at the gap alone [V]."""
    after = pj.track(pj.Lattice([pj.Marker(name="gap")]), beam, effects=[effect], turns=turns)
    change = (beam.coordinate("delta") - after.coordinate("delta")).numpy()
    return np.asarray(change * ELECTRON.beta * ELECTRON.p0c)


def test_mean_loss_is_the_loss_factor() -> None:
    """1/pi int Re Z(w) exp(-(w sigma)^2) dw, with Z of the resonator."""
    sigma = 6e-3 / (LIGHT * ELECTRON.beta)
    mode = WAKE.function
    of = 2 * math.pi * mode.frequency

    def real(omega: float) -> float:
        detuned = mode.quality * (of / omega - omega / of)
        return mode.shunt / (1 + detuned**2)

    factor = quad(lambda w: real(w) * math.exp(-((w * sigma) ** 2)) / math.pi, 1e6, 30 * of)[0]
    found = lost(quiet(100_000, 6e-3)).mean()
    assert found == pytest.approx(2e-9 * factor, rel=2e-3)


def test_voltage_is_the_sum_over_charges() -> None:
    beam = quiet(3000, 6e-3)
    z = beam.coordinate("z").numpy()
    times = -z / (LIGHT * ELECTRON.beta)
    some = np.argsort(z)[10:-10:150]
    expected = [2e-9 / 3000 * sum(wake(times[i] - t) for t in times) for i in some]
    found = lost(beam)[some]
    assert np.abs(found - expected).max() < 2e-3 * np.abs(expected).max()
    finer = lost(beam, dataclasses.replace(WAKE, cells=1200))[some]
    assert np.abs(finer - expected).max() < np.abs(found - expected).max()


def test_what_rings_is_met_again() -> None:
    """Three passages in time against all charges of all of them; two gaps ring for themselves."""
    period = 0.7e-9
    ringing = dataclasses.replace(WAKE, function=Resonator(5e9, 1e4, 20.0), period=period)
    beam = bunch(2000)
    z = beam.coordinate("z").numpy()
    times = -z / (LIGHT * ELECTRON.beta)
    some = np.argsort(z)[::200]
    charge = 2e-9 / 2000
    gap = pj.Lattice([pj.Marker(name="gap")])
    found = lost(beam, ringing, turns=3)[some]
    passages = [
        charge * sum(wake(times[i] - t + n * period, ringing) for t in times for n in range(turn))
        for i in some
        for turn in (1, 2, 3)
    ]
    expected = np.reshape(passages, (-1, 3)).sum(1)
    assert np.abs(found - expected).max() < 1e-2 * np.abs(expected).max()
    twice = pj.track(gap * 2, beam, effects=[ringing]).coordinate("delta")
    once = pj.track(gap, beam, effects=[dataclasses.replace(ringing, period=None)])
    change = once.coordinate("delta") - beam.coordinate("delta")
    torch.testing.assert_close(twice - beam.coordinate("delta"), 2 * change, rtol=1e-9, atol=0)


ADDRESSES = {
    "beam.charge": 2e-9,
    "effects[0].function.frequency": 5e9,
    "effects[0].function.quality": 1.4,
    "effects[0].function.shunt": 1e4,
    "effects[0].scale": 1.0,
    "d.length": 0.3,
}


def skew(final: pj.Beam, initial: pj.Beam) -> torch.Tensor:
    z, delta = final.coordinate("z"), final.coordinate("delta")
    return (z * delta).mean() * 1e6 + (delta**2).mean() * 1e6


def rebuilt(address: str, value: float) -> float:
    """The figure of a line, a beam and a wake made anew."""
    values = {**ADDRESSES, address: value}
    mode = {k.split(".")[2]: v for k, v in values.items() if ".function." in k}
    effect = dataclasses.replace(WAKE, function=Resonator(**mode), scale=values["effects[0].scale"])
    line = pj.Lattice([pj.Drift(values["d.length"], name="d"), *LINE.elements[1:]])
    beam = bunch(500, charge=values["beam.charge"])
    return float(skew(pj.track(line, beam, effects=[effect]), beam))


@pytest.mark.parametrize("way", ["store", "checkpoint", "reversible", "forward"])
def test_gradients_are_differences_of_rebuilt_machines(way: str) -> None:
    options: dict[str, Any] = {"mode": "forward"} if way == "forward" else {"adjoint": way}
    found = pj.gradient(skew, LINE, bunch(500), wrt=list(ADDRESSES), effects=[WAKE], **options)
    for (address, value), slope in zip(ADDRESSES.items(), found, strict=True):
        # the figure hardly depends on the drift: rounding of a small step would be all there is
        h = value * (1e-2 if address == "d.length" else 1e-4)
        expected = (rebuilt(address, value + h) - rebuilt(address, value - h)) / (2 * h)
        assert slope == pytest.approx(expected, rel=2e-6), address


def test_gradients_through_what_rings() -> None:
    ringing = dataclasses.replace(WAKE, period=0.7e-9)
    for mode in ("reverse", "forward"):
        (found,) = pj.gradient(
            skew, LINE, bunch(300), wrt=["beam.charge"], effects=[ringing], turns=3, mode=mode
        )

        def at(charge: float) -> float:
            beam = bunch(300, charge=charge)
            return float(skew(pj.track(LINE, beam, effects=[ringing], turns=3), beam))

        expected = (at(2.001e-9) - at(1.999e-9)) / 2e-12
        assert found == pytest.approx(expected, rel=1e-6), mode
    with pytest.raises(pj.errors.InvalidValueError, match="remembers former turns"):
        pj.gradient(
            skew,
            LINE,
            bunch(300),
            wrt=["beam.charge"],
            effects=[ringing],
            turns=3,
            adjoint="checkpoint",
        )


def test_the_matrix_of_a_test_particle_is_symplectic() -> None:
    at = [1e-5, 0, 1e-5, 0, 2e-3, 1e-5]
    found = pj.jacobian(LINE, bunch(2000), effects=[WAKE], at=at)
    form = np.kron(np.eye(3), [[0.0, 1.0], [-1.0, 0.0]])
    assert np.abs(found.T @ form @ found - form).max() < 1e-12
    differences = jacobian(LINE, bunch(2000), at, 1e-7, effects=[WAKE])
    np.testing.assert_allclose(found, differences, rtol=0, atol=1e-6)
    assert abs(found[5, 4]) > 1e-4


def test_beside_space_charge_and_in_single_precision() -> None:
    beam = bunch(2000)
    plain = lost(beam)
    single = lost(beam.to(torch.float32))
    np.testing.assert_allclose(single, plain, rtol=0, atol=1e-3 * np.abs(plain).max())
    weighted = beam.replace(weights=torch.full((2000,), 0.5, dtype=torch.float64))
    np.testing.assert_allclose(lost(weighted), plain / 2, rtol=1e-9)
    batch = beam.replace(coordinates=beam.coordinates.expand(2, -1, -1).clone(), alive=None)
    np.testing.assert_allclose(lost(batch)[1], plain, rtol=1e-9)


def test_what_is_refused() -> None:
    coasting = bunch(10, charge=0.0).replace(current=1.0)
    with pytest.raises(pj.errors.InvalidValueError, match=r"acts on a bunch.*charge="):
        pj.track(LINE, coasting, effects=[WAKE])
    with pytest.raises(pj.errors.InvalidValueError, match="acts on a coasting beam"):
        pj.track(LINE, bunch(10), effects=[pj.SpaceCharge()])
    with pytest.raises(pj.errors.InvalidValueError, match="coasting, with a current, or a bunch"):
        bunch(10).replace(current=1.0)
    with pytest.raises(pj.errors.InvalidValueError, match="outside of the wake's window"):
        pj.track(LINE, bunch(100, length=0.1), effects=[WAKE])
    for name, value in (("cells", 3), ("window", -1.0)):
        with pytest.raises(pj.errors.InvalidValueError, match=name):
            dataclasses.replace(WAKE, **{name: value})
    for name, value in (("frequency", 0.0), ("quality", 0.5)):
        with pytest.raises(pj.errors.InvalidValueError, match=name):
            dataclasses.replace(WAKE.function, **{name: value})
