"""A name stands for one thing: registries refuse a second one, and say which has the name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import pyjutrack as pj
from pyjutrack.core import storage
from pyjutrack.core.registry import refuse_taken
from pyjutrack.elements.potentials import base as forms
from pyjutrack.errors import InvalidValueError, UnknownNameError
from pyjutrack.io import LatticeFormat, LatticeSource, formats, register_format
from pyjutrack.maps import base as maps
from pyjutrack.surrogate import layer_base
from pyjutrack.surrogate.architectures import Architecture, register_architecture
from pyjutrack.twin import storable

HERE = __name__


@pytest.fixture(autouse=True)
def registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, put back after the test."""
    monkeypatch.setattr(formats, "_USERS", {})
    monkeypatch.setattr("pyjutrack.surrogate.architectures._ARCHITECTURES", {})
    for owner, name in (
        (layer_base, "KINDS"),
        (maps, "MAPS"),
        (storage, "_KINDS"),
        (storage, "_DESCRIPTIONS"),
        (forms, "_FORMS"),
    ):
        monkeypatch.setattr(owner, name, dict(getattr(owner, name)))


def a_kind(*bases: type) -> type:
    @dataclasses.dataclass(frozen=True)
    class Double(*bases):  # type: ignore[misc]
        pass

    return Double


def another_kind(*bases: type) -> type:
    @dataclasses.dataclass(frozen=True)
    class Double(*bases):  # type: ignore[misc]
        pass

    return Double


def a_map() -> Callable[..., Any]:
    def twin_kick(x, px, y, py, z, delta, k):
        return x, px - k * x, y, py, z, delta

    return twin_kick


def another_map() -> Callable[..., Any]:
    def twin_kick(x, px, y, py, z, delta, k):
        return x, px - k * x, y, py - k * y, z, delta

    return twin_kick


def read_drift(source: Any) -> pj.io.LatticeFile:
    return pj.io.LatticeFile(pj.Lattice([pj.Drift(1.0)]))


def read_marker(source: Any) -> pj.io.LatticeFile:
    return pj.io.LatticeFile(pj.Lattice([pj.Marker()]))


def build_none(channels: int, standard: Any, seed: int, width: int = 1) -> None:
    return None


def build_one(channels: int, standard: Any, seed: int, width: int = 1) -> int:
    return 1


def architecture(build: Any) -> Architecture:
    return Architecture("twin", "none", (4,), build, lambda channels, shape: None)


