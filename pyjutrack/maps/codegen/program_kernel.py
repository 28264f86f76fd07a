"""Writes `program_kernel.py` from `maps/`: the kernel that runs a `Program`.

`python -m pyjutrack.maps.codegen` writes it with the other kernels, and a test compares.
"""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

from ... import maps
from ...beam.beam import COORDINATES
from ..compiled import COMPILED_MAPS, SCALAR_MAPS
from ..program import OPERATIONS
from .trace import STUMPFF, Expression, constant, statements, symbol

#: arguments of maps that are no single numbers
_SHAPES: dict[str, tuple[int, ...]] = {"shift": (3,), "axes": (3, 3)}

_HEADER = '''"""Runs programs. Written by `python -m pyjutrack.maps.codegen`; do not edit."""

import math

import numpy as np

from .. import openings
from . import map_kernels
from ...kernels.jit import kernel, scalar
from ...kernels.stumpff import fits

ALIASES

in_ellipse = scalar(openings.in_ellipse)
in_racetrack = scalar(openings.in_racetrack)

#: particles that go through the lattice together: few enough for the first-level cache
BLOCK = 256

# fmt: off

'''

_START = '''
@kernel
def through(turn, operations, starts, numbers, elements, x, px, y, py, z, delta, a, lost_turn,
        lost_element, saved, entered):
    """A block of at most BLOCK particles through a program, in place.

    Who is lost gets the turn and the element of it. saved (6, BLOCK) and entered (BLOCK) are room.
    """
    size = len(x)
    for s in range(len(operations)):
        op, at = operations[s], starts[s]
        if op == 0 or op == 2:
            # without branches first: all pass, nearly always
            passing = True
            for n in range(size):
                total = 1.0 + delta[n]
                across = px[n] * px[n] + py[n] * py[n]
                passing &= ((total > 0.0) & (across < total * total)) | (not a[n])
            if not passing:
                for n in range(size):
                    total = 1.0 + delta[n]
                    passes = total > 0.0 and px[n] * px[n] + py[n] * py[n] < total * total
                    if a[n] and not passes:
                        a[n] = False
                        lost_turn[n], lost_element[n] = turn, elements[s]
            if op == 0:
                for n in range(size):
                    entered[n] = a[n]
SAVE
        elif op == 1:
            arriving = True
            for n in range(size):
                total = SUM
                arriving &= (a[n] & (total - total == 0.0)) | (not entered[n])
            if not arriving:
                for n in range(size):
                    if entered[n] and not (a[n] and math.isfinite(SUM)):
                        a[n] = False
                        lost_turn[n], lost_element[n] = turn, elements[s]
RESTORE
'''

_END = '''

@kernel
def execute(part, start, stop, turns, operations, starts, numbers, elements, x, px, y, py, z,
        delta, alive, lost_turn, lost_element):
    """Run all turns, in place. For the lost, tells turn and element (-1 before)."""
    saved = np.empty((6, BLOCK), x.dtype)
    entered = np.empty(BLOCK, np.bool_)
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        a = alive[low:high]
        for turn in range(turns):
            if not a.any():
                break
            through(turn, operations, starts, numbers, elements, VIEWS, a,
                lost_turn[low:high], lost_element[low:high], saved, entered)
'''

_MULTIPOLE = """
            for n in range(size):
                real, imag = 0.0, 0.0
                for m in range(starts[s + 1] - 2, at - 2, -2):
                    real, imag = (
                        numbers[m] + (real * x[n] - imag * y[n]),
                        numbers[m + 1] + (real * y[n] + imag * x[n]),
                    )
                if a[n]:
                    px[n] -= real
                    py[n] += imag
"""

#: operations that are maps of a particle
MAPS = (*COMPILED_MAPS, *SCALAR_MAPS, "patch")


def source() -> str:
    """The text of `program_kernel.py`."""
    scalars, branches = [], []
    for code, name in enumerate(OPERATIONS):
        head = f"        elif op == {code}:  # {name}"
        if name in MAPS:
            function, lines = _map(name)
            if name not in COMPILED_MAPS:
                scalars.append(function)
            branches += [head, *lines]
        elif name == "multipole_kick":
            branches += [head, _MULTIPOLE.strip("\n")]
        elif name.startswith("in_"):
            branches += [
                head,
                "            for n in range(size):",
                f"                a[n] = a[n] and {name}(x[n], y[n], {arguments_at(name)})",
            ]
    views = ", ".join(f"{c}[low:high]" for c in COORDINATES)
    deep = " " * 20
    save = "\n".join(f"{deep}saved[{i}, n] = {c}[n]" for i, c in enumerate(COORDINATES))
    restore = "\n".join(f"{deep}    {c}[n] = saved[{i}, n]" for i, c in enumerate(COORDINATES))
    start = _START.replace("SAVE", save).replace("RESTORE", restore)
    start = start.replace("SUM", " + ".join(f"{c}[n]" for c in COORDINATES))
    known = [
        f"{n}_{what} = map_kernels.{n}_{what}"
        for n in COMPILED_MAPS
        for what in (*(f"one_{v}" for v in versions(n)), *(["reach"] if has_series(n) else []))
    ]
    head = _HEADER.replace("ALIASES", "\n".join(known)) + "\n\n".join(scalars)
    end = _END.replace("VIEWS", views).rstrip("\n")
    return "\n".join([head, start.rstrip("\n"), *branches, end]) + "\n"


