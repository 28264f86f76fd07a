"""Writes `program_kernel.py` from `maps/`: the kernel that runs a `Program`.

`python -m pyjutrack.compiled.generate` writes it with the other kernels, and a test compares.
"""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

from .. import maps
from ..beam import COORDINATES
from . import COMPILED_MAPS, SCALAR_MAPS
from .program import OPERATIONS
from .trace import Expression, constant, statements, symbol

#: arguments of maps that are no single numbers
_SHAPES: dict[str, tuple[int, ...]] = {"shift": (3,), "axes": (3, 3)}

_HEADER = '''"""Runs programs. Written by `python -m pyjutrack.compiled.generate`; do not edit."""

import math

import numpy as np

from ..maps import openings
from .jit import kernel, scalar
IMPORTED

in_ellipse = scalar(openings.in_ellipse)
in_racetrack = scalar(openings.in_racetrack)

#: particles that go through the lattice together: few enough for the first-level cache
BLOCK = 256

# fmt: off

'''

_START = '''
@kernel
def execute(part, start, stop, turns, operations, starts, numbers, elements, COLUMNS, alive,
        lost_turn, lost_element):
    """Run all turns, in place. For the lost, tells turn and element (-1 before)."""
    saved = np.empty((6, BLOCK), all_x.dtype)
    entered = np.empty(BLOCK, np.bool_)
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        size = high - low
VIEWS
        a = alive[low:high]
        for turn in range(turns):
            if not a.any():
                break
            for s in range(len(operations)):
                op, at = operations[s], starts[s]
                if op == 0:
                    for n in range(size):
                        total = 1.0 + delta[n]
                        passes = total > 0.0 and px[n] * px[n] + py[n] * py[n] < total * total
                        if a[n] and not passes:
                            a[n] = False
                            lost_turn[low + n], lost_element[low + n] = turn, elements[s]
                        entered[n] = a[n]
SAVE
                elif op == 1:
                    for n in range(size):
                        if entered[n] and not (a[n] and math.isfinite(SUM)):
                            a[n] = False
                            lost_turn[low + n], lost_element[low + n] = turn, elements[s]
RESTORE
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
        head = f"                elif op == {code}:  # {name}"
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
                "                    for n in range(size):",
                f"                        a[n] = a[n] and {name}(x[n], y[n], {arguments_at(name)})",
            ]
    views = "\n".join(f"        {c} = all_{c}[low:high]" for c in COORDINATES)
    deep = " " * 24
    save = "\n".join(f"{deep}saved[{i}, n] = {c}[n]" for i, c in enumerate(COORDINATES))
    restore = "\n".join(f"{deep}    {c}[n] = saved[{i}, n]" for i, c in enumerate(COORDINATES))
    start = _START.replace("COLUMNS", ", ".join(f"all_{c}" for c in COORDINATES))
    start = start.replace("VIEWS", views).replace("SAVE", save).replace("RESTORE", restore)
    start = start.replace("SUM", " + ".join(f"{c}[n]" for c in COORDINATES))
    known = "\n".join(f"from .map_kernels import {n}_one_exact as {n}" for n in COMPILED_MAPS)
    head = _HEADER.replace("IMPORTED", known) + "\n\n".join(scalars)
    return "\n".join([head, start.rstrip("\n"), *branches]) + "\n"


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
    numbers_in = [f"{' ' * 20}q{i} = numbers[at + {i}]" for i in range(len(flat))]
    columns = ", ".join(f"{c}[n]" for c in COORDINATES)
    news = ", ".join(f"v_{COORDINATES[i]}" for i in moved)
    given = "".join(f", q{i}" for i in range(len(flat)))
    loop = [
        f"{' ' * 20}for n in range(size):",
        f"{' ' * 24}{news} = {name}({columns}{given})",
        *(f"{' ' * 24}{c}[n] = v_{c} if a[n] else {c}[n]" for c in (COORDINATES[i] for i in moved)),
    ]
    return text, numbers_in + loop
