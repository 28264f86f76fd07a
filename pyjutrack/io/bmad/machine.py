"""What a lattice file of Bmad defines: constants, elements, lines, controllers, parameters.

Expressions are evaluated where they stand, and constants keep their values: so an expression of
constants may stay one. Source: The Bmad Reference Manual, 2025, Lattice File Concepts.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

from ...lattice.expressions import Expression, Formula
from ..definition import Definition, Value
from ..errors import clip
from ..limits import ORDER
from ..lines import Line, LineSyntax
from ..record import Notes
from ..statements import before_sign, split_outside_brackets
from ..variables import Variables
from .classes import (
    CLASSES,
    CONTROLLERS,
    NEUTRAL,
    OF_CONTROLLERS,
    ORDERS,
    WORDS,
    find_class,
)
from .language import CONSTANTS, of_species, parse
from .names import has_wild_cards, matches

#: lines of Bmad: one minus turns the order, two turn the elements round as well
LINES = LineSyntax(lambda name: unquote(name).lower(), turns=2)
#: names under which global parameters stand, as if they were those of an element
GLOBALS = {
    **{"parameter": "parameter", "beginning": "parameter", "particle_start": "particle_start"},
    **{"beam_start": "particle_start", "bmad_com": "bmad_com", "ptc_com": "ptc_com"},
    **{"space_charge_com": "space_charge_com", "bmad_common": "bmad_com", "ran": "ran"},
}
_ATTRIBUTE = re.compile(r"((?:\w+::)?[^:\[\]]+)\[([^\[\]]*)\]")
_OF_SPECIES = re.compile(r"(mass|charge|anomalous_moment)_of\((?:species\()?([^()]*)\)*")
_LOGICAL = {
    **dict.fromkeys(("t", "true", ".t.", ".true."), 1.0),
    **dict.fromkeys(("f", "false", ".f.", ".false."), 0.0),
}
_MULTIPOLE = re.compile(r"[abkt](\d+)(?:s?l|_elec)?")


def unquote(text: str) -> str:
    """A word without the quotes around it."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0] else text


def _of_line(name: str) -> str:
    return f"line {name}"


