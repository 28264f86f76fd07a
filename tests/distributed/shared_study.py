"""A study for one process and for the ranks of a job; run by each rank of a job."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack.collective import Place
from pyjutrack.distributed import SERIAL, Communicator, gather, job, shard
from pyjutrack.maps.state import State

#: not divisible by two or three
PARTICLES = 5003
TWO = ("q1.k1", "beam.current")
KNOBS = ("d1.length", "q1.k1", "d2.length", "q2.k1", "beam.current")
#: a coordinate that takes a particle out of the box
FAR = 0.0099

PROTON = pj.Reference.from_kinetic("proton", 1e9)
CELL = pj.Lattice(
    [
        pj.Drift(0.2, name="d1"),
        pj.Quadrupole(0.1, k1=29.6, name="q1"),
        pj.Drift(0.4, name="d2"),
        pj.Quadrupole(0.1, k1=-29.6, name="q2"),
        pj.Drift(0.2, name="d3"),
    ]
)
KICK = pj.SpaceCharge(
    pj.SpectralPoisson((0.02, 0.02), (128, 128)), {"Drift": 0.05, "Quadrupole": 0.025}
)
START = (1.1e-3, 2e-4, -7e-4, 1e-4, 0.0, 1e-3)


def whole_beam(world: Communicator = SERIAL, quiet: bool = False) -> pj.Beam:
    return pj.distributions.gaussian(
        PROTON,
        PARTICLES,
        twiss=pj.twiss(CELL, PROTON),
        current=200.0,
        normalized_emittance=(1e-6, 1e-6),
        sigma_delta=1e-3,
        seed=1,
        quiet=quiet,
        world=world,
    )


def losing(beam: pj.Beam) -> pj.Beam:
    """The beam with its first particles on their way out of the box: all on one rank."""
    coordinates = beam.coordinates.clone()
    coordinates[:20, 0] = FAR
    coordinates[:20, 1] = 0.05
    return beam.replace(coordinates=coordinates)


def small_beam() -> pj.Beam:
    rows = np.zeros((150, 6))
    rows[:, :4] = np.random.default_rng(4).normal(size=(150, 4)) * [1e-3, 1e-3, 8e-4, 1e-3]
    return pj.Beam.from_array(PROTON, rows, 300.0)


#: where the field is that is compared
HERE = Place(pj.Drift(0.1), 0, 0.0, 0.1, 1.0, 0)


def study(world: Communicator) -> dict[str, np.ndarray]:
    """Numbers of the whole beam, by name: the same on every rank, and alone."""
    whole = whole_beam()
    part = shard(whole, world)
    state = State(tuple(part.coordinates.mT.contiguous()), part.alive)
    end = pj.track(CELL, part, effects=[KICK])
    lost = pj.track(CELL, shard(losing(whole), world), effects=[KICK])
    found = {
        "field": KICK.field(part, state, HERE),
        "end": gather(end).coordinates,
        "moments": torch.cat(
            [pj.moments.centroid(end), pj.moments.covariance(end).flatten(), pj.moments.sizes(end)]
        ),
        "emittances": torch.stack([pj.moments.emittance(end, plane) for plane in "xyz"]),
        "lost": gather(lost).coordinates,
        "survivors": pj.moments.survivors(lost),
        "alive": gather(lost).alive,
    }
    found["own loss"], found["own slope"] = _own_loss(part)
    found |= _bunch(world)
    arrays = {name: tensor.detach().numpy() for name, tensor in found.items()}
    for method in ("ad", "fd"):
        jacobian = pj.jacobian(CELL, part, effects=[KICK], at=START, method=method)
        arrays[f"Jacobian, {method}"] = jacobian
    for mode in ("reverse", "forward", "fd"):
        arrays[f"value, {mode}"], arrays[f"gradient, {mode}"] = _growth(part, mode=mode)
    for adjoint in ("reversible", "checkpoint"):
        arrays[f"gradient, {adjoint}"] = _growth(part, adjoint=adjoint)[1]
    return arrays


def _bunch(world: Communicator) -> dict[str, torch.Tensor]:
    """A bunch with weights and a charge, cut and gathered, in lines of cells that all share."""
    whole = whole_beam().replace(current=0.0, charge=2e-8)
    draw = torch.Generator().manual_seed(5)
    z = 0.05 * torch.randn(PARTICLES, generator=draw, dtype=torch.float64)
    rows = torch.cat([whole.coordinates[:, :4], z[:, None], whole.coordinates[:, 5:]], 1)
    weights = 0.5 + torch.rand(PARTICLES, generator=draw, dtype=torch.float64)
    part = shard(whole.replace(coordinates=rows, weights=weights), world)
    mode = pj.collective.Resonator(frequency=1e9, shunt=1e9)
    wake = pj.collective.Wake(mode, component="dipole x", max_step=0.5, cells=100)
    end = gather(pj.track(CELL, part, effects=[wake]))
    found = {"bunch": end.coordinates, "weights": end.weights, "charge": torch.tensor(end.charge)}
    wrt = ["beam.charge", "effects[0].function.frequency", "effects[0].function.shunt"]
    for mode_ in ("reverse", "forward"):
        slopes = pj.gradient(
            pj.observables.size("x"), CELL, part, wrt=wrt, effects=[wake], mode=mode_
        )
        found[f"wake, {mode_}"] = torch.tensor(slopes) * torch.tensor([2e-8, 1e9, 1e9])
    return found


def _growth(part: pj.Beam, **options: str) -> tuple[np.ndarray, np.ndarray]:
    """The growth of the emittance in x, and its slopes by relative changes of knobs."""
    growth = pj.observables.emittance_growth("x")
    value, slopes = pj.value_and_gradient(growth, CELL, part, wrt=KNOBS, effects=[KICK], **options)
    return np.array(value), slopes * [*map(CELL.value, KNOBS[:-1]), part.current]


def slow_study(world: Communicator) -> dict[str, np.ndarray]:
    """More of the same, of what takes longer."""
    part = shard(whole_beam(), world)
    network = pj.SpaceCharge(pj.Surrogate.load("linear"), 0.2)
    matrix, slopes = pj.jacobian_derivatives(CELL, part, TWO, effects=[KICK], at=START)
    return {
        "network": gather(pj.track(CELL, part, effects=[network])).numpy(),
        "Hessian": _hessian(shard(small_beam(), world)).numpy(),
        "Jacobian": matrix,
        "Jacobian's slopes": slopes,
    }


def _own_loss(part: pj.Beam) -> tuple[torch.Tensor, torch.Tensor]:
    """A loss of the user's own, and its slopes, as DistributedDataParallel would average them."""
    leaf = torch.tensor([29.6, -29.6, 200.0], dtype=torch.float64, requires_grad=True)
    knobbed = CELL.with_values({"q1.k1": leaf[0], "q2.k1": leaf[1]})
    end = pj.track(knobbed, part.replace(current=leaf[2]), effects=[KICK])
    loss = pj.moments.mean(end, end.coordinate("x") ** 4) * 1e12 + pj.moments.sizes(end)[2] * 1e3
    loss.backward()
    return loss, leaf.detach() * part.world.sum(leaf.grad) / part.world.size


