"""The protocol of the forms of a learned potential."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import Tensor

from ...core.atomic import as_tuples
from ...core.checks import wrong
from ...core.errors import InvalidValueError, require_known
from ...core.registry import refuse_taken, require_class
from ...core.scalars import is_real

K = TypeVar("K")


@runtime_checkable
class Form(Protocol):
    """A potential as a function of places and weights.

    H is in metres: it is the integral of the normalised Hamiltonian along the path, so that its
    slopes are changes of px, py and delta. A frozen dataclass of plain data.

    A form may have a `map` of (form, weights, strength) with kernels of its own; without one it is
    `maps.potential_kick`, which has none.
    """

    @property
    def count(self) -> int:
        """Number of weights."""
        ...

    def start(self) -> Tensor:
        """Weights (P,) at which H is zero everywhere, float64."""
        ...

    def value(self, weights: Tensor, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        """H at places (N,) [m]."""
        ...

    def slopes(
        self, weights: Tensor, x: Tensor, y: Tensor, z: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """dH/dx, dH/dy and dH/dz at places; None where H does not depend on z."""
        ...


#: kinds of forms by name, which files may hold
_FORMS: dict[str, Any] = {}


def form(kind: type[K]) -> type[K]:
    """Let files hold a kind of form; a decorator of a frozen dataclass of plain data.

    Raises:
        InvalidValueError: it is none, or another form has its name.
    """
    require_class("form", kind)
    if not dataclasses.is_dataclass(kind):
        raise wrong("what @form registers", kind, "a frozen dataclass of plain data")
    refuse_taken("form", kind.__name__, kind, _FORMS.get(kind.__name__))
    _FORMS[kind.__name__] = kind
    return kind


def positive(label: str, *numbers: float) -> None:
    """Raise InvalidValueError for what is not finite and positive."""
    for number in numbers:
        if not (is_real(number) and math.isfinite(number) and number > 0):
            raise InvalidValueError(f"{label} must be finite and positive, got {number!r}")


def record_of(form: Form) -> dict[str, Any]:
    """A form as plain data, for files."""
    if isinstance(form, type) or not dataclasses.is_dataclass(form):
        raise wrong("form", form, "a form of `pyjutrack.elements.potentials`, such as Spline()")
    return {"form": type(form).__name__, **dataclasses.asdict(form)}  # type: ignore[call-overload]


def form_from_record(data: Mapping[str, Any]) -> Form:
    """The form of a record.

    Raises:
        UnknownNameError, InvalidValueError: it is none.
    """
    if not isinstance(data, Mapping):
        raise InvalidValueError(f"a learned potential is a record with its form, got {data!r}")
    require_known("form of a learned potential", str(data.get("form")), _FORMS)
    fields = {k: as_tuples(v) for k, v in data.items() if k != "form"}
    kind = _FORMS[str(data["form"])]
    try:
        made: Form = kind(**fields)
    except TypeError as error:
        raise InvalidValueError(f"{data!r} is no {kind.__name__}: {error}") from error
    return made
