"""Refuse derivatives by shape functions whose kick jumps from cell to cell."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ..autodiff import Pushed
from ..core.errors import InvalidValueError
from ..core.scalars import is_transformed
from .grid import Mesh


def refuse_staircase(mesh: Mesh, *places: Tensor) -> None:
    """Raise InvalidValueError for a shape whose kick has no derivative by the positions.

    Args:
        places: if there are some, only where one of them carries derivatives.
    """
    if mesh.shape.staircase and (not places or any(map(_is_differentiated, places))):
        raise InvalidValueError(
            f"the space-charge kick with the shape function {mesh.shape.name!r} jumps from cell to "
            'cell and has no derivative, not even by finite differences; take assignment="bspline" '
            "for derivatives, Jacobians and tunes"
        )


def _is_differentiated(tensor: Tensor) -> bool:
    if isinstance(tensor, Pushed) or (torch.is_grad_enabled() and tensor.requires_grad):
        return True
    while is_transformed(tensor):
        if torch._C._functorch.is_gradtrackingtensor(tensor):
            return True
        tensor = torch._C._functorch.get_unwrapped(tensor)
    dual = forward_ad._current_level >= 0
    return dual and forward_ad.unpack_dual(tensor).tangent is not None
