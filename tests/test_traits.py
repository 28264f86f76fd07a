"""Traits: all that is known of a kind is in its file, and nothing else asks for the kind."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path
from typing import ClassVar

import pytest
import torch

import pyjutrack as pj
from pyjutrack import collective, elements, maps
from pyjutrack.elements.part import WHOLE, Part
from pyjutrack.elements.placement import advance
from pyjutrack.maps.state import State

PACKAGE = Path(pj.__file__).parent
#: file formats and the border to JuTrack give each kind a counterpart
BORDERS = ("io/", "engines/julia/")
#: type tests on effects that are left until the loop of tracking asks effects for their kernels
LEFT: set[str] = set()
PROTON = pj.Reference.from_kinetic("proton", 1e9)


def kind_names() -> set[str]:
    """Names of all kinds of elements, their bases, effects and solvers."""
    kinds = {k.__name__ for kind in elements.kinds().values() for k in kind.__mro__}
    effects = {
        name
        for name, thing in vars(collective).items()
        if isinstance(thing, type) and (hasattr(thing, "apply") or hasattr(thing, "solve"))
    }
    return (kinds | effects | {"JuTrackSpaceCharge"}) - {"Element", "object", "Protocol"}


def type_tests(source: str, kinds: set[str]) -> list[int]:
    """Lines that ask for the kind of a thing."""
    found = []
    for node in ast.walk(ast.parse(source)):
        asked: list[ast.AST] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in ("isinstance", "issubclass"):
                asked = list(node.args[1:])
        elif isinstance(node, ast.Compare) and isinstance(node.left, ast.Call):
            if isinstance(node.left.func, ast.Name) and node.left.func.id == "type":
                asked = list(node.comparators)
        elif isinstance(node, ast.MatchClass):
            asked = [node.cls]
        elif isinstance(node, ast.Dict):  # a table by kind
            asked = [key for key in node.keys if isinstance(key, ast.Name)]
        names = {
            inner.id if isinstance(inner, ast.Name) else inner.attr
            for each in asked
            for inner in ast.walk(each)
            if isinstance(inner, (ast.Name, ast.Attribute))
        }
        if names & kinds:
            found.append(node.lineno if hasattr(node, "lineno") else 0)
    return found


def test_nothing_asks_for_a_kind() -> None:
    kinds = kind_names()
    assert {"Drift", "Bend", "Magnet", "SpaceCharge", "SpectralPoisson"} <= kinds
    found = {}
    for path in PACKAGE.rglob("*.py"):
        place = path.relative_to(PACKAGE).as_posix()
        lines = type_tests(path.read_text(encoding="utf-8"), kinds)
        if lines and not place.startswith(BORDERS) and place not in LEFT:
            found[place] = lines
    assert not found


def test_what_is_found() -> None:
    """The search itself."""
    for text in ("isinstance(e, (Drift, pj.Patch))", "type(e) is Drift", "{Drift: 1, Patch: 2}"):
        assert type_tests(text, {"Drift", "Patch"}) == [1]
    assert not type_tests("isinstance(e, Element) or type(e) is not type(f)", {"Drift"})


@pytest.mark.parametrize(
    "kind",
    # other tests have kinds of their own
    [k for k in elements.kinds().values() if k.__module__.startswith("pyjutrack.")],
    ids=lambda kind: kind.__name__,
)
def test_a_kind_is_one_file(kind: type[pj.Element]) -> None:
    """Its record and its motion; bends share one."""
    assert "transport" in {
        name for k in kind.__mro__ if k.__module__ == kind.__module__ for name in vars(k)
    }


@pytest.mark.parametrize(
    ("element", "passes"),
    [
        (pj.Drift(1.0), True),
        (pj.Drift(1.0, dx=1e-3), False),
        (pj.Marker(), True),
        (pj.DipoleEdge(0.1, 0.2), True),
        (pj.Monitor(0.1), True),
        (pj.Quadrupole(0.1, 1.0), True),
        (pj.Quadrupole(0.1, 1.0, model="exact"), False),
        (pj.Quadrupole(0.1, 1.0, knl=(0.1,)), False),
        (pj.Sextupole(0.1, 1.0), False),
        (pj.Aperture(half_width=1e-3), False),
    ],
    ids=str,
)
def test_what_transmits_all(element: pj.Element, passes: bool) -> None:
    assert element.transmits_all is passes


def test_traits_of_bends() -> None:
    bend = pj.RBend(2.0, 0.4, dk0=0.01, k1=0.3, e1=0.1)
    assert (bend.bend_angle, bend.curvature, bend.normal_gradient) == (0.4, 0.2, 0.3)
    assert bend.normal_dipole == pytest.approx(0.21)
    assert bend.face_angles == pytest.approx((0.3, 0.2))
    assert pj.SBend(0.0, 0.0).curvature == 0.0
    straight = pj.Quadrupole(1.0, 2.0)
    assert (straight.bend_angle, straight.curvature, straight.normal_dipole) == (0.0, 0.0, 0.0)
    assert straight.normal_gradient == 2.0
    assert straight.face_angles == (0.0, 0.0)


def test_traits_of_cavities() -> None:
    wave = {"frequency": 1e8, "phase": 1.0}
    still, taking = (pj.RFCavity(0.3, 1e6, **wave, accelerate=a) for a in (False, True))
    crab = pj.CrabCavity(0.3, 1e6, **wave)
    assert still.exit_reference(PROTON) is PROTON
    assert taking.exit_reference(PROTON).p0c > PROTON.p0c
    assert still.without_rf() == crab.without_rf() == pj.Drift(0.3)
    drift = pj.Drift(0.3)
    assert drift.without_rf() is drift
    focusing = pj.RFCavity(0.3, 1e6, **wave, focusing="gap")
    off = pj.RFCavity(0.3, 0.0, **wave, focusing="gap")
    assert focusing.focuses_by_rf
    assert not any(e.focuses_by_rf for e in (off, still, taking, crab, drift))
    assert [e.rf_frequency for e in (still, crab, off, drift)] == [1e8, 1e8, 0.0, 0.0]
    assert drift.exit_reference(PROTON) is PROTON


@dataclasses.dataclass(frozen=True, repr=False)
class Lens(pj.Drift):
    """A user's kind: a kick by a plain function, then the drift that it inherits."""

    strength: float = 0.0
    abstract: ClassVar[bool] = True  # not one of the package's kinds

    def transport(self, state: State, reference: pj.Reference, part: Part) -> State:
        return super().transport(state.apply(focus, self.strength), reference, part)


