"""Elements of elegant, type by type. Source: its manual, element dictionary, 2025."""

from __future__ import annotations

import math
from collections.abc import Callable

from ... import elements as kinds
from ...elements import Element
from ...lattice.expressions import Formula
from ..arithmetic import is_on
from .bends import read_numerical, read_radiating, read_rectangular, read_sector, read_straight
from .matrices import read_matrix
from .source import ElegantSource as Source
from .types import TYPES

Reader = Callable[[Source], list[Element]]


def _space(source: Source) -> list[Element]:
    return [source.space()]


def _place(source: Source) -> list[Element]:
    """What writes files, fits or counts, and leaves particles as they are."""
    source.ignore()
    return _space(source)


def _drift_with(effect: str, switch: str = "") -> Reader:
    """A drift with a field of the beam, which is left out."""

    def read(source: Source) -> list[Element]:
        if not switch or source.value(source.number(switch, 1.0)):
            source.say(f"{effect} is left out; give an effect in its place")
        return _place(source)

    return read


def _monitor(source: Source) -> list[Element]:
    source.number("calibration"), source.number("xcalibration"), source.number("ycalibration")
    return [source.make_placed(kinds.Monitor, length=source.length)]


def _steering(source: Source) -> dict[str, tuple[Formula, ...]]:
    """Kicks of correctors that are wound on a magnet."""
    kicks = [
        source.number(f"{plane}kick") * source.number(f"{plane}calibration", 1.0)
        for plane in ("h", "v")
    ]
    return {"knl": (-kicks[0],), "ksl": (kicks[1],)}


def _pole_tip(source: Source) -> None:
    if is_on(source.number("bore")):
        source.number("b"), source.number("btipl")
        source.say("its field at the pole tip (BORE, B) is left out; give its strength instead")


def _quadrupole(source: Source) -> list[Element]:
    _pole_tip(source)
    if source.definition.base == "QUAD" and not is_on(source.number("ffringe")):
        source.number("edge1_effects"), source.number("edge2_effects")
    if source.value(source.number("leffective", -1.0)) > 0:
        source.say("LEFFECTIVE is left out")
    k1 = source.scaled("k1", "fse")
    return [source.make_placed(kinds.Quadrupole, length=source.length, k1=k1, **_steering(source))]


def _sextupole(source: Source) -> list[Element]:
    _pole_tip(source)
    length = source.length
    fields = _steering(source)
    gradient = source.number("k1")
    if is_on(gradient):
        fields["knl"] = (*fields["knl"], gradient * length)
    return [
        source.make_placed(kinds.Sextupole, length=length, k2=source.scaled("k2", "fse"), **fields)
    ]


def _octupole(source: Source) -> list[Element]:
    _pole_tip(source)
    k3 = source.scaled("k3", "fse")
    return [source.make_placed(kinds.Octupole, length=source.length, k3=k3)]


def _combined(source: Source) -> list[Element]:
    k1, k2 = source.scaled("k1", "fse1"), source.scaled("k2", "fse2")
    knl = (0.0, 0.0, k2 * source.length)
    return [source.make_placed(kinds.Quadrupole, length=source.length, k1=k1, knl=knl)]


def _multipole(source: Source) -> list[Element]:
    _pole_tip(source)
    order = int(source.fixed("order", 1.0))
    if order < 0:
        raise ValueError(f"order {order} must not be negative")
    strength = source.number("knl") * source.number("factor", 1.0)
    knl = (*[0.0] * order, strength)
    return [source.make_placed(kinds.Multipole, length=source.length, knl=knl)]


def _corrector(horizontal: str, vertical: str) -> Reader:
    """Correctors, by the attributes that hold their kicks."""

    def read(source: Source) -> list[Element]:
        kicks = {}
        for field, name in (("hkick", horizontal), ("vkick", vertical)):
            if name:
                factor = source.number(name.replace("kick", "calibration"), 1.0)
                kicks[field] = source.number(name) * factor
        source.number("edge_effects")
        return [source.make_placed(kinds.Kicker, length=source.length, **kicks)]

    return read


def _solenoid(source: Source) -> list[Element]:
    ks = source.number("ks")
    if not is_on(source.length):
        return _absent(source) if is_on(ks) else _space(source)
    moved = source.placement()
    moved.pop("tilt")
    return [source.make(kinds.Solenoid, length=source.length, ks=ks, **moved)]


def _cavity(source: Source) -> list[Element]:
    """elegant takes V sin(phase + omega t), in degrees: 90 is the crest, 180 stable in a ring."""
    changes = source.fixed("change_p0") != 0
    return [
        source.make_placed(
            kinds.RFCavity,
            length=source.length,
            voltage=source.number("volt"),
            frequency=source.number("freq", 500e6),
            phase=source.number("phase") * (math.pi / 180),
            **({"accelerate": True} if changes else {}),
            **_focusing(source),
        )
    ]


