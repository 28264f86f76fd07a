"""The backward pass must read the same numbers that the forward pass read."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ...core.errors import InvalidValueError


class Versions:
    """Counts of autograd of how often some tensors had been changed in place."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self._counted = [(t, t._version) for t in tensors if not t.is_inference()]

    @property
    def unchanged(self) -> bool:
        """Return whether none was changed since."""
        return all(tensor._version == version for tensor, version in self._counted)

    def check(self, adjoint: str) -> None:
        """See that none was changed since.

        Raises:
            InvalidValueError: one was; names its shape and value.
        """
        for tensor, version in self._counted:
            if tensor._version == version:
                continue
            shape = tuple(tensor.shape)
            now = f"now {tensor.item():.6g}" if tensor.numel() == 1 else f"of shape {shape}"
            raise InvalidValueError(
                f"a tensor ({now}) was changed in place after the beam had been tracked, and "
                f"adjoint={adjoint!r} reads it again in the backward pass; change it after "
                "backward(), track again, or take adjoint='store'"
            )
