"""Expressions of PALS files, their constants and functions.

Source: the standard's "Fundamental Structure", https://pals-project.readthedocs.io; constants are
those of CODATA 2022, with energies in eV and charges in elementary charges.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

import torch

from ...beam.reference import SPEED_OF_LIGHT, VACUUM_PERMITTIVITY, Species
from ...core.errors import InvalidValueError
from ...lattice.expressions import Expression, Formula
from ...lattice.formulas import Language, parse_formula
from ...lattice.functions import ADD, FUNCTIONS, POWER, Function

_E, _H = 1.602176634e-19, 6.62607015e-34  # exact, in C and J s
_RADIUS = _E / (4 * math.pi * VACUUM_PERMITTIVITY)  # of a charge e and an energy of 1 eV [m]
_HBAR = _H / _E / (2 * math.pi)
CONSTANTS = {
    "pi": math.pi,
    "c_light": SPEED_OF_LIGHT,
    "h_planck": _H / _E,
    "hbar": _HBAR,
    "r_electron": _RADIUS / Species.from_name("electron").mass,
    "r_proton": _RADIUS / Species.from_name("proton").mass,
    "e_charge": _E,
    "mu_0": _E / (VACUUM_PERMITTIVITY * SPEED_OF_LIGHT**2),
    "epsilon_0": VACUUM_PERMITTIVITY / _E,
    "classical_radius_factor": _RADIUS,
    "fine_structure": _RADIUS / (_HBAR * SPEED_OF_LIGHT),
    "n_avogadro": 6.02214076e23,
}

#: functions of PALS by another name here
_RENAMED = {"ceiling": "ceil", "modulo": "mod"}


def _other(name: str, value: Callable[[float], float]) -> Function:
    return Function(name, 1, value, lambda x: torch.full_like(x, math.nan))


#: functions of PALS that are written by others here: what follows their operand
_WRITTEN: dict[Function, tuple[float | Function, ...]] = {
    _other("cot", lambda x: 1 / math.tan(x)): (FUNCTIONS["tan"], -1.0, POWER),
    _other("coth", lambda x: 1 / math.tanh(x)): (FUNCTIONS["tanh"], -1.0, POWER),
    _other("acoth", lambda x: math.atanh(1 / x)): (-1.0, POWER, FUNCTIONS["atanh"]),
    _other("nint", lambda x: math.floor(x + 0.5)): (0.5, ADD, FUNCTIONS["floor"]),
}
#: names of values: `a`, `element>Group.parameter`, `controller>variable`, `SELF.Group.parameter`
_NAME = r"[A-Za-z_]\w*(?:>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*|(?:\.[A-Za-z_]\w*)+)?"
LANGUAGE = Language(
    _NAME,
    functions={
        **FUNCTIONS,
        **{theirs: FUNCTIONS[ours] for theirs, ours in _RENAMED.items()},
        **{function.name: function for function in _WRITTEN},
    },
    constants=CONSTANTS,
)
#: functions that the standard has too
_STANDARD = {"sqrt", "log", "exp", "sin", "cos", "tan", "sinc", "asin", "acos", "atan", "atan2"} | {
    *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "abs", "floor", "ceil", "mod"),
}
_SPECIES = re.compile(
    r"\b(?P<what>mass_of|charge_of)\((?:\"(?P<a>[^\"]*)\"|'(?P<b>[^']*)'|(?P<name>[A-Za-z_]\w*))\)"
)
_RANDOM = re.compile(r"\b(random_gauss|ran_gauss|random)\([\w.]*\)")


def parse(
    text: str,
    resolve: Callable[[str], Formula],
    species: Mapping[str, str],
    say: Callable[[str], None],
) -> Formula:
    """An expression of PALS; `expr(...)` around it says no more than that it is one.

    Args:
        text: of the expression.
        resolve: what a name stands for.
        species: constants that are names of species.
        say: takes what is read as something else.

    Raises:
        InvalidValueError: it is none.
    """
    text = text.strip()
    if text.startswith("expr(") and text.endswith(")"):
        text = text[5:-1]
    if "_of(" in text:
        text = _SPECIES.sub(lambda found: _property(found, species), text)
    if "ran" in text and _RANDOM.search(text):
        say("random numbers are read as their mean")
        text = _RANDOM.sub(lambda found: "0.5" if found[1] == "random" else "0.0", text)
    found = parse_formula(text, LANGUAGE, resolve)
    if not isinstance(found, Expression) or not any(entry in _WRITTEN for entry in found.code):
        return found
    code: list[float | str | Function] = []
    for entry in found.code:
        code += _WRITTEN.get(entry, (entry,)) if isinstance(entry, Function) else (entry,)
    return Expression(tuple(code))


def _property(found: re.Match[str], species: Mapping[str, str]) -> str:
    """The mass [eV] or the charge of a species, as text."""
    name = found["name"]
    stated = found["a"] or found["b"] or (species.get(name, name) if name else "")
    particle = find_species(stated)
    return f"({particle.mass if found['what'] == 'mass_of' else particle.charge!r})"


def find_species(name: str) -> Species:
    """A species by its name in PALS, "anti-proton"; UnknownNameError if it is not known."""
    return Species.from_name(name.replace("anti-", "anti"))


def write(formula: Expression, names: Mapping[str, str]) -> str:
    """An expression as text of PALS, with the names that its variables have in the file."""
    back = {ours: theirs for theirs, ours in _RENAMED.items()}
    code: list[float | str | Function] = []
    for entry in formula.code:
        if isinstance(entry, Function) and entry.name in back:
            entry = Function(back[entry.name], entry.count, entry.on_numbers, entry.on_tensors)
        code.append(names[entry] if isinstance(entry, str) else entry)
    return f"expr({Expression(tuple(code))})"


def strange_functions(formula: Expression) -> list[str]:
    """Functions of an expression that the standard does not have."""
    found = {e.name for e in formula.code if isinstance(e, Function) and not e.strength}
    return sorted(found - _STANDARD)


def require_free(name: str) -> None:
    """Raise InvalidValueError for a name that PALS gives to a constant or that is none."""
    if name in CONSTANTS or name in ("PARAMETER", "SELF"):
        raise InvalidValueError(f"{name!r} is a name of PALS itself")
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise InvalidValueError(f"{name!r} is no name: letters, digits and underscores")
