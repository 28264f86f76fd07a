"""Space charge: shapes, grids, the particle-mesh operators, Poisson solvers and the kick."""

from .grid import Grid
from .kick import SpaceCharge
from .particle_mesh import Mesh, deposit, interpolate
from .poisson import Potential, SpectralPoisson
from .shapes import BSPLINE, CATMULL_ROM, CIC, Shape

__all__ = [
    "BSPLINE",
    "CATMULL_ROM",
    "CIC",
    "Grid",
    "Mesh",
    "Potential",
    "Shape",
    "SpaceCharge",
    "SpectralPoisson",
    "deposit",
    "interpolate",
]
