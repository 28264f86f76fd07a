"""Whether tunes of particles in the field that they make themselves are what they look like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..collective.base import CollectiveEffect
from ..core.errors import AccuracyWarning, warn

#: rms over turns of the beam's rms size, relative to its mean
_CHANGE = 0.1
#: rms over turns of the beam's centre, in rms sizes
_COHERENT = 1.0


def warn_if_not_stationary(
    coordinates: NDArray[Any], planes: Sequence[str], effects: Sequence[CollectiveEffect]
) -> None:
    """Warn where the beam that makes a field changes its size, or moves as a whole.

    Args:
        coordinates: (T, ..., N, 2 P), NaN of the lost; positions and momenta of the planes.
        effects: those on each particle by itself need no beam, those of a given density no shape
            of it: both are left out.

    Warns:
        AccuracyWarning: tunes are means over fields that differ, or those of the whole beam.
    """
    own = (effect for effect in effects if not (effect.individual or effect.frozen))
    names = [type(effect).__name__ for effect in own]
    if not names:
        return
    field = f"the field of {' and '.join(dict.fromkeys(names))}"
    for plane, places in zip(planes, np.moveaxis(coordinates[..., ::2], -1, 0), strict=True):
        live = np.isfinite(places)
        count = np.maximum(live.sum(-1), 1)
        centre = np.where(live, places, 0.0).sum(-1) / count
        squares = (np.where(live, places - centre[..., None], 0.0) ** 2).sum(-1) / count
        sizes, size = np.sqrt(squares), math.sqrt(squares.mean())
        if (sizes.std(0) > _CHANGE * sizes.mean(0)).any():
            warn(
                f"the beam that makes {field} changes its rms size in {plane} between "
                f"{sizes.min():.3g} m and {sizes.max():.3g} m over the turns: tunes are means over "
                "fields that differ, and changes of tunes are partly those of the field; take a "
                "matched beam",
                AccuracyWarning,
            )
        moved = float(centre.std(0).max())
        if moved > _COHERENT * size:
            warn(
                f"the beam that makes {field} moves as a whole by {moved:.3g} m rms in {plane}, "
                f"and is {size:.3g} m rms wide: the strongest line of a particle is that of the "
                "whole beam, to which its own field adds nothing; take a beam on the closed orbit",
                AccuracyWarning,
            )
