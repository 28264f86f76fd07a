"""Kernels of a map that run programs: `block` moves particles, `step` one with its tangents."""

from __future__ import annotations

from ..base import COORDINATES
from .trace import statements
from .traced import Traced


def text(of: Traced) -> str:
    """A map of one particle, and what a program calls."""
    parts = _opening(of) if of.map.opening else [*_particle(of), *_block(of), *_step(of)]
    return "\n".join(parts)


def _particle(of: Traced) -> list[str]:
    """`one_series` and `one_exact`, and `reach`: what Stumpff functions are taken of."""
    out = [f"MOVES = {tuple(of.moved)}"]
    call = ", ".join((*COORDINATES, *of.numbers))
    functions = {f"one_{v}": (v, [of.outputs[i] for i in of.moved]) for v in of.versions}
    if of.reach:
        functions["reach"] = ("exact", of.reach)
    for name, (version, outputs) in functions.items():
        lines, names = statements(outputs)
        out += ["", "", "@scalar", f"def {name}({call}):"]
        out += [f"    {line.replace('stumpff', version)}" for line in lines]
        out += [f"    return {', '.join(names)},"]
    return out


def _block(of: Traced) -> list[str]:
    """A loop over few particles; without branches where a series serves all of them."""
    out = ["", "", "@kernel", f"def block({', '.join(COORDINATES)}, alive, numbers):"]
    out += [f"    {name} = numbers[{i}]" for i, name in enumerate(_local(of))]
    given = ", ".join([f"{c}[n]" for c in COORDINATES] + _local(of))
    news = [COORDINATES[i] for i in of.moved]
    # a tuple of one has its comma
    left = "".join(f"v_{c}, " for c in news).strip()

    def each(version: str, indent: str) -> list[str]:
        return [
            f"{indent}for n in range(len(x)):",
            f"{indent}    {left} = one_{version}({given})",
            *(f"{indent}    {c}[n] = v_{c} if alive[n] else {c}[n]" for c in news),
        ]

    if not of.reach:
        return [*out, *each("exact", "    ")]
    out += [
        "    small = True",
        "    for n in range(len(x)):",
        f"        small &= fits(reach({given})) or not alive[n]",
        "    if small:",
        *each("series", "        "),
        "    else:",
        *each("exact", "        "),
    ]
    return out


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


def _local(of: Traced) -> list[str]:
    return [f"q{i}" for i in range(len(of.numbers))]
