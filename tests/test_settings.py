"""Many settings of a lattice at once: the same as one after another, values and derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from claims import claim, of_largest, share
from element_battery import CASES, ONE_WAY
from element_cases import PROTON, Case
from torch import Tensor

import pyjutrack as pj
from pyjutrack.cli.paper import fodo
from pyjutrack.engines.julia import border
from pyjutrack.tracking.plan import plan_of
from pyjutrack.tracking.programs import pieces_of
from pyjutrack.tracking.task import task_of

FACTORS = torch.tensor([1.0, 1.07, 0.9], dtype=torch.float64)
VALUES = torch.tensor([0.9, 1.1, 1.4], dtype=torch.float64)
LINE = pj.Lattice(
    [
        pj.Drift(0.4),
        pj.Quadrupole(0.3, 1.0, name="q"),
        pj.Drift(0.7, name="d"),
        pj.Sextupole(0.1, 4.0, name="s"),
        pj.SBend(0.5, 0.1, name="b"),
        pj.Quadrupole(0.2, -1.0, tilt=0.1, name="r"),
    ]
)
ADDRESSES = ["q.k1", "d.length", "s.k2", "b.angle", "b.k1", "r.tilt", "q.dx", "r.y_rot"]


def bunch(seed: int = 1, count: int = 20, size: float = 1e-3) -> pj.Beam:
    draw = np.random.default_rng(seed)
    return pj.Beam(PROTON, draw.normal(size=(count, 6)) * size)


def one_by_one(lattice: pj.Lattice, address: str, values: Tensor, call: Any) -> list[Any]:
    return [call(lattice.with_values({address: float(v)})) for v in values]


@pytest.mark.parametrize("count", [20, 1])  # kernels of their own serve one particle a setting
@pytest.mark.parametrize("case", CASES + ONE_WAY, ids=lambda case: case.label)
def test_every_kind(case: Case, count: int) -> None:
    """All parameters of it at once; a plain zero is one in all settings."""
    beam = bunch(count=count)
    plain = [isinstance(v, float) and (v != 0 or not any(case.values)) for v in case.values]
    values = [v * FACTORS if p else v for v, p in zip(case.values, plain, strict=True)]
    if not any(plain):
        pytest.skip("it has no parameters")
    many = pj.track(pj.Lattice([pj.Drift(0.2), case.element(*values)]), beam)
    assert many.coordinates.shape == (3, count, 6)
    for n, coordinates in enumerate(many.coordinates):
        given = [float(v[n]) if isinstance(v, Tensor) else v for v in values]
        one = pj.track(pj.Lattice([pj.Drift(0.2), case.element(*given)]), beam)
        assert torch.equal(many.alive[n], one.alive)
        torch.testing.assert_close(coordinates, one.coordinates, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("turns", [1, 3])
def test_values_and_jacobians(address: str, turns: int) -> None:
    values = 0.3 * VALUES
    lattice, beam = LINE.with_values({address: values}), bunch()
    found = pj.track(lattice, beam, turns=turns)
    ones = one_by_one(LINE, address, values, lambda one: pj.track(one, beam, turns=turns))
    for coordinates, one in zip(found.coordinates, ones, strict=True):
        torch.testing.assert_close(coordinates, one.coordinates, rtol=1e-13, atol=1e-15)
    matrices = pj.jacobian(lattice, PROTON, turns=turns)
    ones = one_by_one(LINE, address, values, lambda one: pj.jacobian(one, PROTON, turns=turns))
    np.testing.assert_allclose(matrices, np.stack(ones), rtol=1e-13, atol=1e-15)
    text = "Jacobians of many settings, of the largest entry"
    error = of_largest(matrices, np.stack(ones))
    claim("Many settings at once", text, "one setting after another", error, 2e-13)


@pytest.mark.parametrize("count", [20, 1])
def test_more_dimensions_broadcast(count: int) -> None:
    """(2, 1) and (3,) are (2, 3) settings, and a beam of each of two goes with them."""
    rows, columns = VALUES[:2, None], VALUES
    lattice, beam = LINE.with_values({"q.k1": rows, "s.k2": columns}), bunch(count=count)
    found = pj.track(lattice, beam)
    assert found.coordinates.shape == (2, 3, count, 6)
    one = LINE.with_values({"q.k1": float(VALUES[1]), "s.k2": float(VALUES[2])})
    torch.testing.assert_close(found.coordinates[1, 2], pj.track(one, beam).coordinates)
    beams = torch.stack([bunch(n, count).coordinates for n in (5, 6)])[:, None]
    both = pj.track(lattice, beam.replace(coordinates=beams, alive=torch.ones(2, 1, count) > 0))
    own = pj.track(one, bunch(6, count))
    torch.testing.assert_close(both.coordinates[1, 2], own.coordinates)


def test_an_element_met_again_is_tabulated_once() -> None:
    """A cell's magnet has its numbers of all settings in one place, however often it comes."""
    line = pj.Lattice([LINE] * 5).with_values({"q.k1": VALUES, "s.k2": VALUES})
    (_, piece) = pieces_of(line, plan_of(line, ()), (), PROTON)
    assert piece.program is not None
    one = LINE.with_values({"q.k1": VALUES, "s.k2": VALUES})
    (_, alone) = pieces_of(one, plan_of(one, ()), (), PROTON)
    assert alone.program is not None
    assert piece.program.settings.shape == alone.program.settings.shape
    beam = bunch(count=1)
    found = pj.track(line, beam)
    for _ in range(5):
        beam = pj.track(one, beam)
    assert torch.equal(found.coordinates, beam.coordinates)


