"""The field of a Gaussian bunch of given sizes against its closed form, and against particles."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from claims import claim
from scipy.constants import c, e, epsilon_0, m_p
from scipy.special import ndtri
from scipy.stats import qmc

import pyjutrack as pj
from pyjutrack.collective import FrozenGaussian, SpaceCharge2p5D, bassetti_erskine
from pyjutrack.errors import InvalidValueError, ResolutionWarning
from pyjutrack.testing import check_effect

PROTON = pj.Reference.from_kinetic("proton", 1.4e9)
CHARGE = 1e-8
X, Y, Z = 2e-3, 1e-3, 0.5
BOX = pj.SpectralPoisson((0.03, 0.02), (96, 96))
STEP = pj.Lattice([pj.Drift(1e-3)])
#: K of the docstring [m]
STRENGTH = e * CHARGE / (2 * math.pi * epsilon_0 * m_p * c**2 * PROTON.beta**2 * PROTON.gamma**3)


def bunch(count: int) -> pj.Beam:
    rows = np.zeros((count, 6))
    rows[:, [0, 2, 4]] = ndtri(qmc.Sobol(3, seed=1).random(count).clip(1e-5, 1 - 1e-5)) * [X, Y, Z]
    return pj.Beam(PROTON, rows, charge=CHARGE)


def kicks(effect: pj.CollectiveEffect, beam: pj.Beam) -> np.ndarray:
    """Change of px, py and delta per metre, (N, 3)."""
    after = pj.track(STEP, beam, effects=[effect])
    return np.asarray(after.numpy()[:, [1, 3, 5]] / 1e-3)


@pytest.mark.parametrize(("assignment", "worst"), [("bspline", 2e-3), ("quadratic", 1e-2)])
def test_far_from_walls_it_is_the_closed_form(assignment: str, worst: float) -> None:
    """Slopes of quadratic splines are broken lines, off by some (h / size)^2 / 16."""
    beam = bunch(4096)
    wide = pj.SpectralPoisson((0.1, 0.1), (256, 256), assignment)
    found = kicks(FrozenGaussian((X, Y), Z, wide, 1.0), beam)
    x, y, z = (beam.coordinate(u) for u in "xyz")
    density = torch.exp(-0.5 * (z / Z) ** 2) / (math.sqrt(2 * math.pi) * Z)
    expected = -STRENGTH * torch.stack(bassetti_erskine(x, y, X, Y), 1).numpy()
    expected *= density.numpy()[:, None]
    error = np.abs(found[:, :2] - expected).max(0) / np.abs(expected).max(0)
    text = f"FrozenGaussian: transverse kicks of the largest, {assignment}"
    claim("Space charge", text, "Bassetti and Erskine", error.max(), worst)


@pytest.mark.parametrize("assignment", ["bspline", "quadratic"])
def test_particles_of_the_same_sizes_make_the_same_field(assignment: str) -> None:
    beam = bunch(2**17)
    box = dataclasses.replace(BOX, assignment=assignment)
    frozen = kicks(FrozenGaussian((X, Y), Z, box, 1.0, wall=0.2), beam)
    found = kicks(SpaceCharge2p5D(box, 48, 1.0, wall=0.2), beam)
    error = np.sqrt(((frozen - found) ** 2).mean(0) / (frozen**2).mean(0))
    assert error[:2].max() < 0.02
    assert error[2] < 0.05
    slope = (frozen * found).sum(0) / (frozen**2).sum(0)
    np.testing.assert_allclose(slope, 1, atol=3e-3)


def test_sizes_along_the_ring() -> None:
    beam = bunch(512)
    line = pj.Lattice([pj.Drift(1e-3), pj.Marker(), pj.Drift(1e-3)])
    rows = [(0.0, X, Y), (0.5e-3, X, Y), (1.5e-3, 2 * X, Y), (2e-3, 2 * X, Y)]
    both = pj.track(line, beam, effects=[FrozenGaussian(rows, Z, BOX, 1.0)]).numpy()[:, 1] / 1e-3
    one, other = (kicks(FrozenGaussian((s * X, Y), Z, BOX, 1.0), beam)[:, 0] for s in (1, 2))
    np.testing.assert_allclose(both, one + other, rtol=1e-4, atol=1e-5 * np.abs(one).max())
    short = FrozenGaussian(rows[:2], Z, BOX, 1.0)
    with pytest.raises(InvalidValueError, match=r"from s = 0 m to 0\.0005 m, .* at s = 0\.0015 m"):
        pj.track(line, beam, effects=[short])


def test_nobody_sees_another() -> None:
    """The kick is that of the charge alive, and of nothing else of the particles."""
    beam, effect = bunch(64), FrozenGaussian((X, Y), Z, BOX, 1.0)
    together = kicks(effect, beam)
    alone = kicks(effect, beam.replace(coordinates=beam.coordinates[5:6], alive=beam.alive[5:6]))
    np.testing.assert_allclose(alone[0], together[5], rtol=1e-12)
    half = beam.alive.clone()
    half[32:] = False
    np.testing.assert_allclose(kicks(effect, beam.replace(alive=half))[:32], together[:32] / 2)


def test_keeps_the_promises_of_effects() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 6)) * [X, 1e-3, Y, 1e-3, Z, 1e-3]
    beam = pj.Beam(pj.Reference.from_kinetic("proton", 3e7), rows, charge=1e-8)
    lattice = pj.Lattice([pj.Quadrupole(0.2, 2.0, name="q"), pj.Drift(0.4, name="d")])
    box = pj.SpectralPoisson((0.02, 0.02), (48, 48))
    effect = FrozenGaussian([(0.0, X, Y), (0.6, Y, X)], Z, box, 0.2)
    check_effect(effect, beam, lattice, knobs=["scale", "wall"])


def test_what_it_cannot_be_right_for() -> None:
    beam = bunch(64)
    with pytest.raises(InvalidValueError, match=r"FrozenGaussian acts on a bunch.* 1 A"):
        pj.track(
            STEP, pj.Beam(PROTON, beam.coordinates, current=1.0),
            effects=[FrozenGaussian((X, Y), Z, BOX)],
        )  # fmt: skip
    with pytest.raises(InvalidValueError, match=r"in y they are 0\.01 m away, .* up to 0\.005 m"):
        FrozenGaussian((X, 5e-3), Z, BOX)
    with pytest.raises(InvalidValueError, match=r"rising s, got \(0\.0, 0\.001\)"):
        FrozenGaussian((0.0, 1e-3), Z, BOX)
    with pytest.raises(InvalidValueError, match="length is a setting, and has no derivatives"):
        FrozenGaussian((X, Y), torch.tensor(Z, requires_grad=True), BOX)  # type: ignore[arg-type]
    with pytest.warns(ResolutionWarning, match=r"in cells, y 0\.96 \(0\.0002 m in"):
        pj.track(STEP, beam, effects=[FrozenGaussian((X, 2e-4), Z, BOX)])


@pytest.mark.parametrize(
    ("name", "value"),
    [("sizes", 1e-3), ("sizes", (1e-3,)), ("sizes", (1e-3, -1e-3)), ("sizes", (1e-3, "1")),
     ("sizes", [(0.0, 1e-3, 1e-3), (-1.0, 1e-3, 1e-3)]), ("length", 0.0), ("potential", None),
     ("max_step", 0.0), ("scale", "1"), ("wall", None)],
)  # fmt: skip
def test_settings_that_cannot_be(name: str, value: object) -> None:
    settings: dict[str, object] = {"sizes": (X, Y), "length": Z, name: value}
    with pytest.raises(InvalidValueError, match=name if name != "max_step" else "step"):
        FrozenGaussian(**settings)  # type: ignore[arg-type]
