"""Maps that are undone by a method of their own, and what is seen of those that are not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack import maps
from pyjutrack.elements.inverse import apply_inverse
from pyjutrack.maps.base import MAPS, map
from pyjutrack.maps.state import State

ELECTRON = pj.Reference.from_kinetic("electron", 1e9)


def rows(count, place, angle, seed=1):
    draw = np.random.default_rng(seed).normal(size=(count, 6))
    return torch.from_numpy(draw * [place, angle, place, angle, 1e-2, 1e-2])


@pytest.mark.parametrize(
    "edge", [(0.5, 0.5, 0.02), (-1.0, 0.0, 0.0), (0.1, 0.5, 0.05), (0.0, 0, 0)]
)
@pytest.mark.parametrize(("place", "angle"), [(1e-3, 1e-3), (0.1, 0.02), (3.0, 0.1), (10.0, 0.05)])
def test_a_fringe_is_undone_metres_off_the_axis(edge, place, angle):
    start = State(rows(2000, place, angle).unbind(-1), torch.ones(2000, dtype=torch.bool))
    end = start.apply(maps.edge_fringe, *edge)
    known = torch.isfinite(sum(end.coordinates))
    assert known.sum() > 1980
    end = State(tuple(c[known] for c in end.coordinates), end.alive[known])
    back = apply_inverse([(maps.edge_fringe, edge)], end)
    for found, wanted in zip(back.coordinates, start.coordinates, strict=True):
        torch.testing.assert_close(found, wanted[known], rtol=0, atol=3e-12 * max(1, place))


@pytest.mark.parametrize("gap", [0.0, 0.02])
def test_gradients_of_particles_ten_metres_off_the_axis(gap):
    """Against differences of values of bends that are built anew; some particles are lost later."""
    values = {"angle": 0.1, "e1": 0.05, "fint": 0.5, "hgap": gap}
    names = [*values] if gap else ["angle", "e1"]
    beam = pj.Beam(ELECTRON, rows(300, 10.0, 0.05))
    weights = torch.linspace(-1, 2, 1800, dtype=torch.float64).reshape(300, 6)

    def figure(final, **_):
        return (final.coordinates * weights).sum() / 300

    def line(**changes):
        bend = pj.SBend(0.5, **{**values, **changes}, name="b")
        opening = pj.Aperture(half_width=12.0, half_height=12.0, shape="ellipse")
        return pj.Lattice([bend, pj.Drift(0.2), opening, pj.Drift(1.0)])

    def value(name, step):
        return float(figure(pj.track(line(**{name: values[name] + step}), beam)))

    with pytest.warns(pj.errors.LossWarning):
        found = pj.gradient(
            figure, line(), beam, wrt=[f"b.{n}" for n in names], mode="reverse",
            adjoint="reversible",
        )  # fmt: skip
    survived = int(pj.track(line(), beam).alive.sum())
    assert 100 < survived < 250
    for name, slope in zip(names, found, strict=True):
        step = 2e-5 * values[name]
        near, far = (value(name, n * step) - value(name, -n * step) for n in (1, 2))
        assert slope == pytest.approx((8 * near - far) / (12 * step), rel=1e-7)


def _wrong(x, px, y, py, z, delta, strength):
    return x, px - strength * x, y, py, z, delta


def _shear(x, px, y, py, z, delta, strength):
    return x + strength * px, px + strength * x, y, py, z, delta


if "astray_by_undo" not in MAPS:

    @map(undo=_wrong)
    def astray_by_undo(x, px, y, py, z, delta, strength):
        return _shear(x, px, y, py, z, delta, strength)

    @map(inverse=lambda strength: (-strength,), array_kernels=True)
    def astray_by_inverse(x, px, y, py, z, delta, strength):
        return _shear(x, px, y, py, z, delta, strength)


@dataclass(frozen=True, repr=False)
class Astray(pj.Element):
    strength: float = 0.0
    by: str = "undo"
    knobs = ("strength",)

    def transport(self, state, reference, part):
        return state.apply(MAPS[f"astray_by_{self.by}"], self.strength)


@pytest.mark.parametrize("by", ["undo", "inverse"])
def test_what_is_undone_wrongly_raises(by):
    """Silently, its gradients would be those at other places than where the particles were."""
    beam = pj.Beam(ELECTRON, rows(50, 1e-2, 1e-3))
    line = pj.Lattice([Astray(1.5, by, name="a"), pj.Quadrupole(0.2, 1.0), pj.Drift(1.0)])

    def slope(adjoint):
        return pj.gradient(
            pj.observables.emittance_growth("x"), line, beam, wrt=["a.strength"], mode="reverse",
            adjoint=adjoint,
        )  # fmt: skip

    assert np.isfinite(slope("checkpoint")).all()
    with pytest.raises(pj.errors.InvalidValueError, match=r"reconstructed.*adjoint='checkpoint'"):
        slope("reversible")


def test_a_fringe_that_cannot_be_undone_raises():
    """Tens of metres off and steep, where it takes several particles to one place."""
    beam = pj.Beam(ELECTRON, rows(4000, 30.0, 0.3))
    start = State(beam.coordinates.unbind(-1), beam.alive)
    end = start.apply(maps.edge_fringe, 0.5, 0.5, 0.02)
    known = torch.isfinite(sum(end.coordinates))
    end = State(end.coordinates, known)
    with pytest.raises(pj.errors.InvalidValueError, match=r"'edge_fringe'.*off the axis.*checkp"):
        apply_inverse([(maps.edge_fringe, (0.5, 0.5, 0.02))], end)


def test_a_fringe_that_brings_several_particles_to_one_place():
    """Of each such end one start is found, and a backward pass sees that it is another's."""
    beam = pj.Beam(ELECTRON, rows(20_000, 3.0, 0.3))
    bend = pj.SBend(0.5, 0.05, e1=0.02, dk0=0.4, fint=0.5, hgap=0.02, edges="exact", name="b")
    growth, wrt = pj.observables.emittance_growth("x"), ["b.hgap"]
    with pytest.warns(pj.errors.LossWarning):
        assert np.isfinite(pj.gradient(growth, pj.Lattice([bend]), beam, wrt=wrt, adjoint="store"))
    with pytest.raises(pj.errors.InvalidValueError, match="could not be reconstructed"):
        pj.gradient(growth, pj.Lattice([bend]), beam, wrt=wrt, adjoint="reversible")


def test_a_beam_that_was_changed_since_is_not_held_against_what_is_reconstructed():
    coordinates = rows(50, 1e-3, 1e-4)
    strength = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    line = pj.Lattice([pj.Quadrupole(0.2, strength), pj.Drift(1.0)])
    end = pj.track(line, pj.Beam(ELECTRON, coordinates), adjoint="reversible")
    again = pj.track(line, pj.Beam(ELECTRON, coordinates.clone()), adjoint="store")
    coordinates.mul_(2)
    slopes = [torch.autograd.grad(e.coordinates.square().sum(), strength)[0] for e in (end, again)]
    torch.testing.assert_close(*slopes, rtol=1e-12, atol=0)
