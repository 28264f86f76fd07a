"""Processes made by a fork, in which PyTorch's threads (OpenMP) cannot be started anew."""

from __future__ import annotations

import os

import torch

from .errors import InvalidValueError

_forked = False


def check_threads() -> None:
    """Raise InvalidValueError where PyTorch would wait for threads that a fork did not copy."""
    if _forked and torch.get_num_threads() > 1:
        raise InvalidValueError(
            f"PyTorch has {torch.get_num_threads()} threads in a process made by a fork, which "
            "threads do not survive: it could wait for ever. Call torch.set_num_threads(1) there, "
            'or start processes otherwise, multiprocessing.get_context("spawn") or "forkserver"'
        )


def _note() -> None:
    # an operation on two threads of PyTorch would wait for ever
    global _forked
    _forked = True
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note)
