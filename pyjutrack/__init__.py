"""Hybrid physics and data-driven beam tracking with automatic differentiation.

What is used every day stands here; the rest in the namespaces: `optics`, `collective`,
`diagnostics`, `twin`, `surrogate`, `io`, `distributed`, `distributions`, `moments`, `observables`,
`adjoints`, `elements`, `julia`, `plotting`, `errors`, `testing`, `xopt`. Folders that are no such
namespace are for those who extend the package. What not every script needs is loaded when it is
asked for.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING
from typing import Any as _Any

from . import collective, distributed, elements, errors, io, optics
from .beam import moments, observables
from .beam.beam import Beam
from .beam.reference import Reference, Species
from .collective import CollectiveEffect, SpaceCharge, SpectralPoisson
from .core.display import register_loader as _register_loader
from .core.version import __version__ as __version__
from .elements import *  # noqa: F403  # every kind: `__all__` of that room says which
from .engines.derivatives import gradient, jacobian, jacobian_derivatives, value_and_gradient
from .engines.track import track
from .errors import PyJuTrackError
from .io import read_beam, read_lattice, write_beam, write_lattice
from .lattice.lattice import Lattice
from .optics import distributions, match, tunes, twiss, twiss_table
from .tracking import adjoints
from .tracking.loss_map import loss_map
from .tracking.observation import beams_at

if TYPE_CHECKING:
    from . import diagnostics, julia, surrogate, testing, twin, xopt
    from . import plotting as plotting
    from .surrogate import Surrogate
    from .twin import Measurements, Twin, Unknown
    from .twin.calibrate import calibrate

#: in which namespace stands what is loaded when it is asked for
_LATE = {
    name: name
    for name in ("diagnostics", "julia", "plotting", "surrogate", "testing", "twin", "xopt")
}
_LATE |= dict.fromkeys(("Measurements", "Twin", "Unknown", "calibrate"), "twin")
_LATE["Surrogate"] = "surrogate"

__all__ = [
    "Beam",
    "CollectiveEffect",
    "Lattice",
    "Measurements",
    "PyJuTrackError",
    "Reference",
    "SpaceCharge",
    "Species",
    "SpectralPoisson",
    "Surrogate",
    "Twin",
    "Unknown",
    "adjoints",
    "beams_at",
    "calibrate",
    "collective",
    "diagnostics",
    "distributed",
    "distributions",
    "elements",
    "errors",
    "gradient",
    "io",
    "jacobian",
    "jacobian_derivatives",
    "julia",
    "loss_map",
    "match",
    "moments",
    "observables",
    "optics",
    "read_beam",
    "read_lattice",
    "surrogate",
    "testing",
    "track",
    "tunes",
    "twin",
    "twiss",
    "twiss_table",
    "value_and_gradient",
    "write_beam",
    "write_lattice",
    "xopt",
]
__all__ += elements.__all__
__all__.sort()


def __getattr__(name: str) -> _Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{_where_is(name)}")
    namespace = _import_module(f".{_LATE[name]}", __name__)
    return namespace if name == _LATE[name] else getattr(namespace, name)


def _where_is(name: str) -> str:
    """Say which of the namespaces has a name, if one has."""
    if name.startswith("_"):
        return ""
    package = _import_module(__name__)
    spaces = {n: getattr(package, n) for n in __dir__() if n.islower()}
    found = [n for n, space in spaces.items() if name in getattr(space, "__all__", ())]
    return f"; there is {__name__}.{found[0]}.{name}" if found else ""


def __dir__() -> list[str]:
    return sorted([*__all__, "plotting", *(name for name in globals() if name.startswith("__"))])


def _draw() -> None:
    from .plotting import html, report  # noqa: F401  # which register themselves


_register_loader(_draw)
