"""Files of lattices and beams."""

from .format import LatticeFormat, LatticeSource
from .formats import lattice_formats, register_format
from .lattices import read_lattice, write_lattice
from .machines import example
from .read_beams import read_beam
from .record import LatticeFile, Note
from .write_beams import write_beam

__all__ = [
    "LatticeFile",
    "LatticeFormat",
    "LatticeSource",
    "Note",
    "example",
    "lattice_formats",
    "read_beam",
    "read_lattice",
    "register_format",
    "write_beam",
    "write_lattice",
]


def __dir__() -> list[str]:
    return __all__
