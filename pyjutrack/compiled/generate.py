"""Writes `map_kernels.py` from `maps.py`: `python -m pyjutrack.compiled.generate`.

For each map three kernels over all particles: its value, its tangent (K directions in one pass, the
Jacobian of a particle computed once and shared by all K), and its cotangent. A test regenerates
the file and compares, so the maps have one source.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from .. import maps
from . import COMPILED_MAPS
from .trace import Expression, constant, statements, symbol

COORDINATES = ("x", "px", "y", "py", "z", "delta")
_HEADER = '''"""Maps, compiled. Written by `python -m pyjutrack.compiled.generate`; do not edit."""

import math

import numpy as np
from numba import njit, prange

from .scalar import BLOCK, stumpff

# fmt: off
'''


def source() -> str:
    """The text of `map_kernels.py`."""
    return _HEADER + "\n".join(_kernels(name) for name in COMPILED_MAPS)


def _kernels(name: str) -> str:
    function: Any = getattr(maps, name)
    arguments = list(inspect.signature(function).parameters)
    constants = COMPILED_MAPS[name]
    parameters = [a for a in arguments if a not in COORDINATES and a not in constants]
    symbols = {a: symbol(a) for a in arguments}
    outputs = [constant(o) for o in function(*symbols.values())]

    moved = [i for i, o in enumerate(outputs) if o is not symbols[COORDINATES[i]]]
    inputs = [*COORDINATES, *parameters]
    jacobian: dict[tuple[int, int], Expression] = {}
    for i in moved:
        for j, variable in enumerate(inputs):
            entry = outputs[i].derivative(symbols[variable], {})
            if not entry.is_number(0):
                jacobian[i, j] = entry
    stored = {key: e for key, e in jacobian.items() if not e.is_number(1)}
    slots = {key: slot for slot, key in enumerate(stored)}

    def term(key: tuple[int, int], factor: str) -> str:
        return factor if key not in slots else f"jac[{slots[key]}, n] * {factor}"

    call = ", ".join(arguments)
    columns = ", ".join(COORDINATES)
    scalars = ", ".join([*parameters, *constants])
    at_n = ", ".join([f"{c}[n]" for c in COORDINATES] + [*parameters, *constants])
    jac_lines, jac_names = statements(stored.values())
    value_lines, value_names = statements(outputs[i] for i in moved)
    news = [f"{COORDINATES[i]}_out" for i in moved]

    out: list[str] = []
    put = out.append
    put(f"\n{name.upper()}_MOVES = {tuple(moved)}\n\n")
    put("@njit(cache=True, error_model='numpy')")
    put(f"def {name}_one({call}):")
    out += [f"    {line}" for line in value_lines]
    put(f"    return {', '.join(value_names)}\n\n")
    put("@njit(cache=True, error_model='numpy')")
    put(f"def {name}_jacobian({call}):")
    out += [f"    {line}" for line in jac_lines]
    put(f"    return {', '.join(jac_names)}\n\n")

    put("@njit(cache=True, parallel=True, error_model='numpy')")
    put(f"def {name}_value({columns}, alive, {scalars}):")
    for new in news:
        put(f"    {new} = np.empty_like(x)")
    put("    for n in prange(x.size):")
    put("        if alive[n]:")
    put(f"            {', '.join(f'{new}[n]' for new in news)} = {name}_one({at_n})")
    put("        else:")
    for i, new in zip(moved, news, strict=True):
        put(f"            {new}[n] = {COORDINATES[i]}[n]")
    put(f"    return {', '.join(news)}\n\n")

    def block_of_jacobians(threads_own: str) -> None:
        put(threads_own)
        put("        start = block * BLOCK")
        put("        stop = min(start + BLOCK, x.size)")
        put(f"        jac = np.empty(({len(slots)}, BLOCK), x.dtype)")
        put("        for m in range(start, stop):")
        put(f"            entries = {name}_jacobian({at_n.replace('[n]', '[m]')})")
        for slot in range(len(slots)):
            put(f"            jac[{slot}, m - start] = entries[{slot}]")

    # A missing tangent comes as one row of zeros; a row index of 0 then serves every direction.
    put("@njit(cache=True, parallel=True, error_model='numpy', fastmath={'contract'})")
    tangents = ", ".join(f"d_{c}" for c in COORDINATES)
    d_params = ", ".join(f"d_{p}" for p in parameters)
    put(f"def {name}_tangent({columns}, alive, {scalars}, count, {tangents}, {d_params}):")
    for new in news:
        put(f"    d_{new} = np.empty((count, x.size), x.dtype)")
    block_of_jacobians("    for block in prange((x.size + BLOCK - 1) // BLOCK):")
    put("        for k in range(count):")
    for c in COORDINATES:
        put(f"            row_{c} = d_{c}[min(k, d_{c}.shape[0] - 1)]")
    for p in parameters:
        put(f"            dp_{p} = d_{p}[min(k, d_{p}.shape[0] - 1)]")
    put("            for n in range(stop - start):")
    for i, new in zip(moved, news, strict=True):
        terms = [
            term((i, j), f"row_{v}[start + n]" if v in COORDINATES else f"dp_{v}")
            for j, v in enumerate(inputs)
            if (i, j) in jacobian
        ]
        put(f"                d_{new}[k, start + n] = {' + '.join(terms)}")
    put("            for m in range(start, stop):")
    put("                if not alive[m]:")
    for i, new in zip(moved, news, strict=True):
        put(f"                    d_{new}[k, m] = row_{COORDINATES[i]}[m]")
    put(f"    return {', '.join(f'd_{new}' for new in news)}\n\n")

    put("@njit(cache=True, parallel=True, error_model='numpy', fastmath={'contract'})")
    put(f"def {name}_cotangent({columns}, alive, {scalars}, {', '.join(f'g_{n}' for n in news)}):")
    for c in COORDINATES:
        put(f"    b_{c} = np.empty_like(x)")
    put("    blocks = (x.size + BLOCK - 1) // BLOCK")
    put(f"    partial = np.zeros((blocks, {len(parameters)}), np.float64)")
    block_of_jacobians("    for block in prange(blocks):")
    put("        for m in range(start, stop):")
    put("            n = m - start")
    put("            if alive[m]:")
    for j, c in enumerate(COORDINATES):
        terms = [
            term((i, j), f"g_{new}[m]")
            for i, new in zip(moved, news, strict=True)
            if (i, j) in jacobian
        ]
        put(f"                b_{c}[m] = {' + '.join(terms) or '0.0'}")
    for q, p in enumerate(parameters):
        j = inputs.index(p)
        terms = [
            term((i, j), f"g_{new}[m]")
            for i, new in zip(moved, news, strict=True)
            if (i, j) in jacobian
        ]
        put(f"                partial[block, {q}] += {' + '.join(terms)}")
    put("            else:")
    for i, c in enumerate(COORDINATES):
        source_of = f"g_{c}_out[m]" if i in moved else "0.0"
        put(f"                b_{c}[m] = {source_of}")
    sums = ", ".join(f"partial[:, {q}].sum()" for q in range(len(parameters)))
    put(f"    return {', '.join(f'b_{c}' for c in COORDINATES)}, {sums}\n")
    return "\n".join(out)


def main() -> None:
    """Write the file beside this one."""
    Path(__file__).with_name("map_kernels.py").write_text(source())


if __name__ == "__main__":
    main()