def arguments_at(name: str) -> str:
    """The sizes of an opening, as the kernels read them."""
    count = len(inspect.signature(getattr(maps, name)).parameters) - 2
    return ", ".join(f"numbers[at + {i}]" for i in range(count))


class Traced(NamedTuple):
    """A map as expressions.

    Attributes:
        parameters: names of its numbers, in their order in a program.
        places: symbols of the six coordinates.
        outputs: what they become.
        moved: which of them change.
    """

    parameters: list[str]
    places: list[Expression]
    outputs: list[Expression]
    moved: list[int]


def traced(name: str) -> Traced:
    """A map, traced."""
    function: Any = getattr(maps, name)
    arguments = [a for a in inspect.signature(function).parameters if a not in COORDINATES]
    places = [symbol(c) for c in COORDINATES]
    taken: list[Any] = []
    flat: list[str] = []
    for argument in arguments:
        shape = _SHAPES.get(argument, ())
        names = [f"{argument}{i}" for i in range(shape[0])] if shape else [argument]
        if len(shape) == 2:
            names = [f"{argument}{i}{j}" for i in range(shape[0]) for j in range(shape[1])]
        numbers = [symbol(n) for n in names]
        flat += names
        if len(shape) == 2:
            width = shape[1]
            numbers = [numbers[i : i + width] for i in range(0, len(names), width)]  # type: ignore[misc]
        taken.append(numbers if shape else numbers[0])
    outputs = [constant(o) for o in function(*places, *taken)]
    return Traced(flat, places, outputs, [i for i in range(6) if outputs[i] is not places[i]])


def _map(name: str) -> tuple[str, list[str]]:
    """A map of one particle, and the loop that applies it to a block."""
    flat, _, outputs, moved = traced(name)
    lines, names = statements(outputs[i] for i in moved)
    body = "".join(f"    {line.replace('stumpff', 'exact')}\n" for line in lines)
    call = ", ".join((*COORDINATES, *flat))
    text = f"@scalar\ndef {name}({call}):\n{body}    return {', '.join(names)}\n"
    loop = [f"q{i} = numbers[at + {i}]" for i in range(len(flat))]
    given = ", ".join([f"{c}[n]" for c in COORDINATES] + [f"q{i}" for i in range(len(flat))])
    news = ", ".join(f"v_{COORDINATES[i]}" for i in moved)

    def each(function: str) -> list[str]:
        return [
            "for n in range(size):",
            f"    {news} = {function}({given})",
            *(f"    {c}[n] = v_{c} if a[n] else {c}[n]" for c in (COORDINATES[i] for i in moved)),
        ]

    if has_series(name):
        # a series serves a whole block without branches
        loop += [
            "small = True",
            "for n in range(size):",
            f"    small &= fits({name}_reach({given})) or not a[n]",
        ]
        for head, version in (("if small:", "series"), ("else:", "exact")):
            loop += [head, *(f"    {line}" for line in each(f"{name}_one_{version}"))]
    else:
        loop += each(f"{name}_one_exact" if name in COMPILED_MAPS else name)
    return text, [f"{' ' * 12}{line}" for line in loop]


def has_series(name: str) -> bool:
    """Whether a map with kernels has a version for small arguments of its Stumpff functions."""
    return bool(stumpff_arguments(traced(name).outputs))


def versions(name: str) -> tuple[str, ...]:
    return ("series", "exact") if has_series(name) else ("exact",)


def stumpff_arguments(outputs: list[Expression]) -> list[Expression]:
    """What the Stumpff functions in some expressions are taken of, each once."""
    found: dict[Expression, None] = {}
    pending = list(outputs)
    seen: set[Expression] = set()
    while pending:
        node = pending.pop()
        if node in seen:
            continue
        seen.add(node)
        children = [a for a in node.args if isinstance(a, Expression)]
        if node.op in STUMPFF:
            found[children[0]] = None
        pending += children
    return list(found)
