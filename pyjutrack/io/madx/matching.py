"""MATCH of MAD files: variables that are varied until the optics has the values that are stated.

Done is what has one solution: equalities at places, tunes and chromaticities, of one sequence, with
no more variables than conditions. Weights, steps and methods are MAD's ways to get there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ...beam.reference import Reference
from ...core.digits import tell_apart
from ...core.errors import PyJuTrackError
from ...core.scalars import to_float
from ...lattice.expressions import Expression
from ...lattice.lattice import Lattice
from ..builder import LatticeBuilder
from ..errors import clip
from ..goals import Goal, GoalTask, reach
from ..record import Notes
from .build import build
from .expand import expand, find_range
from .language import Argument
from .machine import Machine, Use
from .statement import Statement

#: columns here by their names in MAD, and powers of beta by which MAD's values become ours
_COLUMNS = {
    **{"betx": ("beta_x", 0), "alfx": ("alpha_x", 0), "mux": ("phase_x", 0)},
    **{"bety": ("beta_y", 0), "alfy": ("alpha_y", 0), "muy": ("phase_y", 0)},
    **{"dx": ("dispersion_x", 1), "dpx": ("dispersion_px", 1)},
    **{"dy": ("dispersion_y", 1), "dpy": ("dispersion_py", 1)},
    **{"x": ("x", 0), "px": ("px", 0), "y": ("y", 0), "py": ("py", 0)},
}
_NUMBERS = {
    **{"q1": ("tune_x", 0), "q2": ("tune_y", 0)},
    **{"dq1": ("chromaticity_x", 1), "dq2": ("chromaticity_y", 1)},
}
#: of a line, in MATCH itself
_START = {name: entry for name, entry in _COLUMNS.items() if entry[0] not in ("phase_x", "phase_y")}
_PLAIN = ("sequence", "chrom", "orbit", "slow", "name", "range", "weight")
#: what a search counts, for each element, and if it fails, in operations of expressions
_SEARCH, _EFFORT, _FAILURE = 1_000_000, 300, 3_000_000


@dataclass(frozen=True)
class _Wish:
    """A value of a quantity, of MAD's name, at a place that a range names."""

    name: str
    value: float
    range: str


@dataclass(frozen=True)
class Block:
    """What stands between MATCH and ENDMATCH.

    Attributes:
        statement: MATCH itself.
        sequence: its name.
        initial: Twiss functions at the start of a line, by MAD's names.
        limits: of the variables that are varied.
        wishes: what shall be reached.
        refused: reasons why it is not executed; one is enough.
    """

    statement: Statement
    sequence: str
    initial: dict[str, float] = field(default_factory=dict)
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)
    wishes: list[_Wish] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def start(machine: Machine, statement: Statement) -> None:
    """`match, sequence = name, betx = ..., ...`."""
    used = "" if machine.used is None else machine.used.name
    block = Block(statement, statement.word("sequence") or used)
    machine.block = block
    for argument in statement.arguments:
        if argument.name in _START:
            block.initial[argument.name] = _number(machine, statement, argument)
        elif (argument.name or argument.text.lstrip("-")) not in _PLAIN:
            _refuse(machine, statement, f"{_shown(argument)} has no counterpart")


def vary(machine: Machine, statement: Statement) -> None:
    """`vary, name = variable, lower = ..., upper = ...`."""
    block, name = _block(machine), statement.word("name", 0)
    if block is None:
        return
    given = {a.name: a for a in statement.arguments if a.name}
    low, high = (
        _number(machine, statement, given[key]) if key in given else sign * 1e20
        for key, sign in (("lower", -1.0), ("upper", 1.0))
    )
    if name not in machine.variables or isinstance(machine.variables.formula(name), Expression):
        _refuse(machine, statement, f"{clip(name)!r} is no variable with a value of its own")
    elif not low < high:
        least, most = tell_apart(low, high)
        raise ValueError(f"lower = {least} is not below upper = {most}")
    block.limits[name] = (low, high)


def constrain(machine: Machine, statement: Statement) -> None:
    """`constraint, range = place, betx = ..., ...`."""
    _wish(machine, statement, _COLUMNS, statement.word("range") or "#s/#e")


def demand(machine: Machine, statement: Statement) -> None:
    """`global, q1 = ..., dq1 = ...`."""
    _wish(machine, statement, _NUMBERS, "")


def refuse(machine: Machine, statement: Statement) -> None:
    """A statement in MATCH that is not executed: the block is not, then."""
    if _block(machine) is not None:
        _refuse(machine, statement, "variables keep their values from before")


