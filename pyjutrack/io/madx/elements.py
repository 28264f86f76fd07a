"""Definitions of elements in MAD files: classes, instances, and what these take over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...lattice.expressions import Formula

#: of an attribute: a number or an expression, several of them, or a word
Value = Formula | tuple[Formula, ...] | str


@dataclass(frozen=True)
class Definition:
    """An element of a file.

    Attributes:
        name: of the element, in lower case.
        base: the command that it goes back to, such as "quadrupole".
        parent: the class that it was made from.
        attributes: all that it has, those of its class among them.
        file, row: where it was defined.
    """

    name: str
    base: str
    parent: str
    attributes: Mapping[str, Value] = field(default_factory=dict)
    file: Path = Path()
    row: int = 0


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
