"""Read files of Bmad statement by statement, and those that they call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..calls import CalledFiles, find_called
from ..definition import Definition
from ..errors import clip, placed_errors
from ..statements import (
    Syntax,
    fold_case,
    require_brackets,
    split_outside_brackets,
    statements,
)
from ..text import text_of
from .machine import Machine, unquote

SYNTAX = Syntax(slashes=False, separators=False, implicit=True)
_SET = re.compile(r"((?:[\w*]+::)?[^:\[\]=,]+)\[([^\[\]]+)\]:?=(.+)", re.DOTALL)
_CONSTANT = re.compile(r"(redef:)?([a-z][\w.\\#]*):?=(.+)", re.DOTALL)
_LABEL = re.compile(r"(\"[^\"]*\"|'[^']*'|[^\"':,=\[\](){}]+(?:\([^()]*\))?):(?!=)(.+)", re.DOTALL)
_LINE = re.compile(r"line(\[multipass\])?=(.+)", re.DOTALL)
_CONTROL = re.compile(r"(\w+)=(\{.*)", re.DOTALL)
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
#: what a statement counts, in operations of an expression
_STATEMENT = 20
_HARMLESS = {
    *("no_digested", "parser_debug", "write_digested", "debug_marker", "calc_reference_orbit"),
    *("use_local_lat_file", "expand_lattice", "title", "print"),
}
_END = ("end_file", "return")
_MATTERS = {
    *("merge_elements", "combine_consecutive_elements", "remove_elements", "slice_lattice"),
    "start_branch_at",
}


class Reader:
    """Reads files, and hands on what they define.

    Args:
        machine: takes it.
        folder: in which called files must lie.
        root: the folder of the first file.
    """

    def __init__(self, machine: Machine, folder: Path, root: Path) -> None:
        self._machine, self._folder = machine, folder
        self._environment = {"LATTICE_ROOT_DIR": str(root)}
        self._files = CalledFiles()
        self.superimposes = True

    def read(self, file: Path) -> None:
        """Take a file, and those that it calls.

        Raises:
            LatticeFileError: a statement cannot be read; the message names it.
        """
        self._files.count(file)
        with self._files.nested(file, "files that call files"):
            for row, text in _statements(file):
                with placed_errors(file, row, text=text):
                    self._machine.variables.spend(_STATEMENT)
                    if not self._take(text, file, row):
                        break

    def _take(self, text: str, file: Path, row: int) -> bool:
        """Execute a statement; False where the file ends."""
        word = re.match(r"\w*", text)
        first = word[0].lower() if word else ""
        if first == "print":
            return True
        if first == "setenv":
            name, _, told = text[len(first) :].partition("=")
            self._environment[name.strip()] = unquote(told)
            return True
        if first in _MATTERS:
            self._machine.notes.add(
                f"the statement {clip(' '.join(text.split()))!r} is not executed"
            )
            return True
        require_brackets(text)
        folded = fold_case(text, SYNTAX)
        machine = self._machine
        if first == "call":
            self._call(text, file)
        elif found := _SET.fullmatch(folded):
            told = _raw_value(text) if found[2] in ("particle",) else found[3]
            machine.set_attribute(found[1], found[2], told)
        elif found := _CONSTANT.fullmatch(folded):
            machine.assign(found[2], found[3], found[1] is not None)
        elif found := _LABEL.fullmatch(folded):
            self._label(unquote(found[1]), found[2], text, file, row)
        else:
            return self._command(folded, text, file, row)
        return True

    def _label(self, name: str, rest: str, text: str, file: Path, row: int) -> None:
        machine = self._machine
        if line := _LINE.fullmatch(rest):
            if line[1]:
                machine.notes.add("multipass lines are read as if each pass had its own elements")
            machine.define_line(name, line[2], file, row)
            return
        first, *arguments = split_outside_brackets(rest)
        if control := _CONTROL.fullmatch(first):
            first, arguments = control[1], [control[2], *arguments]
        if first.startswith("list="):
            raise ValueError("lists whose entries are taken in turn are not understood; write LINE")
        if not machine.define(name, first, arguments, file, row):
            raise ValueError(f"{clip(first)!r} is no class of elements")

    def _command(self, folded: str, text: str, file: Path, row: int) -> bool:
        """A statement that begins with a word of its own."""
        machine = self._machine
        command, *arguments = split_outside_brackets(folded)
        if command in _END:
            return False
        if command == "use":
            machine.used = [unquote(a.split("=")[-1]).lower() for a in arguments if a]
        elif command == "superimpose":
            told = {}
            for argument in arguments:
                key, _, value = argument.partition("=")
                told[key] = machine.value(key, value, "") if value else 1.0
            name = str(told.pop("element", ""))
            machine.superimpose(name, Definition(name, "", "", told, file, row))
        elif command == "no_superimpose":
            self.superimposes = False
        elif command == "undefined_vars_evaluate_to_zero":
            machine.zero = True
        elif command == "beam":
            self._beam(arguments)
        elif command in _HARMLESS:
            pass
        elif not (arguments and machine.define(command, arguments[0], arguments[1:], file, row)):
            raise ValueError(f"{clip(command)!r} is no statement")
        return True

    def _beam(self, arguments: list[str]) -> None:
        """MAD's statement: energies in GeV."""
        for argument in arguments:
            key, _, told = argument.partition("=")
            if key in ("energy", "pc"):
                name = "e_tot" if key == "energy" else "p0c"
                self._machine.set_attribute("parameter", name, f"1e9*({told})")
            elif key == "particle":
                self._machine.set_attribute("parameter", key, told)

    def _call(self, text: str, file: Path) -> None:
        """Call a file; its name keeps its case."""
        arguments = split_outside_brackets(text)[1:]
        name = unquote(next((a for a in arguments if "=" in a), "").partition("=")[2])
        optional = any(a.lower() == "no_abort_on_open_error" for a in arguments)
        name = _VARIABLE.sub(lambda m: self._environment.get(m[1], m[0]), name)
        if "$" in name:
            raise ValueError(f"{clip(name)!r} needs a variable of the environment")
        if "::" in name:
            raise ValueError(f"{clip(name)!r} is in another language")
        try:
            found = find_called(name, file, self._folder)
        except ValueError as error:
            if optional and "there is no file" in str(error):
                self._machine.notes.add(f"{error}, and the file does without it")
                return
            raise
        self.read(found)


def _raw_value(text: str) -> str:
    """What stands after the equals sign, in its own case."""
    return unquote(text.partition("=")[2])


def _statements(file: Path) -> Iterator[tuple[int, str]]:
    """Rows and texts; what follows TITLE alone is a title."""
    skip = False
    for row, text in statements(file, text_of(file), SYNTAX):
        if not skip:
            yield row, text
        skip = text.strip().lower() == "title"
