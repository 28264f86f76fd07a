"""Stumpff functions in written kernels: a table for a block of particles, filled beforehand.

A series serves a block whose arguments are all small. With a table that is decided in one place,
`kernels.stumpff.tabulate`, and the loops that use it are written, and compiled, once.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..base import COORDINATES
from .trace import STUMPFF, Expression, statements
from .traced import Traced


def known(of: Traced) -> dict[Expression, str]:
    """Names of the functions' values where a particle's are arguments."""
    taken = [*of.fixed, *of.moving]
    return {
        Expression.make(op, w): f"s{r}_{k}"
        for r, w in enumerate(taken)
        for k, op in enumerate(STUMPFF)
    }


def function(name: str, of: Traced, outputs: Sequence[Expression]) -> list[str]:
    """A function of a particle, numbers, and the Stumpff functions of `arguments`."""
    lines, names = statements(outputs, known(of))
    call = [*COORDINATES, *of.numbers, *known(of).values()]
    out = ["", "", "@scalar", f"def {name}({', '.join(call)}):"]
    return [*out, *(f"    {line}" for line in lines), f"    return {', '.join(names)},"]


def reaches(of: Traced) -> list[str]:
    """`fixed` and `reach`: what Stumpff functions are taken of, of all and of a particle."""
    out: list[str] = []
    parts = {"fixed": (of.numbers, of.fixed), "reach": ([*COORDINATES, *of.numbers], of.moving)}
    for name, (call, outputs) in parts.items():
        if outputs:
            lines, names = statements(outputs)
            out += ["", "", "@scalar", f"def {name}({', '.join(call)}):"]
            out += [f"    {line.replace('stumpff', 'exact')}" for line in lines]
            out += [f"    return {', '.join(names)},"]
    return out


def arguments(of: Traced) -> list[str]:
    """What functions of particle n are given."""
    end = len(of.fixed)
    shared = [f"s{r}_{k}" for r in range(end) for k in range(len(STUMPFF))]
    own = [f"s{end + r}_{k}[n]" for r in range(len(of.moving)) for k in range(len(STUMPFF))]
    return shared + own


def room(of: Traced, size: str) -> list[str]:
    """Statements that make the table."""
    if not of.moving:
        return []
    end, width = len(of.fixed), 1 + len(STUMPFF)
    out = [f"    room = np.empty(({width * len(of.moving)}, {size}))"]
    for r in range(len(of.moving)):
        names = [f"s{end + r}", *(f"s{end + r}_{k}" for k in range(len(STUMPFF)))]
        out += [f"    {name} = room[{width * r + i}]" for i, name in enumerate(names)]
    return out


def shared(of: Traced, numbers: Sequence[str], indent: str) -> list[str]:
    """Statements that find the functions which are the same for all particles."""
    if not of.fixed:
        return []
    out = [
        f"{indent}{''.join(f's{r}, ' for r in range(len(of.fixed)))}= fixed({', '.join(numbers)})"
    ]
    for r in range(len(of.fixed)):
        names = ", ".join(f"s{r}_{k}" for k in range(len(STUMPFF)))
        out.append(f"{indent}{names} = exact(s{r})")
    return out


def filled(of: Traced, numbers: Sequence[str], size: str, indent: str) -> list[str]:
    """Statements that fill the table for a block."""
    if not of.moving:
        return []
    names = [f"s{len(of.fixed) + r}" for r in range(len(of.moving))]
    given = ", ".join([f"{c}[n]" for c in COORDINATES] + list(numbers))
    out = [
        f"{indent}small = True",
        f"{indent}for n in range({size}):",
        f"{indent}    at = reach({given})",
        f"{indent}    small &= fits(at) or not alive[n]",
        f"{indent}    {''.join(f'{name}[n], ' for name in names)}= at",
    ]
    for name in names:
        columns = ", ".join(f"{name}_{k}" for k in range(len(STUMPFF)))
        out.append(f"{indent}tabulate({size}, small, {name}, {columns})")
    return out
