"""Read MAD files statement by statement: files that call files, conditions, loops and macros."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import PyJuTrackError
from ..calls import find_called
from ..errors import LatticeFileError, clip, wrong
from ..limits import CALLS, FILES, require_below
from ..statements import Syntax, fold_case, require_brackets, split_outside_brackets, statements
from ..text import text_of
from .language import EXPRESSION, Argument, is_true, split_argument

_CONDITION = re.compile(r"\s*(if|else\s*if|while)\s*(?=\()", re.IGNORECASE)
_ELSE = re.compile(r"\s*else\s*(?=\{)", re.IGNORECASE)
_MACRO = re.compile(r"\s*([\w.$]+)\s*(?:\(([^()]*)\))?\s*:\s*macro\s*=?\s*(?=\{)", re.IGNORECASE)
_ARGUMENT = re.compile(r"[-+]?[\w.$]*(?:[eE][-+]?\d+)?")
_EXEC = re.compile(r"exec,([\w.$]+)(?:\((.*)\))?")
_LABEL = re.compile(r"(\"[^\"]*\"|'[^']*'|[\w.$#]+(?:\([^()]*\))?),?:(?!=)")
_QUALIFIERS = re.compile(r"^((?:(?:real|const|int|shared),)+)(?=[\w.])")
#: words after which nothing of a file, or nothing at all, is read
_RETURN, _STOP = ("return",), ("stop", "exit", "quit")
_CALLS = frozenset(EXPRESSION.functions)
#: what a statement counts, in operations of an expression
_STATEMENT = 20
#: what a round of a loop counts, and a statement in a block, a macro or a called file
_ROUND = 300


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
        self._execute, self._value, self._spend = execute, value, spend
        self._macros: dict[str, _Macro] = {}
        self._called = self._depth = 0
        self._stopped = False

    def read(self, file: Path) -> None:
        """Execute a file, whole, and those that it calls.

        Raises:
            LatticeFileError: a statement cannot be read or executed; the message names it.
        """
        self._called += 1
        require_below(file, "files that are called", self._called - 1, FILES)
        self._nest(text_of(file), file, 0)

    def _nest(self, text: str, file: Path, row: int) -> None:
        """Execute statements one level deeper: of a file, a block, a macro."""
        self._depth += 1
        require_below(file, "files, blocks and macros in each other", self._depth - 1, CALLS)
        self._run(text, file, row)
        self._depth -= 1

    def _run(self, text: str, file: Path, first: int) -> None:
        taken = True  # of IF and what follows it
        for row, statement in statements(file, text, self._syntax):
            row += first
            try:
                self._spend(_ROUND if self._depth > 2 else _STATEMENT)
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
            except LatticeFileError:
                raise
            except (PyJuTrackError, ValueError, KeyError, TypeError, RecursionError) as error:
                raise wrong(
                    file, f"{error}, in {clip(' '.join(statement.split()))!r}", row
                ) from error
            if self._stopped:
                return

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
        require_brackets(text)
        folded = fold_case(text, self._syntax, _CALLS)
        if found := _EXEC.fullmatch(folded):
            self._call_macro(found[1], found[2])
            return True
        statement = parse_statement(folded, text, file, row)
        if not statement.label and statement.command in (*_RETURN, *_STOP):
            self._stopped |= statement.command in _STOP
            return False
        if statement.command == "call":
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
