"""Kernels of maps: written at first use, into the folder of the user's cache."""

from __future__ import annotations

import hashlib
import importlib
import sys
from functools import cache
from types import ModuleType
from typing import Any

from ...kernels.sources import source_file
from ..base import Map
from . import arrays, particles
from .traced import trace_map

_HEADER = '''"""Kernels of the map {name}, written by pyjutrack from its source."""

import math

import numpy as np

from pyjutrack.kernels.jit import kernel, scalar
from pyjutrack.kernels.stumpff import arctangent, exact, fits, tabulate
from pyjutrack.kernels.vector import choose
from pyjutrack.maps.program import LANES
from pyjutrack.maps.program_kernels import step_kernel

#: particles whose Jacobians are held at once: small enough for the first-level cache
BLOCK = 64

'''


@cache
def kernels(map: Map) -> Any:
    """The module of a map's kernels.

    It has `block` and `step` (see `particles`), and for maps with `array_kernels` also `MOVES`,
    `value`, `push`, `cotangent` and `back` (see `arrays`).
    """
    if map.written:
        return importlib.import_module(map.written)
    text = source(map)
    mark = hashlib.sha256(text.encode()).hexdigest()[:16]
    module = ModuleType(f"pyjutrack_kernels.{map.name}_{mark}")
    sys.modules[module.__name__] = module  # where Numba's cache looks for what it has kept
    # the text is run, and the file is for Numba's cache and for tracebacks: it runs nothing
    exec(compile(text, source_file(f"{map.name}_{mark}.py", text), "exec"), vars(module))
    return module


def source(map: Map) -> str:
    """The text of the module of a map's kernels."""
    of = trace_map(map)
    parts = [_HEADER.format(name=map.name), particles.text(of)]
    if map.array_kernels:
        parts += ["\n", arrays.text(of)]
    return "\n".join(parts).rstrip() + "\n"
