"""Statements of MAD and elegant files, before pyAT's parsers take them.

Those wait for ever for a bracket that is not closed, and pass over in silence what assigns to an
attribute, what a file that is cut off has not finished, and control flow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

#: words after which nothing of a file is read
_END = re.compile(r"^\s*(return|stop|exit|quit)\s*;", re.MULTILINE | re.IGNORECASE)
_UNREAD = re.compile(r"/\*.*?\*/|(?:!|//)[^\n]*|\"[^\"\n]*\"", re.DOTALL)
_FLOW = re.compile(r"\s*(?:if|elseif|else|while)\s*[({]|[^:=]*:\s*macro\b", re.IGNORECASE)
#: `q->k1 = ...` of MAD-X, `q[k1] = ...` of MAD8
_ATTRIBUTE = re.compile(r"\s*([\w.$]+)\s*(?:->\s*(\w+)|\[\s*(\w+)\s*\])\s*(:?=.*)", re.DOTALL)


def strict(parser: Any) -> Any:
    """A parser class of pyAT that reads or refuses every statement."""

    def parse_lines(self: Any, lines: Iterable[str], **options: Any) -> None:
        rows = list(lines)
        _finished("".join(rows), self._delimiter, self._continuation)
        parser.parse_lines(self, rows, **options)
        if getattr(self, "current_sequence", None) is not None:
            raise ValueError(
                f"sequence {self.current_sequence.name!r} has no ENDSEQUENCE; is the file cut off?"
            )

    def _statement(self: Any, line: str) -> bool:
        read: bool = parser._statement(self, _understood(line))
        return read

    return type(parser.__name__, (parser,), {"parse_lines": parse_lines, "_statement": _statement})


def undefined(parser: Any) -> dict[str, str]:
    """Statements that were not executed, and the name that each of them lacks."""
    return {
        parser._command_str(label, command, *rest): str(reason)
        for reason, label, command, *rest in parser.postponed
        if reason != parser._gen_key(command)
    }


def passed_over(line: Iterable[Any]) -> Iterable[Any]:
    """Elements of a line of which pyAT makes nothing."""
    for part in line:
        if isinstance(part, list):
            yield from passed_over(part)
        elif hasattr(part, "to_at") and type(part).to_at(part, **part) == []:
            yield part


def _finished(text: str, delimiter: str | None, continuation: str | None) -> None:
    """The last statement must be whole."""
    end = _END.search(text)
    code = _UNREAD.sub("", text[: end.start()] if end else text).rstrip()
    if "/*" in code:
        raise ValueError("a comment that begins with /* has no end; is the file cut off?")
    rest = code.rpartition(delimiter)[2].strip() if delimiter and not continuation else ""
    if rest or (continuation and code.endswith(continuation)):
        shown = " ".join((rest or code.splitlines()[-1]).split())
        raise ValueError(f"the last statement, {shown!r}, has no end; is the file cut off?")


def _understood(line: str) -> str:
    """The statement in a form that pyAT understands.

    Raises:
        ValueError: it has none.
    """
    code = re.sub(r'"[^"]*"|\'[^\']*\'', "", line)
    if _FLOW.match(code):
        raise ValueError("control flow (IF, WHILE, MACRO) is not understood; write out its result")
    depth = 0
    for bracket in re.findall(r"[(){}]", code):
        depth += 1 if bracket in "({" else -1
        if depth < 0:
            break
    if depth:
        raise ValueError("its brackets do not match; is the file cut off?")
    found = _ATTRIBUTE.fullmatch(line)
    if found is None:
        return line
    element, of_madx, of_mad8, value = found.groups()
    return f"{element}, {of_madx or of_mad8}{value}"
