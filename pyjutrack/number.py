"""A parameter: a float, or a 0-d tensor that carries derivatives."""

from torch import Tensor

Number = float | Tensor


def detached(value: Number) -> float:
    """A parameter as a float, whatever it carries."""
    return float(value.detach()) if isinstance(value, Tensor) else value
