"""Commands of MAD files that concern the lattice."""

from __future__ import annotations

from collections.abc import Callable

from ..definition import Value
from . import edit, matching
from .machine import Machine, Use
from .sequences import Entry
from .statement import Statement

#: commands that print, plot or compute, and leave the lattice as it is
HARMLESS = {
    *("title", "set", "twiss", "survey", "print", "printf", "plot", "assign", "show", "save"),
    *("write", "value", "setplot", "help", "emit", "ibs", "touschek", "aperture", "sodd", "dynap"),
    *("track", "endtrack", "start", "run", "observe", "ptc_create_universe", "ptc_create_layout"),
    *("ptc_twiss", "ptc_end", "ptc_normal", "ptc_setswitch", "ptc_track", "ptc_align", "ptc_start"),
    *("ptc_observe", "ptc_track_end", "ptc_select", "ptc_printparametric", "ptc_setfringe"),
    *("system", "chdir", "dumpsequ", "optics", "beta0", "savebeta", "readtable", "readmytable"),
    *("create", "fill", "shrink", "delete", "removefile", "renamefile"),
    *("copyfile", "usemonitor", "usekick", "coguess", "sectormap", "weight"),
    *("tkicker_", "exec", "eprint", "esave", "rviewer", "obscure", "packmemory", "nobv", "nocoup"),
    *(
        "return",
        "vary",
        "sixtrack",
        "putorbit",
        "getorbit",
        "twiss_to_json",
        "archive",
        "selecttable",
    ),
}


def set_variable(machine: Machine, statement: Statement) -> None:
    """MAD8's `SET, name, value`."""
    plain = [a.text for a in statement.arguments if not a.name]
    if len(plain) != 2:
        raise ValueError("SET takes a name and a value")
    machine.variables.set(plain[0].lower(), machine.value(plain[1]))


def _beam(machine: Machine, statement: Statement) -> None:
    told: dict[str, Value] = {a.name: machine.attribute(a) for a in statement.arguments if a.name}
    sequence = str(told.pop("sequence", ""))
    if statement.flag("radiate"):
        told["radiate"] = 1.0
    machine.beams.update(sequence, told, machine, (statement.file, statement.row))
    machine.variables.forget()


def _use(machine: Machine, statement: Statement) -> None:
    name = statement.word("sequence", 0) or statement.word("period")
    machine.errors.clear()  # the sequence is made anew
    if not name and machine.used is not None:
        name = machine.used.name
    for part in (name, *(e.name for e in _entries(machine, name))):
        require_thick(machine, part)
    if name:
        machine.used = Use(name, statement.word("range"), statement.file, statement.row)


def _entries(machine: Machine, name: str) -> list[Entry]:
    return machine.sequences[name].entries if name in machine.sequences else []


def require_thick(machine: Machine, name: str) -> None:
    """Leave out the MAKETHIN of a sequence, if there is one: it counts from the next USE on."""
    if name in machine.thin:
        machine.leave_out(machine.thin[name], "there is no counterpart, its magnets stay thick")


def _make_thin(machine: Machine, statement: Statement) -> None:
    name = statement.word("sequence", 0)
    machine.thin[name] = statement


def _reset_beam(machine: Machine, statement: Statement) -> None:
    machine.beams.reset(statement.word("sequence"))
    machine.variables.forget()


def _option(machine: Machine, statement: Statement) -> None:
    straight = statement.flag("rbarc")
    if straight is not None:
        machine.options["rbarc"] = straight
    if statement.flag("thin_foc") is False:
        machine.notes.add("OPTION, -THIN_FOC is left out: thin bends focus by their curvature")


def _end_sequence(machine: Machine, statement: Statement) -> None:
    if machine.open is None:
        raise ValueError("ENDSEQUENCE without SEQUENCE")
    sequence, machine.open = machine.open, None
    machine.lines.pop(sequence.name, None)
    machine.sequences.pop(sequence.name, None)
    machine.sequences[sequence.name] = sequence


def _select(machine: Machine, statement: Statement) -> None:
    flag = statement.word("flag")
    if statement.flag("clear"):
        machine.selected.pop(flag, None)
    if any(a.name in ("class", "pattern", "range", "sequence") for a in statement.arguments) or (
        statement.flag("full")
    ):
        machine.selected.setdefault(flag, []).append(statement)


def _errors(machine: Machine, statement: Statement) -> None:
    machine.errors.append((statement, list(machine.selected.get("error", ()))))


def _error_option(machine: Machine, statement: Statement) -> None:
    if statement.flag("add"):
        machine.notes.add("errors replace those before, EOPTION, ADD is left out")


def _left_out(why: str) -> Callable[[Machine, Statement], None]:
    """A command that changes the machine in MAD, and not here."""
    return lambda machine, statement: machine.leave_out(statement, why)


COMMANDS: dict[str, Callable[[Machine, Statement], None]] = {
    "beam": _beam,
    "use": _use,
    "option": _option,
    "endsequence": _end_sequence,
    "select": _select,
    "ealign": _errors,
    "eoption": _error_option,
    "efcomp": _errors,
    "makethin": _make_thin,
    "match": matching.start,
    "vary": matching.vary,
    "global": matching.demand,
    "constraint": matching.constrain,
    "endmatch": matching.end,
    **dict.fromkeys(("lmdif", "simplex", "jacobian", "migrad", "siman"), matching.solve),
    **dict.fromkeys(("use_macro", "rmatrix", "tmatrix", "gweight"), matching.refuse),
    "correct": _left_out("correctors keep their kicks"),
    "seterr": _left_out("errors of a table are MAD's own"),
    **dict.fromkeys(("setvars", "setvars_lin"), _left_out("the values of a table are MAD's own")),
    "resbeam": _reset_beam,
    "seqedit": edit.start,
    "install": edit.install,
    "remove": edit.remove,
    "replace": edit.substitute,
    "move": edit.move,
    "flatten": edit.flatten,
    "reflect": edit.reflect,
    "cycle": edit.cycle,
    "endedit": edit.end,
    "extract": edit.extract,
}
