"""Elements and lattices: building, addressing, and what they refuse."""

from __future__ import annotations

import math

import pytest
import torch

import pyjutrack as pj


@pytest.fixture
def line() -> pj.Lattice:
    return pj.Lattice(
        [
            pj.Drift(0.5, name="d"),
            pj.Quadrupole(0.1, k1=2.0, name="q"),
            pj.Multipole(knl=(0.0, 0.3, -4.0), ksl=(0.1,), name="m"),
            pj.Marker(name="end"),
            pj.Drift(0.25),
        ]
    )


def test_nested_lattices_are_flattened(line: pj.Lattice) -> None:
    ring = pj.Lattice([line, pj.Marker(name="x"), pj.Lattice([line])])
    assert len(ring) == 11
    assert [e.name for e in ring] == ["d", "q", "m", "end", "", "x", "d", "q", "m", "end", ""]
    assert ring.length == pytest.approx(1.7, rel=1e-15)


def test_sum_and_repetition(line: pj.Lattice) -> None:
    assert (line * 3).elements == (3 * line).elements == (line + line + line).elements
    assert len(line * 3) == 15


def test_names_and_lookup(line: pj.Lattice) -> None:
    assert (line * 2).names == ["d", "q", "m", "end"]
    assert line["q"] is line[1]
    assert line["m"].knl == (0.0, 0.3, -4.0)
    assert [type(e).__name__ for e in line][:2] == ["Drift", "Quadrupole"]


def test_knobs_and_values(line: pj.Lattice) -> None:
    assert (line * 2).knobs() == [
        "d.length",
        "q.length",
        "q.k1",
        "q.k1s",
        "m.length",
        "m.knl[0]",
        "m.knl[1]",
        "m.knl[2]",
        "m.ksl[0]",
    ]
    expected = [0.5, 0.1, 2.0, 0.0, 0.0, 0.0, 0.3, -4.0, 0.1]
    assert [line.value(k) for k in line.knobs()] == expected
    assert line.with_values({"q.dx": 1e-3}).value("q.dx") == 1e-3


def test_with_values_changes_a_copy(line: pj.Lattice) -> None:
    changed = line.with_values({"q.k1": 7.0, "m.knl[1]": 9.0, "m.knl[2]": 8.0, "m.ksl[0]": -1.0})
    assert changed["q"].k1 == 7.0
    assert changed["q"].length == 0.1
    assert changed["m"].knl == (0.0, 9.0, 8.0)
    assert changed["m"].ksl == (-1.0,)
    assert line["q"].k1 == 2.0
    assert line["m"].knl == (0.0, 0.3, -4.0)
    assert changed["d"] is line["d"]


def test_elements_of_one_name_are_one_knob(line: pj.Lattice) -> None:
    changed = (line * 3).with_values({"q.k1": 5.0})
    assert [e.k1 for e in changed if e.name == "q"] == [5.0] * 3


def test_values_may_be_tensors(line: pj.Lattice) -> None:
    knob = torch.tensor(0.7, requires_grad=True)
    changed = line.with_values({"d.length": knob, "m.knl[1]": knob})
    assert changed.value("m.knl[1]") is knob
    assert changed["d"].length is knob
    (slope,) = torch.autograd.grad(changed.length, knob)
    assert float(slope) == 1.0


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("q.k2", r"no knob named 'q\.k2'.*did you mean 'q\.k1'"),
        ("qq.k1", r"no knob named 'qq\.k1'.*did you mean 'q\.k1'"),
        ("q", r"no knob named 'q'"),
        ("q.k1[0]", r"no knob named 'q\.k1\[0\]'"),
        ("q.model", r"no knob named 'q\.model'"),
        ("m.knl", r"no knob named 'm\.knl'.*did you mean 'm\.knl\[\d\]'"),
        ("m.knl[3]", r"no knob named 'm\.knl\[3\]'; knl of 'm' has 3 entries"),
        ("end.length", r"no knob named 'end\.length'"),
    ],
)
def test_unknown_knobs_name_the_nearest(line: pj.Lattice, address: str, message: str) -> None:
    with pytest.raises(pj.errors.UnknownNameError, match=message):
        line.value(address)
    with pytest.raises(pj.errors.UnknownNameError, match=message):
        line.with_values({address: 1.0})


