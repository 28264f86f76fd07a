"""Read MAD files statement by statement: files that call files, conditions, loops and macros."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..calls import CalledFiles, find_called
from ..errors import clip, placed_errors, wrong
from ..statements import Syntax, fold_case, require_brackets, split_outside_brackets, statements
from ..text import text_of
from .language import EXPRESSION, is_true
from .statement import Statement, parse_statement, unquote

_CONDITION = re.compile(r"\s*(if|else\s*if|while)\s*(?=\()", re.IGNORECASE)
_ELSE = re.compile(r"\s*else\s*(?=\{)", re.IGNORECASE)
_MACRO = re.compile(r"\s*([\w.$]+)\s*(?:\(([^()]*)\))?\s*:\s*macro\s*=?\s*(?=\{)", re.IGNORECASE)
_ARGUMENT = re.compile(r"[-+]?[\w.$]*(?:[eE][-+]?\d+)?")
_SUBROUTINE = re.compile(r"([\w.$]+)\s*:\s*subroutine", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_APOSTROPHE = re.compile(r"(?<=\w)'(?=\w)")
_TITLE = re.compile(r"title\b", re.IGNORECASE)
_EXEC = re.compile(r"exec,([\w.$]+)(?:\((.*)\))?")
#: words after which nothing of a file, or nothing at all, is read
_RETURN, _STOP = ("return",), ("stop", "exit", "quit")
_CALLS = frozenset(EXPRESSION.functions)
#: what a statement counts, in operations of an expression
_STATEMENT = 20
#: what a round of a loop counts, and a statement in a block, a macro or a called file
_ROUND = 300


@dataclass(frozen=True)
class _Macro:
    """Statements with parameters that stand for text."""

    parameters: tuple[str, ...]
    body: str
    file: Path
    row: int


class Reader:
    """Reads files, and hands on the statements that are to be executed.

    Args:
        syntax: by which text is divided.
        folder: in which called files must lie.
        execute: takes each statement.
        value: of an expression, for conditions.
        spend: counts statements, of which a file may have so many.
    """

    def __init__(
        self,
        syntax: Syntax,
        folder: Path,
        execute: Callable[[Statement], None],
        value: Callable[[str], float],
        spend: Callable[[int], None],
    ) -> None:
        self._syntax, self._folder = syntax, folder
        self._subroutines, self._name = not syntax.braces, ""
        self._execute, self._value, self._spend = execute, value, spend
        self._macros: dict[str, _Macro] = {}
        self._open: _Macro | None = None  # of SUBROUTINE, up to ENDSUBROUTINE
        self._files = CalledFiles()
        self._stopped = False

    def read(self, file: Path) -> None:
        """Execute a file, whole, and those that it calls.

        Raises:
            LatticeFileError: a statement cannot be read or executed; the message names it.
        """
        self._files.count(file)
        self._nest(text_of(file), file, 0)
        if self._open is not None:
            said = f"subroutine {self._name!r} has no ENDSUBROUTINE; is the file cut off?"
            raise wrong(self._open.file, said, self._open.row)

    def _nest(self, text: str, file: Path, row: int) -> None:
        """Execute statements one level deeper: of a file, a block, a macro."""
        with self._files.nested(file, "files, blocks and macros in each other"):
            self._run(text, file, row)

    def _run(self, text: str, file: Path, first: int) -> None:
        taken = True  # of IF and what follows it
        for row, statement in statements(file, text, self._syntax):
            row += first
            with placed_errors(file, row, text=statement):
                self._spend(_ROUND if self._files.depth > 2 else _STATEMENT)
                if self._records(statement, file, row):
                    continue
                if found := _CONDITION.match(statement):
                    taken = self._condition(found, statement, taken, file, row)
                elif found := _ELSE.match(statement):
                    if not taken:
                        self._block(statement[found.end() :], file, row)
                    taken = True
                elif found := _MACRO.match(statement):
                    names = tuple(
                        n.strip().lower() for n in (found[2] or "").split(",") if n.strip()
                    )
                    body = _inside(statement[found.end() :])
                    self._macros[found[1].lower()] = _Macro(names, body, file, row)
                elif not self._simple(statement, file, row):
                    return
            if self._stopped:
                return

    def _records(self, statement: str, file: Path, row: int) -> bool:
        """Take a statement of MAD8's SUBROUTINE for later; False if none is open."""
        if self._open is None:
            found = self._subroutines and _SUBROUTINE.fullmatch(statement)
            if found:
                self._open, self._name = _Macro((), "", file, row), found[1].lower()
            return bool(found)
        opened = self._open
        if statement.lower() == "endsubroutine":
            self._macros[self._name], self._open = opened, None
        else:  # each in the row where it stands
            gap = "\n" * (row - opened.row - opened.body.count("\n"))
            self._spend(len(opened.body) // 100)
            self._open = replace(opened, body=f"{opened.body}{gap}{statement};")
        return True

    def _condition(
        self, found: re.Match[str], statement: str, taken: bool, file: Path, row: int
    ) -> bool:
        """Execute IF, ELSEIF or WHILE; whether one of the conditions up to here was true."""
        word = "".join(found[1].lower().split())
        end = _closing(statement, found.end())
        condition, block = statement[found.end() + 1 : end], statement[end + 1 :].strip()
        if not block.startswith("{"):
            raise ValueError("a condition must be followed by statements in { }")
        if word == "elseif" and taken:
            return True
        true = is_true(condition, self._value)
        while true and not self._stopped:
            self._block(block, file, row)
            self._spend(_ROUND)
            true = word == "while" and is_true(condition, self._value)
            if word != "while":
                return True
        return word == "while"

    def _block(self, text: str, file: Path, row: int) -> None:
        self._spend(len(text))
        self._nest(_inside(text), file, row - 1)

    def _simple(self, text: str, file: Path, row: int) -> bool:
        """Execute a statement without control flow; False where the file ends."""
        _require_quotes(text)
        require_brackets(text)
        folded = fold_case(text, self._syntax, _CALLS)
        if found := _EXEC.fullmatch(folded):
            self._call_macro(found[1], found[2])
            return True
        statement = parse_statement(folded, text, file, row)
        if not statement.label and statement.command in (*_RETURN, *_STOP):
            self._stopped |= statement.command in _STOP
            return False
        if statement.command == "callsubroutine" and self._subroutines:
            self._call_macro(statement.word("", 0), None)
        elif statement.command == "call":
            self.read(self._file(statement, file))
        else:
            self._execute(statement)
        return True

    def _call_macro(self, name: str, arguments: str | None) -> None:
        macro = self._macros.get(name)
        if macro is None:
            raise ValueError(f"there is no macro {clip(name)!r}")
        given = split_outside_brackets(arguments) if arguments else []
        if len(given) != len(macro.parameters):
            raise ValueError(f"{name} takes {len(macro.parameters)} arguments, not {len(given)}")
        for text in given:
            if not _ARGUMENT.fullmatch(text):
                raise ValueError(
                    f"{clip(text)!r} is no number and no name; macros take these alone"
                )
        # `$i` is the whole number that i is worth
        texts = [str(int(self._value(g[1:]))) if g.startswith("$") else g for g in given]
        replaced = dict(zip(macro.parameters, texts, strict=True))
        self._spend(len(macro.body))
        body = macro.body
        if replaced:  # wherever they stand, as MAD does, in names too
            words = "|".join(re.escape(n) for n in sorted(replaced, key=len, reverse=True))
            found = re.compile(rf"\$?(?:{words})", re.IGNORECASE)
            body = found.sub(lambda m: replaced[m[0].lower().lstrip("$")], body)
        self._nest(body, macro.file, macro.row - 1)

    def _file(self, statement: Statement, caller: Path) -> Path:
        """The file that CALL names: a regular file in the folder of the lattice."""
        named = next(
            (a.text for a in statement.arguments if a.name in ("file", "filename", "")), ""
        )
        return find_called(unquote(named), caller, self._folder)


def _require_quotes(text: str) -> None:
    """Raise ValueError where a quote has no end; in a title it may be an apostrophe in a word."""
    rest = _QUOTED.sub("", text)
    if _TITLE.match(text):
        rest = _APOSTROPHE.sub("", rest)
    if '"' in rest or "'" in rest:
        raise ValueError("a quote begins in it and has no end; close it before the statement ends")


def _closing(text: str, start: int) -> int:
    """Place of the bracket that closes the one at `start`."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if not depth:
            return place
    raise ValueError("its brackets do not match; is the file cut off?")


def _inside(text: str) -> str:
    """What stands in the braces of a text, ended so that its last statement is whole."""
    text = text.strip()
    end = text.rfind("}")
    if not text.startswith("{") or end < 0 or text[end + 1 :].strip():
        raise ValueError("its statements must stand in { }")
    return text[1:end] + "\n;"