def test_settings_lie_in_memory_however_they_do() -> None:
    table, beam = torch.stack([VALUES, 2 * VALUES, 3 * VALUES], -1), bunch()
    found, wanted = (
        pj.track(LINE.with_values({"q.k1": column}), beam).coordinates
        for column in (table[:, 1], 2 * VALUES)
    )
    assert torch.equal(found, wanted)


@pytest.mark.parametrize("shape", [(1,), (1, 1)])
def test_one_setting_out_of_a_row(shape: tuple[int, ...]) -> None:
    row = torch.linspace(3.0, 4.0, 10, dtype=torch.float64)
    wanted = pj.track(LINE.with_values({"q.k1": 3.0}), bunch()).coordinates
    found = pj.track(LINE.with_values({"q.k1": row[::5][:1].reshape(shape)}), bunch()).coordinates
    assert torch.equal(found, wanted.reshape(*shape, *wanted.shape))


def test_shapes_that_do_not_go_together() -> None:
    lattice = LINE.with_values({"q.k1": VALUES, "s.k2": VALUES[:2]})
    with pytest.raises(pj.errors.InvalidValueError, match=r"\(2,\) do not go with .*\(3,\)"):
        pj.track(lattice, bunch())


def test_losses_are_of_each_setting() -> None:
    """A kick throws particles at an aperture, more of them where it is stronger."""
    line = pj.Lattice(
        [
            pj.Kicker(knl=(0.0,), name="k"),
            pj.Drift(1.0),
            pj.Aperture(shape="ellipse", half_width=2e-3, half_height=2e-3),
            pj.Drift(1.0),
        ]
    )
    kicks = torch.tensor([0.0, 5e-4, 1e-3, 1e-2], dtype=torch.float64)
    beam = bunch(count=400)
    found = pj.track(line.with_values({"k.knl[0]": kicks}), beam)
    ones = one_by_one(line, "k.knl[0]", kicks, lambda one: pj.track(one, beam))
    assert [int(a.sum()) for a in found.alive] == [int(one.alive.sum()) for one in ones]
    assert len({int(a.sum()) for a in found.alive}) == 4
    torch.testing.assert_close(found.coordinates[3], ones[3].coordinates, rtol=1e-13, atol=0)


def test_single_precision() -> None:
    beam = bunch().to(torch.float32)
    found = pj.track(LINE.with_values({"q.k1": VALUES}), beam)
    assert found.coordinates.dtype is torch.float32
    ones = one_by_one(LINE, "q.k1", VALUES, lambda one: pj.track(one, beam))
    for coordinates, one in zip(found.coordinates, ones, strict=True):
        assert torch.equal(coordinates, one.coordinates)


@pytest.mark.parametrize("address", ADDRESSES)
def test_backward(address: str) -> None:
    """By autograd through all of them, as through each."""
    beam, leaf = bunch(), (0.3 * VALUES).requires_grad_()

    def slopes(k: Tensor) -> Tensor:
        end = pj.track(LINE.with_values({address: k}), beam).coordinates
        return torch.autograd.grad(end.square().sum(), k)[0]

    each = [slopes(v.clone().requires_grad_()) for v in leaf.detach()]
    torch.testing.assert_close(slopes(leaf), torch.stack(each), rtol=1e-11, atol=0)


def test_variables() -> None:
    """What is computed from them follows, by any functions, and gradients by them do."""
    variables = {"k": 0.9, "half": "k/2"}
    expressions = {"q.k1": "2*k", "r.k1": "-sqrt(k)*cos(half) + max(k, 1)", "s.k2": "k^2"}
    machine, beam = pj.Lattice(LINE, variables=variables, expressions=expressions), bunch()
    many = machine.with_values(k=VALUES)
    ones = [machine.with_values(k=float(v)) for v in VALUES]
    found = pj.track(many, beam).coordinates
    wanted = torch.stack([pj.track(one, beam).coordinates for one in ones])
    torch.testing.assert_close(found, wanted, rtol=1e-13, atol=1e-15)

    def size(final: pj.Beam) -> Tensor:
        return pj.moments.sizes(final)[0]

    slopes = pj.gradient(size, many, beam, wrt=["k", "b.angle"])
    each = [pj.gradient(size, one, beam, wrt=["k", "b.angle"]) for one in ones]
    np.testing.assert_allclose(slopes, np.stack(each), rtol=1e-12)


