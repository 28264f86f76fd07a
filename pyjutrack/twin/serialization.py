"""Twins in files: numbers and a description of plain data, nothing that could run.

Frozen data are written down by the name of their kind and the fields that make them; tensors and
arrays stand beside the description. What is read is made by the kinds that are known here, and by
no others.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ..core import tensorfile
from ..core.checks import require_path
from ..core.errors import InvalidValueError, PyJuTrackError, UnknownNameError
from ..core.scalars import is_transformed
from ..core.storage import description_of, find_description, find_storable, is_storable
from ..io import native  # noqa: F401  # says how files hold lattices and elements

#: errors of kinds that cannot be made of what a file says
_UNMADE = (PyJuTrackError, LookupError, TypeError, ValueError, AttributeError, RecursionError)


class Saved:
    """Frozen data of a storable kind, which files hold with all that it is made of."""

    def save(self, path: str | Path) -> str:
        """Write it, whole or not at all; returns the digest of what was written.

        The file, of the safetensors format, holds numbers and a description in JSON.

        Raises:
            InvalidValueError: something in it is of a kind that files do not know (see `storable`),
                or carries derivatives.
        """
        kind, writer = type(self), _Writer()
        described = writer.plain(self, _content_key(kind))
        return tensorfile.write(
            require_path("path", path), described, writer.tensors, holds=_content_key(kind)
        )

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote: it predicts the same to the bit. Loading runs nothing.

        Kinds of this package are known; those of your own must be defined before.

        Raises:
            InvalidValueError: no such file, not one of this kind, truncated, changed since, or with
                something of a kind that is not known here.
        """
        from .. import surrogate  # noqa: F401  # whose kinds are known once it is loaded

        path = require_path("path", path)
        try:
            described, tensors, _ = tensorfile.read(
                path,
                holds=_content_key(cls),
                said=_kind_in_words(cls),
                remedy="take a fresh copy, or save it again",
            )
            found = _make(described, tensors)
        except InvalidValueError:
            raise
        except _UNMADE as error:
            raise InvalidValueError(
                f"{path} does not describe a {cls.__name__} that can be made here: {error}"
            ) from error
        if type(found) is not cls:
            raise InvalidValueError(f"{path} holds a {type(found).__name__}, and no {cls.__name__}")
        return found


def _content_key(kind: type) -> str:
    return kind.__name__.lower()


def _kind_in_words(kind: type) -> str:
    """Spell the name of a kind in words: gaussian process."""
    return re.sub("(?<=[a-z])(?=[A-Z])", " ", kind.__name__).lower()


class _Writer:
    """Writes data down; tensors are set aside."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}

    def plain(self, value: Any, place: str) -> Any:
        """Data as JSON holds them. `place` says where they stand, and names their tensors."""
        if value is None or type(value) in (bool, int, str):
            return value
        if isinstance(value, np.generic):
            return self.plain(value.item(), place)
        if type(value) is float:
            return value if math.isfinite(value) else {"float": str(value)}
        if isinstance(value, (Tensor, np.ndarray)):
            return self._set_aside(value, place)
        described = description_of(value)
        if described is not None:
            inner = self.plain(described.describe(value), place)
            return {"kind": described.kind.__name__, "of": inner}
        if isinstance(value, (tuple, list)):
            return [self.plain(v, f"{place}.{i}") for i, v in enumerate(value)]
        if isinstance(value, Mapping) and all(isinstance(k, str) for k in value):
            # in their order, which the keys of a file do not keep
            return {"map": [[k, self.plain(v, f"{place}.{k}")] for k, v in value.items()]}
        kind = type(value)
        if not is_storable(kind):
            raise InvalidValueError(
                f"no file can hold the {kind.__name__} at {place}; let it be a frozen dataclass "
                "of numbers and tensors with the decorator pyjutrack.twin.storable"
            )
        values = {
            f.name: self.plain(getattr(value, f.name), f"{place}.{f.name}")
            for f in dataclasses.fields(value)
            if f.init
        }
        return {"kind": kind.__name__, "fields": values}

    def _set_aside(self, value: Any, place: str) -> dict[str, str]:
        if isinstance(value, np.ndarray):
            if value.dtype.kind not in "bif":
                raise InvalidValueError(f"no file can hold the array at {place}: {value.dtype}")
            self.tensors[place] = torch.from_numpy(value.copy())
            return {"array": place}
        if value.requires_grad or is_transformed(value):
            raise InvalidValueError(
                f"the tensor at {place} carries derivatives, which a file cannot hold; detach() it"
            )
        self.tensors[place] = value.clone()
        return {"tensor": place}


def _make(data: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Make the thing of a description."""
    if isinstance(data, list):
        return tuple(_make(entry, tensors) for entry in data)
    if not isinstance(data, dict):
        return data
    if "kind" not in data:
        ((word, value),) = data.items()
        if word == "map":
            return {k: _make(v, tensors) for k, v in value}
        if word == "float":
            return float(value)
        return tensors[value].numpy() if word == "array" else tensors[value]
    name = data["kind"]
    if "of" in data:
        return find_description(name).make(_make(data["of"], tensors))
    try:
        kind = find_storable(name)
    except UnknownNameError as error:
        raise InvalidValueError(
            f"the file holds a {name}, which is not known here; define it, with the decorator "
            "pyjutrack.twin.storable, before the file is read"
        ) from error
    return kind(**{k: _make(v, tensors) for k, v in data["fields"].items()})