def solve(machine: Machine, statement: Statement) -> None:
    """A method, whichever: the variables get the values with which all is reached."""
    block = _block(machine)
    if block is None:
        return
    if not block.limits or len(block.limits) > len(block.wishes):
        counts = f"{len(block.limits)} variables for {len(block.wishes)} conditions"
        _refuse(machine, block.statement, f"{counts} have no one solution")
        return
    notes, undefined = machine.notes, dict(machine.undefined)
    formulas = dict(machine.variables.formulas)
    try:
        machine.notes = Notes()  # of the machine as it is now, which may change
        values = reach(_task(machine, block))
    except (PyJuTrackError, ValueError) as error:
        machine.notes = notes
        _refuse(machine, block.statement, f"it is not matched: {error}")
        machine.variables.spend(_FAILURE)
        return
    finally:
        machine.notes, machine.undefined = notes, undefined
        machine.variables.restore(formulas)
    for name, value in values.items():
        machine.variables.set(name, value)


def end(machine: Machine, statement: Statement) -> None:
    """`endmatch`."""
    machine.block = None


def _task(machine: Machine, block: Block) -> GoalTask:
    """The machine as it is now, and what is wanted of it."""
    file = block.statement.file
    if block.sequence not in machine.sequences and block.sequence not in machine.lines:
        raise ValueError(f"there is no sequence {clip(block.sequence)!r}")
    reference = machine.beams.reference(file, block.sequence, noting=False)
    if reference is None:
        raise ValueError("it stands before a BEAM")
    pieces = expand(machine, Use(block.sequence))
    builder = LatticeBuilder(file, machine.variables)
    ends = build(machine, pieces, reference, machine.beams.sign(block.sequence), builder)
    lattice: Lattice = builder.lattice()
    machine.variables.spend(_SEARCH + _EFFORT * len(lattice))
    goals = []
    for wish in block.wishes:
        if not wish.range:
            goals.append(_goal(wish, *_NUMBERS[wish.name], reference, None))
            continue
        chosen = find_range(pieces, wish.range)
        if len(chosen) > 1:
            raise ValueError(f"{wish.name} is wanted at more than one place, {clip(wish.range)!r}")
        first = wish.range.startswith("#s") or wish.range.endswith("$start")
        place = 0 if first else ends[chosen.start]  # exits, but for the marker before all
        at = -1 if place == len(lattice) else place
        goals.append(_goal(wish, *_COLUMNS[wish.name], reference, at))
    return GoalTask(lattice, reference, block.limits, tuple(goals), _initial(block, reference))


def _goal(wish: _Wish, column: str, power: int, reference: Reference, at: int | None) -> Goal:
    """What MAD differentiates by pt is by delta here: dispersion, chromaticity."""
    return Goal(column, wish.value * to_float(reference.beta) ** power, at)


def _initial(block: Block, reference: Reference) -> dict[str, float] | None:
    if not block.initial:
        return None
    found = {"alpha_x": 0.0, "alpha_y": 0.0}
    for name, value in block.initial.items():
        column, power = _START[name]
        if column in ("x", "px", "y", "py"):
            if value:
                raise ValueError(f"a line that starts with {name} = {value:g} is not matched")
            continue
        found[column] = value * to_float(reference.beta) ** power
    for name in ("beta_x", "beta_y"):
        if name not in found:
            raise ValueError("a line needs BETX and BETY at its start")
    return found


def _wish(
    machine: Machine, statement: Statement, known: dict[str, tuple[str, int]], place: str
) -> None:
    block = _block(machine)
    if block is None:
        return
    other = statement.word("sequence")
    if other and other != block.sequence:
        _refuse(machine, statement, f"{clip(other)!r} is not the sequence of MATCH")
    for argument in statement.arguments:
        if argument.name in known:
            value = _number(machine, statement, argument)
            block.wishes.append(_Wish(argument.name, value, place))
        elif argument.name not in ("sequence", "range"):
            _refuse(machine, statement, f"{_shown(argument)} has no counterpart")


def _number(machine: Machine, statement: Statement, argument: Argument) -> float:
    """The value of an argument now; one that follows variables is refused."""
    found = machine.formula(argument)
    if argument.deferred and isinstance(found, Expression):
        _refuse(machine, statement, f"{argument.name} follows variables")
    return machine.variables.evaluate(found)


def _block(machine: Machine) -> Block | None:
    """What is matched; None if nothing is, or if it is not executed."""
    block = machine.block
    return block if isinstance(block, Block) and not block.refused else None


def _refuse(machine: Machine, statement: Statement, why: str) -> None:
    """Leave the block out; see `Machine.leave_out`."""
    machine.leave_out(statement, why)
    assert isinstance(machine.block, Block)
    machine.block.refused.append(why)


def _shown(argument: Argument) -> str:
    return clip(f"{argument.name} = {argument.text}" if argument.name else argument.text)
