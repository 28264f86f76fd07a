"""Writes `tangent_kernel.py` from `maps/`: the kernel that runs a `Program` with first derivatives.

The tracer differentiates each operation by the coordinates, exactly and sparsely; parameters are
numbers here. `python -m pyjutrack.maps.codegen` writes it, and a test compares.
"""

from __future__ import annotations

from ...beam.beam import COORDINATES
from ..program import OPERATIONS
from .program_kernel import MAPS, arguments_at, traced
from .trace import Expression, statements

_HEADER = '''"""Runs programs with tangents.

Written by `python -m pyjutrack.maps.codegen`; do not edit.
"""

import math

import numpy as np

from ...kernels.jit import kernel, scalar
from .program_kernel import in_ellipse, in_racetrack
from ...kernels.stumpff import arctangent, exact

#: directions that are carried along: the six of a Jacobian, and two to fill whole vectors
LANES = 8

# fmt: off

'''

_START = '''
@kernel
def execute(part, start, stop, turns, operations, starts, numbers, elements, COLUMNS, alive,
        lost_turn, lost_element, tangents):
    """Run all turns, in place, with tangents (N, 6 * LANES) by coordinate and direction."""
    kept = np.empty(6 * LANES)
    for n in range(start, stop):
        if not alive[n]:
            continue
        x, px, y, py, z, delta = COLUMNS_N
        d = tangents[n]
        old = x, px, y, py, z, delta
        passes = True
        for turn in range(turns):
            for s in range(len(operations)):
                op, at = operations[s], starts[s]
                if op == 0:
                    total = 1.0 + delta
                    old = x, px, y, py, z, delta
                    for k in range(6 * LANES):
                        kept[k] = d[k]
                    passes = total > 0.0 and px * px + py * py < total * total
                    if not passes:
                        break
                elif op == 2:
                    old = x, px, y, py, z, delta
                    for k in range(6 * LANES):
                        kept[k] = d[k]
                    total = 1.0 + delta
                    passes = total > 0.0 and px * px + py * py < total * total
                    if not passes:
                        break
                elif op == 1:
                    passes = passes and math.isfinite(x + px + y + py + z + delta)
                    if not passes:
                        break
'''

_END = """
            if not passes:
                alive[n] = False
                lost_turn[n], lost_element[n] = turn, elements[s]
                x, px, y, py, z, delta = old
                for k in range(6 * LANES):
                    d[k] = kept[k]
                break
        COLUMNS_N = x, px, y, py, z, delta
"""

#: f = sum_m c_m w^m with w = x + i y, and its derivative
_MULTIPOLE = """
                    real, imag, by_real, by_imag = 0.0, 0.0, 0.0, 0.0
                    for m in range(starts[s + 1] - 2, at - 2, -2):
                        by_real, by_imag = (
                            real + (by_real * x - by_imag * y),
                            imag + (by_real * y + by_imag * x),
                        )
                        real, imag = (
                            numbers[m] + (real * x - imag * y),
                            numbers[m + 1] + (real * y + imag * x),
                        )
                    px -= real
                    py += imag
                    for k in range(LANES):
                        d_x, d_y = d[k], d[2 * LANES + k]
                        d[LANES + k] += by_imag * d_y - by_real * d_x
                        d[3 * LANES + k] += by_imag * d_x + by_real * d_y
"""

_DEEP = " " * 20


def source() -> str:
    """The text of `tangent_kernel.py`."""
    functions, branches = [], []
    for code, name in enumerate(OPERATIONS):
        if name in MAPS:
            function, lines = _map(name)
            functions.append(function)
        elif name == "multipole_kick":
            lines = _MULTIPOLE.strip("\n").split("\n")
        elif name.startswith("in_"):
            sizes = arguments_at(name)
            lines = [f"{_DEEP}passes = passes and {name}(x, y, {sizes})"]
        else:
            continue
        branches += [f"                elif op == {code}:  # {name}", *lines]
    text = "\n".join([_START.rstrip("\n"), *branches, _END.strip("\n")]) + "\n"
    text = text.replace("COLUMNS_N", ", ".join(f"all_{c}[n]" for c in COORDINATES))
    text = text.replace("COLUMNS", ", ".join(f"all_{c}" for c in COORDINATES))
    return _HEADER + "\n\n".join(functions) + "\n" + text


def _map(name: str) -> tuple[str, list[str]]:
    """A map with its Jacobian, and what applies both to a particle."""
    flat, places, outputs, moved = traced(name)
    jacobian: dict[tuple[int, int], Expression] = {}
    for j, place in enumerate(places):
        memo: dict[Expression, Expression] = {}
        for i in moved:
            entry = outputs[i].derivative(place, memo)
            if not entry.is_number(0):
                jacobian[i, j] = entry
    slopes = {key: f"j{key[0]}{key[1]}" for key, e in jacobian.items() if not e.is_number(1)}
    lines, names = statements([outputs[i] for i in moved] + [jacobian[key] for key in slopes])
    body = "".join(f"    {line.replace('stumpff', 'exact')}\n" for line in lines)
    call = ", ".join((*COORDINATES, *flat))
    text = f"@scalar\ndef {name}({call}):\n{body}    return {', '.join(names)}\n"
    news = [COORDINATES[i] for i in moved]
    given = "".join(f", numbers[at + {i}]" for i in range(len(flat)))
    needed = sorted({j for _, j in jacobian})
    loop = [
        f"{_DEEP}{', '.join([*news, *slopes.values()])} = {name}({', '.join(COORDINATES)}{given})",
        f"{_DEEP}for k in range(LANES):",
        *(f"{_DEEP}    d_{j} = d[{j} * LANES + k]" for j in needed),
    ]
    for i in moved:
        terms = [
            f"{slopes[i, j]} * d_{j}" if (i, j) in slopes else f"d_{j}"
            for j in needed
            if (i, j) in jacobian
        ]
        loop.append(f"{_DEEP}    d[{i} * LANES + k] = {' + '.join(terms) or '0.0'}")
    return text, loop
