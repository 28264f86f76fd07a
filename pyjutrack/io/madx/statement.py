"""A statement of a MAD file by its parts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import clip
from ..statements import split_outside_brackets
from .language import Argument, split_argument

_LABEL = re.compile(r"(\"[^\"]*\"|'[^']*'|[\w.$#]+(?:\([^()]*\))?),?:(?!=)")
_QUALIFIERS = re.compile(r"^((?:(?:real|const|int|shared),)+)(?=[\w.])")


@dataclass(frozen=True)
class Statement:
    """A statement: `label: command, name = value, ...`.

    Attributes:
        label: before the colon, or empty.
        command: the first word; of `name = value` the name, with the value as first argument.
        arguments: what follows the command.
        assigns: whether it is `name = value`.
        qualifiers: before it, "const", "int" and their like.
        text: as it stands in the file.
        file, row: where it begins.
    """

    label: str
    command: str
    arguments: tuple[Argument, ...]
    assigns: bool
    text: str
    file: Path
    row: int
    qualifiers: tuple[str, ...] = ()

    def word(self, name: str, position: int | None = None) -> str:
        """The word that an argument gives, or that stands by itself at a position; lower case."""
        for argument in self.arguments:
            if argument.name == name:
                return unquote(argument.text).lower()
        plain = [a.text for a in self.arguments if not a.name]
        if position is not None and position < len(plain):
            return unquote(plain[position]).lower()
        return ""

    def flag(self, name: str) -> bool | None:
        """A flag that is set, `name`, or not, `-name`; None if the statement says nothing of it."""
        for argument in self.arguments:
            text = argument.text.lower()
            if not argument.name and text.lstrip("+-") == name:
                return not text.startswith("-")
            if argument.name == name:
                return text not in ("false", "0")
        return None


def parse_statement(folded: str, text: str, file: Path, row: int) -> Statement:
    """A statement in one case and without spaces, by its parts.

    Raises:
        ValueError: an argument is none.
    """
    label = ""
    if found := _LABEL.match(folded):
        label, folded = unquote(found[1]).lower(), folded[found.end() :]
    qualifiers: tuple[str, ...] = ()
    if found := _QUALIFIERS.match(folded):
        qualifiers, folded = tuple(found[1].lower().split(",")[:-1]), folded[found.end() :]
    if not label and (found := _LABEL.match(folded)):  # `shared q1: quadrupole`
        label, folded = unquote(found[1]).lower(), folded[found.end() :]
    first, *rest = split_outside_brackets(folded)
    opening = split_target(first)
    arguments = tuple(split_argument(part) for part in rest if part)
    if opening is None:
        command = unquote(first).lower()
        return Statement(label, command, arguments, False, text, file, row)
    name, value, deferred = opening
    if not value:
        raise ValueError(f"{clip(name)} has no value")
    told = Argument("", value, deferred)
    return Statement(label, name, (told, *arguments), True, text, file, row, qualifiers)


def split_target(text: str) -> tuple[str, str, bool] | None:
    """Name, value and whether it is deferred, of `name = value` or `name := value`."""
    at = text.find("=")
    quote = min((text.find(q) for q in "\"'" if q in text), default=at)
    if at < 0 or (quote < at and quote >= 0 and text.count('"', 0, at) % 2):
        return None
    deferred = at > 0 and text[at - 1] == ":"
    return unquote(text[: at - deferred]).lower(), text[at + 1 :], deferred


def unquote(text: str) -> str:
    """A word without the quotes around it."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0] else text
