"""Bending magnets of elegant. Source: its manual, SBEN, RBEN, CSBEND."""

from __future__ import annotations

from ...elements import Element, RBend, SBend
from ...lattice.expressions import Formula, call
from ..arithmetic import is_on
from .source import ElegantSource as Source

_HIGHEST = 8


def read_sector(source: Source) -> list[Element]:
    """A sector bend by its arc."""
    return [source.make(SBend, length=source.length, **_fields(source, source.length))]


def read_rectangular(source: Source) -> list[Element]:
    """A rectangular bend by its chord."""
    length = source.length / call("sinc", 0.5 * source.number("angle"))
    return [source.make(RBend, length=length, **_fields(source, length))]


def read_straight(source: Source) -> list[Element]:
    """A bend with a straight axis, by its arc."""
    source.say("its multipoles stand on a straight axis; here they follow the arc")
    return [source.make(RBend, length=source.length, **_fields(source, source.length))]


def read_radiating(source: Source) -> list[Element]:
    """A sector bend with the coherent radiation of the bunch."""
    made = read_sector(source)
    if source.value(source.number("csr", 1.0)):
        source.say("coherent synchrotron radiation is left out; give an effect in its place")
    source.ignore()
    return made


def read_numerical(source: Source) -> list[Element]:
    """A sector bend whose fringe elegant integrates."""
    made = read_sector(source)
    source.say("its fringe is integrated in elegant; here it has the edges of a bend")
    source.ignore()
    return made


def _fields(source: Source, length: Formula) -> dict[str, object]:
    angle = source.number("angle")
    if not source.value(source.number("nonlinear", 1.0)):
        source.say("NONLINEAR = 0 is left out; its fields act in full")
    field = source.scale("fse", "fse_dipole")
    gradient = source.scale("fse", "fse_quadrupole")
    strengths = _strengths(source, angle, length)
    fields: dict[str, object] = {
        "angle": angle,
        "k1": strengths[0] * gradient,
        "k2": strengths[1] * source.scale("fse"),
        **_edges(source),
        **_placement(source, angle),
    }
    if field != 1.0:
        fields["dk0"] = (field - 1.0) * angle / length
    higher = [k * source.scale("fse") * length for k in strengths[2:]]
    while higher and not is_on(higher[-1]):
        higher.pop()
    if higher:
        fields["knl"] = (0.0, 0.0, 0.0, *higher)
    return fields


def _strengths(source: Source, angle: Formula, length: Formula) -> list[Formula]:
    """K1, K2, ...; or B1, B2, ... over the radius, where USE_BN says so."""
    orders = range(1, _HIGHEST + 1)
    by_field = is_on(source.number("use_bn"))
    given = [(source.number(f"k{n}"), source.number(f"b{n}")) for n in orders]
    return [b * (angle / length) if by_field else k for k, b in given]


def _edges(source: Source) -> dict[str, object]:
    """Faces and fringes, each of which may be switched off; FINT is 0.5 if it is not given."""
    fint = source.number("fint", 0.5)
    ends: list[tuple[Formula, Formula]] = []
    on = []
    for end in ("1", "2"):
        own = source.number(f"fint{end}", -1.0)
        given = own if source.value(own) >= 0 else fint
        face = source.number(f"e{end}")
        on.append(source.fixed(f"edge{end}_effects", 1.0) != 0)
        ends.append((face, given) if on[-1] else (0.0, 0.0))
    (e1, first), (e2, last) = ends
    fields: dict[str, object] = {"e1": e1, "e2": e2}
    gap = source.number("hgap")
    if is_on(gap):
        fields |= {"hgap": gap, "fint": first, "fintx": last}
    if not any(on):
        return {**fields, "edges": "none"}
    if not all(on):
        fields["edges"] = "linear"  # of no effect where face and fringe are zero
    return fields


def _placement(source: Source, angle: Formula) -> dict[str, Formula]:
    """Tilt and misalignment; elegant displaces along the axes at the entrance, or in the middle.

    Here the axes are those in the middle: turned by half the angle in the plane of the bend.
    Source: MALIGN_METHOD of the manual, 2 for the middle.
    """
    tilt = source.number("tilt")
    if is_on(source.number("etilt")):
        source.say("ETILT turns it about the entrance in elegant; here it is left out")
    moved = [source.number(name) for name in ("dx", "dy", "dz")]
    if not any(map(is_on, moved)):
        return {"tilt": tilt}
    method = source.value(source.number("malign_method"))
    if not method:
        source.number("epitch"), source.number("eyaw")
    dx, dy, dz = moved
    if method == 2:
        return {"tilt": tilt, "dx": dx, "dy": dy, "dz": dz}
    inward, across = _rotate(dx, dy, tilt)
    along, inward = _rotate(dz, inward, -0.5 * angle)
    dx, dy = _rotate(inward, across, -tilt)
    return {"tilt": tilt, "dx": dx, "dy": dy, "dz": along}


def _rotate(x: Formula, y: Formula, angle: Formula) -> tuple[Formula, Formula]:
    """A vector in axes that are turned by an angle [rad]."""
    if isinstance(angle, float) and not angle:
        return x, y
    c, s = call("cos", angle), call("sin", angle)
    return c * x + s * y, c * y - s * x
