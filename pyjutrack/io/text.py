"""Text files and JSON, read whole."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, NamedTuple

from ..core.grammar import DIGITS
from .errors import wrong
from .limits import require_below, require_nesting, require_size


def text_of(path: Path) -> str:
    """The text of a file.

    Raises:
        LatticeFileError: there is no such file, it is no text in UTF-8, too large, or empty.
    """
    require_size(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise wrong(path, f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise wrong(path, f"not a text file: {error}") from error
    if "\0" in text:
        raise wrong(path, "not a text file: it holds zero bytes")
    if not text.strip():
        raise wrong(path, "the file is empty")
    return text


_BRACKET = re.compile(r"\"[^\"\\]*(?:\\.[^\"\\]*)*\"?|[\[\]{}]", re.DOTALL)


class Json(NamedTuple):
    """The content of a JSON file.

    Attributes:
        content: dicts, lists, texts and numbers.
        words: NaN and Infinity, which JSON does not have and programs write.
    """

    content: Any
    words: tuple[str, ...]

    def require_finite(self, path: Path) -> None:
        """Raise LatticeFileError if the file holds NaN or Infinity."""
        for word in self.words:
            raise wrong(path, f"{word} is no number of JSON")


def parse_json(path: Path, text: str) -> Json:
    """The content of a JSON file of some text, in which no key occurs twice.

    Raises:
        LatticeFileError: no JSON, nested too deeply, or a number beyond a computer's; with the
            line where that is known.
    """
    words: list[str] = []
    depth = 0
    for bracket in _BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(bracket[0], 0)
        require_nesting(path, depth)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                where = f" in {found}" if len(found) < 20 and len(str(found)) < 200 else ""
                raise wrong(path, f"the key {key!r} occurs twice{where}")
            found[key] = value
        return found

    def whole(digits: str) -> int:
        require_below(path, "digits of a number", len(digits), DIGITS)
        return int(digits)

    def real(digits: str) -> float:
        require_below(path, "digits of a number", len(digits), DIGITS)
        value = float(digits)
        if math.isinf(value):
            raise wrong(path, f"{digits} is beyond double precision")
        return value

    def word(name: str) -> float:
        words.append(name)
        return float(name)

    try:
        content = json.loads(
            text, object_pairs_hook=once, parse_int=whole, parse_float=real, parse_constant=word
        )
    except json.JSONDecodeError as error:
        raise wrong(path, f"no JSON, or cut off: {error.msg}", error.lineno) from error
    return Json(content, tuple(words))
