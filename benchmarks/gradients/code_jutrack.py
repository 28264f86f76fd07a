"""JuTrack by itself, by its TPSA; its space charge is the gridless sum of 12 x 12 modes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .figures import Found, Way, cell


def _coasting() -> Callable[[], Found]:
    from pyjutrack.engines import engine_of

    main = engine_of("julia").session.main
    alone = main.include(str(Path(__file__).parents[1] / "jutrack.jl"))
    rows = cell().coordinates.copy()
    rows[:, 4] = 0.0
    start = np.asfortranarray(rows)

    def call() -> Found:
        slopes, value = alone.gradients(start)
        return np.atleast_1d(float(value)), np.atleast_2d(np.array(slopes))

    return call


def versions() -> dict[str, str]:
    """Of JuTrack and Julia, in the process that has run them."""
    from pyjutrack.engines import engine_of

    main = engine_of("julia").session.main
    names = {"JuTrack.jl": "JuTrackAlone.JuTrack", "Enzyme.jl": "JuTrackAlone.JuTrack.Enzyme"}
    found = {name: str(main.seval(f"pkgversion({module})")) for name, module in names.items()}
    return found | {"Julia": str(main.seval("VERSION"))}


WAYS: dict[str, dict[str, Way]] = {"coasting": {"forward (TPSA), gridless": _coasting}}
