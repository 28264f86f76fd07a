"""Compilation of kernels."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.compiler import Compiler, DefaultPassBuilder

from .cache import keep


@contextmanager
def _without_collection() -> Iterator[None]:
    """Leave garbage alone: compiling makes millions of objects that live until it is done."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class _Compiler(Compiler):  # type: ignore[misc]
    """Numba's compiler, a sixth faster."""

    def compile_extra(self, func: Callable[..., Any]) -> Any:
        with _without_collection():
            return super().compile_extra(func)


class _Unaliased(_Compiler):
    """A pipeline that lets LLVM assume that the array arguments do not overlap.

    Numba assumes as much for its parallel loops only. Kernels here write to fresh arrays and never
    read them elsewhere; without that knowledge their loops over many arrays are not vectorised.
    """

    def define_pipelines(self) -> list[Any]:
        self.state.flags.noalias = True
        return [DefaultPassBuilder.define_nopython_pipeline(self.state)]


#: products may be added in one rounding, and the sign of a zero is free
_ARITHMETIC: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract", "nsz"}}


@cache
def _stamp() -> tuple[Any, ...]:
    """Names, times and sizes of all that kernels are made of."""
    here = Path(__file__).parent
    folders = (here, *(here.with_name(name) for name in ("core", "maps", "tracking")))
    sources = [path for folder in folders for path in folder.rglob("*.py")]
    stats = [(path.name, path.stat()) for path in sorted(sources)]
    return tuple((name, stat.st_mtime, stat.st_size) for name, stat in stats)


def _compile(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Compile a function whose cache on disk is void when any of the sources has changed.

    Numba looks at the file of the function alone, and would run old code of what that calls.
    """
    options = {"pipeline_class": _Compiler, **options}
    options["no_cfunc_wrapper"] = True  # which only first-class functions would need
    return keep(njit(**options)(function), _stamp())


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel (part, start, stop, *arrays and numbers) for `parallel.run`."""
    return _compile(function, nogil=True, pipeline_class=_Unaliased, **_ARITHMETIC)


def callback(function: Callable[..., Any], signature: Any) -> Callable[..., Any]:
    """Compile a function that kernels call by its address, of one signature."""
    made = _compile(function, nogil=True, **_ARITHMETIC)
    made.callback = signature  # type: ignore[attr-defined]
    return made


def helper(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that kernels call."""
    return _compile(function, inline="always", **_ARITHMETIC)


def scalar(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of numbers, merged into its callers so that their loops vectorise."""
    return _compile(function, error_model="numpy", forceinline=True)


def exact_scalar(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a `scalar` whose products may be added in one rounding."""
    return _compile(function, forceinline=True, **_ARITHMETIC)


def reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of numbers whose sums may be taken in any order, by vectors."""
    arithmetic = {"error_model": "numpy", "fastmath": {"contract", "nsz", "reassoc"}}
    return _compile(function, **arithmetic)


def signal(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that waits or wakes without the interpreter's lock."""
    return _compile(function, nogil=True)
