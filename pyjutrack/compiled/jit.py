"""How kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit
from numba.core.compiler import CompilerBase, DefaultPassBuilder


class _Unaliased(CompilerBase):
    """Numba's pipeline, told that the array arguments do not overlap.

    Numba assumes as much for its parallel loops only. Kernels here write to fresh arrays and never
    read them elsewhere; without that knowledge their loops over many arrays are not vectorised.
    """

    def define_pipelines(self) -> list[Any]:
        self.state.flags.noalias = True
        return [DefaultPassBuilder.define_nopython_pipeline(self.state)]


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel (part, start, stop, *arrays and numbers) for `parallel.run`."""
    compiled: Callable[..., Any] = njit(
        cache=True,
        nogil=True,
        error_model="numpy",
        fastmath={"contract", "nsz"},
        pipeline_class=_Unaliased,
    )(function)
    return compiled


def helper(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that kernels call."""
    compiled: Callable[..., Any] = njit(
        cache=True, error_model="numpy", fastmath={"contract", "nsz"}, inline="always"
    )(function)
    return compiled


def scalar(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function of numbers, merged into its callers so that their loops vectorise."""
    compiled: Callable[..., Any] = njit(cache=True, error_model="numpy", forceinline=True)(function)
    return compiled
