"""Statements of MAD and elegant files, read here before pyAT makes elements of them.

pyAT hands expressions to Python and looks for ever for names that need themselves. Its parser
classes are therefore given another reading of text, statements, arguments and expressions; what
stays theirs is what an element is, and where a sequence puts it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...core.errors import PyJuTrackError
from ...core.grammar import NESTING
from ..errors import clip, wrong
from ..limits import CALLS, FILES, require_below, require_size
from ..madx.text import before_sign, fold_case, require_brackets, split_outside_brackets, statements
from ..text import text_of
from .arguments import Arguments, unquote
from .expressions import FUNCTIONS
from .lines import expand_line
from .rpn import Rpn

_FLOW = re.compile(r"\s*(?:if|elseif|else|while)\s*[({]|[^:=]{0,999}:\s*macro\b", re.IGNORECASE)
#: `q->k1 = ...` of MAD-X, `q[k1] = ...` of MAD8
_ATTRIBUTE = re.compile(
    r"([\w.$]{1,999}|\"[^\"]*\")\s*(?:->\s*(\w+)|\[\s*(\w+)\s*\])\s*(:?=.*)", re.DOTALL
)
_QUALIFIERS = ("const", "int", "real", "shared")
#: words after which nothing of a file, or nothing at all, is read
_RETURN, _STOP = ("return",), ("stop", "exit", "quit")
_CALLS = frozenset(FUNCTIONS)


class Statements(Arguments):
    """Reader of files; comes before a parser class of pyAT.

    Attributes:
        folder: in which called files must lie.
        parts: names in each line or sequence, and where it is defined.
    """

    folder: Path

    def prepare(self, folder: Path) -> None:
        """Set what a file may call, and forget what was read."""
        self.folder = folder
        self.files: list[Path] = []
        self.called = 0
        self.first = folder
        self.stopped = False
        self.parts: dict[str, tuple[list[str], Path, int]] = {}
        self.fresh: list[str] = []
        if self.syntax.upper:
            self.rpn = Rpn()

    def parse_files(self, *names: str | Path, final: bool = True, **_: Any) -> None:
        """Read files, each whole."""
        for name in names:
            file = self._file(name)
            self.first = self.first if self.called else file
            self.called += 1
            require_below(file, "files that are called", self.called - 1, FILES)
            self.files.append(file)
            require_below(file, "files that call files", len(self.files) - 1, CALLS)
            for row, statement in statements(file, text_of(file), self.syntax):
                try:
                    going_on = self._read_statement(statement, row)
                except PyJuTrackError:
                    raise
                except Exception as error:
                    said = str(error) if isinstance(error, ValueError) else _describe_error(error)
                    raise wrong(file, f"{said}, in {clip(statement)!r}", row) from error
                if not going_on:
                    break
            if getattr(self, "current_sequence", None) is not None:
                name = self.current_sequence.name
                said = f"sequence {name!r} has no ENDSEQUENCE; is the file cut off?"
                raise wrong(file, said)
            self._replay()
            self.files.pop()

    def _file(self, name: str | Path) -> Path:
        """A file to read: the one given, or a regular file in the folder of the lattice."""
        if not self.called:
            return Path(name)
        if not self.files:  # a sequence that is put together has a CALL among its elements
            raise wrong(self.first, "CALL stands in a sequence, where it is not understood")
        caller = self.files[-1]
        try:
            file = (caller.parent / name).resolve()
            inside = file.is_relative_to(self.folder)
        except (OSError, ValueError, RuntimeError) as error:
            raise ValueError(f"{clip(str(name))!r} is no name of a file") from error
        if not inside:
            raise ValueError(
                f"the file {clip(str(name))!r} lies outside the folder {self.folder}; "
                "read_lattice(..., folder=) says which folder called files may lie in"
            )
        if file.is_dir() or (file.exists() and not file.is_file()):
            raise ValueError(f"{clip(str(name))!r} is no regular file")
        if not file.is_file():
            raise ValueError(f"there is no file {clip(str(name))!r}")
        require_size(file)
        return file

    def _read_statement(self, statement: str, row: int) -> bool:
        """Read a statement, and keep where lines are defined."""
        known = len(self.parts)
        going_on = self._statement(statement)
        if len(self.parts) > known:
            name = next(reversed(self.parts))
            self.parts[name] = (self.parts[name][0], self.files[-1], row)
        return going_on

    def _statement(self, line: str) -> bool:
        """Read a statement; False at the end of what is to be read."""
        if self.syntax.upper and line.startswith("%"):
            self.rpn.input(line[1:])
            return True
        if _FLOW.match(_without_words(line)):
            raise ValueError("control flow (IF, WHILE, MACRO) is not understood; write its result")
        require_brackets(line)
        label, rest = _split_label(line)
        if label is not None and label.upper() == "#INCLUDE":
            self.parse_files(unquote(rest))
            return True
        words = split_outside_brackets(fold_case(rest, self.syntax, _CALLS))
        while words[0].lower() in _QUALIFIERS and len(words) > 1:
            del words[0]
        command, *arguments = words
        low = command.lower()
        if label is None and low in (*_RETURN, *_STOP):
            self.stopped |= low in _STOP and not self.syntax.upper
            return False
        if label is None and low == "option":
            _no_straight_arcs(arguments)
        if label is None and (found := _ATTRIBUTE.fullmatch(command)):
            command, arguments = found[1], [(found[2] or found[3]) + found[4]]
        line_of = None if label is None else before_sign(command, "=")
        if line_of and line_of[0].lower() == "line":
            command, arguments = line_of[0], [line_of[1], *arguments]
        self._keep_parts(label, command, arguments)
        self._decode(label, command, *arguments)
        return not self.stopped

    def _keep_parts(self, label: str | None, command: str, arguments: list[str]) -> None:
        sequence = getattr(self, "current_sequence", None)
        low = command.lower()
        if label is not None and low in ("line", "sequence"):
            text = " ".join(arguments) if low == "line" else ""
            names = [self._key(name) for name in re.findall(r"\"[^\"]*\"|[A-Za-z_][\w.:]*", text)]
            self.parts.pop(self._key(label), None)
            self.parts[self._key(label)] = (names, self.files[-1], 0)
        elif sequence is not None and (kept := self.parts.get(self._key(str(sequence.name)))):
            kept[0].extend(self._key(name) for name in (label, command) if name)

    def _key(self, name: str) -> str:
        key: str = self._gen_key(name).lower()
        return key

    def _decode(self, label: str | None, cmdname: str, *args: str) -> None:
        """Execute a statement; one that lacks a name waits for it."""
        self.version += 1
        self.spend(1)
        later, now = before_sign(cmdname, ":="), before_sign(cmdname, "=")
        try:
            if later is not None:
                self[later[0]] = self.defer(later[1])
            elif now is not None:
                self[now[0]] = self.evaluate(now[1])
            elif cmdname.lower() == "value":
                return  # prints
            else:
                result = self._command(label, cmdname, *args)
                if label is not None and result is not None:
                    self[label] = result
        except (KeyError, NameError) as error:
            self._fallback(error, label, cmdname, *args)

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self.version += 1
        if hasattr(self, "fresh"):
            self.fresh.append(self._gen_key(key))

    def _replay(self) -> None:
        """Execute what waits for names that are there by now, and what waits for that, and so on.

        pyAT tries everything again as long as anything succeeds, in a time that grows as the square
        of the file.
        """
        ready = deque(enumerate(self.postponed))
        blocked: dict[Any, list[tuple[int, Any]]] = {}
        while ready:
            place, statement = ready.popleft()
            self.postponed: list[Any] = []
            self.fresh = []
            self._decode(*statement[1:])
            for again in self.postponed:
                blocked.setdefault(again[0], []).append((place, again))
            for key in self.fresh:
                ready.extend(blocked.pop(key, ()))
        left = [entry for entries in blocked.values() for entry in entries]
        self.postponed = [statement for _, statement in sorted(left, key=lambda e: e[0])]

    def _analyse(self, key: str | None) -> None:
        """pyAT prints a chain of names here, which may have no end."""

    def _eval_cmd(self, cmdname: str, no_global: bool = False) -> Any:
        command = super()._eval_cmd(cmdname, no_global=no_global)
        if not (isinstance(command, type) or hasattr(command, "argparser")):
            raise TypeError(f"{clip(cmdname)!r} is no command and no element")
        return command

    def _raw_command(self, label: str | None, cmdname: str, *args: str, **options: Any) -> Any:
        copied = self.get(cmdname, None)
        self.spend(1 + len(copied) if isinstance(copied, (dict, list)) else 1)
        return super()._raw_command(label, cmdname, *args, **options)

    def expand(self, key: str) -> Iterable[Any]:
        """pyAT's elements of a line; those that stand in it twice are one object."""
        return expand_line(self, self[key])

    def require_size(self, path: Path, name: str) -> None:
        """Raise LatticeFileError for a line that holds itself, or more elements than the limit."""
        self.expanded_size(path, name, NESTING)


def find_undefined(parser: Any) -> dict[str, str]:
    """Find the statements that were not executed, and the name that each of them lacks."""
    return {
        clip(parser._command_str(label, command, *rest)): str(reason)
        for reason, label, command, *rest in parser.postponed
        if reason != parser._gen_key(command)
    }


def _describe_error(error: Exception) -> str:
    return f"{type(error).__name__}: {clip(str(error))}"


def _split_label(line: str) -> tuple[str | None, str]:
    """Split off the label before the first colon outside of quotes."""
    for match in re.finditer(r"\"[^\"]*\"|'[^']*'|:=?|=", line):
        if match[0] in (":=", "="):
            return None, line
        if match[0] == ":":
            return line[: match.start()].replace(" ", ""), line[match.end() :]
    return None, line


def _without_words(line: str) -> str:
    return re.sub(r"\"[^\"]*\"|'[^']*'", "", line[:2000])


def _no_straight_arcs(arguments: list[str]) -> None:
    """RBARC off makes L of an RBEND its arc, and moves all that follows; pyAT does not know it."""
    for argument in arguments:
        if argument.lower() in ("rbarc=false", "-rbarc"):
            raise ValueError("RBARC = FALSE is not understood; write RBEND as SBEND")
