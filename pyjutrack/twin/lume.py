"""A twin as a model of `lume-base`, which servers of control systems and optimisers know."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from ..core.checks import require_kind, require_range, require_texts
from ..core.errors import InvalidValueError, MissingPackageError
from ..lattice.knobs import parts
from .model import Twin

Range = tuple[float, float]
#: any finite number
_FINITE = (-sys.float_info.max, sys.float_info.max)


def lume_model(twin: Twin, settings: Iterable[str] | Mapping[str, Range | None]) -> Any:
    """A `lume.model.LUMEModel` whose inputs are settings, and whose outputs are readings.

    `set` tracks once, or changes nothing where settings cannot be; `get` returns the settings that
    were set and the readings at them, numbers as floats and the others as arrays. A reading without
    a living particle is NaN. `reset` goes back to the settings of the twin.

    Args:
        settings: addresses of numbers, such as "q1.k1", or address to the smallest and largest
            value that may be set, None for any finite one.

    Raises:
        MissingPackageError: `lume-base` is not installed.
        UnknownNameError: no such knob.
        InvalidValueError: no settings, one of no single number, one named like a diagnostic, a
            range that its value as designed is not in.
    """
    try:
        from lume.model import LUMEModel
        from lume.variables import ConfigEnum, NDVariable, ScalarVariable
    except ImportError as error:
        raise MissingPackageError(
            'a model of LUME needs lume-base: in a clone of pyjutrack, pip install ".[lume]"'
        ) from error
    require_kind("twin", twin, Twin, "a twin", "make one with pyjutrack.Twin(...)")
    ranges = _ranges(settings)
    design = _design(twin, ranges)
    inputs: dict[str, Any] = {
        name: ScalarVariable(
            name=name,
            default_value=design[name],
            value_range=bounds,
            default_validation_config=ConfigEnum.ERROR,
        )
        for name, bounds in ranges.items()
    }
    outputs: dict[str, Any] = {
        d.name: NDVariable(name=d.name, shape=d.shape, read_only=True)
        if d.shape
        else ScalarVariable(name=d.name, read_only=True)
        for d in twin.diagnostics
    }

    class TwinModel(LUMEModel):  # type: ignore[misc]
        """Settings and readings of a twin."""

        def __init__(self) -> None:
            self.reset()

        @property
        def supported_variables(self) -> dict[str, Any]:
            return inputs | outputs

        def reset(self) -> None:
            self._move(design)

        def _get(self, names: list[str]) -> dict[str, Any]:
            state = self._state
            return {name: state[name] for name in names}

        def _set(self, values: dict[str, Any]) -> None:
            self._move({name: self._state[name] for name in inputs} | values)

        def _move(self, values: dict[str, float]) -> None:
            readings = twin.predict(values)
            plain = {n: r if r.ndim else float(r) for n, r in readings.items()}
            self._state: dict[str, Any] = {n: float(v) for n, v in values.items()} | plain

    return TwinModel()


def _ranges(settings: Iterable[str] | Mapping[str, Range | None]) -> dict[str, Range]:
    """Address to the values that may be set."""
    expected = "a list of addresses, or address to its range"
    given = dict.fromkeys(require_texts("settings", settings, expected))
    if isinstance(settings, Mapping):
        given = dict(settings)
    ranges = {
        name: _FINITE if bounds is None else require_range(f"the range of {name}", bounds)
        for name, bounds in given.items()
    }
    if not ranges:
        raise InvalidValueError("a model without settings predicts one thing only; name some")
    return ranges


def _design(twin: Twin, ranges: Mapping[str, Range]) -> dict[str, float]:
    """Settings as designed, which must lie in their ranges and have names of their own."""
    taken = {d.name for d in twin.diagnostics} & set(ranges)
    if taken:
        raise InvalidValueError(f"{taken.pop()!r} names a setting and a diagnostic; rename one")
    found = {}
    for name, value in zip(ranges, parts(twin, list(ranges)), strict=True):
        if value.ndim:
            raise InvalidValueError(
                f"{name} has {value.numel()} entries, and a setting of LUME is one number; "
                "name another"
            )
        found[name] = float(value)
        low, high = ranges[name]
        if not low <= found[name] <= high:
            raise InvalidValueError(
                f"{name} is {found[name]} as designed, and may be set between {low} and {high}; "
                "give a range that holds it"
            )
    return found
