"""Reverse mode in little memory: the gradients of a stored graph, whatever the line holds."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from claims import claim, share
from element_battery import CASES, ONE_WAY
from element_cases import PROTON, Case, points
from rebuilt import differences
from rounding import assert_as_rounded, spread, steps

import pyjutrack as pj
from pyjutrack.collective import Place
from pyjutrack.elements.inverse import has_inverse
from pyjutrack.elements.part import WHOLE
from pyjutrack.maps.state import State
from pyjutrack.tracking.adjoints import Auto

LITTLE = ("checkpoint", "reversible")
KNOBS = ["d1.length", "q1.k1", "q2.length", "q2.k1", "beam.current"]


def gradients(
    line: pj.Lattice, beam: pj.Beam, wrt: list[str], chosen: str, **options: Any
) -> np.ndarray:
    figure = pj.observables.emittance_growth("x")
    return pj.gradient(figure, line, beam, wrt=wrt, adjoint=chosen, **options)


def test_the_paper_cell(cell, kick, make_beam) -> None:
    beam, options = make_beam(1000), {"effects": [kick], "turns": 3}
    expected = gradients(cell, beam, KNOBS, "store", **options)
    slopes = differences(pj.observables.emittance_growth("x"), cell, beam, KNOBS, 3e-6, **options)
    for chosen in LITTLE:
        found = gradients(cell, beam, KNOBS, chosen, **options)
        text = f"gradients of three turns, {chosen} adjoint, of each"
        claim("Derivatives", text, "the stored adjoint", share(found, expected), 1e-11)
        np.testing.assert_allclose(found, slopes, rtol=2e-5, atol=2e-7, err_msg=chosen)


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")  # of the same particles
@pytest.mark.parametrize("chosen", LITTLE)
def test_losses_in_the_box_and_in_an_aperture(cell, make_beam, chosen) -> None:
    """A lost particle counts up to its loss and not beyond, in the backward pass as well."""
    narrow = pj.SpaceCharge(pj.SpectralPoisson((0.012, 0.012), (64, 64)), max_step=0.1)
    scraper = pj.Aperture(half_width=1.4e-3, half_height=1.6e-3, shape="ellipse")
    line = pj.Lattice([scraper, cell, scraper, cell])
    c = make_beam(3000, current=100.0).coordinates.clone()
    c[5] = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, -2.0])  # cannot enter
    c[6, 1] = 0.02  # leaves the box of the kick
    alive = torch.ones(3000, dtype=torch.bool)
    alive[7] = False
    leaf = c.clone().requires_grad_()
    beam = pj.Beam(PROTON, leaf, 100.0, alive)
    slopes, ends = {}, {}
    for how in ("store", chosen):
        ends[how] = pj.track(line, beam, effects=[narrow], turns=2, adjoint=how)
        figure = (ends[how].coordinates * torch.linspace(1, 2, 18000).reshape(3000, 6)).sum()
        (slopes[how],) = torch.autograd.grad(figure, leaf)
    assert 100 < ends["store"].lost < 2000
    assert torch.equal(ends[chosen].alive, ends["store"].alive)
    torch.testing.assert_close(
        ends[chosen].coordinates, ends["store"].coordinates, rtol=0, atol=1e-16
    )
    torch.testing.assert_close(slopes[chosen], slopes["store"], rtol=1e-10, atol=1e-10)


def test_every_kind_of_element_on_the_way(make_beam) -> None:
    line = pj.Lattice(
        [
            pj.SBend(0.3, 0.1, k1=1.0, e1=0.05, name="b"),
            pj.Quadrupole(0.1, 5.0, dx=1e-4, y_rot=1e-3, name="q"),
            pj.Sextupole(0.1, 50.0, name="s"),
            pj.Solenoid(0.2, 0.5, name="sol"),
            pj.Multipole((0.0, 0.1, 2.0), (0.0, 0.05), tilt=0.1, name="m"),
            pj.RFCavity(0.1, 1e6, frequency=1e8, phase=0.3, name="rf"),
            pj.Kicker(0.1, hkick=1e-3, name="k"),
            pj.Patch(dx=1e-4, z_rot=0.02, name="p"),
            pj.Marker(),
        ]
    )
    wrt = ["b.angle", "b.k1", "q.k1", "q.dx", "s.k2", "sol.ks", "m.knl[2]", "rf.voltage"]
    wrt += ["k.hkick", "p.z_rot", "b.e1"]
    kick = pj.SpaceCharge(pj.SpectralPoisson((0.02, 0.02), (64, 64)), max_step=0.05)
    beam = make_beam(400)

    def slopes(beam: pj.Beam, effects: list[Any], how: str = "store") -> np.ndarray:
        return gradients(line, beam, wrt, how, effects=effects)

    # a kick of the beam as a whole does not change emittances: its slope is a difference of sums
    # 3e5 as large, and rounded as they are in every mode
    bound = steps(line, [kick]) * spread(slopes, beam, [kick])
    expected = slopes(beam, [kick])
    assert (bound < 1e-6 * np.abs(expected)).all()
    for chosen in LITTLE:
        assert_as_rounded(slopes(beam, [kick], chosen), expected, bound)


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")  # of the same particles
@pytest.mark.parametrize("chosen", LITTLE)
def test_an_accelerated_reference(kick, make_beam, chosen) -> None:
    line = pj.Lattice(
        [
            pj.Quadrupole(0.1, 20.0, name="q"),
            pj.RFCavity(0.1, 5e7, frequency=1e8, phase=0.5, accelerate=True, name="rf"),
            pj.Drift(0.2),
        ]
    )
    beam, options = make_beam(800), {"effects": [kick], "turns": 3}
    wrt = ["q.k1", "rf.voltage", "beam.current"]
    expected = gradients(line, beam, wrt, "store", **options)
    np.testing.assert_allclose(gradients(line, beam, wrt, chosen, **options), expected, rtol=1e-10)


@pytest.mark.parametrize("chosen", LITTLE)
def test_weights_of_a_network_and_a_scale(cell, make_beam, make_surrogate, chosen) -> None:
    surrogate = make_surrogate("linear", domain=None)
    weights = {k: w.clone().requires_grad_() for k, w in surrogate.network.weights.items()}
    trained = surrogate.replace(network=surrogate.network.replace(weights))
    scale = torch.tensor(0.9, dtype=torch.float64, requires_grad=True)
    kick = pj.SpaceCharge(trained, max_step=0.2, perveance_scale=scale)
    beam = make_beam(500)
    slopes = {}
    for how in ("store", chosen):
        end = pj.track(cell, beam, effects=[kick], adjoint=how)
        slopes[how] = torch.autograd.grad(
            pj.moments.emittance(end, "x"), [scale, *weights.values()]
        )
    assert float(slopes["store"][0]) != 0
    for ours, expected in zip(slopes[chosen], slopes["store"], strict=True):
        tolerance = 1e-12 * float(expected.abs().max())
        torch.testing.assert_close(ours, expected, rtol=1e-9, atol=tolerance)


def test_parameters_that_are_results_and_single_precision(cell, kick, make_beam) -> None:
    beam = make_beam(1000).to(torch.float32)
    slopes = {}
    for how in ("store", *LITTLE):
        half = torch.tensor(14.8, requires_grad=True)
        line = cell.with_values({"q1.k1": 2 * half, "q2.k1": -2 * half})
        end = pj.track(line, beam, effects=[kick], adjoint=how)
        (slopes[how],) = torch.autograd.grad(pj.moments.emittance(end, "y"), half)
    for how in LITTLE:
        assert float(slopes[how]) == pytest.approx(float(slopes["store"]), rel=1e-3), how


def test_a_batch_of_beams(cell, kick, make_beam) -> None:
    beams = torch.stack([make_beam(300, seed=s).coordinates for s in (1, 2)])
    slopes = {}
    for how in ("store", *LITTLE):
        leaf = beams.clone().requires_grad_()
        end = pj.track(cell, pj.Beam(PROTON, leaf, 200.0), effects=[kick], adjoint=how)
        (slopes[how],) = torch.autograd.grad(pj.moments.emittance(end, "x").sum(), leaf)
    for how in LITTLE:
        torch.testing.assert_close(slopes[how], slopes["store"], rtol=1e-10, atol=1e-18)


class Hidden(pj.CollectiveEffect):
    """A kick whose strength is no attribute, and cannot be found."""

    reversible = True
    max_step = 0.5

    def __init__(self, secret: Any) -> None:
        self._strength = lambda: SECRETS[secret]

    def field(self, beam: pj.Beam, state: State, place: Place, memory: Any) -> Any:
        return self._strength()

    def apply(self, state: State, field: Any, place: Place) -> State:
        x, px, *rest = state.coordinates
        return State((x, px - field * place.ds * x, *rest), state.alive)


SECRETS: dict[str, torch.Tensor] = {}


def test_hidden_parameters_are_refused(cell, make_beam, monkeypatch) -> None:
    """And "auto" stores, so that no gradient is ever missed."""
    strength = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    monkeypatch.setitem(SECRETS, "k", strength)
    beam, kick = make_beam(100), Hidden("k")
    leaf = cell.with_values({"q1.k1": torch.tensor(29.6, dtype=torch.float64, requires_grad=True)})
    for how in LITTLE:
        with pytest.raises(pj.errors.InvalidValueError, match="Hidden depends on tensors"):
            pj.track(leaf, beam, effects=[kick], adjoint=how)
    end = pj.track(leaf, beam, effects=[kick], adjoint=Auto(memory=0))
    (slope,) = torch.autograd.grad(pj.moments.emittance(end, "x"), strength)
    assert float(slope) != 0


def test_what_cannot_be(cell, kick, make_beam) -> None:
    beam = make_beam(100)
    strength = torch.tensor(29.6, dtype=torch.float64, requires_grad=True)
    with pytest.raises(pj.errors.UnknownNameError, match="reversible"):
        pj.track(cell, beam, adjoint="reversable")

    def final(k1: torch.Tensor, how: str) -> torch.Tensor:
        line = cell.with_values({"q1.k1": k1})
        return pj.moments.emittance(pj.track(line, beam, effects=[kick], adjoint=how), "x")

    with pytest.raises(pj.errors.InvalidValueError, match="'store'"):
        torch.func.grad(lambda k: final(k, "reversible"))(strength.detach())
    with pytest.raises(pj.errors.InvalidValueError, match="first derivatives"):
        torch.autograd.grad(final(strength, "reversible"), strength, create_graph=True)
    fixed = dataclasses.make_dataclass("Fixed", [], bases=(Hidden,))
    monkey = fixed.__new__(fixed)
    monkey._strength = lambda: 0.5
    monkey.reversible = False
    line = cell.with_values({"q1.k1": strength})
    with pytest.raises(pj.errors.InvalidValueError, match="checkpoint"):
        pj.track(line, beam, effects=[monkey], adjoint="reversible")


def test_columns_before_a_map_without_inverse_are_saved(kick, make_beam) -> None:
    """Its inverse is not known, so the beam before it is saved."""

    @dataclasses.dataclass(frozen=True, repr=False)
    class Squeeze(pj.Element):
        abstract = True
        factor: Any = 1.1

        def transport(self, state: State, reference: object, part: object) -> State:
            x, px, *rest = state.coordinates
            return State((x * self.factor, px / self.factor, *rest), state.alive)

    factor = torch.tensor(1.1, dtype=torch.float64, requires_grad=True)
    line = pj.Lattice([pj.Drift(0.1), Squeeze(factor=factor), pj.Drift(0.1)])
    assert not has_inverse(line.elements[1], PROTON, WHOLE)
    beam, slopes = make_beam(500), {}
    for how in ("store", *LITTLE):
        end = pj.track(line, beam, effects=[kick], turns=2, adjoint=how)
        (slopes[how],) = torch.autograd.grad(pj.moments.emittance(end, "y"), factor)
    for how in LITTLE:
        assert float(slopes[how]) == pytest.approx(float(slopes["store"]), rel=1e-10)


@pytest.mark.parametrize("case", CASES + ONE_WAY, ids=lambda c: c.label)
def test_every_element_pulls_gradients_back(case: Case) -> None:
    """By coordinates and by every parameter, also at zero strength and zero length."""
    c = points(70)
    weights = torch.linspace(-1, 2, c.numel(), dtype=torch.float64).reshape(c.shape)
    alive = torch.ones(70, dtype=torch.bool)
    alive[7] = False
    found = {}
    for how in ("store", "reversible"):
        leaf = c.clone().requires_grad_()
        values = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in case.values]
        line = pj.Lattice([case.element(*values), pj.Drift(0.1)])
        end = pj.track(line, pj.Beam(PROTON, leaf, alive=alive), adjoint=how)
        figure = (end.coordinates * weights).sum()
        found[how] = torch.autograd.grad(figure, [leaf, *values], materialize_grads=True)
    for ours, expected in zip(found["reversible"], found["store"], strict=True):
        tolerance = 1e-11 * max(1.0, float(expected.abs().max()))
        torch.testing.assert_close(ours, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("chosen", ["checkpoint", "reversible"])
def test_parameters_that_were_computed_from_one_another(kick, make_beam, chosen) -> None:
    """One supply for both quadrupoles, in opposite senses, and a length and a current by it too."""

    def size(strength: float | torch.Tensor, adjoint: str = "auto") -> torch.Tensor:
        lattice = pj.Lattice(
            [
                pj.Drift(0.2 + 1e-4 * strength * strength, name="d"),
                pj.Quadrupole(0.08 + 1e-4 * strength, k1=strength, name="q1"),
                pj.Drift(0.33),
                pj.Quadrupole(0.08, k1=-1 * strength, name="q2"),
            ]
            * 3
        )
        beam = make_beam(300, current=10.0 * strength)
        return pj.moments.sizes(pj.track(lattice, beam, effects=[kick], adjoint=adjoint))[0]

    strength = torch.tensor(11.0, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(size(strength, chosen), strength)
    step = 1e-4
    difference = (float(size(11.0 + step)) - float(size(11.0 - step))) / (2 * step)
    assert float(found) == pytest.approx(difference, rel=1e-6)
