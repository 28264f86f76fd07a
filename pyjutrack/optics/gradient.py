"""Gradients of any objective of the optics by any knobs of the lattice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..beam.reference import Reference, require_reference
from ..core.checks import require_callable, require_flag
from ..core.errors import InvalidValueError
from ..core.transforms import numeric
from ..lattice.batch import each_setting
from ..lattice.knobs import lattice_values
from ..lattice.lattice import Lattice
from ..lattice.patterns import expand
from ..lattice.require import require_lattice
from .linear import linear_optics
from .table import Twiss, TwissTable

Array = NDArray[np.float64]


@numeric
@each_setting
def optics_gradient(
    objective: Callable[[TwissTable], Tensor],
    lattice: Lattice,
    reference: Reference,
    wrt: Sequence[str],
    *,
    delta: float = 0.0,
    initial: Twiss | None = None,
    chromatic: bool = False,
    max_step: float | None = None,
) -> tuple[Any, Array]:
    """Objectives of the optics, and their exact derivatives by knobs, in reverse mode.

    Args:
        objective: table of tensors -> tensor of shape () or (T,).
        wrt: knobs of the lattice: parameters, "q1.k1", variables of a machine's file, "kqf", and
            patterns for all that they fit, "q*.k1", in the order of `lattice.knobs`.
        lattice, reference, delta, initial, chromatic, max_step: as for `linear_optics`.

    Returns:
        The value, a float or (T,), and the slopes, (K,) or (T, K), in the order of `wrt`.

    Raises:
        UnknownNameError: no such knob. UnstableError: no optics.
        InvalidValueError: the objective is no tensor of that shape.
    """
    require_callable("objective", objective, "a function of the table -> tensor")
    require_flag("chromatic", chromatic)
    require_lattice(lattice)
    require_reference(reference)
    wrt = expand(wrt, lattice.knobs)
    leaf = lattice_values(lattice, wrt).requires_grad_()
    with torch.enable_grad():
        knobbed = lattice.with_values(dict(zip(wrt, leaf.unbind(0), strict=True)))
        table = linear_optics(
            knobbed,
            reference,
            delta=delta,
            initial=initial,
            chromatic=chromatic,
            max_step=max_step,
            order=1,
        )
        found: Any = objective(table)
        if not isinstance(found, Tensor) or found.dim() > 1:
            raise InvalidValueError(
                "an objective of the optics must return a tensor of shape () or (T,); "
                f"got {found!r}"
            )
        slopes = _slopes(found.reshape(-1), leaf)
    if found.dim() == 0:
        return float(found.detach()), slopes[0]
    return found.detach().numpy(), slopes


def _slopes(values: Tensor, leaf: Tensor) -> Array:
    """(T, K) of values (T,), all of them in one pass."""
    if not values.requires_grad:
        return np.zeros((len(values), len(leaf)))
    (slopes,) = torch.autograd.grad(
        values,
        leaf,
        torch.eye(len(values), dtype=values.dtype),
        allow_unused=True,
        materialize_grads=True,
        is_grads_batched=True,
    )
    return np.asarray(slopes.numpy())
