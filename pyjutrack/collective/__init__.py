"""Space charge and wakes: shapes, grids, the particle-mesh operators, solvers, fields, kicks."""

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
from .wakes import ResistiveWall, Resonator, Wake, WakeFunction, WakeTable, read_wakes

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
    "ResistiveWall",
    "Resonator",
    "Shape",
    "SpaceCharge",
    "SpectralPoisson",
    "Wake",
    "WakeFunction",
    "WakeTable",
    "bassetti_erskine",
    "density",
    "deposit",
    "field_error",
    "gaussian_in_box",
    "gridless_potential",
    "interpolate",
    "own_field",
    "read_wakes",
]


def __dir__() -> list[str]:
    return __all__
