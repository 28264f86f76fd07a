"""Optics of many settings in one pass: as of each, or one after another where they must be."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from settings_of_calls import numbers
from torch import Tensor

import pyjutrack as pj
from pyjutrack.core.errors import warn
from pyjutrack.optics import many

ELECTRON = pj.Reference.from_total("electron", 5e8)
FACTORS = torch.tensor([1.0, 1.003, 0.999], dtype=torch.float64)
ARC = [
    pj.Quadrupole(0.2, 1.6, name="qf"),
    pj.Drift(0.4, name="d"),
    pj.SBend(0.5, math.pi / 8, e1=0.05, e2=0.05, name="b"),
    pj.Sextupole(0.1, 3.0, dx=1e-4, name="s"),
    pj.Quadrupole(0.2, -1.6, name="qd"),
    pj.Kicker(hkick=1e-5, name="k"),
    pj.Drift(0.4),
    pj.SBend(0.5, math.pi / 8, name="b2"),
    pj.Multipole(knl=(0.0, 0.01, 0.3), name="m"),
    pj.Drift(0.3),
]
RING = pj.Lattice(ARC * 8)
FLAT = pj.Lattice([e for e in ARC if e.name != "m"] * 8)
CAVITY = pj.RFCavity(0.0, 1e5, frequency=499654096.6666667, name="rf")
CALLS: dict[str, Callable[..., Any]] = {
    "twiss": pj.twiss,
    "linear_optics": pj.optics.linear_optics,
    "twiss_table": lambda ring, e: pj.optics.twiss_table(ring, e, delta=1e-3, chromatic=True),
    "closed_orbit": lambda ring, e: pj.optics.closed_orbit(ring, e, delta=1e-3),
    "transfer_matrices": pj.optics.transfer_matrices,
    "one_turn_matrix": pj.optics.one_turn_matrix,
    "chromaticities": pj.optics.chromaticities,
}
KNOBS = ["qf.k1", "d.length", "b.angle", "b.e1", "s.dx", "s.k2", "k.hkick", "m.knl[1]", "qd.dy"]


def vary(ring: pj.Lattice, knob: str) -> tuple[pj.Lattice, list[pj.Lattice]]:
    values = (float(ring.value(knob)) or 1e-4) * FACTORS
    ones = [ring.with_values({knob: v}) for v in values.tolist()]
    return ring.with_values({knob: values}), ones


def assert_alike(found: Any, ones: Sequence[Any]) -> None:
    for together, each in zip(numbers(found), zip(*map(numbers, ones), strict=True), strict=True):
        wanted = np.stack(each)
        assert together.shape == wanted.shape
        scale = np.nanmax(np.abs(wanted), initial=0.0)
        np.testing.assert_allclose(together, wanted, rtol=1e-13, atol=1e-13 * scale)


@pytest.mark.parametrize("knob", KNOBS)
def test_tables_in_one_pass(knob: str, refuse_loops: None) -> None:
    together, ones = vary(RING, knob)
    table = CALLS["twiss_table"]
    assert_alike(table(together, ELECTRON), [table(one, ELECTRON) for one in ones])


@pytest.mark.parametrize("call", CALLS)
def test_every_call_in_one_pass(call: str, refuse_loops: None) -> None:
    ring = RING if call != "twiss" else FLAT
    together, ones = vary(ring, "qf.k1")
    assert_alike(CALLS[call](together, ELECTRON), [CALLS[call](one, ELECTRON) for one in ones])


def test_coupled_planes_are_told() -> None:
    together, _ = vary(RING.with_values({"qd.dy": 1e-3}), "s.dy")
    with pytest.raises(pj.errors.InvalidValueError, match="the planes are coupled"):
        pj.twiss(together, ELECTRON)


@pytest.fixture
def refuse_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a pass fail where it would go on one after another."""
    monkeypatch.setattr(many, "_FAILURES", ())


def test_some_at_a_time_and_of_more_dimensions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "_AT_ONCE", 2 * len(RING))
    knobs = {"qf.k1": 1.6 * FACTORS[:, None], "qd.k1": -1.6 * FACTORS[:2]}
    together = RING.with_values(knobs)
    table = pj.optics.twiss_table(lattice=together, reference=ELECTRON)
    assert table.beta_x.shape == (3, 2, len(RING) + 1)
    assert table.tune_x.shape == (3, 2)
    one = RING.with_values({"qf.k1": float(1.6 * FACTORS[2]), "qd.k1": float(-1.6 * FACTORS[1])})
    own = pj.optics.twiss_table(one, ELECTRON)
    np.testing.assert_allclose(table.beta_x[2, 1], own.beta_x, rtol=1e-13)
    at = table["qd"]
    assert at.beta_x.shape == (3, 2)
    assert at.beta_x[2, 1] == pytest.approx(own["qd"].beta_x, rel=1e-13)
    assert at.tune_y[2, 1] == pytest.approx(own["qd"].tune_y, rel=1e-12)


