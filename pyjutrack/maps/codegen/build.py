"""Kernels of maps: written at first use, into the folder of the user's cache."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Any

from ...kernels.sources import source_file
from ..base import COORDINATES, Map
from .outside import Outside, outside_of, require_unchanged
from .trace import listing
from .traced import Traced, trace_map

_HEADER = '''"""Kernels of the map {name}, whose formulas are {mark}; written by pyjutrack."""

from pyjutrack.kernels.jit import kernel
from pyjutrack.maps.program_kernels import step_kernel
'''


@cache
def kernels(map: Map) -> Any:
    """The module of a map's kernels.

    It has `block`, mostly `each`, and `step` (see `particles`), and for maps with `array_kernels`
    also `MOVES`, `value`, `push`, `cotangent` and `back` (see `arrays`).
    """
    if map.written:
        return importlib.import_module(map.written)
    _outside(map)
    from ...kernels.emit import written  # late: Numba takes a moment to load

    of = trace_map(map)
    parts = _parts(of)
    text = _text(of, {name: arguments for name, (arguments, _) in parts.items()})
    mark = hashlib.sha256(text.encode()).hexdigest()[:16]
    module = ModuleType(f"pyjutrack_kernels.{map.name}_{mark}")
    sys.modules[module.__name__] = module  # where Numba's cache looks for what it has kept
    vars(module).update({f"write_{name}": written(write) for name, (_, write) in parts.items()})
    vars(module)["MOVES"] = () if map.opening else tuple(of.moved)
    # the text is run, and the file is for Numba's cache and for tracebacks: it runs nothing
    exec(compile(text, source_file(f"{map.name}_{mark}.py", text), "exec"), vars(module))
    return module


def require_current(*maps: Map) -> None:
    """Raise InvalidValueError where a map reads a number that is another than in its kernels."""
    for map, outside in _changeable(maps):
        require_unchanged(map, outside)


@cache
def _changeable(maps: tuple[Map, ...]) -> tuple[tuple[Map, tuple[Outside, ...]], ...]:
    """Those maps that read numbers from outside, hardly any, with these."""
    return tuple((map, _outside(map)) for map in maps if _outside(map))


@cache
def _outside(map: Map) -> tuple[Outside, ...]:
    """Numbers from outside as they are when the kernels are written."""
    return () if map.written else outside_of(map)


def _parts(of: Traced) -> dict[str, tuple[list[str], Callable[..., None]]]:
    """Arguments of each kernel of a map, and what writes it."""
    from . import arrays, particles

    block = ["size", *COORDINATES, "alive", "numbers"]
    taken = {"block": block, "each": [*block, "apart"], "step": ["numbers", "c", "d"]}
    found = {name: (taken[name], write) for name, write in particles.bodies(of).items()}
    return found | (arrays.ArrayKernels(of).bodies() if of.map.array_kernels else {})


def _text(of: Traced, kernels: Mapping[str, list[str]]) -> str:
    """The text of the module of a map's kernels, which tells maps apart by their formulas."""
    mark = hashlib.sha256("\n".join(listing(of.outputs)).encode()).hexdigest()
    lines = [_HEADER.format(name=of.map.name, mark=mark)]
    for name, arguments in kernels.items():
        decorator = "step_kernel" if name == "step" else "kernel"
        given = ", ".join(arguments)
        lines += [f"\n@{decorator}\ndef {name}({given}):", f"    write_{name}({given})\n"]
    return "\n".join(lines)
