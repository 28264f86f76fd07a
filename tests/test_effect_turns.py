"""Effects get the turn in which they act, however a tracking is cut in sections."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from element_cases import PROTON

import pyjutrack as pj
from pyjutrack.collective import Place
from pyjutrack.maps.state import State
from pyjutrack.tracking.observation import observe_beams
from pyjutrack.tracking.task import task_of

TURNS = 4
ADJOINTS = ["auto", "store", "checkpoint", "reversible", pj.adjoints.Checkpoint(every=2)]
KNOBS = ["q.k1", "effects[0].strength"]


@dataclass(frozen=True)
class Ramp(pj.CollectiveEffect):
    """A focusing error that grows from turn to turn, about the beam's weighted centre."""

    strength: Any
    #: by which turns of a tracking are counted further
    first: int = 0
    lumped = reversible = weighted = True

    def slices(self, element: pj.Element) -> int:
        return int(element.name in ("a", "b"))

    def field(self, beam: pj.Beam, state: State, place: Place, memory: Any) -> Any:
        x, alive = state.coordinates[0], state.alive
        weights = torch.ones_like(x) if beam.weights is None else beam.weights
        share = torch.where(alive, weights, 0.0)
        centre = (share * x).sum() / share.sum()
        return self.strength * (1 + place.turn + self.first) ** 2, centre

    def apply(self, state: State, field: Any, place: Place) -> State:
        gain, centre = field
        x, px, *rest = state.coordinates
        return state._replace(coordinates=(x, px - gain * (x - centre), *rest))


@dataclass(frozen=True)
class Echo(Ramp):
    """The same, and it adds up all that it has found in former turns."""

    def start(self, beam: pj.Beam) -> Any:
        return 0.0

    def field(self, beam: pj.Beam, state: State, place: Place, memory: Any) -> Any:
        gain, centre = super().field(beam, state, place, None)
        return gain, centre + memory

    def remember(self, memory: Any, field: Any, place: Place) -> Any:
        return 0.5 * field[1]


def line(smoothing: float, k1: float = 1.5) -> pj.Lattice:
    return pj.Lattice(
        [
            pj.Marker(name="a"),
            pj.Quadrupole(0.2, k1, name="q"),
            pj.Aperture(half_width=1.5e-3, smoothing=smoothing, name="edge"),
            pj.Drift(0.5),
            pj.Marker(name="b"),
            pj.Quadrupole(0.2, -1.5),
            pj.Monitor(name="m"),
        ]
    )


@pytest.fixture(scope="module")
def beam() -> pj.Beam:
    rows = np.random.default_rng(3).normal(size=(60, 6)) * 5e-4
    rows[:, 0] += 2e-4
    return pj.Beam(PROTON, rows)


def turn_by_turn(lattice: pj.Lattice, beam: pj.Beam, strength: float) -> pj.Beam:
    """By trackings of one turn, each with an effect that is made for it."""
    for turn in range(TURNS):
        beam = pj.track(lattice, beam, effects=[Ramp(strength, turn)])
    return beam