@pytest.mark.parametrize("figure", ["dispersion_x", "chromaticity_y"])
def test_slopes(figure: str) -> None:
    """Of tables of tensors, by a knob that differs and by one that does not."""

    def slopes(k1: Tensor, kick: Tensor) -> tuple[Tensor, ...]:
        ring = RING.with_values({"qf.k1": k1, "k.hkick": kick})
        table = pj.optics.linear_optics(ring, ELECTRON, chromatic=True)
        value = getattr(table, figure).sum()
        return torch.autograd.grad(value, [k1, kick])

    def leaf(value: Any) -> Tensor:
        return torch.as_tensor(value, dtype=torch.float64).clone().requires_grad_()

    found = slopes(leaf(1.6 * FACTORS), leaf(1e-5))
    ones = [slopes(leaf(v), leaf(1e-5)) for v in 1.6 * FACTORS]
    by_k1, by_kick = (torch.stack(list(part)) for part in zip(*ones, strict=True))
    torch.testing.assert_close(found[0], by_k1, rtol=1e-11, atol=0)
    torch.testing.assert_close(found[1], by_kick.sum(), rtol=1e-11, atol=0)


def test_a_setting_without_optics_says_so() -> None:
    together = RING.with_values({"qf.k1": torch.tensor([1.6, 9.0, 1.5], dtype=torch.float64)})
    with pytest.raises(pj.errors.UnstableError) as of_one:
        pj.twiss(RING.with_values({"qf.k1": 9.0}), ELECTRON)
    with pytest.raises(pj.errors.UnstableError) as of_many:
        pj.twiss(together, ELECTRON)
    assert str(of_many.value) == f"setting (1,) of (3,): {of_one.value}"


def test_rings_with_cavities() -> None:
    """Drifts in four dimensions; in six dimensions, and of voltages, one after another."""
    ring = pj.Lattice([*ARC * 8, CAVITY])
    for knob in ("qf.k1", "rf.voltage"):
        together, ones = vary(ring, knob)
        for call in (CALLS["twiss_table"], CALLS["closed_orbit"]):
            assert_alike(call(together, ELECTRON), [call(one, ELECTRON) for one in ones])
    length = ring.length
    revolutions = ELECTRON.beta * 299792458.0 / length
    tuned = ring.with_values({"rf.frequency": revolutions * 100})
    together, ones = vary(tuned, "qf.k1")
    found = pj.optics.closed_orbit(together, ELECTRON, dimensions=6)
    assert_alike(found, [pj.optics.closed_orbit(o, ELECTRON, dimensions=6) for o in ones])


def test_lines_and_other_optics_go_one_after_another() -> None:
    start = pj.optics.Twiss(3.0, 0.1, 2.0, -0.3)
    together, ones = vary(RING, "qf.k1")
    line = lambda one: pj.optics.twiss_table(one, ELECTRON, initial=start)  # noqa: E731
    assert_alike(line(together), list(map(line, ones)))


def test_kinds_side_by_side() -> None:
    """Elements that differ by zeros, or in kind, have their own way through."""
    parts = [
        *ARC,
        pj.Quadrupole(0.1, 0.0, name="off"),
        pj.Quadrupole(0.1, 0.05, tilt=0.02, name="rolled"),
        pj.Solenoid(0.2, 0.01, name="sol"),
        pj.Marker(name="here"),
    ]
    ring = pj.Lattice(parts * 8)
    values = torch.tensor([0.0, 0.01, -0.02], dtype=torch.float64)
    together = ring.with_values({"off.k1": values, "sol.ks": 0.01 * FACTORS})
    ones = [
        ring.with_values({"off.k1": v, "sol.ks": s})
        for v, s in zip(values.tolist(), (0.01 * FACTORS).tolist(), strict=True)
    ]
    table = CALLS["twiss_table"]
    assert_alike(table(together, ELECTRON), [table(one, ELECTRON) for one in ones])


@pytest.mark.parametrize("fails", [True, False])
def test_warnings_of_a_pass_that_fails_are_not_given(fails: bool) -> None:
    """Each of the settings warns then, and all of them once where the pass is made."""

    @many.in_one_pass
    def figure(lattice: pj.Lattice, reference: pj.Reference) -> np.ndarray:
        strength = torch.as_tensor(lattice["qf"].k1, dtype=torch.float64)
        warn(f"of {tuple(strength.shape)}", pj.errors.AccuracyWarning)
        if fails and strength.dim():
            raise pj.errors.InvalidValueError("not of many")
        return strength.numpy()

    together, _ = vary(RING, "qf.k1")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        values = figure(together, ELECTRON)
    assert [str(w.message) for w in found] == (["of ()"] * 3 if fails else ["of (3,)"])
    assert {w.filename for w in found} == {__file__}
    np.testing.assert_array_equal(values, 1.6 * FACTORS.numpy())
