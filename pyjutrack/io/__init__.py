"""Files of lattices and beams."""

from .beams import read_beam, write_beam
from .errors import LatticeFileError, LatticeWarning
from .format import LatticeFormat, LatticeSource
from .formats import lattice_formats, register_format
from .lattices import read_lattice, write_lattice
from .record import LatticeFile, Note

__all__ = [
    "LatticeFile",
    "LatticeFileError",
    "LatticeFormat",
    "LatticeSource",
    "LatticeWarning",
    "Note",
    "lattice_formats",
    "read_beam",
    "read_lattice",
    "register_format",
    "write_beam",
    "write_lattice",
]