figure = pj.observables.size("x")


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")  # of the same particles
@pytest.mark.parametrize("smoothing", [0.0, 1e-4])
@pytest.mark.parametrize("adjoint", ADJOINTS, ids=str)
def test_values_and_gradients_of_every_adjoint(
    beam: pj.Beam, adjoint: Any, smoothing: float
) -> None:
    strength = torch.tensor(0.02, dtype=torch.float64, requires_grad=True)
    soft = line(smoothing)
    end = pj.track(soft, beam, effects=[Ramp(strength)], turns=TURNS, adjoint=adjoint)
    expected = turn_by_turn(soft, beam, 0.02)
    torch.testing.assert_close(
        end.coordinates.detach(), expected.coordinates, rtol=1e-13, atol=1e-17
    )
    assert torch.equal(end.alive, expected.alive)
    effects = [Ramp(0.02)]
    found = pj.gradient(
        figure, soft, beam, wrt=KNOBS, effects=effects, turns=TURNS, adjoint=adjoint
    )

    def rebuilt(k1: float, strength: float) -> float:
        return float(figure(turn_by_turn(line(smoothing, k1), beam, strength)))

    h = 1e-6
    differences = [
        (rebuilt(1.5 + h, 0.02) - rebuilt(1.5 - h, 0.02)) / (2 * h),
        (rebuilt(1.5, 0.02 + h) - rebuilt(1.5, 0.02 - h)) / (2 * h),
    ]
    np.testing.assert_allclose(found, differences, rtol=1e-7)


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")  # of the same particles
@pytest.mark.parametrize("adjoint", ["auto", "store"])
@pytest.mark.parametrize("smoothing", [0.0, 1e-4])
def test_memory_goes_on_through_soft_apertures(
    beam: pj.Beam, smoothing: float, adjoint: str
) -> None:
    """A tracking that is cut nowhere, of numbers alone, has the same memory and the same end."""
    plain = pj.track(line(smoothing), beam, effects=[Echo(0.02)], turns=TURNS)
    strength = torch.tensor(0.02, dtype=torch.float64, requires_grad=True)
    little = pj.adjoints.Auto(memory=0) if adjoint == "auto" else adjoint
    end = pj.track(line(smoothing), beam, effects=[Echo(strength)], turns=TURNS, adjoint=little)
    torch.testing.assert_close(end.coordinates.detach(), plain.coordinates, rtol=1e-13, atol=1e-17)
    assert not torch.allclose(
        plain.coordinates, turn_by_turn(line(smoothing), beam, 0.02).coordinates
    )
    for refused in ("checkpoint", "reversible"):
        with pytest.raises(pj.errors.InvalidValueError, match="Echo remembers former turns"):
            pj.track(line(smoothing), beam, effects=[Echo(strength)], adjoint=refused)


@pytest.mark.parametrize("adjoint", ADJOINTS, ids=str)
def test_beams_along_a_section_of_a_longer_tracking(beam: pj.Beam, adjoint: Any) -> None:
    """Each section of `beams_at` is of the turn of the whole."""
    strength = torch.tensor(0.02, dtype=torch.float64, requires_grad=True)
    whole = task_of(line(1e-4), beam, [Ramp(strength)], 1, adjoint)
    later = observe_beams(dataclasses.replace(whole, first_turn=3), ["q", "b", "m"])
    expected = pj.beams_at(line(1e-4), beam, ["q", "b", "m"], effects=[Ramp(0.02, 3)])
    for place, one in later.items():
        torch.testing.assert_close(
            one.coordinates.detach(), expected[place].coordinates, rtol=1e-13, atol=1e-17
        )


def test_a_loss_map_is_of_the_same_turns(beam: pj.Beam) -> None:
    tight = pj.Lattice([*line(0.0), pj.Aperture(half_width=1.2e-3, name="tight")])
    found = pj.loss_map(tight, beam, effects=[Ramp(0.05)], turns=TURNS)
    alive, lost = beam, np.full(len(beam), -1)
    for turn in range(TURNS):
        after = pj.track(tight, alive, effects=[Ramp(0.05, turn)])
        lost[(alive.alive & ~after.alive).numpy()] = turn
        alive = after
    np.testing.assert_array_equal(found.turn, lost)
    assert len(set(lost)) > 2


class Reminder(pj.CollectiveEffect):
    """A kick by where each particle was a turn before: its memory is a column as it was given."""

    lumped = True

    def slices(self, element: pj.Element) -> int:
        return int(element.name == "gap")

    def start(self, beam: pj.Beam) -> Any:
        return (beam.coordinate("x") * 0.0,)

    def field(self, beam: pj.Beam, state: State, place: Place, memory: Any) -> Any:
        return state.coordinates[0], memory[0]

    def remember(self, memory: Any, field: Any, place: Place) -> Any:
        return field[:1]

    def apply(self, state: State, field: Any, place: Place) -> State:
        x, px, *rest = state.coordinates
        return state._replace(coordinates=(x, px + 0.1 * field[1], *rest))


def test_a_memory_of_columns_stays_as_it_was() -> None:
    x, px = np.random.default_rng(3).normal(0, 1e-3, (2, 50))
    start = np.zeros((50, 6))
    start[:, 0], start[:, 1] = x, px
    half = pj.Drift(1.0, model="paraxial")
    ring = pj.Lattice([half, pj.Marker(name="gap"), half])
    end = pj.track(ring, pj.Beam(PROTON, start), effects=[Reminder()], turns=TURNS)
    former = 0.0 * x
    for _ in range(TURNS):
        x = x + px
        px, former = px + 0.1 * former, x
        x = x + px
    np.testing.assert_allclose(end.numpy()[:, :2], np.stack([x, px], 1), rtol=1e-12, atol=1e-18)