def _focusing(source: Source) -> dict[str, str]:
    """SRS is a standing wave; lenses at the ends alone are those of a travelling one."""
    model = source.word("body_focus_model").lower()
    ends = source.fixed("end1_focus") != 0, source.fixed("end2_focus") != 0
    source.ignore("standing_wave")
    if model not in ("", "none", "srs"):
        source.say(f"body_focus_model = {model} is left out")
    if not is_on(source.length) or not (model == "srs" or any(ends)):
        return {}
    wave = "standing-wave" if model == "srs" else "travelling-wave"
    return {"focusing": wave, "ends": _ENDS[ends]}


_ENDS = {
    (True, True): "both",
    (True, False): "entrance",
    (False, True): "exit",
    (False, False): "none",
}


def _cavity_with(what: str) -> Reader:
    def read(source: Source) -> list[Element]:
        made = _cavity(source)
        source.say(f"{what} left out")
        source.ignore()
        return made

    return read


def _rotation(source: Source) -> list[Element]:
    """The frame rolls by TILT, and with it the coordinates."""
    return [source.make(kinds.Patch, tilt=source.number("tilt"))]


def _collimator(shape: str) -> Reader:
    """An opening at the entrance and at the exit; a size of zero is no limit."""

    def read(source: Source) -> list[Element]:
        sizes = {"half_width": "x_max", "half_height": "y_max"}
        found = {field: source.fixed(name) for field, name in sizes.items()}
        stated = {field: size for field, size in found.items() if size > 0}
        if not stated:
            source.ignore()
            return _space(source)
        for name in ("exponent", "yexponent"):
            if source.value(source.number(name, 2.0)) not in (0.0, 2.0):
                source.say(f"{name} = {source.value(source.number(name)):g}: read as an ellipse")
        moved = {name: source.number(name) for name in ("dx", "dy")}
        opening = source.make(kinds.Aperture, shape=shape, **stated, **moved)
        if not is_on(source.length):
            return [opening]
        return [opening, source.make(kinds.Drift, length=source.length), opening]

    return read


def _absent(source: Source) -> list[Element]:
    """A type that is not modelled."""
    return [source.placeholder()]


def _setting(source: Source) -> list[Element]:
    """A type that sets or corrects the beam as a whole, where nothing stands."""
    source.say("acts on the beam as a whole; left out")
    return _place(source)


def _if_stated(*switches: str) -> Reader:
    """A type that has no counterpart, and does nothing as long as these are zero."""

    def read(source: Source) -> list[Element]:
        told = [source.attributes.get(name, 0.0) for name in switches]
        on = any(bool(v) if isinstance(v, (str, tuple)) else is_on(v) for v in told)
        return _absent(source) if on else _place(source)

    return read


#: types that set or correct the beam as a whole
_OF_THE_BEAM = ("ENERGY", "CHARGE", "CENTER", "REMCOR", "CLEAN", "SAMPLE", "MAXAMP", "SREFFECTS")
#: how elements of a type are read
CLASSES: dict[str, Reader] = {
    **dict.fromkeys(TYPES, _absent),
    **dict.fromkeys(_OF_THE_BEAM, _setting),
    **dict.fromkeys(("DRIF", "EDRIFT"), _space),
    "CSRDRIFT": _drift_with("coherent synchrotron radiation"),
    "LSCDRIFT": _drift_with("longitudinal space charge", "lsc"),
    **dict.fromkeys(("QUAD", "KQUAD"), _quadrupole),
    **dict.fromkeys(("SEXT", "KSEXT"), _sextupole),
    **dict.fromkeys(("OCTU", "KOCT"), _octupole),
    "KQUSE": _combined,
    "MULT": _multipole,
    **dict.fromkeys(("SBEN", "CSBEND", "KSBEND"), read_sector),
    "CSRCSBEND": read_radiating,
    "NIBEND": read_numerical,
    "RBEN": read_rectangular,
    "CCBEND": read_straight,
    "SOLE": _solenoid,
    **dict.fromkeys(("HKICK", "EHKICK"), _corrector("kick", "")),
    **dict.fromkeys(("VKICK", "EVKICK"), _corrector("", "kick")),
    **dict.fromkeys(("KICKER", "EKICKER"), _corrector("hkick", "vkick")),
    "RFCA": _cavity,
    "RFCW": _cavity_with("its wakes are"),
    "RAMPRF": _cavity_with("its ramp is"),
    "MODRF": _cavity_with("its modulation is"),
    **dict.fromkeys(("HMON", "VMON", "MONI"), _monitor),
    **dict.fromkeys(("MARK", "WATCH", "HISTOGRAM", "MHISTOGRAM", "SLICE", "TRCOUNT"), _place),
    **dict.fromkeys(("RECIRC", "FLOOR", "EMITTANCE"), _place),
    "ROTATE": _rotation,
    "EMATRIX": read_matrix,
    "RCOL": _collimator("rectangle"),
    "ECOL": _collimator("ellipse"),
    "SCRAPER": _if_stated("insert_from", "direction"),
    "MALIGN": _if_stated("dxp", "dyp", "dx", "dy", "dz", "dt", "dp", "de", "heading"),
    "BUMPER": _if_stated("angle"),
}
