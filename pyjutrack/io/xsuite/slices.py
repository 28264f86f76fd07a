"""Slices of elements: parts, thin kicks, edges, and the space between kicks."""

from __future__ import annotations

import math
from collections.abc import Callable

from ...elements import Drift, Marker, SBend
from ...lattice.expressions import Formula
from ..arithmetic import Series, add, is_on, scale
from .bends import Edge, edge_piece, read_edge
from .magnets import thin_multipole
from .source import Piece, Source

#: what a part of a slice's weight has that much less of
_SHARED = ("length", "angle", "voltage")
#: fields of a bend's edges
_EDGES = ("e1", "e2", "fint", "fintx", "hgap")

Reader = Callable[[Source], list[Piece]]


def slice_of(kind: str) -> tuple[str, str]:
    """What a slice is, "thick", "thin", "drift", "entry" or "exit", and the class of its parent.

    Both are empty for a class that is no slice.
    """
    for start, part in (("ThickSlice", "thick"), ("ThinSlice", "thin"), ("DriftSlice", "drift")):
        if kind.startswith(start):
            of = kind.removeprefix(start)
            for end in ("Entry", "Exit"):
                if part == "thin" and of.endswith(end):
                    return end.lower(), of.removesuffix(end)
            return part, of or "Drift"
    return ("drift", "DriftExact") if kind == "DriftExactSlice" else ("", "")


def read_slice(source: Source, part: str, weight: float, read: Reader) -> list[Piece]:
    """A slice of an element.

    Args:
        source: of the element that it is cut from.
        part: see `slice_of`.
        weight: part of the element's length.
        read: makes the whole element.
    """
    pieces = read(source)
    if part in ("entry", "exit"):
        return _edge(source, part, pieces)
    if part == "drift":
        length = sum(p.fields.get("length", 0.0) for p in pieces)
        fields = {} if source.exact_drifts else {"model": "paraxial"}
        if len(pieces) == 1 and pieces[0].kind is Drift:
            fields = {name: v for name, v in pieces[0].fields.items() if name == "model"}
        return [Piece(Drift, {"length": length * weight, **fields})]
    if part == "thick":
        return [_part(piece, weight) for piece in pieces]
    return [made for piece in pieces for made in _kick(source, piece, weight)]


def _part(piece: Piece, weight: float) -> Piece:
    """A part of an element's length, without its edges."""
    fields = {n: v for n, v in piece.fields.items() if n not in (*_EDGES, "fringe")}
    for name in _SHARED:
        if name in fields:
            fields[name] = fields[name] * weight
    for name in ("knl", "ksl"):
        if name in fields:
            fields[name] = scale(fields[name], weight)
    if fields.get("steps"):
        fields["steps"] = max(math.ceil(fields["steps"] * weight), 1)
    if "edges" in fields:
        return Piece(SBend, {**fields, "edges": "none"})
    return Piece(piece.kind, fields)


def _kick(source: Source, piece: Piece, weight: float) -> list[Piece]:
    """All of a magnet's field at one place; of cavities, the gap."""
    fields = piece.fields
    length = fields.get("length", 0.0)
    if "voltage" in fields:
        return [_part(Piece(piece.kind, {**fields, "length": 0.0}), weight)]
    if "angle" not in fields and not {"knl", "ksl"} & {*fields}:
        return [piece]
    angle = fields.get("angle", 0.0)
    dipole: Formula = angle + fields["dk0"] * length if "dk0" in fields else 0.0
    normal, skew = (
        scale((0.0, *(fields.get(f"k{n}{end}", 0.0) for n in (1, 2, 3))), length)
        for end in ("", "s")
    )
    knl: Series = add(fields.get("knl", ()), (dipole,), normal)
    ksl: Series = add(fields.get("ksl", ()), skew)
    return thin_multipole(
        source, scale(knl, weight), scale(ksl, weight), angle * weight, length * weight
    )


def _edge(source: Source, part: str, pieces: list[Piece]) -> list[Piece]:
    """The edge of a bend; what others have at their ends is in their parts, or left out."""
    bends = [piece.fields for piece in pieces if "edges" in piece.fields]
    if any("fringe" in piece.fields for piece in pieces):
        source.say("the fringes at the ends of a sliced quadrupole are left out")
    if not bends:
        return [Piece(Marker, {})]
    fields = bends[0]
    edge = read_edge(source, part)
    turned = fields.get("e1" if part == "entry" else "e2", 0.0)
    if pieces[0].kind is not SBend:  # a rectangle's faces turn by themselves
        turned = turned + fields["angle"] / 2
    field = fields["dk0"]
    if is_on(fields["angle"]):
        field = fields["angle"] / fields["length"] + field
    return edge_piece(source, field, Edge(edge.model, turned, edge.fint, edge.hgap))
