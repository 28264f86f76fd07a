"""Space charge: shapes, grids, the particle-mesh operators, solvers, reference fields, the kick."""

from .analytic import bassetti_erskine, gaussian_in_box
from .correction import Correction
from .field import Field, density, field_error, own_field
from .grid import Grid
from .gridless import gridless_potential
from .images import ImageCharges
from .kick import SpaceCharge
from .particle_mesh import Mesh, deposit, interpolate
from .poisson import Potential, SpectralPoisson
from .shapes import BSPLINE, CATMULL_ROM, CIC, Shape

__all__ = [
    "BSPLINE",
    "CATMULL_ROM",
    "CIC",
    "Correction",
    "Field",
    "Grid",
    "ImageCharges",
    "Mesh",
    "Potential",
    "Shape",
    "SpaceCharge",
    "SpectralPoisson",
    "bassetti_erskine",
    "density",
    "deposit",
    "field_error",
    "gaussian_in_box",
    "gridless_potential",
    "interpolate",
    "own_field",
]
