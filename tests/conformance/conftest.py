"""Engines as fixtures; one that is not available skips its tests and says why."""

import pytest
import torch

import pyjutrack as pj
from pyjutrack.engines import ENGINES, engine_of


def available(name):
    try:
        return engine_of(name)
    except pj.MissingPackageError as error:
        return pytest.skip(f"the {name} engine is not available here: {error}")


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
