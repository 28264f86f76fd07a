"""YAML as tables that know their lines, by the rules of YAML 1.2 and without repeated keys."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from ...core.grammar import DIGITS, NESTING
from ..errors import wrong
from ..limits import VALUES, require_below, require_nesting
from ..text import text_of

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$|[-+]?\.?(inf|Inf|INF)$")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


class Table(dict[str, Any]):
    """A mapping of a file, with the line where it begins and those of its keys."""

    def __init__(self, line: int, file: Path | None = None) -> None:
        super().__init__()
        self.line, self.file = line, file
        self.lines: dict[str, int] = {}

    def at(self, key: str) -> int:
        """The line of a key, or of the table."""
        return self.lines.get(key, self.line)

    def put(self, key: str, value: Any, line: int) -> None:
        """Set a key, with its line."""
        self[key] = value
        self.lines[key] = line


def tree(path: Path) -> Any:
    """The content of a YAML file: tables, lists and scalars.

    PyYAML follows YAML 1.1, where "3.0e9" is a word and "on" is true; scalars are therefore read
    here.

    Raises:
        LatticeFileError: no text, no YAML, or a key that occurs twice; with the line.
    """
    import yaml  # only where a file is one

    text = text_of(path)
    _require_brackets(path, text)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or str(error)
        raise wrong(path, f"no YAML: {said}", mark.line + 1 if mark else None) from error
    except RecursionError as error:
        said = f"nested too deeply, above the limit of {NESTING} levels"
        raise wrong(path, said) from error
    except (ValueError, OverflowError) as error:  # such as a character of no code
        raise wrong(path, f"no YAML: {error}") from error
    _require_few(yaml, path, node)
    return _value(yaml, path, node)


def _require_brackets(path: Path, text: str) -> None:
    """PyYAML takes a time that grows as the square of what lies in each other."""
    depth = 0
    for match in re.finditer(r"[\[\]{}]|^[ ]*(?:[-?][ ]+){100}", text, re.MULTILINE):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 2 * NESTING)
        if depth > 2 * NESTING:  # brackets in comments and words count here too
            require_nesting(path, depth, text.count("\n", 0, match.start()) + 1)


def _require_few(yaml: Any, path: Path, node: Any) -> None:
    """Values, those of anchors wherever they stand, and how they lie in each other."""
    sizes: dict[int, int] = {}
    around: set[int] = set()

    def size(node: Any) -> int:
        if not isinstance(node, (yaml.SequenceNode, yaml.MappingNode)):
            return 1
        line = node.start_mark.line + 1
        if id(node) in around:
            raise wrong(path, "an anchor contains itself", line)
        if id(node) not in sizes:
            around.add(id(node))
            require_nesting(path, len(around), line)
            parts = node.value
            if isinstance(node, yaml.MappingNode):
                parts = [part for pair in node.value for part in pair]
            sizes[id(node)] = 1 + sum(map(size, parts))
            require_below(path, "values, anchors expanded", sizes[id(node)], VALUES, line)
            around.discard(id(node))
        return sizes[id(node)]

    size(node)


def _value(yaml: Any, path: Path, node: Any) -> Any:
    """A node and what it holds."""
    if node is None:
        return None
    line = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        return [_value(yaml, path, entry) for entry in node.value]
    if isinstance(node, yaml.MappingNode):
        table = Table(line, path)
        for key, value in node.value:
            at = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise wrong(path, "a key must be a word", at)
            if key.value in table:
                first = table.at(key.value)
                raise wrong(path, f"the key {key.value!r} occurs twice, first in line {first}", at)
            table.put(key.value, _value(yaml, path, value), at)
        return table
    return node.value if node.style else _plain(path, node.value, line)


def _plain(path: Path, text: str, line: int) -> Any:
    """A scalar without quotes."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > DIGITS:
        if text.strip("+-.0123456789eE"):
            return text
        require_below(path, "digits of a number", len(text), DIGITS, line)
    if not _NUMBER.match(text):
        return text
    if "inf" in text.lower():
        return float("-inf") if text.startswith("-") else float("inf")
    number = float(text)
    if math.isinf(number):
        raise wrong(path, f"{text} is beyond double precision", line)
    return int(text) if re.fullmatch(r"[-+]?\d+", text) else number
