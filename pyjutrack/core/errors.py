"""The package's own family of exceptions and warnings."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class PyJuTrackError(Exception):
    """Base of every exception that the package raises on purpose."""


class InvalidValueError(PyJuTrackError, ValueError):
    """A value is outside what the model can mean: negative length, non-finite coordinate, ..."""


class ManySettingsError(InvalidValueError):
    """There are many settings where one is needed; the message says to take one after another."""


class UnknownNameError(PyJuTrackError, LookupError):
    """A species, element, knob or option that does not exist; the message names the nearest."""


class WriteError(PyJuTrackError, OSError):
    """A file cannot be written, on a full disk say; the message names it."""


class UnstableError(PyJuTrackError):
    """A periodic quantity was asked of a lattice whose motion is unbounded."""


class ParticleLostError(PyJuTrackError):
    """A particle whose coordinates the result needs was lost on the way."""


class TrainingError(PyJuTrackError):
    """Training cannot go on: the loss is no number any more."""


class MissingPackageError(PyJuTrackError, ImportError):
    """A package that is only needed here is not installed; the message says how to get it."""


class PluginError(PyJuTrackError):
    """An installed plugin cannot be loaded; the message names it."""


class EngineError(PyJuTrackError):
    """An engine failed within; the message is what it said."""


class RankError(PyJuTrackError):
    """Another rank of a job is gone, so that nothing can be had of the whole beam any more."""


class ScanError(PyJuTrackError):
    """A scan has ended before its last point; what it has found is kept."""


class MeasurementError(PyJuTrackError, ValueError):
    """Measured or tabulated data that cannot be used; the message names place and remedy."""


class DomainError(PyJuTrackError):
    """A beam is unlike all those that a surrogate was trained on."""


class DomainWarning(UserWarning):
    """A beam is unlike all those that a surrogate was trained on; its field may be wrong."""


class AccuracyWarning(UserWarning):
    """A model is used where its error is large: of a network, say, whose own card states it."""


class IdentifiabilityWarning(UserWarning):
    """Measurements do not determine all unknowns."""


class MisfitWarning(UserWarning):
    """A calibrated model is far from what was measured."""


class CacheWarning(UserWarning):
    """Compiled kernels cannot be kept on disk, and are compiled again in every process."""


class SaturationWarning(UserWarning):
    """A size is read from a profile that looks cut off by its instrument."""


class LossWarning(UserWarning):
    """A derivative holds fixed which particles are lost, and some are lost on the way."""


class ResolutionWarning(UserWarning):
    """The grid is too coarse, or too small, for the beam it should resolve."""


class SymplecticityWarning(UserWarning):
    """Optics are those of a map that does not conserve volume in phase space."""


#: warnings that are kept back for now
_held: ContextVar[list[tuple[str, type[Warning]]] | None] = ContextVar("held", default=None)


@contextmanager
def hold_warnings(*failures: type[Exception]) -> Iterator[None]:
    """Warn when all is done, and not at all where that fails so that it is done otherwise.

    Args:
        failures: exceptions after which it is.
    """
    held: list[tuple[str, type[Warning]]] = []
    token = _held.set(held)
    try:
        yield
    except failures:
        held.clear()
        raise
    finally:
        _held.reset(token)
        for message, category in held:
            warn(message, category)


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the line outside the package, and of what it is wrapped in, that called into it."""
    held = _held.get()
    if held is not None:
        held.append((message, category))
        return
    within = __name__.partition(".")[0], "numba", "torch", "contextlib"
    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in within:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def require_known(kind: str, name: str, known: Iterable[str]) -> None:
    """Raise UnknownNameError unless `name` is one of the known names."""
    known = list(known)
    if not isinstance(name, str) or name not in known:
        raise unknown(kind, name, known)


def unknown(
    kind: str, name: str, known: Iterable[str], of_none: str = "there is none at all"
) -> UnknownNameError:
    """An error that says `name` is no `kind`, and what was probably meant.

    Args:
        of_none: the hint where nothing is known.
    """
    known = [str(k) for k in known]
    by_lower = {k.lower(): k for k in known}
    near = difflib.get_close_matches(str(name).lower(), by_lower, n=1, cutoff=0.4)
    if near:
        hint = f"did you mean {by_lower[near[0]]!r}?"
    elif known:
        shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
        hint = f"known: {shown}"
    else:
        hint = of_none
    return UnknownNameError(f"no {kind} named {name!r}; {hint}")
