"""Elements of Xsuite, class by class. Source: Xsuite's physics manual, and xtrack 0.118."""

from __future__ import annotations

import math
from collections.abc import Callable

from ...elements import Drift, Marker, Monitor, Patch, Placeholder, Solenoid, TaylorMap
from ...lattice.expressions import Formula
from ..arithmetic import is_on
from ..record import NOT_MODELLED
from .apertures import (
    read_ellipse,
    read_polygon,
    read_racetrack,
    read_rectangle,
    read_rectellipse,
)
from .bends import read_bend, read_dipole_edge, read_magnet, read_rbend
from .cavities import read_cavity, read_crab, read_rf_multipole
from .magnets import (
    read_multipole,
    read_octupole,
    read_quadrupole,
    read_sextupole,
    read_simple_thin,
)
from .models import DRIFTS
from .source import Piece, Source

Reader = Callable[[Source], list[Piece]]


def _drift(source: Source) -> list[Piece]:
    model = source.word("model", "adaptive", DRIFTS)
    exact = source.exact_drifts or model == "exact" or source.kind == "DriftExact"
    fields = {} if exact else {"model": "paraxial"}
    return [Piece(Drift, {"length": source.number("length"), **fields})]


def _marker(source: Source) -> list[Piece]:
    return [Piece(Marker, {})]


def _monitor(source: Source) -> list[Piece]:
    source.ignore()  # what it records, and when
    return [Piece(Monitor, {})]


def _solenoid(source: Source) -> list[Piece]:
    source.ignore("integrator", "num_multipole_kicks", "edge_entry_active", "edge_exit_active")
    return _hard_edge(source, source.number("ks"))


def _variable_solenoid(source: Source) -> list[Piece]:
    """One whose field is the same at both ends."""
    source.ignore("integrator", "num_multipole_kicks")
    profile = (*source.series("ks_profile"), 0.0, 0.0)
    if profile[0] != profile[1]:
        source.say(f"ks_profile = [{profile[0]}, {profile[1]}] is read as its mean")
        return _hard_edge(source, (profile[0] + profile[1]) / 2)
    return _hard_edge(source, profile[0])


def _hard_edge(source: Source, ks: Formula) -> list[Piece]:
    length = source.number("length")
    axis = {name: source.number(at) for name, at in (("dx", "x0"), ("dy", "y0"))}
    return [Piece(Solenoid, {"length": length, "ks": ks, **axis})]


def _translation(source: Source) -> list[Piece]:
    """A translation; one along s leaves the reference particle where it was."""
    shifts = {f"d{axis}": source.number(f"shift_{axis}") for axis in ("x", "y")}
    along = source.number("shift_s")
    late = [_delay(along)] if is_on(along) else []
    return [Piece(Patch, {**shifts, "dz": along}), *late]


def _delay(zeta: Formula) -> Piece:
    """What lowers zeta of all particles [m]."""
    kick = (0.0, 0.0, 0.0, 0.0, 0.0 - zeta, 0.0)
    return Piece(TaylorMap, {"kick": kick, "variables": "zeta pzeta"})


def _delayed(name: str) -> Reader:
    return lambda source: [_delay(source.number(name))]


def _taylor_map(kick: str, matrix: str, second: str, variables: str) -> Reader:
    """A map by its series, by the attributes that hold it."""

    def read(source: Source) -> list[Piece]:
        given = {
            "kick": source.array(kick, 6),
            "matrix": source.array(matrix, 36),
            "second": source.array(second, 216) if second else None,
        }
        series = {name: entries for name, entries in given.items() if entries is not None}
        fields = {"length": source.number("length"), "variables": variables}
        return [Piece(TaylorMap, {**series, **fields})]

    return read


def _shift(source: Source) -> list[Piece]:
    return [Piece(Patch, {name: source.number(name) for name in ("dx", "dy")})]


def _rotation(source: Source) -> list[Piece]:
    """Rotations in an order that may be given, of which that of a patch is y, x, s."""
    names = {"y": "y_rot", "x": "x_rot", "s": "tilt"}
    turns = {names[axis]: source.number(f"rot_{axis}_rad") for axis in names}
    order = source.word("seq", "yxs")
    if sorted(order) != ["s", "x", "y"]:
        raise ValueError(f"seq = {order[:20]!r} is no order of x, y and s")
    on = [names[axis] for axis in order if is_on(turns[names[axis]])]
    if order == "yxs" or len(on) < 2:
        return [Piece(Patch, turns)]
    return [Piece(Patch, {name: turns[name]}) for name in on]


