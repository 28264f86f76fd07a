"""Parameters of maps as the numbers of a program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..core.errors import PyJuTrackError
from ..core.scalars import has_numbers


class NotRecordedError(PyJuTrackError):
    """Something cannot be recorded as operations with plain numbers."""


def tabulate(columns: Sequence[float | Tensor], batch: Sequence[int]) -> NDArray[np.float64]:
    """(V, B), a column a setting; what is given has a last dimension for the particles."""
    if not columns:
        return np.zeros((0, 1))
    found = np.empty((len(columns), *batch))
    for row, column in zip(found, columns, strict=True):
        row[...] = column.detach().squeeze(-1) if isinstance(column, Tensor) else column
    return found.reshape(len(columns), -1)


def flatten_numbers(parameters: Iterable[Any]) -> list[float | Tensor]:
    """All numbers of parameters in a row; NotRecordedError for what is no plain number."""
    found: list[float | Tensor] = []
    for parameter in parameters:
        if isinstance(parameter, (tuple, list)):
            found += flatten_numbers(parameter)
        elif _is_column(parameter):
            found.append(parameter)
        elif _is_number(parameter):
            found.append(float(parameter))
        else:
            # not its entries, which take longer to write than an element to pass
            raise NotRecordedError(f"a {type(parameter).__name__} is no plain number")
    return found


def _is_column(parameter: Any) -> bool:
    """Return whether it is a number of each setting, with a last dimension for the particles."""
    column = isinstance(parameter, Tensor) and parameter.dim() > 1 and parameter.shape[-1] == 1
    return column and has_numbers(parameter)


def _is_number(parameter: Any) -> bool:
    if isinstance(parameter, Tensor):
        return not parameter.dim() and has_numbers(parameter)
    return isinstance(parameter, (float, int))
