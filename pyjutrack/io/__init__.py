"""Files of lattices and beams."""

from .beams import read_beam, write_beam
from .errors import LatticeFileError, LatticeWarning
from .formats import FORMATS, read_lattice, write_lattice
from .record import LatticeFile, Note

__all__ = [
    "FORMATS",
    "LatticeFile",
    "LatticeFileError",
    "LatticeWarning",
    "Note",
    "read_beam",
    "read_lattice",
    "write_beam",
    "write_lattice",
]
