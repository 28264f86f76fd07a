"""Many energies of the reference: each computed by itself, and joined; or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from effect_cases import EFFECTS, ELECTRON, LATTICE, bunch
from settings_of_calls import check_public_calls

import pyjutrack as pj

FACTORS = torch.tensor([1.0, 1.001, 0.999], dtype=torch.float64)
#: what says that it takes one energy alone
REFUSED = {
    *(f"distributions.{kind}" for kind in ("gaussian", "kv", "waterbag", "uniform")),
    *("distributions.gaussian normalized", "wake_samples", "Lattice.merged"),
    *("match", "match limits", "read_lattice", "taper", "write_lattice"),
}
REFUSED_OF_BEAMS = {"loss_map", "plotting.plot_density", "slice_moments", "write_beam"}
LINAC = pj.Lattice(
    [
        pj.Drift(0.3),
        pj.RFCavity(0.5, 1e6, frequency=5e8, phase=1.2, name="rf", accelerate=True),
        pj.Quadrupole(0.2, 3.0, name="q"),
    ]
)
VOLTAGES = 1e6 * torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)


def vary(reference: pj.Reference) -> tuple[pj.Reference, list[pj.Reference]]:
    momenta = float(reference.p0c) * FACTORS
    each = [pj.Reference(reference.species, p) for p in momenta.tolist()]
    return pj.Reference(reference.species, momenta), each


def vary_beam(beam: pj.Beam) -> tuple[pj.Beam, list[pj.Beam]]:
    many, each = vary(beam.reference)
    return beam.replace(reference=many), [beam.replace(reference=one) for one in each]


@pytest.mark.filterwarnings("ignore")
def test_every_public_call_of_a_reference(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert check_public_calls(tmp_path, pj.Reference, vary, REFUSED, set()) > 10


@pytest.mark.filterwarnings("ignore")
def test_every_public_call_of_a_beam(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere = {"Twin", "track_turns"}
    found = check_public_calls(tmp_path, pj.Beam, vary_beam, REFUSED_OF_BEAMS, elsewhere)
    assert found > 15


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.AccuracyWarning")
@pytest.mark.filterwarnings("ignore::pyjutrack.errors.ResolutionWarning")
@pytest.mark.parametrize("name", ["space charge in 3D", "wake at a place", "photons"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_effects(name: str, dtype: torch.dtype) -> None:
    """With losses, beside many strengths, and factors of the effect."""
    beam, effect = bunch(200).to(dtype), EFFECTS[name]
    many, each = vary_beam(beam)
    line = LATTICE.with_values({"qf.k1": 6.0 * FACTORS[:2, None]})
    given = replace(effect, scale=torch.tensor([1.0, 2.0, 3.0])[:2, None, None])
    found = pj.track(line, many, effects=[given], turns=2)
    assert found.coordinates.shape == (2, 2, 3, 200, 6)
    one = LATTICE.with_values({"qf.k1": float(6.0 * FACTORS[1])})
    alone = pj.track(one, each[2], effects=[replace(effect, scale=2.0)], turns=2)
    assert torch.equal(found.coordinates[1, 1, 2], alone.coordinates)
    assert torch.equal(found.alive[1, 1, 2], alone.alive)
    assert torch.equal(found.reference.p0c[1, 1], many.reference.p0c)


def test_jacobians_of_a_reference() -> None:
    many, each = vary(ELECTRON)
    ones = [pj.jacobian(LINAC, one) for one in each]
    np.testing.assert_array_equal(pj.jacobian(LINAC, many), np.stack(ones))
    lattice = LINAC.with_values({"q.k1": 3.0 * FACTORS[:2, None]})
    found = pj.jacobian(lattice, many)
    assert found.shape == (2, 3, 6, 6)
    np.testing.assert_allclose(found[0], np.stack(ones), rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("make", ["from_p0c", "from_kinetic", "from_total"])
def test_what_is_made_of_energies(make: str) -> None:
    energies = 1e8 * FACTORS
    many = getattr(pj.Reference, make)("electron", energies)
    each = [getattr(pj.Reference, make)("electron", e) for e in energies.tolist()]
    for name in ("p0c", "gamma", "beta", "kinetic_energy", "rigidity"):
        wanted = torch.tensor([getattr(one, name) for one in each], dtype=torch.float64)
        torch.testing.assert_close(getattr(many, name), wanted, rtol=1e-15, atol=0)


@pytest.mark.parametrize("bad", [0.0, -1.0, torch.nan, torch.inf])
def test_energies_that_none_has(bad: float) -> None:
    energies = torch.tensor([1e8, bad])
    for make in (pj.Reference.from_p0c, pj.Reference.from_kinetic, pj.Reference.from_total):
        with pytest.raises(pj.errors.InvalidValueError, match=r"must be|is not above"):
            make("electron", energies)


def test_voltages_that_accelerate() -> None:
    """The beams that come out have an energy each, with which they go on."""
    beam, line = bunch(20), LINAC.with_values({"rf.voltage": VOLTAGES})
    found = pj.track(line, beam)
    each = [pj.track(LINAC.with_values({"rf.voltage": v}), beam) for v in VOLTAGES.tolist()]
    assert found.reference.p0c.tolist() == [one.reference.p0c for one in each]
    again = pj.track(LATTICE, found)
    for n, one in enumerate(each):
        assert torch.equal(found.coordinates[n], one.coordinates)
        assert torch.equal(again.coordinates[n], pj.track(LATTICE, one).coordinates)
    assert pj.moments.emittance(found, normalized=True).shape == (3,)
    matrices = pj.jacobian(line, ELECTRON)
    one = pj.jacobian(LINAC.with_values({"rf.voltage": 2e6}), ELECTRON)
    np.testing.assert_array_equal(matrices[1], one)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_gradients_by_what_accelerates(mode: Any) -> None:
    def square(final: pj.Beam) -> torch.Tensor:
        return final.coordinates.square().sum() * final.reference.p0c

    given: dict[str, Any] = {"wrt": ["rf.voltage", "q.k1"], "mode": mode}
    beam = bunch(20)
    found = pj.gradient(square, LINAC.with_values({"rf.voltage": VOLTAGES}), beam, **given)
    for n, v in enumerate(VOLTAGES.tolist()):
        one = pj.gradient(square, LINAC.with_values({"rf.voltage": v}), beam, **given)
        np.testing.assert_allclose(found[n], one, rtol=1e-13)


def test_transforms() -> None:
    """Slopes by energies; and `vmap` over voltages, whose momenta it gives back one each."""
    beam, energies = bunch(20), 1e8 * FACTORS

    def square(energy: torch.Tensor) -> torch.Tensor:
        given = beam.replace(reference=pj.Reference.from_total("electron", energy))
        return pj.track(LINAC, given).coordinates.square().sum()

    each = torch.stack([torch.func.grad(square)(e) for e in energies])
    torch.testing.assert_close(torch.func.grad(square)(energies), each, rtol=1e-12, atol=0)
    assert each.abs().min() > 0

    def momentum(voltage: torch.Tensor) -> Any:
        return pj.track(LINAC.with_values({"rf.voltage": voltage}), beam).reference.p0c

    found = torch.func.vmap(momentum)(VOLTAGES)
    assert found.tolist() == [momentum(v) for v in VOLTAGES.tolist()]
    many = beam.replace(reference=vary(ELECTRON)[0])

    def end(k1: torch.Tensor) -> torch.Tensor:
        return pj.track(LATTICE.with_values({"qf.k1": k1}), many).coordinates

    strengths = 6.0 * FACTORS[:2]
    wanted = torch.stack([end(k1) for k1 in strengths])
    torch.testing.assert_close(torch.func.vmap(end)(strengths), wanted, rtol=1e-13, atol=1e-16)