def focus(x, px, y, py, z, delta, strength):
    """A thin lens that was never registered."""
    return x, px - strength * x, y, py - strength * y, z, delta


def test_a_kind_of_a_user_in_plain_functions() -> None:
    """One class with one method; of its parent it keeps no promise about its motion."""
    lens = Lens(0.5, strength=0.3)
    assert pj.Drift(0.5).transmits_all
    assert not lens.transmits_all
    c = 1e-3 * torch.randn(20, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    alive = torch.arange(20) != 4
    end = advance(lens, State(c.unbind(-1), alive), PROTON, WHOLE)
    found = torch.stack(end.coordinates, -1)
    kicked = torch.stack(focus(*c.unbind(-1), 0.3), -1)
    drifted = pj.track(pj.Lattice([pj.Drift(0.5)]), pj.Beam(PROTON, kicked)).coordinates
    torch.testing.assert_close(found[alive], drifted[alive], rtol=0, atol=1e-16)
    assert torch.equal(found[4], c[4])
    ring = pj.Lattice([pj.Quadrupole(0.2, 1.0, name="q"), lens, pj.Drift(0.3)])
    tracked = pj.track(ring, pj.Beam(PROTON, c)).coordinates
    slow = pj.track(ring, pj.Beam(PROTON, c.clone().requires_grad_())).coordinates
    torch.testing.assert_close(tracked, slow.detach(), rtol=0, atol=1e-15)
    assert pj.jacobian(ring, PROTON).shape == (6, 6)


def test_maps_are_applied_by_what_is_known_of_them() -> None:
    c = torch.full((2, 6), 1e-3, dtype=torch.float64)
    state = State(c.unbind(-1), torch.tensor([True, False]))
    moved = state.apply(maps.drift, 2.0, PROTON.beta)
    assert moved.coordinates[0][0] > 2e-3
    assert moved.coordinates[0][1] == 1e-3
    assert not state.apply(maps.in_ellipse, 1e-4, 1e-4).alive.any()
    beta = torch.tensor(PROTON.beta, dtype=torch.float64, requires_grad=True)
    slope = torch.autograd.grad(state.apply(maps.drift, 2.0, beta).coordinates[4].sum(), beta)
    assert float(slope[0]) != 0.0
