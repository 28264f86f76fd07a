"""Small networks, and potentials made of them."""

import pytest
from surrogate_cases import ARCHITECTURES, build

from pyjutrack.spacecharge import BSPLINE, Grid, Mesh
from pyjutrack.surrogate import Domain, Surrogate


@pytest.fixture(params=ARCHITECTURES)
def network(request):
    return build(request.param)


@pytest.fixture
def make_surrogate():
    def make(architecture="linear", cells=(64, 64), size=(0.02, 0.02), **options):
        options.setdefault("domain", Domain((3e-4, 3e-3), 5.0, 3e-3, 2000))
        return Surrogate(build(architecture), Mesh(Grid(size, cells), BSPLINE), **options)

    return make
