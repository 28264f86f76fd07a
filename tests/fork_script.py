"""A script that forks: its child makes every kind of call, and finds the numbers of the parent."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

import pyjutrack as pj

#: seconds after which a call hangs: kernels may be compiled
PATIENCE = 100

PROTON = pj.Reference.from_kinetic("proton", 1e9)
CELL = pj.Lattice(
    [
        pj.Drift(0.2),
        pj.Quadrupole(0.1, k1=29.6, name="q1"),
        pj.Drift(0.4),
        pj.Quadrupole(0.1, k1=-29.6),
        pj.Aperture(half_width=0.05, half_height=0.05),
        pj.Drift(0.2),
    ]
)
SPACE_CHARGE = [pj.SpaceCharge(max_step=0.4)]
WRT = ["q1.k1", "beam.current"]


def made() -> pj.Beam:
    """As many particles as PyTorch shares among its threads."""
    twiss, emittances = pj.twiss(CELL, PROTON), (1e-6, 1e-6)
    return pj.distributions.gaussian(
        PROTON, 40_000, twiss=twiss, current=200.0, normalized_emittance=emittances, seed=1
    )


BEAM = made()


def end(**options: Any) -> Tensor:
    return pj.track(CELL, BEAM, **options).coordinates


def slopes(**options: Any) -> Any:
    figure = pj.observables.emittance_growth("x")
    return pj.gradient(figure, CELL, BEAM, wrt=WRT, effects=SPACE_CHARGE, **options)


def size(k1: Tensor, adjoint: str = "auto") -> Tensor:
    line = CELL.with_values({"q1.k1": k1})
    return pj.moments.sizes(pj.track(line, BEAM, effects=SPACE_CHARGE, adjoint=adjoint))[0]


def k1(*, grad: bool) -> Tensor:
    return torch.tensor(29.6, dtype=torch.float64, requires_grad=grad)


def backward(adjoint: str) -> Tensor:
    leaf = k1(grad=True)
    (slope,) = torch.autograd.grad(size(leaf, adjoint), leaf)
    return slope


def learned() -> Tensor:
    network = pj.Surrogate.load("linear")
    return end(effects=[pj.SpaceCharge(network, max_step=1.0)])


CALLS: dict[str, Callable[[], Any]] = {
    "distributions": lambda: made().coordinates,
    "track": end,
    "turns": lambda: end(turns=3),
    "space charge": lambda: end(effects=SPACE_CHARGE),
    "network": learned,
    "moments": lambda: torch.stack(
        [*pj.moments.sizes(BEAM), *pj.moments.centroid(BEAM), pj.moments.emittance(BEAM)]
    ),
    "losses": lambda: pj.loss_map(CELL, BEAM).counts,
    "optics": lambda: pj.tunes(pj.jacobian(CELL, PROTON)),
    "jacobian": lambda: pj.jacobian(CELL, BEAM, effects=SPACE_CHARGE),
    "of jacobian": lambda: pj.jacobian_derivatives(CELL, BEAM, ["q1.k1"], effects=SPACE_CHARGE)[1],
    **{a: lambda a=a: slopes(adjoint=a) for a in ("auto", "store", "checkpoint", "reversible")},
    "forward": lambda: slopes(mode="forward"),
    "differences": lambda: slopes(mode="fd"),
    **{f"backward {a}": lambda a=a: backward(a) for a in ("store", "checkpoint", "reversible")},
    "transform": lambda: torch.func.jacfwd(size)(k1(grad=False)),
}


def called(name: str) -> Any:
    return np.asarray(CALLS[name]())


def threaded(_: int) -> float:
    """More threads than a child may have, by the child itself."""
    torch.set_num_threads(2)
    return float(end()[0, 0])


def averaged(_: int) -> float:
    torch.set_num_threads(2)
    return float(pj.moments.sizes(BEAM)[0])


def centre(_: int) -> float:
    return float(end()[0, 0])


def main() -> None:
    torch.set_num_threads(2)
    expected = {name: called(name) for name in CALLS}
    fork = multiprocessing.get_context("fork")
    with fork.Pool(1) as pool:
        for name in CALLS:
            found = pool.apply_async(called, (name,)).get(PATIENCE)
            np.testing.assert_allclose(found, expected[name], rtol=1e-7, atol=1e-11, err_msg=name)
    with ProcessPoolExecutor(1, mp_context=fork) as executor:
        for function, threads in ((centre, 1), (centre, 2), (threaded, 1), (averaged, 1)):
            (outcome,) = pj.distributed.scan(function, [0], executor=executor, threads=threads)
            print(function.__name__, threads, outcome.error)


if __name__ == "__main__":
    sys.exit(main())
