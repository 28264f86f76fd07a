"""Elements of Bmad, class by class. Source: The Bmad Reference Manual, 2025, Elements."""

from __future__ import annotations

import re
from collections.abc import Callable

from ... import elements as kinds
from ...elements import Element
from ...lattice.expressions import Formula, call
from ..arithmetic import is_on, series_of, times
from .bends import arc_length, read_bend
from .cavities import read_cavity, read_crab_cavity, read_linac_cavity
from .classes import CLASSES
from .magnets import read_magnet
from .source import BmadSource as Source

#: what happens to the reference in Bmad at an element that is off, and not here
_OFF = {
    "lcavity": "the reference does not gain what it would",
    **dict.fromkeys(("sbend", "rbend"), "its reference orbit, bent in Bmad, is straight here"),
}
Reader = Callable[[Source], list[Element]]
#: wigglers and cavities may hold both ends' apertures; all others have one at their exit
_BOTH = ("both_ends", "continuous", "wall_transition")


def length_of(source: Source) -> Formula:
    """Length along the reference orbit [m]."""
    base = source.definition.base
    if base in ("sbend", "rbend"):
        return arc_length(source)
    if base == "patch":
        return source.number("z_offset")
    return source.number("l")


def read_element(source: Source) -> list[Element]:
    """The elements that a definition stands for, its aperture among them."""
    base = source.definition.base
    if base == "null_ele":
        source.ignore()
        return []
    on = source.value(source.number("is_on", 1.0)) != 0
    opening = source.opening()
    if on or base in ("drift", "patch"):
        found = READERS[base](source)
    else:
        if base in _OFF:
            source.say(f"it is off, and {_OFF[base]}")
        source.ignore()
        found = _space(source)
    if opening is None:
        return found
    where = source.word("aperture_at")
    if where.startswith("no"):
        return found
    before = [opening] if where.startswith("entrance") or where in _BOTH else []
    after = [] if where.startswith("entrance") else [opening]
    return [*before, *found, *after]


def _space(source: Source) -> list[Element]:
    """A marker, or a drift where it has a length; where it stands does not matter."""
    source.placement()
    return [source.space()]


def _pipe(source: Source) -> list[Element]:
    """A drift that may kick."""
    fields = source.errors(1.0, 0, source.number("tilt"))
    if fields["knl"] or fields["ksl"]:
        return [source.make(kinds.Multipole, length=source.length, **fields, **source.placement())]
    return _space(source)


def _monitor(source: Source) -> list[Element]:
    fields = source.errors(1.0, 0, source.number("tilt"))
    if fields["knl"] or fields["ksl"]:
        return _pipe(source)
    return [source.make(kinds.Monitor, length=source.length, **source.placement())]


def _corrector(source: Source) -> list[Element]:
    """Kickers, whose tilt turns the kicks."""
    base, kicks = source.definition.base, {}
    if base == "kicker":
        for plane in ("h", "v"):
            kicks[f"{plane}kick"] = source.strength(f"{plane}kick", f"bl_{plane}kick")
    else:
        kicks[f"{base[0]}kick"] = source.strength("kick", "bl_kick")
    normal, skew = source.multipoles(_size(*kicks.values()), 0)
    fields = {"knl": normal, "ksl": skew, **source.placement()}
    return [source.make(kinds.Kicker, length=source.length, **kicks, **fields)]


def _size(*kicks: Formula) -> Formula:
    """Root of the sum of squares."""
    total: Formula = 0.0
    for kick in kicks:
        total = total + kick * kick
    return call("sqrt", total)


def _solenoid(source: Source) -> list[Element]:
    ks = source.strength("ks", "bs_field")
    fields = source.errors(1.0, 0)
    if fields["knl"] or fields["ksl"]:
        source.say("its kicks and multipoles are left out")
    placed = source.placement()
    placed.pop("tilt")  # of no effect in a round field
    if not is_on(source.length):
        return _absent(source) if is_on(ks) else _space(source)
    return [source.make(kinds.Solenoid, length=source.length, ks=ks, **placed)]


def _thin(source: Source) -> list[Element]:
    """A multipole by K_nL, its skew part K_nSL, and its tilt T_n."""
    normal: dict[int, Formula] = {}
    skew: dict[int, Formula] = {}
    for name in source.attributes:
        if not (found := re.fullmatch(r"k(\d+)(s?)l", name)):
            continue
        n, term = int(found[1]), source.number(name)
        turned = (n + 1.0) * source.number(f"t{n}")
        c, s = call("cos", turned), call("sin", turned)
        cosine, sine = times(term, c), times(term, s)
        if found[2]:
            normal[n], skew[n] = normal.get(n, 0.0) + sine, skew.get(n, 0.0) + cosine
        else:
            normal[n], skew[n] = normal.get(n, 0.0) + cosine, skew.get(n, 0.0) - sine
    if is_on(normal.get(0, 0.0)) or is_on(skew.get(0, 0.0)):
        source.word("k0l_status")
        source.say("its dipole kicks the beam; a bend of the reference orbit is left out")
    return _lens(source, series_of(normal), series_of(skew))


def _ab_multipole(source: Source) -> list[Element]:
    return _lens(source, *source.multipoles())


def _lens(source: Source, knl: tuple[Formula, ...], ksl: tuple[Formula, ...]) -> list[Element]:
    """A thin lens, and after it the length that Bmad gives it."""
    lens = source.make(kinds.Multipole, knl=knl, ksl=ksl, **source.placement())
    if not is_on(source.length):
        return [lens]
    source.say("its length is a drift after it")
    return [lens, source.make(kinds.Drift, length=source.length)]


def _thick(source: Source) -> list[Element]:
    fields = source.errors(1.0, 0, source.number("tilt"))
    return [source.make(kinds.Multipole, length=source.length, **fields, **source.placement())]


def _patch(source: Source) -> list[Element]:
    placed = source.placement()
    turned = any(is_on(placed[name]) for name in ("x_rot", "y_rot"))
    moved = any(is_on(placed[name]) for name in ("dx", "dy", "dz"))
    if turned and moved:
        source.say("its length is z_offset here, and along the axes at its exit in Bmad")
    return [source.make(kinds.Patch, **placed)]


def _absent(source: Source) -> list[Element]:
    """A class that is not modelled."""
    return [source.placeholder()]


#: how elements of a class are read
READERS: dict[str, Reader] = {
    **dict.fromkeys(CLASSES, _absent),
    "drift": _space,
    "pipe": _pipe,
    **dict.fromkeys(("ecollimator", "rcollimator"), _pipe),
    "marker": _space,
    **dict.fromkeys(("monitor", "instrument", "detector"), _monitor),
    **dict.fromkeys(("sbend", "rbend"), read_bend),
    "quadrupole": read_magnet(kinds.Quadrupole, 1, "k1"),
    "sextupole": read_magnet(kinds.Sextupole, 2, "k2"),
    "octupole": read_magnet(kinds.Octupole, 3, "k3"),
    "thick_multipole": _thick,
    "multipole": _thin,
    "ab_multipole": _ab_multipole,
    "solenoid": _solenoid,
    **dict.fromkeys(("hkicker", "vkicker", "kicker"), _corrector),
    "rfcavity": read_cavity,
    "lcavity": read_linac_cavity,
    "crab_cavity": read_crab_cavity,
    "patch": _patch,
}
