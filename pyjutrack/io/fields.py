"""Fields of elements as plain data, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

import torch
from torch import Tensor

from ..core.atomic import as_tuples
from ..core.errors import InvalidValueError, UnknownNameError, unknown
from ..core.names import label
from ..core.scalars import differs, is_transformed
from ..core.storage import register_description, to_lists
from ..elements import Element, kinds, kinds_named
from ..elements.potentials import Form, form_from_record, record_of

Plain = dict[str, Any]


def changed_fields(element: Element) -> Plain:
    """The fields that differ from their defaults, without the name, as plain data.

    Raises:
        InvalidValueError: a field carries derivatives, or is nothing that a text can hold.
    """
    found: Plain = {}
    for field in fields(element):
        value = plain(element, field.name)
        if field.init and field.name != "name" and differs(value, _default(field)):
            found[field.name] = value
    return found


def plain(element: Element, name: str) -> Any:
    """One field as plain data: tensors as their values, tuples as lists."""
    return _plain(getattr(element, name), label(element), name)


def to_number(name: str, value: Any) -> float:
    """A variable as a number; InvalidValueError if it carries derivatives."""
    number = _plain(value, "a variable", name)
    assert isinstance(number, (float, int))
    return number


def _plain(value: Any, label: str, name: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(entry, label, name) for key, entry in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(entry, label, name) for entry in value]
    if isinstance(value, Tensor):
        if value.requires_grad or is_transformed(value):
            raise InvalidValueError(
                f"{label}: {name} carries derivatives, which a file cannot hold; give its value "
                f"alone, {name}=value.detach()"
            )
        return _plain(value.tolist(), label, name)
    if isinstance(value, Form):
        return record_of(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no word for it
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise InvalidValueError(f"{label}: {name} = {value!r} is nothing that a file can hold")


def _default(field: Field[Any]) -> Any:
    """The default as plain data; of a field without one, what no value equals."""
    default = field.default
    if default is MISSING and field.default_factory is not MISSING:
        default = field.default_factory()
    return default if default is MISSING else _plain(default, "", field.name)


def find_kind(name: Any) -> type[Element]:
    """Find a kind of element by its name.

    Raises:
        UnknownNameError: there is none; the message gives the nearest.
        InvalidValueError: there are several.
    """
    found = kinds_named(name) if isinstance(name, str) else []
    if not found:
        error = unknown("kind of element", name, kinds())
        raise UnknownNameError(f"{error} (a kind of your own must be imported first)")
    _require_single(found)
    return found[0]


def name_kind(kind: type[Element]) -> str:
    """The name by which `find_kind` finds a kind again.

    Raises:
        InvalidValueError: it finds another, or several.
    """
    name = kind.__name__
    found = kinds_named(name)
    _require_single(found)
    if found != [kind]:
        raise InvalidValueError(
            f"{name} has been defined again since; make its elements anew"
            if found
            else f"{name} is abstract, and no kind that a file can name"
        )
    return name


def _require_single(kinds: list[type[Element]]) -> None:
    if len(kinds) > 1:
        names = " and ".join(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds)
        raise InvalidValueError(
            f"{kinds[0].__name__} names {len(kinds)} kinds of elements, {names}; rename one"
        )


def element_from(kind: type[Element], values: Mapping[str, Any]) -> Element:
    """An element from plain data.

    Raises:
        UnknownNameError: the kind has no such field; the message gives the nearest.
        InvalidValueError: a value of the wrong type, or one that the element refuses.
    """
    known = {field.name: field for field in fields(kind) if field.init}
    for name in values:
        if name not in known:
            raise unknown(f"field of {kind.__name__}", name, known)
    for name, field in known.items():
        if name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise InvalidValueError(f"{kind.__name__} has no {name}, which it needs")
    return kind(**{name: _convert(kind, known[name], value) for name, value in values.items()})


def _convert(kind: type[Element], field: Field[Any], value: Any) -> Any:
    """Convert the value of a field to the type it should have."""
    name, default = field.name, field.default
    if name in kind.vectors:
        if not isinstance(value, list):
            raise _type_error(name, "a list of numbers", value)
        return torch.tensor([_number(name, entry) for entry in value], dtype=torch.float64)
    if isinstance(default, Mapping):
        if not isinstance(value, dict):
            raise _type_error(name, "a dictionary", value)
        return value
    if isinstance(value, dict):
        return form_from_record(value)
    if name in kind.series:
        if not isinstance(value, list):
            raise _type_error(name, "a list of numbers", value)
        return tuple(_number(name, entry) for entry in value)
    if name in (*kind.knobs, *kind.placement, "length") or isinstance(default, float):
        return _number(name, value)
    if isinstance(default, (bool, int, str)) and type(value) is not type(default):
        raise _type_error(name, _WORDS[type(default)], value)
    return as_tuples(value)


_WORDS = {bool: "true or false", int: "an integer", str: "a word"}
#: numbers that plain data holds as words
SPECIAL = ("inf", "-inf", "nan")


def _number(name: str, value: Any) -> float:
    if isinstance(value, str) and value in SPECIAL:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _type_error(name, "a number", value)
    return float(value)


def _type_error(name: str, wanted: str, value: Any) -> InvalidValueError:
    return InvalidValueError(f"{name} must be {wanted}, got {value!r}")


#: what `element_from` and `find_kind` raise
BadElement = (InvalidValueError, UnknownNameError, TypeError)


def _describe(element: Element) -> Plain:
    return {"kind": name_kind(type(element)), "name": element.name, **changed_fields(element)}


def _from_description(data: Plain) -> Element:
    values = to_lists(data)
    return element_from(find_kind(values.pop("kind")), values)


register_description(Element, _describe, _from_description)
