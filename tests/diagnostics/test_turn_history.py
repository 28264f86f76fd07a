"""Readings turn by turn are those of beams tracked turn by turn, in every mode."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.collective import Resonator, Wake

PROTON = pj.Reference.from_kinetic("proton", 1e9)
RING = pj.Lattice(
    [
        pj.Quadrupole(0.3, 1.5, name="qf"),
        pj.Drift(1.0),
        pj.Multipole(knl=(0.0, 0.0, 0.5), name="s"),
        pj.Marker(name="tank"),
        pj.Quadrupole(0.3, -1.5, name="qd"),
        pj.Drift(1.3, name="d"),
    ]
)
READ = {
    "centroid": pj.moments.centroid,
    "sizes": pj.moments.sizes,
    "emittance": pj.observables.emittance("x"),
    "position": dg.BeamPosition("tank").read,
    "lost": lambda beam: beam.lost,
}


def _beam(size: int = 60, **changes) -> pj.Beam:
    draw = torch.Generator().manual_seed(3)
    sizes = torch.tensor([1e-3, 2e-4, 1e-3, 2e-4, 1e-3, 1e-3], dtype=torch.float64)
    rows = sizes * torch.randn(size, 6, generator=draw, dtype=torch.float64)
    rows[:, 0] += 1e-3
    return pj.Beam(PROTON, rows, **changes)


def _slit(half_width: float) -> pj.Lattice:
    return pj.Lattice([*RING, pj.Aperture(half_width=half_width, name="slit")])


@pytest.mark.parametrize("weighted", [False, True])
def test_readings_are_those_of_beams_tracked_turn_by_turn(weighted: bool) -> None:
    """On losses too: the reference keeps a beam a turn."""
    weights = torch.linspace(0.5, 1.5, 60, dtype=torch.float64) if weighted else None
    lattice, beam = _slit(2.5e-3), _beam(weights=weights)
    found = dg.track_turns(lattice, beam, READ, turns=12, at=["tank", "qf", "tank"])
    assert {n: tuple(r.shape) for n, r in found.readings.items()} == {
        **{"centroid": (12, 3, 6), "sizes": (12, 3, 6)},
        **{"emittance": (12, 3), "position": (12, 3, 2), "lost": (12, 3)},
    }
    now = beam
    for turn in range(12):
        here = pj.beams_at(lattice, now, ["tank", "qf"])
        for name, observable in READ.items():
            rows = found[name][turn]
            for row, place in zip(rows, ("tank", "qf", "tank"), strict=True):
                expected = torch.as_tensor(observable(here[place]), dtype=torch.float64)
                torch.testing.assert_close(row, expected, rtol=1e-13, atol=1e-18)
        now = pj.track(lattice, now)
    assert 0 < now.lost < 60
    assert torch.equal(found.beam.coordinates, now.coordinates)
    assert torch.equal(found.beam.alive, now.alive)
    assert found["lost"][-1, 0] == now.lost
    assert "lost (12, 3)" in repr(found)


def test_some_turns_alone() -> None:
    every = dg.track_turns(RING, _beam(), READ, turns=11, at="tank")
    some = dg.track_turns(RING, _beam(), READ, turns=11, at="tank", every=4)
    assert some.turns.tolist() == [0, 4, 8]
    for name in READ:
        assert torch.equal(some[name], every[name][::4])
    assert torch.equal(some.beam.coordinates, every.beam.coordinates)


def test_a_batch_of_beams() -> None:
    one, other = _beam(), _beam().replace(coordinates=0.5 * _beam().coordinates)
    both = pj.Beam(PROTON, torch.stack([one.coordinates, other.coordinates]))
    read = {"centroid": pj.moments.centroid}
    found = dg.track_turns(RING, both, read, turns=5)["centroid"]
    for k, beam in enumerate((one, other)):
        alone = dg.track_turns(RING, beam, read, turns=5)["centroid"]
        torch.testing.assert_close(found[:, k], alone, rtol=1e-12, atol=1e-18)


def test_live_coordinates_have_nan_for_the_lost() -> None:
    found = dg.track_turns(_slit(2.5e-3), _beam(), {"all": dg.live_coordinates}, turns=12)
    lost = ~found.beam.alive
    kept, gone = found["all"][:, ~lost], found["all"][:, lost]
    assert lost.any()
    assert torch.isfinite(kept).all()
    assert torch.isfinite(gone[0]).all()
    # once lost, for good; and never a last place that stands still
    missing = torch.isnan(gone).all(-1)
    assert (missing[1:] >= missing[:-1]).all()


def test_the_memory_of_turns_goes_on_between_readings() -> None:
    """A wake that remembers turns acts as without anything read."""
    beam = _beam(size=400, charge=1e-9)
    mode = Resonator(frequency=1e7, shunt=1e10, quality=50.0)
    wake = Wake(mode, "tank", "dipole x", cells=80, window=0.03, period=1e-8)
    plain = pj.track(RING, beam, effects=[wake], turns=6)
    found = dg.track_turns(RING, beam, READ, turns=6, at="tank", effects=[wake])
    assert torch.equal(found.beam.coordinates, plain.coordinates)
    assert not torch.equal(plain.coordinates, pj.track(RING, beam, turns=6).coordinates)


def _growth(k1: torch.Tensor | float, **options) -> torch.Tensor:
    ring = RING.with_values({"qf.k1": k1})
    read = {"x": pj.observables.centroid("x"), "size": pj.observables.size("y")}
    found = dg.track_turns(ring, _beam(), read, turns=9, at=["tank", "d"], **options)
    turns = torch.arange(1.0, 10.0, dtype=torch.float64)[:, None]
    return 1e3 * ((turns * found["x"]).square().sum().sqrt() + found["size"].sum())


@pytest.mark.parametrize(
    "adjoint",
    [
        *("auto", "store", "checkpoint", "reversible"),
        *(pj.adjoints.Auto(memory=0), pj.adjoints.Checkpoint(every=2)),
        pj.adjoints.Reversible(snapshots=40),
    ],
)
def test_gradients_of_a_history_are_those_of_differences(adjoint) -> None:
    k1 = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(_growth(k1, adjoint=adjoint), k1)
    step = 1e-5
    difference = (_growth(1.5 + step) - _growth(1.5 - step)) / (2 * step)
    assert float(slope) == pytest.approx(float(difference), rel=1e-7)


@pytest.mark.parametrize("every", [1, 3, 4, 20])
@pytest.mark.parametrize("adjoint", ["store", "checkpoint", "reversible"])
def test_gradients_of_some_turns_alone(adjoint: str, every: int) -> None:
    """Of 11 turns, after all of which the beam counts too; and no more beams kept than read."""

    def figure(ring: pj.Lattice, adjoint: str) -> torch.Tensor:
        read = {"x": pj.observables.centroid("x")}
        options = {"turns": 11, "at": ["tank", "d"], "every": every, "adjoint": adjoint}
        found = dg.track_turns(ring, _beam(), read, **options)
        return 1e6 * (found["x"].square().sum() + found.beam.coordinates[:, 0].square().mean())

    k1 = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    value = figure(RING.with_values({"qf.k1": k1}), adjoint)
    (slope,) = torch.autograd.grad(value, k1, retain_graph=True)
    steps = [float(figure(RING.with_values({"qf.k1": 1.5 + h}), "store")) for h in (1e-5, -1e-5)]
    assert float(slope) == pytest.approx((steps[0] - steps[1]) / 2e-5, rel=1e-7)
    if adjoint != "store":
        readings = -(-11 // every)
        assert _count(value, "_TrackingBackward") <= readings * (3 + (every > 1))


def _count(value: torch.Tensor, name: str) -> int:
    """Nodes of a name on which a number depends."""
    return sum(type(node).__name__ == name for node in _nodes_of(value))


def test_the_adjoint_is_chosen_for_the_whole_and_not_for_a_section() -> None:
    """A turn would be stored in little memory, and all of them would not."""
    k1 = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    stored = _growth(k1, adjoint="store")
    turn = 16 * 60 * 8 * len(RING)  # bytes a turn, by the estimate of `Auto`
    beyond = _growth(k1, adjoint=pj.adjoints.Auto(memory=2 * turn))
    reverse = _nodes(beyond)
    assert "_TrackingBackward" in reverse
    assert "_TrackingBackward" not in _nodes(stored)


def _nodes(value: torch.Tensor) -> set[str]:
    """Names of the functions of autograd on which a number depends."""
    return {type(node).__name__ for node in _nodes_of(value)}


def _nodes_of(value: torch.Tensor) -> set:
    seen, left = set(), [value.grad_fn]
    while left:
        node = left.pop()
        if node is not None and node not in seen:
            seen.add(node)
            left += [after for after, _ in node.next_functions]
    return seen


def test_forward_mode_is_reverse_mode() -> None:
    k1 = torch.tensor(1.5, dtype=torch.float64)
    value, forward = torch.func.jvp(_growth, (k1,), (torch.ones_like(k1),))
    assert float(value) == pytest.approx(float(_growth(1.5)), rel=1e-12)
    assert float(forward) == pytest.approx(float(torch.func.grad(_growth)(k1)), rel=1e-10)


@pytest.mark.parametrize("adjoint", ["store", "reversible", "checkpoint"])
def test_gradients_with_an_effect(adjoint: str) -> None:
    solver = pj.SpectralPoisson((0.02, 0.02), (64, 64))
    kick = pj.SpaceCharge(solver, max_step=1.0)
    read = {"size": pj.observables.size("x")}

    def total(current: torch.Tensor | float) -> torch.Tensor:
        beam = _beam(400, current=current)
        found = dg.track_turns(
            RING, beam, read, turns=3, at="tank", effects=[kick], adjoint=adjoint
        )
        return found["size"].square().sum()

    current = torch.tensor(5.0, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(total(current), current)
    difference = (total(5.01) - total(4.99)) / 0.02
    assert float(slope) == pytest.approx(float(difference), rel=1e-6)


def test_soft_apertures_lower_weights() -> None:
    soft = pj.Aperture(half_width=2.5e-3, smoothing=2e-4, name="slit")
    lattice = pj.Lattice([*RING, soft])
    found = dg.track_turns(lattice, _beam(), {"left": pj.moments.survivors}, turns=5)
    left = found["left"].numpy()
    assert left[0] == 60
    assert (np.diff(left) < 0).all()
    assert float(pj.moments.survivors(found.beam)) < left[-1]


def test_losses_are_told_of_where_there_are_derivatives() -> None:
    k1 = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    lattice = _slit(2.5e-3).with_values({"qf.k1": k1})
    with pytest.warns(pj.errors.LossWarning, match="particles are lost"):
        dg.track_turns(lattice, _beam(), READ, turns=12)


def test_what_would_not_fit_is_refused_at_once() -> None:
    read = {"all": dg.live_coordinates}
    size = 60 * 6 * 8 * 1000
    with pytest.raises(pj.errors.InvalidValueError, match=r"'all'.*1000 times.*larger `every`"):
        dg.track_turns(RING, _beam(), read, turns=1000, memory=size - 1)
    found = dg.track_turns(RING, _beam(), read, turns=1000, every=10, memory=size // 10)
    assert found["all"].shape == (100, 60, 6)


def test_numbers_keep_double_precision() -> None:
    read = {"one": lambda beam: 1 + 1e-12, "pair": lambda beam: [beam.lost, 1 + 1e-12]}
    found = dg.track_turns(RING, _beam(), read, turns=2)
    assert (found["one"] == 1 + 1e-12).all()
    assert found["pair"].tolist() == [[0.0, 1 + 1e-12]] * 2


@pytest.mark.parametrize(
    ("observables", "said"),
    [
        ({"x": lambda beam: "no number"}, "what observable 'x' returns"),
        (
            {"x": lambda beam: [torch.ones((), requires_grad=True)] * 2},
            "what observable 'x' returns",
        ),
        ({"x": lambda beam: beam.coordinates[: 1 + beam.lost]}, "changed|must be alike"),
        ({}, "one function or more"),
        (pj.moments.centroid, "must be a dict"),
        ({"x": 1.0}, "a function of a Beam"),
    ],
)
def test_what_is_no_reading_is_refused(observables, said: str) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=said):
        dg.track_turns(_slit(2.5e-3), _beam(), observables, turns=12)


def test_names_are_checked() -> None:
    found = dg.track_turns(RING, _beam(), READ, turns=2)
    with pytest.raises(pj.errors.UnknownNameError, match="centroid"):
        found["centroids"]
    with pytest.raises(pj.errors.UnknownNameError, match="tank"):
        dg.track_turns(RING, _beam(), READ, turns=2, at="tanc")
