"""Text of lattice files as statements, each with the row where it begins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..core.grammar import NESTING
from .errors import clip, wrong
from .limits import STATEMENT, require_below

_QUOTED = r"\"[^\"\n]*\"|'[^'\n]*'"
#: what ends or interrupts a statement; all else is taken as it stands
_PIECE = re.compile(rf"{_QUOTED}|/\*|//|[!;&\n{{}}]|[^\"'/!;&\n{{}}]+|.")
#: what begins a statement that ends with its brackets
_FLOW = re.compile(
    r"(?:if|else\s*if|while)\b\s*\(|else\b\s*\{|[^:=;]{0,999}:\s*macro\b", re.IGNORECASE
)
_BRACKET = re.compile(r"\"[^\"]*\"|'[^']*'|[(){}\[\]]")
_PART = re.compile(r"\"[^\"]*\"|'[^']*'|\s+|[^\s\"']+|.")
_SPLIT = re.compile(r"\"[^\"]*\"|'[^']*'|[(){}\[\],]")
_WORD_END = re.compile(r"[\w.)\"'}]$")
_WORD = re.compile(r"[\w.(\"'{]")


@dataclass(frozen=True)
class Syntax:
    """Syntax by which a language divides its text.

    Attributes:
        delimiter: `;` ends a statement.
        rows: a row ends a statement that no `&` continues.
        blocks: `/* ... */` is a comment.
        slashes: `//` begins a comment.
        comments: COMMENT and ENDCOMMENT enclose one.
        separators: a space between words stands for a comma.
        upper: case that all but quoted words are turned into.
        braces: IF, WHILE and macros have statements in `{ }`.
        implicit: a row that ends with one of `,({[=`, or before one that begins with one of
            `,)}]=`, does not end a statement.
    """

    delimiter: bool = True
    rows: bool = True
    blocks: bool = False
    slashes: bool = True
    comments: bool = False
    separators: bool = True
    upper: bool = False
    braces: bool = False
    implicit: bool = False


def statements(path: Path, text: str, syntax: Syntax) -> Iterator[tuple[int, str]]:
    """Row and text of each statement, without comments; the last must be whole.

    Raises:
        LatticeFileError: a comment or the last statement has no end, or a statement is too long.
    """
    parts: list[str] = []
    text = "\n" + text
    row, begin = 0, 1
    position = 0
    continued = False
    depth, flow = 0, None
    while position < len(text):
        match = _PIECE.match(text, position)
        assert match is not None
        piece, position = match[0], match.end()
        ends = False
        if piece == "!" or (piece == "//" and syntax.slashes):
            position = _row_end(text, position)
        elif piece == "/*" and syntax.blocks:
            end = text.find("*/", position)
            if end < 0:
                said = "a comment that begins with /* has no end; is the file cut off?"
                raise wrong(path, said, row)
            row += text.count("\n", position, end)
            position = end + 2
            parts += [" "] if parts else []
        elif piece == "\n":
            row += 1
            if syntax.comments and _begins(text, position, "comment"):
                position, rows = _comment_end(text, position)
                row += rows
            if not syntax.rows:
                parts += [" "] if parts else []
            elif continued:
                continued = _is_blank(text, position)
            elif syntax.implicit and parts and _goes_on(parts, text, position):
                parts.append(" ")
            else:
                ends = True
        elif piece == ";" and syntax.delimiter and not depth:
            ends = True
        elif piece == "&" and (syntax.rows or _is_blank(text, position)):
            continued = syntax.rows
            position = _row_end(text, position)
        else:
            if not parts and piece.strip():
                begin = row
            if parts or piece.strip():
                parts.append(piece)
            if syntax.braces and piece in ("{", "}"):
                depth += 1 if piece == "{" else -1
                if flow is None:
                    flow = _FLOW.match("".join(parts).lstrip()) is not None
                ends = not depth and piece == "}" and flow
        if ends and parts:
            yield begin, _whole(path, parts, begin)
            parts, flow = [], None
    rest = "".join(parts).strip()
    if depth > 0:
        raise wrong(path, f"brackets do not match, in {clip(' '.join(rest.split()))!r}", begin)
    if continued or (rest and not syntax.rows):
        shown = clip(" ".join(rest.split()))
        raise wrong(path, f"the last statement, {shown!r}, has no end; is the file cut off?", begin)
    if rest:
        yield begin, _whole(path, parts, begin)


def _row_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _goes_on(parts: list[str], text: str, position: int) -> bool:
    """Return whether a statement continues without a sign of its own for that."""
    last = next((part.rstrip()[-1] for part in reversed(parts) if part.strip()), "")
    if last and last in ",({[=":
        return True
    while position < len(text) and _is_blank(text, position):
        position = _row_end(text, position) + 1
    rest = text[position : _row_end(text, position)].lstrip()
    return bool(last) and rest[:1] != "" and rest[0] in ",)}]="


def _is_blank(text: str, position: int) -> bool:
    """Return whether a row is empty or a comment: it does not end what `&` continues."""
    row = text[position : _row_end(text, position)].lstrip()
    return not row or row.startswith("!")


def _begins(text: str, position: int, word: str) -> bool:
    row = text[position : _row_end(text, position)].strip().lower()
    return row.rstrip(";").rstrip() == word


def _comment_end(text: str, position: int) -> tuple[int, int]:
    """Find the end of ENDCOMMENT, and the rows up to there."""
    start = position
    while position < len(text) and not _begins(text, position, "endcomment"):
        position = _row_end(text, position) + 1
    position = min(_row_end(text, position), len(text))
    return position, text.count("\n", start, position)


def _whole(path: Path, parts: list[str], row: int) -> str:
    statement = "".join(parts).strip()
    require_below(path, "characters of a statement", len(statement), STATEMENT, row)
    return statement


def require_brackets(statement: str) -> None:
    """Raise ValueError unless brackets match, and lie in each other no deeper than the limit."""
    depth = 0
    for bracket in _BRACKET.finditer(statement):
        if bracket[0][0] in "\"'":
            continue
        depth += 1 if bracket[0] in "({[" else -1
        if depth > NESTING:
            raise ValueError(f"nested too deeply, above the limit of {NESTING} levels")
        if depth < 0:
            break
    if depth:
        raise ValueError("its brackets do not match; is the file cut off?")


def fold_case(text: str, syntax: Syntax, functions: frozenset[str] = frozenset()) -> str:
    """A statement without spaces, in one case but for quoted words."""
    pieces: list[str] = []
    found = [match[0] for match in _PART.finditer(text)]
    for index, piece in enumerate(found):
        if piece[0] in "\"'":
            pieces.append(piece)
        elif not piece.isspace():
            pieces.append(piece.upper() if syntax.upper else piece.lower())
        elif syntax.separators and pieces and index + 1 < len(found):
            before, after = pieces[-1], found[index + 1]
            if _WORD_END.search(before) and _WORD.match(after):
                calls = after[0] == "(" and _last_word(before) in functions
                pieces.append("" if calls else ",")
    return "".join(pieces)


def _last_word(text: str) -> str:
    match = re.search(r"\w+$", text[-20:])
    return match[0] if match else ""


def split_outside_brackets(text: str) -> list[str]:
    """The parts between the commas outside of brackets and quotes."""
    parts, depth, start = [], 0, 0
    for match in _SPLIT.finditer(text):
        sign = match[0]
        if sign in "({[":
            depth += 1
        elif sign in ")}]":
            depth -= 1
        elif sign == "," and not depth:
            parts.append(text[start : match.start()])
            start = match.end()
    parts.append(text[start:])
    return [part.strip() for part in parts]


def before_sign(text: str, sign: str) -> tuple[str, str] | None:
    """Split at the first `sign` outside of quotes; None without one."""
    for match in re.finditer(rf"\"[^\"]*\"|'[^']*'|{re.escape(sign)}", text):
        if match[0] == sign:
            return text[: match.start()].strip(), text[match.end() :].strip()
    return None
