"""The state of a training run in a file, to go on from after a kill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...core import tensorfile
from ...core.errors import InvalidValueError

_HOLDS = "checkpoint"


def save(
    path: Path,
    run: Mapping[str, Any],
    step: int,
    error: float,
    parameters: dict[str, Tensor],
    optimizers: Sequence[torch.optim.Optimizer],
) -> None:
    """Write the state after a number of steps, whole or not at all.

    Args:
        run: what the run is, as plain data; `restore` compares it.
        step, error: steps done and the watched error then.
        parameters: what is trained, by name.
        optimizers: which train it.
    """
    tensors = {f"weight/{name}": p for name, p in parameters.items()}
    tensors.update(_states(parameters, optimizers))
    description = {"run": dict(run), "step": step, "error": error}
    tensorfile.write(path, description, tensors, holds=_HOLDS)


def restore(
    path: Path,
    run: Mapping[str, Any],
    parameters: dict[str, Tensor],
    optimizers: Sequence[torch.optim.Optimizer],
) -> tuple[int, float]:
    """Fill parameters and optimizers from a file; returns the steps done and the error then.

    Raises:
        InvalidValueError: the file is damaged, or of another run.
    """
    description, tensors, _ = tensorfile.read(
        path,
        holds=_HOLDS,
        said="checkpoint of a training run",
        remedy="give another path, or remove it to start afresh",
    )
    asked = tensorfile.plain(run)
    found = description["run"]
    other = [k for k in asked if asked[k] != found.get(k)]
    if other:
        differences = ", ".join(f"{k} {found.get(k)} there, {asked[k]} here" for k in other)
        raise InvalidValueError(
            f"{path} is of another training run ({differences}); remove it to start afresh"
        )
    with torch.no_grad():
        for name, p in parameters.items():
            p.copy_(tensors[f"weight/{name}"])
    device = next(iter(parameters.values())).device
    names = {id(p): name for name, p in parameters.items()}
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            for p in group["params"]:
                prefix = f"state/{names[id(p)]}/"
                optimizer.state[p] = {
                    key.removeprefix(prefix): value if value.dim() == 0 else value.to(device)
                    for key, value in tensors.items()
                    if key.startswith(prefix)
                }
    return description["step"], description["error"]


def _states(
    parameters: dict[str, Tensor], optimizers: Sequence[torch.optim.Optimizer]
) -> Iterator[tuple[str, Tensor]]:
    names = {id(p): name for name, p in parameters.items()}
    for optimizer in optimizers:
        for p, state in optimizer.state.items():
            for key, value in state.items():
                yield f"state/{names[id(p)]}/{key}", torch.as_tensor(value)
