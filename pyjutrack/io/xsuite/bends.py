"""Bends of Xsuite, their edges, and edges that stand by themselves.

Source: Xsuite's physics manual, and xtrack 0.118. Gradients stand in the curved frame in both, and
`edge_entry_hgap` is half of the gap, as here.
"""

from __future__ import annotations

from typing import NamedTuple

from ...elements import DipoleEdge, Marker, RBend, SBend
from ...lattice.expressions import Formula, call
from ..arithmetic import Series, add, is_on, scale
from ..builder import Fields
from .magnets import read_multipoles, read_straight_magnet
from .models import BENDS, BODIES, EDGES, read_model
from .source import Piece, Source

#: angles below which a difference of computed numbers is none [rad]
_SMALL = 1e-9


class Edge(NamedTuple):
    """An edge of a bend.

    Attributes:
        model: "suppressed", "linear", "full" or "dipole-only".
        angle: of the face, against the square to the orbit (or to a rectangle's) [rad].
        fint, hgap: field integral, and half of the gap [m].
    """

    model: str
    angle: Formula
    fint: Formula
    hgap: Formula


def read_bend(source: Source) -> list[Piece]:
    """A sector: its angle is given, or its curvature in older files."""
    length, angle = source.number("length"), source.number("angle")
    curvature = source.number("h")
    if not source.states("angle") and is_on(curvature):
        angle = curvature * length
    return _make(source, length, angle, (0.0, 0.0))


def read_rbend(source: Source) -> list[Piece]:
    """A rectangle: its length is straight, and its faces turn by half of the angle."""
    angle, unequal = source.number("angle"), source.number("rbend_angle_diff")
    source.ignore("length", "h")
    length = source.number("length_straight")
    if is_on(angle):
        length = length / (call("sinc", angle / 2) * call("cos", unequal / 2))
    if not source.states("length_straight"):
        length = source.number("length")
    source.ignore("rbend_compensate_sagitta")
    if source.word("rbend_model", "adaptive", BODIES) == "straight-body":
        source.say("its straight body is read as a curved one")
    else:
        source.ignore("rbend_shift")
    less = unequal / 2 if is_on(unequal) else 0.0
    return _make(source, length, angle, (0.0 - less, less), rectangle=True)


def read_magnet(source: Source) -> list[Piece]:
    """The general magnet: a bend, or a straight one without edges."""
    turned = ("angle", "h", "edge_entry_angle", "edge_exit_angle")
    if any(is_on(source.number(name)) for name in turned):
        return read_bend(source)
    if is_on(_dipole(source, 0.0)):
        return read_bend(source)
    if "full" in [read_edge(source, side).model for side in ("entry", "exit")]:
        source.say("full edges: the fringe of its gradients is left out")
    return read_straight_magnet(source)


def _make(
    source: Source,
    length: Formula,
    angle: Formula,
    turned: tuple[Formula, Formula],
    *,
    rectangle: bool = False,
) -> list[Piece]:
    """A bend of a length along its arc.

    Args:
        turned: by how much its faces are turned besides, at the entrance and at the exit [rad].
        rectangle: whether half of the angle turns them too.
    """
    fields = _body(source, length, angle)
    first, last = (read_edge(source, side) for side in ("entry", "exit"))
    if not is_on(length):
        if any(is_on(source.number(n)) for n in ("angle", "k1", "k2")) or fields["dk0"]:
            source.say("a bend without a length is read as a marker")
        return [Piece(Marker, {})]
    exact = [edge.model for edge in (first, last) if edge.model in ("full", "dipole-only")]
    if "full" in exact and any(is_on(fields[name]) for name in ("k1", "k2")):
        source.say("full edges: the fringe of the dipole alone is read, without that of gradients")
    if len(exact) == 1 and {first.model, last.model} != {"full", "dipole-only"}:
        source.say(f"its edges, {first.model} and {last.model}, are both read as {exact[0]}")
    if first.model == last.model == "suppressed":
        return [Piece(SBend, {**fields, "edges": "none"})]
    fields["edges"] = "exact" if exact else "linear"
    whole = rectangle and "suppressed" not in (first.model, last.model)
    for name, edge, turn in (("e1", first, turned[0]), ("e2", last, turned[1])):
        half = angle / 2 if rectangle and not whole else 0.0
        faced = edge.angle + turn + half
        fields[name] = 0.0 if edge.model == "suppressed" else faced
    return [Piece(RBend if whole else SBend, {**fields, **join_gaps(first, last)})]