def test_vmap() -> None:
    """PyTorch's transform over a function of one setting says the same."""
    beam = bunch()

    def end(k1: Tensor) -> Tensor:
        return pj.track(LINE.with_values({"q.k1": k1}), beam).coordinates

    torch.testing.assert_close(torch.func.vmap(end)(VALUES), end(VALUES), rtol=1e-13, atol=1e-15)


def test_space_charge_and_its_kernels() -> None:
    """B fields: in one pass over the particles of all settings, as of each by itself."""
    cell, beam = fodo.cell(), fodo.beam(2000, seed=1)
    effects = [fodo.space_charge(fodo.solver())]
    values = 29.6 + torch.tensor([-0.5, 0.0, 0.3], dtype=torch.float64)
    found = pj.track(cell.with_values({"q1.k1": values}), beam, effects=effects, turns=2)
    ones = one_by_one(
        cell, "q1.k1", values, lambda one: pj.track(one, beam, effects=effects, turns=2)
    )
    for coordinates, one in zip(found.coordinates, ones, strict=True):
        torch.testing.assert_close(coordinates, one.coordinates, rtol=1e-13, atol=1e-16)


def test_photons_are_those_of_each_setting_alone() -> None:
    photons = [pj.collective.Radiation("quantum", seed=3)]
    line = pj.Lattice([pj.SBend(1.0, 0.1, name="b"), pj.Quadrupole(0.3, 1.0, name="q")])
    electrons = bunch().replace(reference=pj.Reference.from_total("electron", 3e9))
    found = pj.track(line.with_values({"q.k1": VALUES}), electrons, effects=photons, turns=2)
    ones = one_by_one(
        line, "q.k1", VALUES, lambda one: pj.track(one, electrons, effects=photons, turns=2)
    )
    for coordinates, one in zip(found.coordinates, ones, strict=True):
        torch.testing.assert_close(coordinates, one.coordinates, rtol=1e-13, atol=1e-15)


def test_losses_are_noted_of_one() -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=r"one setting.*\(3,\)"):
        pj.loss_map(LINE.with_values({"q.k1": VALUES}), bunch())


def test_the_julia_engine_takes_one() -> None:
    task = task_of(LINE.with_values({"q.k1": VALUES}), bunch(), (), 1)
    with pytest.raises(pj.errors.InvalidValueError, match=r"one setting.*\(3,\)"):
        border.check(task)


def test_lengths_that_effects_cut_go_one_after_another() -> None:
    """Each has slices of its own."""
    cell, beam, kicks = fodo.cell(), fodo.beam(2000, seed=1), [fodo.space_charge(fodo.solver())]
    found = pj.track(cell.with_values({"d2.length": 0.3 * VALUES}), beam, effects=kicks)
    ones = one_by_one(
        cell, "d2.length", 0.3 * VALUES, lambda one: pj.track(one, beam, effects=kicks)
    )
    for coordinates, one in zip(found.coordinates, ones, strict=True):
        assert torch.equal(coordinates, one.coordinates)


def test_optics_of_each() -> None:
    """Records have arrays, and tables their columns, of what each has."""
    ring = pj.Lattice(
        [
            pj.Quadrupole(0.2, 1.6, name="qf"),
            pj.Drift(0.4),
            pj.SBend(0.5, np.pi / 8, model="linear"),
            pj.Drift(0.3),
            pj.Quadrupole(0.2, -1.6, name="qd"),
            pj.Drift(0.4),
            pj.SBend(0.5, np.pi / 8, model="linear"),
            pj.Drift(0.3),
        ]
        * 8
    )
    electron, values = pj.Reference.from_total("electron", 5e8), 1.6 + 0.02 * VALUES
    settings = ring.with_values({"qf.k1": values})

    def each(call: Any) -> list[Any]:
        return one_by_one(ring, "qf.k1", values, lambda one: call(one, electron))

    for call in (pj.optics.closed_orbit, pj.optics.chromaticities, pj.optics.one_turn_matrix):
        np.testing.assert_allclose(call(settings, electron), np.stack(each(call)), rtol=1e-12)
    optics, table = pj.twiss(settings, electron), pj.optics.twiss_table(settings, electron)
    ones, tables = each(pj.twiss), each(pj.optics.twiss_table)
    np.testing.assert_allclose(optics.beta_x, [one.beta_x for one in ones], rtol=1e-12)
    np.testing.assert_allclose(optics.tune_y, [one.tune_y for one in ones], rtol=1e-12)
    np.testing.assert_allclose(table.beta_x, [one.beta_x for one in tables], rtol=1e-12)
    assert table.names == tables[0].names


def test_gradients_of_each() -> None:
    beam, wrt = bunch(), ["q.k1", "s.k2"]
    lattice = LINE.with_values({"q.k1": VALUES})
    size = pj.observables.emittance_growth("x")
    found = pj.gradient(size, lattice, beam, wrt=wrt)
    ones = one_by_one(LINE, "q.k1", VALUES, lambda one: pj.gradient(size, one, beam, wrt=wrt))
    error = share(found, np.stack(ones))
    text = "gradients of many settings, of each"
    claim("Many settings at once", text, "one setting after another", error, 1e-12)
