"""Effects in the slot: space charge with its solvers, wakes, beam-beam, radiation of both kinds."""

from ..mesh.grid import Grid, Mesh
from ..mesh.particle_mesh import deposit, interpolate
from ..mesh.shapes import BSPLINE, CATMULL_ROM, CIC, QUADRATIC, Shape
from .analytic import bassetti_erskine, gaussian_in_box
from .base import CollectiveEffect, Place
from .beam_beam import BeamBeam, BeamBeam2D
from .corrections import Correction
from .csr import CSR
from .field import Field, density, field_error, own_field
from .frozen_gaussian import FrozenGaussian
from .gridless import gridless_potential
from .image_charges import ImageCharges
from .intensity import require_charge, require_current
from .mesh_kick import MeshKick
from .poisson import Potential, SpectralPoisson
from .radiation import Radiation
from .space_charge import SpaceCharge
from .space_charge_2p5d import SpaceCharge2p5D
from .space_charge_3d import SpaceCharge3D
from .wakes import (
    NeuralWake,
    ResistiveWall,
    Resonator,
    Wake,
    WakeFunction,
    WakeModel,
    WakeTable,
    read_wakes,
)

__all__ = [
    "BSPLINE",
    "CATMULL_ROM",
    "CIC",
    "CSR",
    "QUADRATIC",
    "BeamBeam",
    "BeamBeam2D",
    "CollectiveEffect",
    "Correction",
    "Field",
    "FrozenGaussian",
    "Grid",
    "ImageCharges",
    "Mesh",
    "MeshKick",
    "NeuralWake",
    "Place",
    "Potential",
    "Radiation",
    "ResistiveWall",
    "Resonator",
    "Shape",
    "SpaceCharge",
    "SpaceCharge2p5D",
    "SpaceCharge3D",
    "SpectralPoisson",
    "Wake",
    "WakeFunction",
    "WakeModel",
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
    "require_charge",
    "require_current",
]


def __dir__() -> list[str]:
    return __all__
