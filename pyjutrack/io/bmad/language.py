"""Expressions of Bmad. Source: The Bmad Reference Manual, 2025, Arithmetic Expressions."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from ...beam.reference import Species
from ...core.errors import PyJuTrackError
from ...lattice.expressions import Formula
from ...lattice.formulas import Language, parse_formula
from ...lattice.functions import FUNCTIONS
from ..errors import clip

#: constants, elements' attributes `q1[k1]`, and what is asked of a species
_NAME = (
    r"(?:mass|charge|anomalous_moment)_of\((?:species\([^()]*\)|[^()]*)\)|factorial\(\d{1,3}\)"
    r"|(?:[a-z_]+::)?[a-z_][\w.\\#]*(?:\[[^\[\]]*\])?"
)
_SAME = ("sqrt", "log", "exp", "sin", "cos", "tan", "sinc", "asin", "acos", "atan", "atan2", "abs")
_HYPERBOLIC = ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "floor")
_FUNCTIONS = {
    **{name: FUNCTIONS[name] for name in (*_SAME, *_HYPERBOLIC)},
    "ceiling": FUNCTIONS["ceil"],
    "nint": FUNCTIONS["round"],
    "modulo": FUNCTIONS["mod"],
}
_FACTORIAL = re.compile(r"factorial\((\d+)\)")
#: numbers of double precision as Fortran writes them, 1.5d-3
_FORTRAN = re.compile(r"(?<![\w.])(\d+\.?\d*|\.\d+)d([-+]?\d+)")
_MOMENTS = ("electron", "muon", "proton", "deuteron")

CONSTANTS = {
    "pi": math.pi,
    "twopi": 2 * math.pi,
    "fourpi": 4 * math.pi,
    "e": math.e,
    "e_log": math.e,
    "sqrt_2": math.sqrt(2.0),
    "degrad": 180 / math.pi,
    "degrees": math.pi / 180,
    "raddeg": math.pi / 180,
    "fine_struct_const": 0.0072973525693,
    "anom_moment_deuteron": -0.1425617662,
    "anom_moment_electron": 0.00115965218128,
    "anom_moment_muon": 0.00116592089,
    "anom_moment_proton": 1.792854734463,
    "m_deuteron": 1.87561294257e9,
    "m_electron": 0.51099895e6,
    "m_neutron": 0.93956542052e9,
    "m_muon": 105.6583755e6,
    "m_pion_0": 134.9766e6,
    "m_pion_charged": 139.57018e6,
    "m_proton": 0.93827208816e9,
    "c_light": 2.99792458e8,
    "r_e": 2.8179403262e-15,
    "r_p": 1.5346982647e-18,
    "e_charge": 1.602176634e-19,
    "h_planck": 4.135667696e-15,
    "h_bar_planck": 6.582118990e-16,
    "emass": 0.51099895e-3,
    "pmass": 0.93827208816,
}
_LANGUAGE = Language(_NAME, functions=_FUNCTIONS, folds=True)


def parse(text: str, resolve: Callable[[str], Formula]) -> Formula:
    """An expression without spaces, in lower case, names resolved.

    Raises:
        InvalidValueError: it cannot be read; random numbers are among what cannot.
    """

    def named(name: str) -> Formula:
        if found := _FACTORIAL.fullmatch(name):
            return math.prod(range(2, int(found[1]) + 1), start=1.0)
        return resolve(name)

    text = _FORTRAN.sub(r"\1e\2", text)
    return parse_formula(text, _LANGUAGE, named)


def of_species(what: str, name: str) -> float:
    """Mass [eV], charge [e] or anomalous moment of a particle by its name."""
    particle = find_species(name)
    if what == "mass":
        return particle.mass
    if what == "charge":
        return particle.charge
    plain = {"positron": "electron", "antiproton": "proton", "antimuon": "muon"}
    kind = plain.get(particle.name, particle.name)
    if kind not in _MOMENTS:
        raise ValueError(f"the anomalous moment of {clip(name)!r} is not known")
    return CONSTANTS[f"anom_moment_{kind}"]


_SPECIES = {"anti_proton": "antiproton"}


def find_species(name: str) -> Species:
    """A particle by Bmad's name.

    Raises:
        ValueError: it is none that is known here.
    """
    plain = name.strip("\"' ").lower()
    try:
        return Species.from_name(_SPECIES.get(plain, plain))
    except PyJuTrackError as error:
        raise ValueError(
            f"particle {clip(name)!r} is not known; give reference= with its mass and charge"
        ) from error