#: register, one, another of its name, and what has that name
CASES: dict[str, tuple[Callable[[Any], Any], Any, Any, str]] = {
    "format": (
        register_format,
        LatticeFormat("twin", "one drift", (".twin",), read_drift),
        LatticeFormat("twin", "one marker", (".other",), read_marker),
        f"another lattice format is named 'twin', that of {HERE}.read_drift",
    ),
    "storable": (storable, a_kind(), another_kind(), "another storable kind is named 'Double'"),
    "form": (forms.form, a_kind(), another_kind(), "another form is named 'Double'"),
    "layer": (
        layer_base.register_layer,
        a_kind(layer_base.Layer),
        another_kind(layer_base.Layer),
        rf"another kind of layer is named 'Double', that of {HERE}.a_kind",
    ),
    "description": (
        lambda kind: storage.register_description(kind, vars, kind),
        a_kind(),
        another_kind(),
        "another described kind is named 'Double'",
    ),
    "architecture": (
        register_architecture,
        architecture(partial(build_none, width=1)),
        architecture(partial(build_one, width=1)),
        f"another architecture is named 'twin', that of {HERE}.build_none",
    ),
    "map": (
        lambda function: maps.map()(function),
        a_map(),
        another_map(),
        rf"another map is named 'twin_kick', that of {HERE}.a_map",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_name_that_is_taken_is_refused(name: str) -> None:
    register, one, other, said = CASES[name]
    register(one)
    register(one)  # as where a notebook's cell is run again
    with pytest.raises(InvalidValueError, match=said):
        register(other)


def test_the_same_defined_again_takes_its_place() -> None:
    first, second = a_kind(), a_kind()
    storable(first)
    storable(second)
    assert storage.find_storable("Double") is second
    maps.map()(a_map())
    assert maps.map()(a_map()) is maps.find_map("twin_kick")


def from_cell(text: str, file: str, module: str = "__main__") -> Any:
    """What a text says, as a notebook's kernel and an import execute it."""
    return eval(compile(text, file, "eval"), {"__name__": module})


def test_what_was_edited_takes_its_place() -> None:
    """Its line and, in a notebook, its file are others; so is what a partial is given."""
    for former, made in (
        (partial(build_none, width=1), partial(build_none, width=2)),
        (build_none, partial(partial(build_none, width=1), width=2)),
        (
            from_cell("lambda c, s, d: 1", "/tmp/1.py"),
            from_cell("\n\nlambda c, s, d: 2", "/tmp/2.py"),
        ),
        (from_cell("lambda c: 1", "a.py", "a"), from_cell("\n\nlambda c: 1", "a.py", "a")),
    ):
        refuse_taken("thing", "a", made, former)
    register_architecture(architecture(build_none))
    register_architecture(architecture(partial(build_none, width=3)))


def test_lambdas_and_partials_are_told_apart() -> None:
    one, other = lambda: 1, partial(a_kind, 1)
    for made, former in (
        (from_cell("lambda: 1", "a.py", "a"), one),
        (a_kind, one),
        (partial(another_kind, 1), other),
    ):
        with pytest.raises(
            InvalidValueError, match=r"another thing is named 'a', that of .*tests?_"
        ):
            refuse_taken("thing", "a", made, former)


def test_a_suffix_that_cannot_be_told_apart_is_refused() -> None:
    drift = LatticeFormat("drift", "one drift", (".twin",), read_drift)
    register_format(drift)
    marker = LatticeFormat("marker", "one marker", (".mark", ".twin"), read_marker)
    said = r"'\.twin' of the lattice format 'marker' is that of 'drift' \(one drift\) already"
    with pytest.raises(InvalidValueError, match=said):
        register_format(marker)
    with pytest.raises(InvalidValueError, match=r"'\.seq' .* is that of 'madx'"):
        register_format(dataclasses.replace(drift, name="mine", suffixes=(".seq",)))
    register_format(dataclasses.replace(marker, recognise=lambda source: "mark" in source.text))
    assert set(formats._USERS) == {"drift", "marker"}


def test_a_format_whose_name_is_mended_takes_its_place() -> None:
    mistyped = LatticeFormat("tabel", "one drift", (".twin",), read_drift)
    other = LatticeFormat("other", "one drift", (".other",), read_drift)
    for format in (mistyped, other, dataclasses.replace(mistyped, name="table")):
        register_format(format)
    assert set(formats._USERS) == {"other", "table"}
    assert formats.format_to_read(LatticeSource(Path("a.twin"))).name == "table"
    with pytest.raises(InvalidValueError, match=r"'\.twin' .* is that of 'table' \(one drift\)"):
        register_format(dataclasses.replace(mistyped, read=read_marker))
    assert set(formats._USERS) == {"other", "table"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"suffixes": (".tar.gz",)}, r"a suffix of the lattice format 'a' must be one dot"),
        ({"suffixes": (".",)}, "must be one dot"),
        ({"suffixes": (5,)}, "a suffix of the lattice format 'a' must be a string"),
        ({"read": None}, r"read of the lattice format 'a' must be a function of \(source\)"),
        ({"read": lambda: None}, r"read of .*must be a function of \(source\)"),
        ({"write": read_drift}, r"write of .*a function of \(path, lattice, reference\)"),
        ({"recognise": 1}, r"recognise of .*must be a function of \(source\)"),
        ({"has_lines": 1}, "has_lines of .*must be True or False"),
        ({"description": None}, "the description of .*must be a string"),
    ],
)
def test_unfit_formats_are_refused(changes: dict[str, Any], said: str) -> None:
    format = LatticeFormat("a", "one drift", (".a",), read_drift)
    with pytest.raises(InvalidValueError, match=said):
        register_format(dataclasses.replace(format, **changes))


def test_unfit_architectures_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="build of the architecture 'twin' must be a func"):
        register_architecture(architecture(lambda channels: None))
    with pytest.raises(InvalidValueError, match="require of the architecture 'twin' must be"):
        register_architecture(
            dataclasses.replace(architecture(lambda a, b, c: None), require=None)  # type: ignore[arg-type]
        )


@pytest.mark.parametrize(
    ("decorate", "said"),
    [
        (storable, r"what @storable registers must be a class, got 5; write @storable"),
        (forms.form, "what @form registers must be a class, got 5"),
        (layer_base.register_layer, "must be a class that derives from Layer, got 5"),
    ],
)
def test_decorators_of_classes_say_how_they_are_used(decorate: Any, said: str) -> None:
    with pytest.raises(InvalidValueError, match=said):
        decorate(5)


def test_a_class_that_is_unfit_is_named() -> None:
    class Plain:
        pass

    with pytest.raises(InvalidValueError, match="derives from Layer, got the class Plain"):
        layer_base.register_layer(Plain)  # type: ignore[type-var]
    with pytest.raises(InvalidValueError, match="a frozen dataclass of plain data, got the class"):
        forms.form(Plain)


def test_a_map_that_is_not_known_is_named() -> None:
    with pytest.raises(UnknownNameError, match="no map named 'drfit'; did you mean 'drift'"):
        maps.find_map("drfit")
