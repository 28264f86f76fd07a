"""Kernels of a map that run programs: `block` moves particles, `step` one with its tangents."""

from __future__ import annotations

from ..base import COORDINATES
from . import stumpffs
from .trace import statements
from .traced import Traced


def text(of: Traced) -> str:
    """A map of one particle, and what a program calls."""
    parts = _opening(of) if of.map.opening else [*_particle(of), *_block(of), *_step(of)]
    return "\n".join(parts)


def _particle(of: Traced) -> list[str]:
    """`one`: a particle through the map."""
    moved = stumpffs.function("one", of, [of.outputs[i] for i in of.moved])
    return [f"MOVES = {tuple(of.moved)}", *stumpffs.reaches(of), *moved]


def _block(of: Traced) -> list[str]:
    """A loop over few particles, without branches."""
    numbers = [f"q{i}" for i in range(len(of.numbers))]
    given = ", ".join([f"{c}[n]" for c in COORDINATES] + numbers + stumpffs.arguments(of))
    news = [COORDINATES[i] for i in of.moved]
    return [
        *("", "", "@kernel", f"def block({', '.join(COORDINATES)}, alive, numbers):"),
        *(f"    {name} = numbers[{i}]" for i, name in enumerate(numbers)),
        *stumpffs.room(of, "len(x)"),
        *stumpffs.shared(of, numbers, "    "),
        *stumpffs.filled(of, numbers, "len(x)", "    "),
        "    for n in range(len(x)):",
        f"        {''.join(f'v_{c}, ' for c in news)}= one({given})",
        *(f"        {c}[n] = choose(alive[n], v_{c}, {c}[n])" for c in news),
    ]


def _step(of: Traced) -> list[str]:
    """One particle and its tangents by coordinates, given by pointers."""
    jacobian = of.jacobian(list(COORDINATES))
    slopes = {key: f"j{key[0]}{key[1]}" for key, e in jacobian.items() if not e.is_number(1)}
    lines, names = statements([of.outputs[i] for i in of.moved] + [jacobian[key] for key in slopes])
    call = ", ".join((*COORDINATES, *of.numbers))
    out = ["", "", "@scalar", f"def slope({call}):"]
    out += [f"    {line.replace('stumpff', 'exact')}" for line in lines]
    out += [f"    return {', '.join(names)},"]
    given = ", ".join(
        [f"c[{i}]" for i in range(6)] + [f"numbers[{i}]" for i in range(len(of.numbers))]
    )
    news = [f"v_{COORDINATES[i]}" for i in of.moved]
    needed = sorted({j for _, j in jacobian})
    out += ["", "", "@step_kernel", "def step(numbers, c, d):"]
    out += [f"    {', '.join([*news, *slopes.values()])}, = slope({given})"]
    out += ["    for k in range(LANES):"]
    out += [f"        d_{j} = d[{j} * LANES + k]" for j in needed]
    for i in of.moved:
        terms = [
            f"{slopes[i, j]} * d_{j}" if (i, j) in slopes else f"d_{j}"
            for j in needed
            if (i, j) in jacobian
        ]
        out.append(f"        d[{i} * LANES + k] = {' + '.join(terms) or '0.0'}")
    out += [f"    c[{i}] = {new}" for i, new in zip(of.moved, news, strict=True)]
    return out


def _opening(of: Traced) -> list[str]:
    """Whether a particle passes; what does not is lost, or marked by NaN where it has tangents."""
    lines, names = statements(of.outputs)
    out = ["@scalar", f"def passes({', '.join(('x', 'y', *of.numbers))}):"]
    out += [f"    {line}" for line in lines]
    out += [f"    return {names[0]}"]
    out += ["", "", "@kernel", f"def block({', '.join(COORDINATES)}, alive, numbers):"]
    given = ", ".join(["x[n]", "y[n]"] + [f"numbers[{i}]" for i in range(len(of.numbers))])
    out += ["    for n in range(len(x)):", f"        alive[n] = alive[n] and passes({given})"]
    given = ", ".join(["c[0]", "c[2]"] + [f"numbers[{i}]" for i in range(len(of.numbers))])
    out += ["", "", "@step_kernel", "def step(numbers, c, d):"]
    out += [f"    if not passes({given}):", "        c[0] = math.nan"]
    return out
