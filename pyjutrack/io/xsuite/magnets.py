"""Straight magnets and multipoles of Xsuite. Source: Xsuite's physics manual, and xtrack 0.118."""

from __future__ import annotations

from ...elements import Marker, Multipole, Octupole, Quadrupole, Sextupole, ThinBend
from ...lattice.expressions import Formula
from ..arithmetic import Series, add, is_on, scale
from ..builder import Fields
from .models import BENDS, STRAIGHT, read_model
from .source import Piece, Source

#: gradients that a magnet may have beside its own, by the order of their multipole
_GRADIENTS = (("k0", "k0s"), ("k1", "k1s"), ("k2", "k2s"), ("k3", "k3s"))
#: kicks in one magnet, after which more of them change nothing
_MOST = 50


def read_quadrupole(source: Source) -> list[Piece]:
    return _read_straight(source, Quadrupole, 1, linear=True)


def read_sextupole(source: Source) -> list[Piece]:
    return _read_straight(source, Sextupole, 2, linear=False)


def read_octupole(source: Source) -> list[Piece]:
    return _read_straight(source, Octupole, 3, linear=False)


def _read_straight(
    source: Source, kind: type[Quadrupole | Sextupole | Octupole], order: int, *, linear: bool
) -> list[Piece]:
    length = source.number("length")
    normal, skew = (source.number(name) for name in _GRADIENTS[order])
    main = (skew if source.flag("main_is_skew", default=False) else normal) * length
    knl, ksl = read_multipoles(source, main)
    model = read_model(source, STRAIGHT, linear=linear)
    if linear and model.get("model", "linear") == "linear" and not knl and not ksl:
        model = {name: value for name, value in model.items() if name == "model"}  # exact by itself
    if not is_on(length):
        return [Piece(Marker, {})] if not knl and not ksl else [Piece(Multipole, _both(knl, ksl))]
    own: Fields = dict(zip(_GRADIENTS[order], (normal, skew), strict=True))
    gradients = any(len(series) > 1 and is_on(series[1]) for series in (knl, ksl))
    if gradients and linear and model.get("model", "linear") == "linear":
        return _kick_within(source, {"length": length, **own, **model}, _both(knl, ksl))
    if order == 1 and source.has_fringe():
        own["fringe"] = "hard-edge"
    return [Piece(kind, {"length": length, **own, **_both(knl, ksl), **model})]


def _kick_within(source: Source, magnet: Fields, series: Fields) -> list[Piece]:
    """A quadrupole with another gradient, which Xsuite kicks by, once if no number is given."""
    kicks = min(source.count("num_multipole_kicks") or 1, _MOST)
    half = Piece(Quadrupole, {**magnet, "length": magnet["length"] / (2 * kicks)})
    each = {name: scale(entries, 1 / kicks) for name, entries in series.items()}
    return [half, Piece(Multipole, each), half] * kicks


def read_multipoles(source: Source, main: Formula) -> tuple[Series, Series]:
    """Integrated multipoles, those among them that are given relative to the magnet's own.

    Args:
        main: the magnet's own, integrated.
    """
    knl, ksl = (
        add(source.series(name), scale(source.series(f"{name}_rel"), main))
        for name in ("knl", "ksl")
    )
    return knl, ksl


def read_multipole(source: Source) -> list[Piece]:
    """A kick, whose length is for radiation and curvature, unless it is thick."""
    place = source.count("main_order")
    stated = source.series("ksl" if source.flag("main_is_skew", default=False) else "knl")
    knl, ksl = read_multipoles(source, stated[place] if place < len(stated) else 0.0)
    length = source.number("length")
    angle = source.number("hxl")
    model = read_model(source, STRAIGHT, linear=False)
    if source.flag("isthick", default=False) and is_on(length):
        if is_on(angle):
            source.say(f"hxl = {angle} of a thick multipole is left out")
        return [Piece(Multipole, {"length": length, **_both(knl, ksl), **model})]
    if is_on(angle) and is_on(length):
        source.curvature = angle / length
    return thin_multipole(source, knl, ksl, angle, length)


def thin_multipole(
    source: Source, knl: Series, ksl: Series, hxl: Formula, length: Formula
) -> list[Piece]:
    """A kick at a place, where the reference orbit may turn.

    Args:
        hxl: angle by which the reference orbit turns [rad].
        length: over which the magnet that this stands for would turn it [m].
    """
    if not is_on(hxl):
        return [Piece(Multipole, _both(knl, ksl))]
    dipole = knl[0] if knl else 0.0
    beside = 0.0 if dipole == hxl else dipole - hxl
    fields = {"angle": hxl, **_both((beside, *knl[1:]), ksl)}
    return [Piece(ThinBend, {**fields, "h": hxl / length if is_on(length) else 0.0})]


def read_simple_thin(source: Source) -> list[Piece]:
    hxl, length = source.number("hxl"), source.number("length")
    return thin_multipole(source, source.series("knl"), (), hxl, length)


def read_straight_magnet(source: Source) -> list[Piece]:
    """The general magnet where it bends nothing: a quadrupole or a multipole."""
    length = source.number("length")
    knl, ksl = read_multipoles(source, 0.0)
    (k0, k0s), (k1, k1s), *higher = ([source.number(n) for n in pair] for pair in _GRADIENTS)
    normal, skew = (
        scale((first, 0.0, *(pair[n] for pair in higher)), length)
        for n, first in enumerate((k0, k0s))
    )
    series = _both(add(knl, normal), add(ksl, skew))
    if is_on(k1) or is_on(k1s):
        model = read_model(source, BENDS, linear=True)
        return [Piece(Quadrupole, {"length": length, "k1": k1, "k1s": k1s, **series, **model})]
    model = read_model(source, BENDS, linear=False)
    return [Piece(Multipole, {"length": length, **series, **model})]


def _both(knl: Series, ksl: Series) -> Fields:
    return {"knl": knl, "ksl": ksl}
