"""Slopes of optics by every knob of every kind, against tables of rebuilt lattices."""

from __future__ import annotations

from typing import Any

import battery_cases as cases
import numpy as np
import pytest
import torch
from battery_oracle import CEILING, by_differences, by_steps, check, of_tables
from battery_setup import PROTON, Setup, labels

import pyjutrack as pj

#: entries of maps are varied by themselves
pytestmark = pytest.mark.filterwarnings("ignore::pyjutrack.errors.SymplecticityWarning")

START = {"beta_x": 1.3, "alpha_x": -0.2, "beta_y": 0.9, "alpha_y": 0.3}
START |= {"dispersion_x": 0.05, "dispersion_px": 0.02, "dispersion_y": -0.03}
DELTA = 1e-3


def of_table(table: Any) -> torch.Tensor:
    """Functions, coupling, a phase and the orbit at the end of a line."""
    names = ("beta_x", "alpha_x", "beta_y", "alpha_y", "beta_y1", "dispersion_x", "dispersion_y")
    found = [getattr(table, n)[-1] for n in (*names, "phase_x")]
    return torch.stack([*found, *(1e3 * table.orbit[-1][:4])])


def plain(setup: Setup, _: str) -> dict[str, Any]:
    """The same by the Jacobian of the line and a tracked particle, without any optics."""
    lattice, start = setup.lattice(), [0.0, 0.0, 0.0, 0.0, 0.0, DELTA]
    m = pj.jacobian(lattice, PROTON, at=start)
    modes = np.zeros((4, 4))
    for i, p in ((0, "x"), (2, "y")):
        root = np.sqrt(START[f"beta_{p}"])
        modes[i : i + 2, i : i + 2] = [[root, 0.0], [-START[f"alpha_{p}"] / root, 1 / root]]
    w = m[:4, :4] @ modes
    names = ("dispersion_x", "dispersion_px", "dispersion_y", "dispersion_py")
    dispersion = m[:4, :4] @ [START.get(n, 0.0) for n in names] + m[:4, 5]
    found = []
    for i in (0, 2):
        found += [w[i, i] ** 2 + w[i, i + 1] ** 2]
        found += [-(w[i, i] * w[i + 1, i] + w[i, i + 1] * w[i + 1, i + 1])]
    found += [w[2, 0] ** 2 + w[2, 1] ** 2, dispersion[0], dispersion[2]]
    found += [np.arctan2(w[0, 1], w[0, 0]) / (2 * np.pi)]
    end = pj.track(lattice, pj.Beam.from_array(PROTON, [start])).numpy()[0]
    return {"table": np.array([*found, *(1e3 * end[:4])])}


#: in four dimensions cavities are drifts; the slowest lines are left to the full battery
LINES = [(g, "zero") for g in cases.GROUPS if g != "cavities"]
SLOW = [pytest.param(g, "usual", marks=pytest.mark.slow) for g in ("straight", "bends", "places")]


@pytest.mark.parametrize(("group", "level"), [*LINES, *SLOW])
def test_lines(group: str, level: str) -> None:
    setup = Setup(cases.line_of(group, level))
    wrt = [a for a in cases.knobs(setup.line) if not isinstance(setup.value(a), torch.Tensor)]
    right = by_differences(plain, setup, wrt, of_tables("table", setup))
    _, found = pj.optics.optics_gradient(
        of_table, setup.lattice(), PROTON, wrt, delta=DELTA, initial=pj.optics.Twiss(**START)
    )
    check(found.T, right, "table", labels(setup, wrt))


def ring(zero: bool) -> Setup:
    """A cell whose elements have zeros, or small numbers, wherever they need none."""
    line = []
    for n, (kind, own) in enumerate(
        (
            ("Quadrupole", {"length": 0.2, "k1": 3.1}),
            ("SBend", {"length": 0.5, "angle": 0.02}),
            ("Quadrupole", {"length": 0.2, "k1": -3.4}),
            ("Sextupole", {"length": 0.3}),
        )
    ):
        made = cases.part(kind, f"e{n}", "zero" if zero else "small", {})
        line.append(made._replace(values={**made.values, **own}))
    return Setup(tuple(line))


@pytest.mark.parametrize(
    ("zero", "each"),
    [(True, 7), *(pytest.param(z, 1, marks=pytest.mark.slow) for z in (True, False))],
)
def test_rings(zero: bool, each: int) -> None:
    """By every knob, or by some of all elements."""
    setup = ring(zero)
    wrt = cases.knobs(setup.line)[::each]

    def figure(table: Any) -> torch.Tensor:
        return torch.stack([table.tune_x, table.tune_y])

    def tunes(changed: Setup, _: str) -> dict[str, Any]:
        """By the closed orbit and the Jacobian of one turn about it."""
        lattice = changed.lattice()
        orbit = pj.optics.closed_orbit(lattice, PROTON)[0]
        return {"ring": pj.tunes(pj.jacobian(lattice, PROTON, at=orbit))}

    _, found = pj.optics.optics_gradient(figure, setup.lattice(), PROTON, wrt)
    right = by_differences(tunes, setup, wrt, of_tables("ring", setup))
    check(found.T, right, "ring", wrt)


def test_functions_at_the_start_of_a_line() -> None:
    """Initial functions that are tensors, against functions that are other floats."""
    parts = [cases.part(kind, kind, "usual", {}) for kind in ("Quadrupole", "Solenoid")]
    setup = Setup(tuple(parts))
    lattice = setup.lattice()

    def at(values: dict[str, Any]) -> torch.Tensor:
        return of_table(pj.optics.linear_optics(lattice, PROTON, initial=pj.optics.Twiss(**values)))

    leaves = {n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in START.items()}
    found = torch.stack(
        [
            torch.stack(
                torch.autograd.grad(
                    v,
                    list(leaves.values()),
                    retain_graph=True,
                    allow_unused=True,
                    materialize_grads=True,
                )
            )
            for v in at(leaves)
        ]
    )
    for column, name in enumerate(START):

        def value(change: float, name: str = name) -> Any:
            return at({**START, name: START[name] + change}).detach().numpy()

        slope, error = by_steps(value, 1e-5, of_tables("", setup)[""])
        assert (np.abs(found[:, column].numpy() - slope) <= error).all(), name
        assert (error <= CEILING * (1 + np.abs(slope))).all()


def test_slip_by_the_momentum() -> None:
    """The slip of a drift is -1/gamma^2: d/d(p0c) in closed form, by the reference alone."""
    p0c = torch.tensor(PROTON.p0c, dtype=torch.float64, requires_grad=True)
    reference = pj.Reference.from_p0c("proton", p0c)
    lattice = pj.Lattice(
        [pj.Quadrupole(0.2, k1=3.0), pj.Drift(0.5), pj.Quadrupole(0.2, k1=-3.0), pj.Drift(0.5)]
    )
    table = pj.optics.linear_optics(lattice, reference)
    (slope,) = torch.autograd.grad(table.slip_factor, p0c)
    momentum = PROTON.p0c / PROTON.species.mass
    gamma = np.hypot(1, momentum)
    right = 2 * momentum / gamma**4 / PROTON.species.mass
    assert float(slope) == pytest.approx(right, rel=1e-12)