def test_hints_stay_with_the_element_meant() -> None:
    """A wrong field of q1 must not be answered with a knob of q10."""
    line = pj.Lattice([pj.Quadrupole(0.1, name="q10"), pj.Marker(name="q1")])
    with pytest.raises(pj.errors.UnknownNameError) as caught:
        line.value("q1.k1")
    assert "q10" not in str(caught.value)


def test_unknown_element(line: pj.Lattice) -> None:
    with pytest.raises(pj.errors.UnknownNameError, match="did you mean 'end'"):
        line["ende"]


def test_empty_and_foreign(line: pj.Lattice) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match="empty"):
        pj.Lattice([])
    with pytest.raises(pj.errors.InvalidValueError, match="empty"):
        line * 0
    with pytest.raises(pj.errors.InvalidValueError, match="made of elements, got 'drift'"):
        pj.Lattice([pj.Drift(1.0), "drift"])  # type: ignore[list-item]
    with pytest.raises(pj.errors.InvalidValueError, match="made of elements"):
        pj.Lattice([pj.Drift])  # type: ignore[list-item]


@pytest.mark.parametrize("value", [math.nan, math.inf, "two", None])
def test_parameters_that_are_no_numbers(value: object) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=r"Quadrupole 'q': k1 must be"):
        pj.Quadrupole(0.1, k1=value, name="q")  # type: ignore[arg-type]
    with pytest.raises(pj.errors.InvalidValueError, match=r"Drift 'd': length must be"):
        pj.Drift(value, name="d")  # type: ignore[arg-type]
    with pytest.raises(pj.errors.InvalidValueError, match=r"Multipole 'm': knl must be"):
        pj.Multipole(knl=(0.0, value), name="m")  # type: ignore[arg-type]


def test_negative_length() -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=r"Quadrupole 'q1' has length -0\.1 m"):
        pj.Quadrupole(-0.1, name="q1")
    with pytest.raises(pj.errors.InvalidValueError, match="negative"):
        pj.Lattice([pj.Solenoid(1.0, name="d")]).with_values({"d.length": -1.0})


def test_tensors_that_hold_no_settings() -> None:
    """Many are settings (B,); a series is no table of them, nor a flag one."""
    assert pj.Quadrupole(0.1, k1=torch.ones(2)).batch == (2,)
    for value in (torch.ones(0), torch.ones(2, 0), torch.ones(2) > 0, torch.ones(2) * 1j):
        with pytest.raises(pj.errors.InvalidValueError, match=r"k1 (holds no|must be a real)"):
            pj.Quadrupole(0.1, k1=value)
    with pytest.raises(pj.errors.InvalidValueError, match="knl must be a sequence"):
        pj.Quadrupole(0.1, knl=torch.ones(2, 3))  # type: ignore[arg-type]
    with pytest.raises(pj.errors.InvalidValueError, match="finite"):
        pj.Quadrupole(0.1, k1=torch.tensor([1.0, torch.nan]))


def test_options() -> None:
    with pytest.raises(pj.errors.UnknownNameError, match="did you mean 'paraxial'"):
        pj.Drift(1.0, model="paraxal")
    for steps in (0, -1, 1.5):
        with pytest.raises(pj.errors.InvalidValueError, match="steps"):
            pj.Quadrupole(0.1, steps=steps)  # type: ignore[arg-type]


def test_elements_and_lattices_are_frozen(line: pj.Lattice) -> None:
    with pytest.raises(AttributeError):
        line["q"].k1 = 3.0  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        line.elements = ()  # type: ignore[misc]


def test_repr_says_what_is_set(line: pj.Lattice) -> None:
    assert repr(line) == "Lattice(5 elements, 0.85 m)"
    assert "k1=2.0" in repr(line["q"])
    assert "name='q'" in repr(line["q"])


@pytest.mark.parametrize(
    "other",
    [
        pj.Multipole((0.1, 0.2, 0.3), name="m"),
        pj.Multipole((0.1, 0.3), name="m"),
        pj.Kicker(0.0, knl=(0.1, 0.2), name="m"),
    ],
)
def test_elements_of_a_name_that_differ_are_not_one_knob(other: pj.Element) -> None:
    one = pj.Multipole((0.1, 0.2), name="m")
    assert pj.Lattice([one, pj.Multipole((0.1, 0.2), name="m")]).value("m.knl[0]") == 0.1
    with pytest.raises(pj.errors.InvalidValueError, match="is not one knob"):
        pj.Lattice([one, other]).value("m.knl[0]")