def _body(source: Source, length: Formula, angle: Formula) -> Fields:
    """Length, angle, field and gradients.

    Multipoles up to the gradient act as the bend's own do, in the curved frame and at its edges.
    """
    curvature = angle / length if is_on(length) and is_on(angle) else 0.0
    source.curvature = curvature
    k0 = _dipole(source, curvature)
    knl, ksl = read_multipoles(source, k0 * length)
    higher: Series = ()
    if source.states("k3"):
        higher = (0.0, 0.0, 0.0, source.number("k3"))
    skew = tuple(source.number(n) if source.states(n) else 0.0 for n in _SKEW)
    knl, ksl = add(knl, scale(higher, length)), add(ksl, scale(skew, length))
    k1 = source.number("k1")
    if is_on(length):
        k0, k1 = (
            k + knl[n] / length if n < len(knl) and is_on(knl[n]) else k
            for n, k in enumerate((k0, k1))
        )
    rest = (0.0, 0.0, *knl[2:]) if len(knl) > 2 else ()
    return {
        **{"length": length, "angle": angle, "dk0": _beyond(k0, curvature), "k1": k1},
        **{"k2": source.number("k2"), "knl": rest, "ksl": ksl},
        **read_model(source, BENDS, linear=True),
    }


_SKEW = ("k0s", "k1s", "k2s", "k3s")


def _dipole(source: Source, curvature: Formula) -> Formula:
    """The field over B rho [1/m]: that of the orbit, unless one is stated."""
    source.ignore("k0")
    follows = source.flag("k0_from_h", default=not source.states("k0"))
    if follows or source.attributes.get("k0") == "from_h":
        return curvature
    return source.number("k0")


def _beyond(field: Formula, curvature: Formula) -> Formula:
    return 0.0 if field is curvature or field == curvature else field - curvature


def read_edge(source: Source, side: str) -> Edge:
    """An edge of a magnet; one that is off is suppressed."""
    at = f"edge_{side}_"
    model = source.word(f"{at}model", "linear", EDGES)
    if model not in EDGES.values():
        raise ValueError(f"{at}model = {model!r} is not known")
    active = source.flag(f"{at}active", default=True)
    angle, fint, hgap = (source.number(f"{at}{n}") for n in ("angle", "fint", "hgap"))
    model = model if active else "suppressed"
    down = source.number(f"{at}angle_fdown")
    if model == "linear" and is_on(down):
        if abs(source.value(down)) > _SMALL:
            source.say(f"{at}angle_fdown = {source.value(down):g}, for y alone, is left out")
        else:
            source.remark("angles fdown of edges, for y alone, are 0 now, and follow no variables")
    return Edge(model, angle, fint, hgap)


def join_gaps(first: Edge, last: Edge) -> Fields:
    """The field integrals of both edges for one gap: only their products count."""
    one, two = (0.0 if e.model == "suppressed" else e.fint for e in (first, last))
    if first.hgap == last.hgap or last.model == "suppressed":
        return {"fint": one, "fintx": two, "hgap": first.hgap}
    return {"fint": one * first.hgap, "fintx": two * last.hgap, "hgap": 1.0}


def read_dipole_edge(source: Source) -> list[Piece]:
    """An edge that stands by itself."""
    k = source.number("k", former="h")
    source.ignore("r21", "r43", "side")
    model = source.word("model", "linear", EDGES)
    edge = Edge(model, source.number("e1"), source.number("fint"), source.number("hgap"))
    return edge_piece(source, k, edge)


def edge_piece(source: Source, field: Formula, edge: Edge) -> list[Piece]:
    """An edge without its bend.

    Args:
        field: beyond the edge, over B rho [1/m].
    """
    if edge.model == "suppressed" or not is_on(field):
        return [Piece(Marker, {})]
    if edge.model != "linear":
        source.say(f"a {edge.model} edge by itself has no counterpart; read as a linear one")
    fields = {"h": field, "e1": edge.angle, "fint": edge.fint, "hgap": edge.hgap}
    return [Piece(DipoleEdge, fields)]
