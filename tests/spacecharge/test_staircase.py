"""The kick of cloud-in-cell jumps from cell to cell: it tracks, and has no derivative."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.collective import BSPLINE, CATMULL_ROM, CIC, QUADRATIC
from pyjutrack.tracking.adjoints import ADJOINTS

PROTON = pj.Reference.from_kinetic("proton", 1e9)
LINE = pj.Lattice([pj.Drift(0.2, name="d"), pj.Quadrupole(0.1, k1=5.0, name="q")])


def kick(assignment: str = "cic") -> pj.SpaceCharge:
    return pj.SpaceCharge(pj.SpectralPoisson((0.02, 0.02), (32, 32), assignment), max_step=0.1)


@pytest.fixture(scope="module")
def beam() -> pj.Beam:
    rows = np.random.default_rng(1).normal(0, 1e-3, (300, 6)) * [2, 1, 2, 1, 1, 1]
    return pj.Beam.from_array(PROTON, rows, current=200.0)


def by_autograd(beam: pj.Beam, adjoint: str = "auto") -> None:
    k1 = torch.tensor(5.0, dtype=torch.float64, requires_grad=True)
    line = pj.Lattice([LINE[0], pj.Quadrupole(0.1, k1=k1, name="q"), pj.Drift(0.1)])
    pj.moments.emittance(pj.track(line, beam, effects=[kick()], adjoint=adjoint)).backward()


def by_transform(transform: Callable, beam: pj.Beam) -> None:
    def figure(length: torch.Tensor) -> torch.Tensor:
        line = pj.Lattice([pj.Drift(length), LINE[1]])
        return pj.moments.emittance(pj.track(line, beam, effects=[kick()]))

    transform(figure)(torch.tensor(0.2, dtype=torch.float64))


def calibrated(beam: pj.Beam) -> None:
    line = pj.Lattice([*LINE, pj.Marker(name="end")])
    twin = pj.Twin(line, beam, [dg.BeamSize(at="end", noise=1e-5)], effects=[kick()])
    measured = twin.predict({"q.k1": 5.0})
    shots = pj.Measurements([{"q.k1": 5.0}], {n: np.asarray(v)[None] for n, v in measured.items()})
    pj.calibrate(twin, shots, [pj.Unknown("q.k1", prior=0.1)])


def gradient(beam: pj.Beam, mode: str) -> None:
    figure = pj.observables.emittance(normalized=True)
    pj.gradient(figure, LINE, beam, wrt=["q.k1"], effects=[kick()], mode=mode)  # type: ignore[arg-type]


CALLS: dict[str, Callable[[pj.Beam], object]] = {
    "jacobian": lambda b: pj.jacobian(LINE, b, effects=[kick()]),
    "jacobian by differences": lambda b: pj.jacobian(LINE, b, effects=[kick()], method="fd"),
    "derivatives of a jacobian": lambda b: pj.jacobian_derivatives(
        LINE, b, ["q.k1"], effects=[kick()]
    ),
    **{f"gradient {m}": lambda b, m=m: gradient(b, m) for m in ("reverse", "forward", "fd")},
    **{f"autograd {a}": lambda b, a=a: by_autograd(b, a) for a in ADJOINTS},
    "torch.func.grad": lambda b: by_transform(torch.func.grad, b),
    "torch.func.jacfwd": lambda b: by_transform(torch.func.jacfwd, b),
    "calibrate": calibrated,
}


@pytest.mark.parametrize("name", CALLS)
def test_derivatives_are_refused(name: str, beam: pj.Beam) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=r"no derivative.*assignment=\"bspline\""):
        CALLS[name](beam)


def test_tracking_is_not(beam: pj.Beam) -> None:
    end = pj.track(LINE, beam, effects=[kick()])
    near = pj.track(LINE, beam, effects=[kick("bspline")])
    torch.testing.assert_close(pj.moments.sizes(end), pj.moments.sizes(near), rtol=1e-2, atol=1e-5)
    with torch.no_grad():
        k1 = torch.tensor(5.0, dtype=torch.float64, requires_grad=True)
        line = pj.Lattice([LINE[0], pj.Quadrupole(0.1, k1=k1)])
        torch.testing.assert_close(
            pj.track(line, beam, effects=[kick()]).coordinates, end.coordinates
        )


def test_which_shapes_are_staircases() -> None:
    smooth = BSPLINE, QUADRATIC, CATMULL_ROM
    assert [s.staircase for s in (*smooth, CIC)] == [False, False, False, True]
