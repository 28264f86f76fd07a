"""Where elements are cut, for optics between their ends."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..core.checks import require_real, wrong
from ..elements.part import count_slices
from ..lattice.lattice import Lattice
from ..lattice.require import require_lattice


@dataclass(frozen=True)
class Places:
    """The entrances of elements, and where these are cut, in order.

    Attributes:
        elements: the number of the element that each is in, (M,).
        shares: of its length up to there, (M,); 0 at entrances.
    """

    elements: tuple[int, ...]
    shares: tuple[float, ...]

    def of(self, first: int, stop: int) -> Places:
        """Those in a stretch of elements, which are counted from its first."""
        rows = slice(bisect_left(self.elements, first), bisect_left(self.elements, stop))
        return Places(tuple(n - first for n in self.elements[rows]), self.shares[rows])

    def outside(self, whole: Sequence[bool]) -> Places:
        """Without those within elements that stay whole (N,)."""
        rows = zip(self.elements, self.shares, strict=True)
        kept = [(n, share) for n, share in rows if not (share and whole[n])]
        return Places(*zip(*kept, strict=True))

    def groups(self) -> dict[float, list[int]]:
        """The numbers of places within elements, by their shares."""
        found: dict[float, list[int]] = {}
        for place, share in enumerate(self.shares):
            if share:
                found.setdefault(share, []).append(place)
        return found


def cut(lattice: Lattice, max_step: Any) -> Places | None:
    """Cut elements into equal slices no longer than a step [m]; None cuts none.

    Of many settings the longest length counts.

    Raises:
        InvalidValueError: no lattice, or a step that is no positive number.
    """
    require_lattice(lattice)
    if max_step is None:
        return None
    if isinstance(max_step, Tensor):
        raise wrong("max_step", max_step, "a plain number", "no derivative goes through counts")
    require_real("max_step", max_step, above=0)
    lengths = [float(torch.as_tensor(e.length).detach().abs().max()) for e in lattice]
    counts = [max(1, count_slices(length, max_step)) for length in lengths]
    elements = tuple(n for n, count in enumerate(counts) for _ in range(count))
    return Places(elements, tuple(i / count for count in counts for i in range(count)))
