"""Space charge: shapes, grids, the particle-mesh operators, solvers, reference fields, the kick."""

from ..mesh.grid import Grid, Mesh
from ..mesh.particle_mesh import deposit, interpolate
from ..mesh.shapes import BSPLINE, CATMULL_ROM, CIC, Shape
from .analytic import bassetti_erskine, gaussian_in_box
from .base import CollectiveEffect, MeshKick, Place
from .corrections import Correction
from .field import Field, density, field_error, own_field
from .gridless import gridless_potential
from .image_charges import ImageCharges
from .poisson import Potential, SpectralPoisson
from .space_charge import SpaceCharge
from .wakes import Resonator, Wake, WakeFunction

__all__ = [
    "BSPLINE",
    "CATMULL_ROM",
    "CIC",
    "CollectiveEffect",
    "Correction",
    "Field",
    "Grid",
    "ImageCharges",
    "Mesh",
    "MeshKick",
    "Place",
    "Potential",
    "Resonator",
    "Shape",
    "SpaceCharge",
    "SpectralPoisson",
    "Wake",
    "WakeFunction",
    "bassetti_erskine",
    "density",
    "deposit",
    "field_error",
    "gaussian_in_box",
    "gridless_potential",
    "interpolate",
    "own_field",
]


def __dir__() -> list[str]:
    return __all__