def _hessian(part: pj.Beam) -> torch.Tensor:
    """Second derivatives, forward over reverse: the sum over the ranks is closed to any order."""
    line = pj.Lattice([pj.Drift(0.1, name="d"), pj.Quadrupole(0.05, k1=20.0, name="q")])
    kick = pj.SpaceCharge(pj.SpectralPoisson((0.02, 0.02), (64, 64)), 0.1)

    def figure(vector: torch.Tensor) -> torch.Tensor:
        moved = line.with_values({"d.length": vector[0], "q.k1": vector[1]})
        end = pj.track(moved, part, effects=[kick])
        return part.world.split_scalar(pj.moments.mean(end, end.coordinate("x") ** 2) * 1e6)

    at = torch.tensor([0.1, 20.0], dtype=torch.float64)
    return part.world.sum(torch.func.hessian(figure)(at))


def parts(world: Communicator) -> dict[str, np.ndarray]:
    """The ways of getting a part of one beam, as coordinates that must be equal."""
    whole = whole_beam()
    first = whole if world.rank == 0 else None
    return {
        "cut": shard(whole, world).numpy(),
        "drawn": whole_beam(world).numpy(),
        "sent": shard(first, world).numpy(),
        "quiet, cut": shard(whole_beam(quiet=True), world).numpy(),
        "quiet, drawn": whole_beam(world, quiet=True).numpy(),
        "back again": gather(shard(whole, world)).numpy(),
        "whole": whole.numpy(),
    }


