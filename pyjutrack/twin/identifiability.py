"""Warnings of a calibration that should not be believed as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.errors import IdentifiabilityWarning, InvalidValueError, MisfitWarning, warn
from ..lattice.knobs import parts
from .calibration import Calibration
from .early_stopping import STOPPED
from .goodness import find_misfit
from .measurements import Measurements
from .model import Twin
from .posterior import describe_direction

Array = NDArray[np.float64]

#: times its prior's rms beyond which a value is not what was thought possible
_FAR = 5.0
#: ratio of the sums of readings that is a matter of units, with a mean square beyond the other
_UNITS, _OFF = 5.0, 10.0
#: directions, and diagnostics, that are named
_NAMED = 3
#: share of the prior's rms that is left of a knob which the data do not know
_UNKNOWN = 0.99


def require_effect(twin: Twin, data: Measurements) -> None:
    """A relative error of a knob that is zero at all settings can do nothing.

    Raises:
        InvalidValueError: there is one.
    """
    relative = [u.address for u in twin.unknowns if u.relative]
    if not relative:
        return
    idle = set(relative)
    for settings in data.settings:
        knobs = zip(relative, parts(twin.task(settings), relative), strict=True)
        idle -= {address for address, knob in knobs if bool((knob != 0).any())}
        if not idle:
            return
    raise InvalidValueError(
        f"{sorted(idle)[0]} is zero at all settings, so that a relative error of it does nothing; "
        "let the unknown be absolute (relative=False)"
    )


def warn_if_unreliable(found: Calibration, loss: str) -> None:
    """Warn of knobs that are known by their priors alone, and of a model that does not fit.

    A robust loss expects readings that are far off, and is not judged by them.
    """
    if not found.converged:  # it says so itself
        return
    if found.posterior is not None:
        _warn_of_idle(found)
    said = [_say_misfit(found) if loss == "gaussian" else "", _say_far(found)]
    if any(said):
        warn("; ".join(filter(None, said)), MisfitWarning)


def warn_if_underdetermined(readings: int, labels: Sequence[str], slopes: Array | None) -> None:
    """Warn of fewer readings than unknown numbers, with what only the priors determine.

    Args:
        slopes: of the readings by the unknowns (R, P), these in units of their priors; None if they
            are not known.
    """
    if readings >= len(labels):
        return
    free = ""
    if slopes is not None:
        directions = np.linalg.svd(slopes)[2][readings:]
        free = "; ".join(describe_direction(d, labels) for d in directions[:_NAMED])
        free = f" (in units of the priors: {free}{'; ...' if len(directions) > _NAMED else ''})"
    warn(
        f"{readings} readings do not determine {len(labels)} unknown numbers: at least "
        f"{len(labels) - readings} directions of them come from the priors alone{free}; measure at "
        "more settings",
        IdentifiabilityWarning,
    )


def _warn_of_idle(found: Calibration) -> None:
    priors = np.array([row["prior"] for row in found.table()])
    idle = found.scalar & np.isfinite(priors) & (found.sigma > _UNKNOWN * priors)
    if idle.any():
        knobs = ", ".join(a for a, no in zip(found.labels, idle, strict=True) if no)
        warn(
            f"the readings say nothing of {knobs}: value and error are those of the prior; measure "
            "downstream of it, or at settings that move it, or leave it out of the unknowns",
            IdentifiabilityWarning,
        )


def _say_misfit(found: Calibration) -> str:
    predicted = found.predict_shots()
    residuals = found.residuals(predicted)
    misfit = find_misfit(residuals, found.trained)
    if misfit is None:
        return ""
    said = (
        f"the model does not fit: the mean square residual of {misfit.name or 'all readings'} is "
        f"{misfit.square:.3g}, where 1 +- {misfit.spread:.2g} is expected, and values and errors "
        "found are not to be trusted"
    )
    names = [misfit.name] if misfit.name else list(predicted)
    size, ours = (
        sum(float(np.abs(of[name][found.data.used[name]]).sum()) for name in names)
        for of in (found.data.readings, predicted)
    )
    if misfit.square > _OFF and min(size, ours) > 0 and not 1 / _UNITS < size / ours < _UNITS:
        return said + (
            f"; its readings are {size / ours:.3g} times what the twin reads: are they in its "
            "units (metres, shares of the beam)? Profiles in counts are to be `scaled`"
        )
    early = "it was stopped early, " if found.message == STOPPED else ""
    said += f": {early}it lacks something, or readings are less exact than is said"
    return said if len(residuals) == 1 else f"{said}; worst {_name_worst(residuals)}"


def _name_worst(residuals: Mapping[str, Array]) -> str:
    """Diagnostics by the mean squares of their residuals, the largest first."""
    squares = {n: float(np.nanmean(r**2)) for n, r in residuals.items() if np.isfinite(r).any()}
    worst = sorted(squares, key=lambda n: squares[n], reverse=True)[:_NAMED]
    return ", ".join(f"{name} ({squares[name]:.3g})" for name in worst)


def _say_far(found: Calibration) -> str:
    priors = np.array([row["prior"] for row in found.table()])
    times = np.abs(found.values) / priors
    far = found.scalar & (times > _FAR)
    if not far.any():
        return ""
    rows = zip(found.labels, times, far, strict=True)
    knobs = ", ".join(f"{label} ({size:.3g} times)" for label, size, is_far in rows if is_far)
    return (
        f"found far beyond the rms of the prior: {knobs}: the model lacks something that they make "
        "up for, or the prior is too narrow"
    )
