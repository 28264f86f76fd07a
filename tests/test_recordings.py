"""Recordings of an element are kept with it, and are of no other element or reference."""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from element_cases import PROTON

import pyjutrack as pj
from pyjutrack.tracking import programs

FASTER = pj.Reference.from_kinetic("proton", 3e9)


def ring() -> list[pj.Element]:
    """Each element anew, of kinds that lose particles and of others."""
    return [
        pj.Quadrupole(0.3, 1.1, name="q"),
        pj.Drift(0.4),
        pj.SBend(0.5, 0.1, e1=0.05, hgap=0.02, fint=0.5, name="b"),
        pj.Aperture(half_width=2e-3, name="a"),
        pj.Sextupole(0.2, 5.0, dx=1e-4, name="s"),
        pj.Quadrupole(0.3, -1.1, name="p"),
    ]


@pytest.fixture
def beam() -> pj.Beam:
    return pj.Beam(PROTON, np.random.default_rng(2).normal(size=(50, 6)) * 1e-3)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often elements are recorded, by name."""
    found: Counter[str] = Counter()
    note = programs.note

    def counted(element, *args):  # type: ignore[no-untyped-def]
        found[element.name] += 1
        note(element, *args)

    monkeypatch.setattr(programs, "note", counted)
    return found


def test_an_overlaid_lattice_records_what_has_changed(
    beam: pj.Beam, recorded: Counter[str]
) -> None:
    lattice = pj.Lattice(ring())
    pj.track(lattice, beam)
    assert set(recorded.values()) == {1}
    recorded.clear()
    for k1 in (1.2, 1.3):
        changed = lattice.with_values({"q.k1": k1})
        end = pj.track(changed, beam)
        fresh = pj.track(pj.Lattice([pj.Quadrupole(0.3, k1, name="q"), *ring()[1:]]), beam)
        assert torch.equal(end.coordinates, fresh.coordinates)
        assert torch.equal(end.alive, fresh.alive)
    assert recorded["q"] == 4
    assert recorded["b"] == 2  # of the fresh ones alone


def test_one_element_at_many_places_is_recorded_once(beam: pj.Beam, recorded: Counter[str]) -> None:
    once = pj.track(pj.Lattice(ring() * 3), beam)
    assert recorded["b"] == 1
    many = pj.track(pj.Lattice([*ring(), *ring(), *ring()]), beam)
    assert torch.equal(once.coordinates, many.coordinates)


def test_a_reversible_gradient_records_once(beam: pj.Beam, recorded: Counter[str]) -> None:
    """Its lattice of plain numbers is cut in pieces twice, for inverses and with stops."""
    sharp = pj.Lattice([e for e in ring() if e.name != "a"])
    pj.gradient(pj.observables.size("x"), sharp, beam, wrt=["q.k1"], turns=3, adjoint="reversible")
    assert {name: count for name, count in recorded.items() if count > 1} == {}


def test_recordings_are_those_of_the_reference(beam: pj.Beam) -> None:
    lattice = pj.Lattice(ring())
    expected = {
        reference: pj.track(pj.Lattice(ring()), beam.replace(reference=reference)).coordinates
        for reference in (PROTON, FASTER)
    }
    assert not torch.allclose(*expected.values(), rtol=1e-9)

    def track(number: int) -> bool:
        reference = (PROTON, FASTER)[number % 2]
        shared = pj.Lattice(lattice.elements)
        end = pj.track(shared, beam.replace(reference=reference))
        return torch.equal(end.coordinates, expected[reference])

    assert all(map(track, range(4)))
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(track, range(40)))


def test_tensors_are_never_kept(beam: pj.Beam) -> None:
    """One that is changed in place is read anew, and its graph is that of the last tracking."""
    k1 = torch.tensor(1.1, dtype=torch.float64, requires_grad=True)
    lattice = pj.Lattice([pj.Quadrupole(0.3, k1, name="q"), *ring()[1:3]])
    slopes = []
    for _ in range(2):
        (slope,) = torch.autograd.grad(pj.track(lattice, beam).coordinates.square().sum(), k1)
        slopes.append(slope)
    assert torch.equal(*slopes)
    with torch.no_grad():
        k1.fill_(0.7)
        end = pj.track(pj.Lattice(lattice.elements), beam)
    fresh = pj.track(pj.Lattice([pj.Quadrupole(0.3, 0.7), *ring()[1:3]]), beam)
    torch.testing.assert_close(end.coordinates, fresh.coordinates, rtol=1e-14, atol=1e-18)


def test_elements_with_recordings_are_copied_and_sent(beam: pj.Beam) -> None:
    lattice = pj.Lattice(ring())
    end = pj.track(lattice, beam)
    for other in (copy.deepcopy(lattice), pickle.loads(pickle.dumps(lattice))):
        assert torch.equal(pj.track(other, beam).coordinates, end.coordinates)
        assert other.elements == lattice.elements
