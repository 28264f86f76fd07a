"""Fixtures of the whole suite: the paper's protons, FODO cell, kick steps and matched beam."""

from __future__ import annotations

import os
from collections.abc import Callable

# read when PyTorch is loaded, here and in workers and scripts: a thread that waits gives its core
# to another process instead of spinning
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pytest
import torch
from surrogate_cases import ARCHITECTURES, build

import pyjutrack as pj
from pyjutrack.collective import BSPLINE, Grid, Mesh
from pyjutrack.engines import ENGINES, Engine, engine_of
from pyjutrack.kernels import workers
from pyjutrack.surrogate import Domain, Surrogate

BeamFactory = Callable[..., pj.Beam]


def pytest_configure(config: pytest.Config) -> None:
    # PyTorch's own forward-mode decompositions script functions on their first import
    config.addinivalue_line("filterwarnings", "ignore:.torch.jit.script:DeprecationWarning")
    config.addinivalue_line("filterwarnings", "ignore:Guards may run slower:RuntimeWarning")
    if hasattr(config, "workerinput"):  # of pytest-xdist: so do the package's own threads
        workers._SPINS = 2000


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """The same global state for every test, whatever runs before it, or is imported there."""
    torch.set_default_dtype(torch.float32)  # Xopt's Bayesian generators set another for all
    torch.manual_seed(20260101)
    np.random.seed(20260101)  # noqa: NPY002  # for libraries that draw from it


@pytest.fixture(scope="session")
def proton() -> pj.Reference:
    """The paper's "1 GeV" proton: that is its kinetic energy."""
    return pj.Reference.from_kinetic("proton", 1e9)


@pytest.fixture(scope="session")
def cell() -> pj.Lattice:
    """The paper's FODO cell, 1 m long."""
    return pj.Lattice(
        [
            pj.Drift(0.2, name="d1"),
            pj.Quadrupole(0.1, k1=29.6, name="q1"),
            pj.Drift(0.4, name="d2"),
            pj.Quadrupole(0.1, k1=-29.6, name="q2"),
            pj.Drift(0.2, name="d3"),
        ]
    )


@pytest.fixture(scope="session")
def kick() -> pj.SpaceCharge:
    """Space charge as in the paper: a 20 mm box, 0.05 m steps in drifts, 0.025 m in quadrupoles."""
    return pj.SpaceCharge(
        pj.SpectralPoisson(size=(0.02, 0.02), shape=(128, 128), modes=(64, 64)),
        max_step={"Drift": 0.05, "Quadrupole": 0.025},
    )


@pytest.fixture(scope="session")
def make_beam(proton: pj.Reference, cell: pj.Lattice) -> BeamFactory:
    """Beams matched to the cell without current; any argument of a distribution may be changed."""
    matched = pj.twiss(cell, proton)

    def make(particles: int = 5000, kind: str = "gaussian", **changes: object) -> pj.Beam:
        options: dict[str, object] = {
            "twiss": matched,
            "normalized_emittance": (1e-6, 1e-6),
            "current": 200.0,
            "seed": 1,
        }
        options.update(changes)
        return getattr(pj.distributions, kind)(proton, particles, **options)

    return make


@pytest.fixture(params=ARCHITECTURES)
def network(request):
    return build(request.param)


@pytest.fixture
def make_surrogate():
    def make(architecture="linear", cells=(64, 64), size=(0.02, 0.02), **options):
        options.setdefault("domain", Domain((3e-4, 3e-3), 5.0, 3e-3, (9e-3, 9e-3), 2000))
        return Surrogate(build(architecture), Mesh(Grid(size, cells), BSPLINE), **options)

    return make


def available(name: str) -> Engine:
    """An engine, or a skip that says why it is not there."""
    try:
        return engine_of(name)
    except pj.errors.MissingPackageError as error:
        pytest.skip(f"the {name} engine is not available here: {error}")


@pytest.fixture(scope="session", params=ENGINES)
def engine(request):
    """Every engine, for what must hold of each by itself."""
    return available(request.param)


@pytest.fixture(scope="session", params=[name for name in ENGINES if name != "native"])
def other(request):
    """Every engine but the native one, to be held against that."""
    return available(request.param)


@pytest.fixture(scope="session")
def julia():
    """The julia engine alone, for what only it has."""
    return available("julia")


@pytest.fixture(scope="session")
def wide(make_beam):
    """A beam with momenta off the reference, and places along it."""
    beam = make_beam(1000)
    coordinates = beam.coordinates.clone()
    generator = torch.Generator().manual_seed(5)
    for column, size in ((4, 0.1), (5, 0.01)):
        coordinates[:, column] = size * torch.randn(1000, generator=generator, dtype=torch.float64)
    return beam.replace(coordinates=coordinates)
