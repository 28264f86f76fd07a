"""Fixed arrays by which a potential is computed, as tensors where they are needed."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor


class Operators:
    """Arrays, and the tensors made of them.

    Kept as arrays: a tensor made under a PyTorch transform must not outlive it.
    """

    def __init__(self, *arrays: NDArray[Any]) -> None:
        self.arrays = arrays
        self._on_devices: dict[tuple[torch.dtype, torch.device], tuple[Tensor, ...]] = {}

    def tensors(self, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, ...]:
        """The arrays on a device, where they stay."""
        if (dtype, device) in self._on_devices:
            return self._on_devices[dtype, device]
        found = tuple(torch.as_tensor(a, dtype=dtype, device=device) for a in self.arrays)
        if device.type != "cpu" and torch._C._functorch.peek_interpreter_stack() is None:
            self._on_devices[dtype, device] = found
        return found
