"""torch.compile and torch.func around public calls: right numbers, or a refusal that says why."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from element_cases import PROTON
from torch import Tensor

import pyjutrack as pj

COORDINATES = 1e-3 * torch.randn(
    50, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
)
BEAM = pj.Beam(PROTON, COORDINATES, current=1.0)
SPACE_CHARGE = [pj.SpaceCharge(max_step=0.2)]
CELL = pj.Lattice(
    [
        pj.Drift(0.2, name="d"),
        pj.Quadrupole(0.1, k1=29.6, name="q"),
        pj.Patch(dx=1e-4, name="p"),
        pj.Drift(0.4),
        pj.Quadrupole(0.1, k1=-29.6),
        pj.Drift(0.2),
    ]
)
KNOBS: dict[str, Callable[[], pj.Element]] = {
    "length": lambda: pj.Drift(0.2, name="e"),
    "k1": lambda: pj.Quadrupole(0.1, k1=2.0, name="e"),
    "tilt": lambda: pj.Quadrupole(0.1, k1=2.0, tilt=0.1, name="e"),
    "k2": lambda: pj.Sextupole(0.1, 2.0, name="e"),
    "k3": lambda: pj.Octupole(0.1, 2.0, name="e"),
    "angle": lambda: pj.SBend(1.0, 0.1, name="e"),
    "e1": lambda: pj.RBend(1.0, 0.1, e1=0.1, name="e"),
    "hkick": lambda: pj.Kicker(hkick=1e-3, name="e"),
    "knl[1]": lambda: pj.Multipole(knl=(0.0, 0.1), name="e"),
    "ks": lambda: pj.Solenoid(0.2, 0.1, name="e"),
    "voltage": lambda: pj.RFCavity(0.2, 1e5, frequency=1e8, name="e"),
    "phase": lambda: pj.CrabCavity(voltage=1e5, frequency=1e8, phase=0.1, name="e"),
    "x_rot": lambda: pj.Patch(x_rot=1e-3, name="e"),
}


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def size(k1: Tensor, effects: Any = ()) -> Tensor:
    """A function as a user compiles it: tensors before and after."""
    out = pj.track(CELL.with_values({"q.k1": k1 * 1.0}), BEAM, effects=effects)
    return pj.moments.sizes(out)[0] * 2


def of_gradient(k1: Tensor) -> Tensor:
    slopes = pj.gradient(pj.observables.emittance_growth("x"), CELL, BEAM, wrt=["q.k1"])
    return torch.as_tensor(slopes)[0] * k1


COMPILED = {
    "track": size,
    "space charge": lambda k1: size(k1, SPACE_CHARGE),
    "one turn": lambda k1: torch.as_tensor(pj.optics.one_turn_matrix(CELL, PROTON))[0, 0] * k1,
    "gradient": of_gradient,
}


@pytest.mark.parametrize(
    "backend",
    [
        "eager",
        pytest.param(
            "inductor",
            marks=[
                pytest.mark.slow,
                pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler"),
            ],
        ),
    ],
)
@pytest.mark.parametrize("name", COMPILED)
def test_a_compiled_function_that_tracks(name: str, backend: str) -> None:
    function, found = COMPILED[name], []
    for call in (function, torch.compile(function, backend=backend)):
        k1 = number(29.6).requires_grad_()
        value = call(k1)
        found.append((float(value.detach()), float(torch.autograd.grad(value, k1)[0])))
    assert found[1] == pytest.approx(found[0], rel=1e-12)
    step = 1e-4
    slope = (function(number(29.6 + step)) - function(number(29.6 - step))) / (2 * step)
    assert found[1][1] == pytest.approx(float(slope), rel=1e-5)


def test_the_compiler_is_not_imported() -> None:
    program = "import sys, pyjutrack as pj\nassert 'torch._dynamo' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


@pytest.mark.parametrize("knob", KNOBS)
def test_vmap_over_a_knob_of_an_element(knob: str) -> None:
    element, address = KNOBS[knob](), f"e.{knob}"
    line = pj.Lattice([pj.Drift(0.2), element, pj.Drift(0.2)])
    values = torch.stack([number(0.11), number(0.23)])

    def end(value: Tensor) -> Tensor:
        return pj.track(line.with_values({address: value}), BEAM).coordinates

    expected = torch.stack([end(v) for v in values])
    torch.testing.assert_close(torch.func.vmap(end)(values), expected, rtol=1e-12, atol=1e-16)


def test_vmap_of_a_gradient_with_space_charge() -> None:
    values = torch.stack([number(20.0), number(29.6)])

    def figure(k1: Tensor) -> Tensor:
        return size(k1, SPACE_CHARGE)

    step = 1e-4
    expected = [(figure(k + step) - figure(k - step)) / (2 * step) for k in values]
    found = torch.func.vmap(torch.func.grad(figure))(values)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-6, atol=0)


@pytest.mark.filterwarnings("error")
def test_vmap_and_losses() -> None:
    """Without derivatives there is nothing to warn of; with them, of the worst call."""
    line = pj.Lattice([pj.Kicker(hkick=0.0, name="k"), pj.Drift(1.0), pj.Aperture(half_width=2e-3)])

    def centre(kick: Tensor) -> Tensor:
        return pj.moments.centroid(pj.track(line.with_values({"k.hkick": kick}), BEAM))[0]

    values = torch.stack([number(0.0), number(1e-3)])
    ends = [pj.track(line.with_values({"k.hkick": float(v)}), BEAM) for v in values]
    worst = max(int((~end.alive).sum()) for end in ends)
    expected = torch.stack([pj.moments.centroid(end)[0] for end in ends])
    torch.testing.assert_close(torch.func.vmap(centre)(values), expected, rtol=1e-12, atol=1e-16)
    with pytest.warns(pj.errors.LossWarning, match=f"^{worst} of 50 particles"):
        torch.func.vmap(torch.func.grad(centre))(values)


def changed(**changes: Callable[[Tensor], Any]) -> Callable[[Tensor], Tensor]:
    def end(x: Tensor) -> Tensor:
        beam = BEAM.replace(**{name: made(x) for name, made in changes.items()})
        return pj.track(CELL, beam, effects=SPACE_CHARGE).coordinates

    return end


REFUSED = {
    "current": changed(current=lambda x: x),
    "coordinates": changed(coordinates=lambda x: COORDINATES * x),
    "weights": lambda x: (
        pj.track(CELL, BEAM.replace(weights=torch.ones(50, dtype=torch.float64) * x)).coordinates
    ),
    "scale": lambda x: (
        pj.track(CELL, BEAM, effects=[pj.SpaceCharge(max_step=0.2, perveance_scale=x)]).coordinates
    ),
    "emittance": lambda x: (
        pj.distributions.gaussian(
            PROTON, 50, twiss=pj.optics.Twiss(1.0, 0.0, 1.0, 0.0), emittance=(x * 1e-6, 1e-6)
        ).coordinates
    ),
    "gradient that is kicked": lambda x: (
        pj.track(pj.Lattice([pj.Quadrupole(0.2, x, model="exact")]), BEAM).coordinates
    ),
    "length of a slice": lambda x: (
        pj.track(CELL.with_values({"d.length": x}), BEAM, effects=SPACE_CHARGE).coordinates
    ),
}
SETTINGS = {"current", "coordinates", "weights", "gradient that is kicked", "length of a slice"}


@pytest.mark.filterwarnings(
    "ignore::pyjutrack.errors.LossWarning"
)  # which ones is not the matter here
@pytest.mark.parametrize("name", REFUSED)
def test_vmap_over_what_must_be_looked_at_is_refused(name: str) -> None:
    """Those that `track` is given are many settings to it, but around derivatives."""
    function = REFUSED[name]
    if name in SETTINGS:
        function = torch.func.grad(lambda x: REFUSED[name](x).sum())
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"torch\.func\.vmap.*batch of beams.*loop"
    ):
        torch.func.vmap(function)(torch.stack([number(1.0), number(1.1)]))
    torch.func.jvp(REFUSED[name], (number(1.0),), (number(1.0),))  # derivatives are not


def test_vmap_over_a_length_that_is_cut_into_slices() -> None:
    function, lengths = REFUSED["length of a slice"], torch.tensor([0.3, 0.31, 0.42]).double()
    each = torch.stack([function(length) for length in lengths])
    torch.testing.assert_close(torch.func.vmap(function)(lengths), each, rtol=1e-13, atol=1e-16)


NUMERIC: dict[str, Callable[[pj.Lattice], Any]] = {
    "jacobian": lambda line: pj.jacobian(line, PROTON),
    "gradient": lambda line: pj.gradient(
        pj.observables.emittance_growth("x"), line, BEAM, wrt=["d.length"]
    ),
    "jacobian_derivatives": lambda line: pj.jacobian_derivatives(line, PROTON, ["d.length"]),
    "loss_map": lambda line: pj.loss_map(line, BEAM),
    "twiss": lambda line: pj.twiss(line, PROTON),
    "closed_orbit": lambda line: pj.optics.closed_orbit(line, PROTON),
    "chromaticities": lambda line: pj.optics.chromaticities(line, PROTON),
}


@pytest.mark.parametrize("transform", ["vmap", "grad", "jacrev", "jacfwd"])
@pytest.mark.parametrize("name", NUMERIC)
def test_what_returns_numbers_is_refused_under_a_transform(name: str, transform: str) -> None:
    def function(k1: Tensor) -> Tensor:
        NUMERIC[name](CELL.with_values({"q.k1": k1}))
        return k1

    value = number(29.6)
    with pytest.raises(
        pj.errors.InvalidValueError, match=f"{name} looks at numbers.*through track"
    ):
        getattr(torch.func, transform)(function)(value[None] if transform == "vmap" else value)
