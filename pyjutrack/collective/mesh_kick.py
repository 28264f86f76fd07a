"""The protocol of kicks by a potential on a mesh."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from ..beam.beam import Beam
from ..core.scalars import Number
from ..mesh.grid import Mesh


class MeshKick(Protocol):
    """A kick by a potential on a mesh, as the compiled kernels need it.

    The effect must be: lose what is outside of the mesh's box; deposit by the shape of the mesh
    with the shares of the beam; the potential by `strength`; change px and py by minus its slopes
    times ds; nothing else.
    """

    @property
    def mesh(self) -> Mesh: ...

    @property
    def response(self) -> bool:
        """Return whether derivatives contain the response of the field to the beam."""
        ...

    @property
    def symmetric(self) -> bool:
        """Return whether the potential is `scale` times a linear map that is its own transpose."""
        ...

    def scale(self, beam: Beam) -> Number:
        """Factor on the solved potential, of the current of a beam."""
        ...

    def solve(self, fractions: Tensor) -> Tensor:
        """The potential of one, from the fractions of the whole beam in the cells."""
        ...

    def strength(self, beam: Beam, fractions: Tensor) -> Tensor:
        """The potential from the fractions of the beam in the cells, of the particles here."""
        ...
