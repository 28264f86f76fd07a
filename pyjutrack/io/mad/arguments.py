"""Arguments of statements in MAD and elegant files: names, and what their values are."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from typing import Any

from ..errors import clip
from ..limits import ORDER, STEPS
from ..madx.text import Syntax, before_sign, split_outside_brackets
from .rpn import Rpn
from .values import Values

_KEY = re.compile(r"[a-z][\w.$]*")
#: attributes whose value is a word, never an expression
_WORDS = ("type", "comment", "comments", "text", "apertype", "from", "refer", "refpos")
_VECTORS = ("knl", "ksl")
_STEPS = ("n_slices", "n_kicks", "nslice")


class Arguments(Values):
    """Reader of arguments.

    Attributes:
        syntax: of the language.
        rpn: what evaluates strings of elegant.
    """

    syntax: Syntax
    rpn: Rpn

    def _argparser(
        self,
        argcount: int,
        argstr: str,
        *,
        bool_attr: Container[str] = (),
        str_attr: Container[str] = (),
        pos_args: Sequence[str] = (),
    ) -> tuple[str, Any] | None:
        """An argument of a statement: its name and its value."""
        later, now = before_sign(argstr, ":="), before_sign(argstr, "=")
        if later is not None or now is not None:
            key, text = later or now or ("", "")
            key = key.lower()
            if not _KEY.fullmatch(key):
                raise ValueError(f"{clip(key)!r} is no name of an attribute")
            if not text:
                raise ValueError(f"{key} has no value")
            return key, self._value(key, text, later is not None, str_attr)
        flag = argstr.lstrip("+-").lower()
        if flag in bool_attr:
            return flag, not argstr.startswith("-")
        if argcount >= len(pos_args):
            return None
        return pos_args[argcount], self._value(pos_args[argcount], argstr, False, str_attr)

    def _value(self, key: str, text: str, later: bool, words: Container[str]) -> Any:
        if key in words or key in _WORDS:
            return unquote(text)
        if key == "line":
            return self.line(text)
        if self.syntax.upper and text.startswith('"'):
            value: Any = self.rpn.evaluate(unquote(text))
        elif text.startswith("{") or (key in _VECTORS and text.startswith("(")):
            parts = split_outside_brackets(text[1:-1])
            one = self.defer if later else self.evaluate
            value = tuple(one(part) for part in parts) if any(parts) else ()
        else:
            value = self.defer(text) if later else self.evaluate(text)
        if isinstance(value, (int, float)):
            limit = ORDER if key == "order" else STEPS if key in _STEPS else value
            if value > limit:
                raise ValueError(f"{key} = {value:g}, above the limit of {limit:,}")
        return value


def unquote(text: str) -> str:
    """A word without the quotes around it."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0] else text