def messages(world: Communicator) -> dict[str, object]:
    """What the ranks send to each other: the longest from the last."""
    last = world.size - 1
    world.barrier()
    return {
        "broadcast": world.broadcast("x" * 1000 * world.rank, root=last),
        "gather": world.gather({"rank": world.rank, "text": "x" * 1000 * world.rank}),
        "scatter": world.scatter([*range(world.size)] if world.rank == last else None, root=last),
    }


def refusals(world: Communicator) -> dict[str, str]:
    """What is said of beams that cannot be, each at fault on one rank only."""
    whole = whole_beam()
    part = shard(whole, world)
    last = world.rank == world.size - 1
    nan, wide = part.coordinates.clone(), part.coordinates.clone()
    if last:
        nan[7, 3] = float("nan")
        wide[:, 0] = 0.02
    dead = torch.full_like(part.alive, not last)

    def local(final: pj.Beam, initial: pj.Beam) -> torch.Tensor:
        return final.coordinate("x").square().mean()

    def track(beam: pj.Beam) -> pj.Beam:
        return pj.track(CELL, beam, effects=[KICK])

    tries = {
        "not finite": lambda: track(part.replace(coordinates=nan)),
        "too wide": lambda: track(part.replace(coordinates=wide)),
        "all lost": lambda: track(part.replace(alive=torch.zeros_like(part.alive))),
        "smaller part": lambda: track(
            part.replace(coordinates=part.coordinates[1:], alive=part.alive[1:])
        ),
        "a figure of each rank": lambda: pj.gradient(local, CELL, part, wrt=["q1.k1"]),
        "different beams": lambda: shard(whole.replace(current=200.0 + world.rank), world),
        "shared twice": lambda: shard(part, world),
        "few": lambda: shard(pj.Beam(PROTON, whole.coordinates[:1]), world),
        "no beam": lambda: shard(None, world),
        "a file": lambda: pj.write_beam("beam.h5", part),
        "lost on one rank": lambda: track(part.replace(alive=dead)),
    }
    said = {}
    for name, attempt in tries.items():
        try:
            attempt()
            said[name] = "nothing"
        except pj.PyJuTrackError as error:
            said[name] = f"{type(error).__name__}: {error}"
    return said


def leave_findings(world: Communicator, folder: str, team: str) -> None:
    """Write what this rank finds to a file."""
    found = {
        "study": study(world) | (slow_study(world) if world.size == 2 else {}),
        "parts": parts(world),
        "messages": messages(world),
        "refusals": refusals(world),
        "repr": repr(whole_beam(world)),
    }
    Path(folder, f"{team}, {world.rank}.pickle").write_bytes(pickle.dumps(found))


def main() -> None:
    """Be one team after the other of the first ranks, of 3 and of 2 say; that of MPI by MPI."""
    folder, *teams = sys.argv[1:]
    if not teams:
        with job() as world:
            leave_findings(world, folder, f"{world.size} by MPI")
    for team in teams:
        if int(os.environ["RANK"]) >= int(team):
            continue
        os.environ["WORLD_SIZE"] = team
        meeting = Path(folder, f"meeting of {team}").absolute().as_uri()
        with job(init_method=meeting) as world:
            leave_findings(world, folder, team)


if __name__ == "__main__":
    main()
