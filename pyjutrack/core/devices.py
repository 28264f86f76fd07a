"""Devices of tensors."""

from __future__ import annotations

import torch

from .errors import InvalidValueError


def usable(device: str | torch.device) -> torch.device:
    """The device of a name.

    Raises:
        InvalidValueError: there is no such device, or PyTorch here cannot use it.
    """
    try:
        found = torch.device(device)
        torch.zeros(1, device=found)
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:
        raise InvalidValueError(
            f"the device {str(device)!r} cannot be used here: {str(error).splitlines()[0]}"
        ) from error
    return found