class Machine:
    """Takes definitions and settings, in their order.

    Attributes:
        variables: constants of the file, and variables of its controllers.
        elements, lines: by name; classes of elements are none.
        controllers: overlays, groups and their like: the text of what they control.
        parameters: global ones, `parameter[p0c]`, by their name and attribute.
        superimposed: elements that are put over the lattice, in order, and where, if their own
            attributes do not say.
        used: the lines that the last USE names.
        zero: whether a name that is not defined is zero.
    """

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self.variables = Variables()
        self.elements: dict[str, Definition] = {}
        self.lines: dict[str, Line] = {}
        self.controllers: dict[str, Definition] = {}
        self.parameters: dict[str, dict[str, Value]] = {}
        self.superimposed: dict[tuple[str, int], Definition | None] = {}
        self.used: list[str] = []
        self.zero = False
        self._current: dict[str, str] = {}

    def parameter(self, line: str, name: str) -> Value:
        """A parameter of a line, or that of the file; zero if neither is given."""
        told = {**self.parameters.get("parameter", {}), **self.parameters.get(_of_line(line), {})}
        return told.get(name, 0.0)

    def formula(self, text: str, own: dict[str, str] | None = None) -> Formula:
        """A number or an expression.

        Args:
            text: without spaces, in lower case.
            own: names that stand for others first, as those of a controller.
        """
        return parse(text, lambda name: self._resolve(name, own or {}))

    def _resolve(self, name: str, own: dict[str, str]) -> Formula:
        if name in own:
            return Expression.named(own[name])
        if found := _OF_SPECIES.fullmatch(name):
            asked = found[2]
            told = self.parameter("", "particle") if asked.startswith("parameter[") else asked
            return of_species(found[1], str(told or "positron"))
        if found := _ATTRIBUTE.fullmatch(name):
            return self._attribute(found[1], found[2])
        if name in self._current:
            return Expression.named(self._current[name])
        if name in CONSTANTS:
            return CONSTANTS[name]
        if self.zero:
            self.notes.add(f"{clip(name)!r} is not defined and taken as 0, as the file says")
            return 0.0
        raise ValueError(f"{clip(name)!r} is not defined before it is used")

    def _attribute(self, name: str, attribute: str) -> Formula:
        """What `q1[k1]` is at this place of the file; zero where it has not been set."""
        name = name.rpartition("::")[2]
        if name in self.controllers:
            return Expression.named(f"{name}.{attribute}")
        if name in GLOBALS:
            told = self.parameters.get(GLOBALS[name], {})
            found: Value = told.get(attribute, 0.0)
        elif name in self.elements:
            found = self.elements[name].attributes.get(attribute, 0.0)
            if attribute not in self.elements[name].attributes:
                said = f"{name}[{attribute}] is asked before it is set, and is 0, as in Bmad"
                self.notes.add(clip(said))
        else:
            raise ValueError(f"there is no element {clip(name)!r}")
        if isinstance(found, (str, tuple)):
            raise ValueError(f"{clip(f'{name}[{attribute}]')} is no number")
        if isinstance(found, Expression):
            self.variables.spend(len(found.code))  # which are copied
        return found

    def assign(self, name: str, text: str, again: bool) -> None:
        """Define a constant.

        Raises:
            ValueError: it is one already, and not to be defined again.
        """
        value = self.formula(text)
        if name in self._current:
            if self.variables.formulas[self._current[name]] == value:
                return
            if not again:
                raise ValueError(f"{clip(name)!r} is defined already; REDEF: would define it anew")
        self._current[name] = self.variables.set_version(name, value)

    def set_attribute(self, target: str, attribute: str, text: str) -> None:
        """Set an attribute of elements, or a global parameter."""
        key = attribute.partition("%")[0]
        if target in GLOBALS:
            self.parameters.setdefault(GLOBALS[target], {})[key] = self.value(key, text, target)
            return
        if target in self.lines:
            self.parameters.setdefault(_of_line(target), {})[key] = self.value(key, text, "")
            return
        if target in self.controllers:
            if "(" in key:  # a knot of it
                shown = f"{target}[{attribute}] = {text}"
                self.notes.add(f"the statement {clip(shown)!r} is left out")
            elif key in ("is_on", "type", "alias", "descrip"):
                self._set(self.controllers, target, key, text)
            else:
                self.variables.set(f"{target}.{key}", self.formula(text))
            return
        found = self.match(target)
        if not found and not has_wild_cards(target) and "::" not in target:
            if target in CLASSES:
                return
            if re.search(r"##|>>|\\|^\d", target) or key in NEUTRAL:
                shown = f"{target}[{attribute}] = {text}"
                self.notes.add(f"the statement {clip(shown)!r} is left out")
                return
            raise ValueError(f"there is no element {clip(target)!r}")
        self.variables.spend(len(found))
        for name in found:
            self._set(self.elements, name, key, text)

    def _set(self, owners: dict[str, Definition], name: str, key: str, text: str) -> None:
        owner = owners[name]
        value = self.value(key, text.replace("%[", f"{name}["), owner.base)
        owners[name] = replace(owner, attributes={**owner.attributes, key: value})
        if key == "superimpose" and owners is self.elements:
            self._superimpose(name, value != 0.0)

    def match(self, target: str) -> list[str]:
        """Names of the elements that `q*`, `quadrupole::q%` or `q1` means."""
        if target in CLASSES and target not in self.elements:
            target = f"{target}::*"
        kind, _, pattern = target.rpartition("::")
        if not has_wild_cards(pattern) and not kind:
            return [pattern] if pattern in self.elements else []
        wanted = find_class(kind, ()) if kind and kind != "*" else None
        self.variables.spend(len(pattern) * len(self.elements))
        return [
            name
            for name, element in self.elements.items()
            if (wanted is None or element.base == wanted) and matches(pattern, name)
        ]

    def define(self, name: str, word: str, arguments: list[str], file: Path, row: int) -> bool:
        """Define an element or a controller; False if `word` is no class."""
        base = find_class(word, self.elements)
        if base is None:
            return False
        if base in CONTROLLERS:
            return self._control(name, base, arguments, file, row)
        parent = self.elements.get(base)
        attributes = dict(parent.attributes) if parent else {}
        kind = parent.base if parent else base
        self.lines.pop(name, None)
        self.elements[name] = Definition(name, kind, base, attributes, file, row)
        for argument in filter(None, arguments):
            key, value = self._argument(argument, kind)
            attributes[key] = value  # which what follows may use
        if "superimpose" in attributes:
            self._superimpose(name, attributes["superimpose"] != 0.0)
        return True

    def _control(self, name: str, base: str, arguments: list[str], file: Path, row: int) -> bool:
        """Keep what a controller controls until all is defined; its variables are known now."""
        attributes: dict[str, Value] = {"slaves": arguments[0] if arguments else ""}
        names: list[str] = []
        for argument in filter(None, arguments[1:]):
            key, sign, told = argument.partition("=")
            if key == "var" and told.startswith("{"):
                names = [n for n in split_outside_brackets(told[1:-1]) if n]
            elif base in ("overlay", "group") and sign and key not in OF_CONTROLLERS:
                self.variables.set(f"{name}.{key}", self.formula(told))
                names += [key] if not names else []
            elif not sign and not names:
                names += [key]
            else:
                attributes[key] = told
        for variable in names:
            for stored in (f"{name}.{variable}", f"{name}.old_{variable}"):
                if stored not in self.variables and ("old_" not in stored or base == "group"):
                    self.variables.set(stored, 0.0)
        attributes["var"] = ",".join(names)
        self.controllers[name] = Definition(name, base, base, attributes, file, row)
        return True

    def _superimpose(self, name: str, on: bool) -> None:
        self.superimposed.pop((name, 0), None)
        if on:
            self.superimposed[name, 0] = None

    def superimpose(self, name: str, told: Definition) -> None:
        """Put an element over the lattice, once more than its own attributes say."""
        self.superimposed[name, len(self.superimposed) + 1] = told

    def _argument(self, text: str, kind: str) -> tuple[str, Value]:
        """Name and value of an attribute; one without a value has a default."""
        split = before_sign(text, "=")
        if split is None:
            if text == "tilt" and kind in ORDERS:
                return text, math.pi / (2 * ORDERS[kind] + 2)
            if found := re.fullmatch(r"t(\d+)", text):
                return text, math.pi / (2 * int(found[1]) + 2)
            return text, 0.5 if text in ("fint", "fintx") else 1.0
        key = split[0].removesuffix(":")
        if not split[1]:
            raise ValueError(f"{clip(key)} has no value")
        return key, self.value(key, split[1], kind)

    def value(self, key: str, text: str, kind: str) -> Value:
        """The value of an attribute: a number, an expression, or a word."""
        if (found := _MULTIPOLE.fullmatch(key)) and int(found[1]) > ORDER:
            raise ValueError(f"{key}: order {found[1]}, above the limit of {ORDER}")
        if text in _LOGICAL and key not in self._current:
            return _LOGICAL[text]
        if key in WORDS or text[:1] in "{\"'" or text.startswith("call::"):
            return unquote(text)
        if text[0] == "(" and len(split_outside_brackets(text[1:-1])) > 1:
            return text
        if (found := _ATTRIBUTE.fullmatch(text)) and found[1] in self.elements:
            told = self.elements[found[1]].attributes.get(found[2])
            if isinstance(told, str):
                return told
        try:
            return self.formula(text)
        except ValueError:
            if key in NEUTRAL or kind in ("bmad_com", "ptc_com") or not re.search(r"[\d+*/]", text):
                return text
            raise

    def define_line(self, label: str, parts: str, file: Path, row: int) -> None:
        """Define a line, or define it anew."""
        line = Line.parse(label, parts, file, row)
        self.lines.pop(line.name, None)
        self.lines[line.name] = line