def _turn(field: str) -> Reader:
    """A rotation about one axis, in degrees."""

    def read(source: Source) -> list[Piece]:
        return [Piece(Patch, {field: source.number("angle") * (math.pi / 180)})]

    return read


def _refuse(source: Source) -> list[Piece]:
    raise ValueError(f"elements of class {source.kind} are not read: no drift can stand for one")


def _absent(*strengths: str) -> Reader:
    """A class that is not modelled: a placeholder, or a marker where it is switched off.

    Args:
        strengths: that switch it off where all are zero; none if nothing does.
    """

    def read(source: Source) -> list[Piece]:
        if strengths and not any(_is_on(source, name) for name in strengths):
            source.ignore()
            return [Piece(Marker, {})]
        return _keep_place(source, 0.0)

    return read


def _keep_place(source: Source, length: Formula) -> list[Piece]:
    source.say(NOT_MODELLED)
    settings = {"stands_for": source.kind, "settings": source.settings()}
    return [Piece(Placeholder, {"length": length, **settings})]


def _is_on(source: Source, name: str) -> bool:
    found = source.attributes.get(name)
    return any(map(bool, found)) if isinstance(found, list) else bool(found)


def read_unknown(source: Source) -> list[Piece]:
    """A class that is not known here, which takes space if it has a length."""
    return _keep_place(source, source.number("length"))


#: how elements of a class are read
CLASSES: dict[str, Reader] = {
    **dict.fromkeys(("Drift", "DriftExact", "Device"), _drift),
    "Marker": _marker,
    "Quadrupole": read_quadrupole,
    "Sextupole": read_sextupole,
    "Octupole": read_octupole,
    "Bend": read_bend,
    "RBend": read_rbend,
    "Magnet": read_magnet,
    "Multipole": read_multipole,
    **dict.fromkeys(("SimpleThinBend", "SimpleThinQuadrupole"), read_simple_thin),
    "DipoleEdge": read_dipole_edge,
    "Cavity": read_cavity,
    "CrabCavity": read_crab,
    "RFMultipole": read_rf_multipole,
    **dict.fromkeys(("Solenoid", "UniformSolenoid"), _solenoid),
    "VariableSolenoid": _variable_solenoid,
    "Translation": _translation,
    "XYShift": _shift,
    "Rotation": _rotation,
    "SRotation": _turn("tilt"),
    "XRotation": _turn("x_rot"),
    "YRotation": _turn("y_rot"),
    "LimitRect": read_rectangle,
    "LimitEllipse": read_ellipse,
    "LimitRectEllipse": read_rectellipse,
    "LimitRacetrack": read_racetrack,
    "LimitPolygon": read_polygon,
    **dict.fromkeys(("BeamPositionMonitor", "BeamProfileMonitor", "BeamSizeMonitor"), _monitor),
    **dict.fromkeys(("BeamStatsMonitor", "LastTurnsMonitor", "ParticlesMonitor"), _monitor),
    "ZetaShift": _delayed("dzeta"),
    "TimeDelay": _delayed("shift_zeta"),
    "FirstOrderTaylorMap": _taylor_map("m0", "m1", "", "t pt"),
    "SecondOrderTaylorMap": _taylor_map("k", "R", "T", "zeta pzeta"),
    **dict.fromkeys(("BeamBeamBiGaussian2D", "BeamBeamBiGaussian3D"), _absent("scale_strength")),
    **dict.fromkeys(("SpaceChargeBiGaussian", "SpaceCharge3D"), _absent()),
    **dict.fromkeys(("LongitudinalLimitRect", "ElectronLensInterpolated", "SyncTime"), _absent()),
    **dict.fromkeys(("Wedge", "MagnetEdge", "MultipoleEdge", "DipoleFringe"), _absent()),
    "Wire": _absent("current"),
    "Elens": _absent("current"),
    "ACDipole": _absent("volt"),
    "Exciter": _absent("knl", "ksl"),
    "NonLinearLens": _absent("knll"),
    **dict.fromkeys(("ReferenceEnergyChange", "ReferenceEnergyIncrease"), _absent()),
    "LineSegmentMap": _refuse,
}
