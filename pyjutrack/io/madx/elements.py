"""Attributes of elements in MAD files."""

from __future__ import annotations

import math
import re

from ..definition import Value
from ..errors import clip

#: attributes whose value is a word, never an expression
WORDS = {
    *("type", "comment", "comments", "text", "apertype", "from", "refer", "refpos", "method"),
    *("model", "particle", "sequence", "range", "class", "pattern", "file", "element", "name"),
    *(
        "period",
        "style",
        "table",
        "column",
        "next_sequ",
        "polarity",
        "aper_vx_file",
        "fringe_model",
    ),
}
#: the angle by which TILT without a value turns a magnet [rad]
_SKEW = {
    "quadrupole": math.pi / 4,
    "sextupole": math.pi / 6,
    "octupole": math.pi / 8,
    "sbend": math.pi / 2,
    "rbend": math.pi / 2,
}


def flag_attribute(text: str, base: str) -> dict[str, Value]:
    """An attribute without a value: `-thick`, and TILT, T1 of MAD8, which make a magnet skew.

    Args:
        text: of the flag.
        base: class of the element.
    """
    word = text.lower().lstrip("+-")
    if not re.fullmatch(r"\w+", word):
        raise ValueError(f"{clip(text)!r} is no attribute; is a separator missing?")
    if base == "multipole" and re.fullmatch(r"t[0-9]", word):
        return {word: math.pi / (2 * int(word[1]) + 2)}
    if word == "tilt":
        if base not in _SKEW:
            raise ValueError(f"tilt of a {base} has no value")
        return {"tilt": _SKEW[base]}
    return {word: 0.0 if text.startswith("-") else 1.0}
