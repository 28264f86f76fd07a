"""The package's own lattice files: what is written comes back exactly, or an error says why not."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, fields
from typing import ClassVar

import pytest
import torch
from element_battery import CASES, ONE_WAY

import pyjutrack as pj
from pyjutrack.elements import kinds
from pyjutrack.errors import LatticeFileError
from pyjutrack.io.native import read_own, write_own

EVERY = pj.Lattice([case.element() for case in [*CASES, *ONE_WAY]])
DRIFT = {"kind": "Drift", "length": 1.0}


def test_every_kind_and_option_comes_back(tmp_path, proton):
    assert {type(e).__name__ for e in EVERY} >= {
        name
        for name, kind in kinds().items()
        if kind.__module__.startswith("pyjutrack.elements") and kind.is_modelled
    }
    write_own(tmp_path / "every.json", EVERY, proton)
    back = read_own(tmp_path / "every.json")
    assert back.lattice.elements == EVERY.elements
    assert back.reference == proton
    assert back.notes == ()


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.label.endswith("placed")], ids=lambda c: c.label
)
def test_every_field_comes_back_as_its_own_type(tmp_path, case):
    element = case.element()
    write_own(tmp_path / "one.json", pj.Lattice([element]))
    (back,) = read_own(tmp_path / "one.json").lattice
    for item in fields(element):
        assert type(getattr(back, item.name)) is type(getattr(element, item.name)), item.name


@pytest.mark.parametrize("value", [1 / 3, 5e-324, 1.7976931348623157e308, -0.0, 2**53 + 1.0])
def test_floats_are_exact(tmp_path, value):
    write_own(tmp_path / "f.json", pj.Lattice([pj.Quadrupole(0.1, k1=value or -0.0, dx=value)]))
    (back,) = read_own(tmp_path / "f.json").lattice
    assert back.dx == value
    assert back.k1 == value


def test_order_and_shared_names(tmp_path, cell):
    ring = 3 * cell
    write_own(tmp_path / "ring.json", ring)
    back = read_own(tmp_path / "ring.json")
    assert [e.name for e in back.lattice] == 3 * [e.name for e in cell]
    assert back.lattice.knobs() == ring.knobs()
    assert back.reference is None


def test_open_apertures_and_other_species(tmp_path):
    slit = pj.Lattice([pj.Aperture(half_width=0.01), pj.Marker(name="a b\u00e9\n")])
    ion = pj.Reference.from_kinetic(pj.Species.ion(207.9, 54.0, "Pb54+"), 1e9)
    write_own(tmp_path / "slit.json", slit, ion)
    back = read_own(tmp_path / "slit.json")
    assert math.isinf(back.lattice[0].half_height)
    assert back.lattice.elements == slit.elements
    assert back.reference == ion


def test_kinds_of_users(tmp_path):
    @dataclass(frozen=True, repr=False)
    class Horn(pj.Element):
        strength: float = 0.0
        rings: int = field(default=2, kw_only=True)
        shape: tuple[float, ...] = field(default=(1.0, 2.0), kw_only=True)
        open_at: float = field(default=1.0, kw_only=True)
        abstract: ClassVar[bool] = False
        knobs: ClassVar[tuple[str, ...]] = ("length", "strength")

    horns = pj.Lattice(
        [Horn(2.0, length=0.5, name="h"), Horn(rings=3, shape=(3.0,), open_at=math.inf)]
    )
    write_own(tmp_path / "horn.json", horns)
    assert read_own(tmp_path / "horn.json").lattice.elements == horns.elements
    with pytest.raises(LatticeFileError, match=r"element 0.*rings must be an integer, got 1\.5"):
        _read(tmp_path, {"pyjutrack": 1, "elements": [{"kind": "Horn", "rings": 1.5}]})
    del Horn


@pytest.fixture
def other_quadrupole():
    """Another kind of a name of the package's, for one test."""

    class Quadrupole(pj.Quadrupole):
        def transport(self, state, reference, part):
            return state

    yield Quadrupole
    Quadrupole.abstract = True


@pytest.mark.parametrize("name", ["l.json", "l.pals.yaml"])
def test_a_name_of_two_kinds_is_neither_written_nor_read(tmp_path, other_quadrupole, name, proton):
    pytest.importorskip("yaml")
    both = (
        r"Quadrupole names 2 kinds of elements, pyjutrack\.elements\.quadrupole\.Quadrupole "
        r"and .*other_quadrupole.*Quadrupole; rename one"
    )
    path = tmp_path / name
    with pytest.raises(pj.errors.InvalidValueError, match=both):
        pj.write_lattice(path, pj.Lattice([other_quadrupole(0.1, 1.0)]), proton)
    assert not path.exists()
    with pytest.raises(LatticeFileError, match=f"element 0.*{both}"):
        _read(tmp_path, _elements({"kind": "Quadrupole", "length": 0.1}))
    with pytest.raises(pj.errors.InvalidValueError, match=both):
        write_own(path, pj.Lattice([pj.Quadrupole(0.1, 1.0)]))
    _read(tmp_path, _elements(DRIFT))


def test_a_kind_that_is_defined_again_takes_the_place_of_the_former(tmp_path):
    def define(default):
        @dataclass(frozen=True, repr=False)
        class Lens(pj.Element):
            strength: float = default

        return Lens

    first = define(1.0)
    second = define(2.0)
    assert _read(tmp_path, _elements({"kind": "Lens"})).lattice[0] == second()
    with pytest.raises(pj.errors.InvalidValueError, match="Lens has been defined again since"):
        write_own(tmp_path / "lens.json", pj.Lattice([first()]))
    first.abstract = second.abstract = True


def test_tensors_are_written_as_values_unless_they_carry_derivatives(tmp_path):
    k1 = torch.tensor(0.1, dtype=torch.float32)
    path = tmp_path / "t.json"
    write_own(path, pj.Lattice([pj.Quadrupole(torch.tensor(0.2), k1=k1, name="q")]))
    assert read_own(path).lattice["q"].k1 == k1.item()
    before = path.read_bytes()
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"Quadrupole 'q': k1 carries.*k1=value.detach"
    ):
        write_own(path, pj.Lattice([pj.Quadrupole(0.2, k1=k1.requires_grad_(), name="q")]))
    with pytest.raises(pj.errors.InvalidValueError, match="length carries derivatives"):
        torch.func.grad(lambda s: write_own(path, pj.Lattice([pj.Drift(s)])) or s)(torch.ones(()))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def _read(folder, data):
    path = folder / "bad.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return read_own(path)


def _elements(*items):
    return {"pyjutrack": 1, "elements": list(items)}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "the file is empty"),
        ('{"pyjutrack": 1,\n "elements": [\n {"kind": "Dri', r"bad.json:3: no JSON, or cut off"),
        ("hello", "bad.json:1: no JSON"),
        ("[" * 100000, "nested too deeply|no JSON"),
        ("[1]", "the key 'pyjutrack' is missing"),
        ({"elements": [DRIFT]}, "the key 'pyjutrack' is missing"),
        ({"pyjutrack": 2, "elements": [DRIFT]}, "version 2 is not known, only 1"),
        ({"pyjutrack": True, "elements": [DRIFT]}, "version True is not known"),
        ({"pyjutrack": 1}, "'elements' must be a list"),
        ({"pyjutrack": 1, "elements": []}, "the list of elements is empty"),
        ({**_elements(DRIFT), "elemnts": []}, "the key 'elemnts' is not known"),
        ('{"pyjutrack": 1, "elements": [{"kind": "Drift", "kind": "Marker"}]}', "'kind'.*twice"),
        ('{"pyjutrack": 1, "elements": [{"kind": "Drift", "length": NaN}]}', "NaN is no number"),
        (_elements(DRIFT, 3), "element 1 must be an object, got 3"),
        (_elements({"length": 1.0}), r"element 0 \(without a name\) has no kind"),
        (
            _elements({"kind": "Drif", "name": "d"}),
            r"element 0 \(d\).*'Drif'; did you mean 'Drift'",
        ),
        (
            _elements({"kind": "Bend", "length": 1.0}),
            "element 0.*no kind of element named 'Bend'.*of your own must be imported first",
        ),
        (_elements({"kind": ["Drift"]}), "element 0.*no kind of element"),
        (_elements({**DRIFT, "lenght": 1}), "field of Drift named 'lenght'; did you mean 'length'"),
        (_elements({**DRIFT, "length": "1"}), "length must be a number, got '1'"),
        (_elements({**DRIFT, "length": True}), "length must be a number, got True"),
        (_elements({**DRIFT, "length": [1]}), r"length must be a number, got \[1\]"),
        (_elements({"kind": "Solenoid", "length": -1}), "lengths must not be negative"),
        (_elements({**DRIFT, "dx": "inf"}), "dx must be finite"),
        (_elements({**DRIFT, "name": 3}), "name must be a word, got 3"),
        (_elements({**DRIFT, "model": "exat"}), "did you mean 'exact'"),
        (_elements({"kind": "Multipole", "knl": 1.0}), "knl must be a list of numbers"),
        (_elements({"kind": "Multipole", "knl": ["a"]}), "knl must be a number, got 'a'"),
        (
            _elements({"kind": "Quadrupole", "length": 1, "steps": 1.5}),
            "steps must be a positive integer",
        ),
        (_elements({"kind": "RFCavity", "accelerate": 1}), "accelerate must be true or false"),
        ({**_elements(DRIFT), "reference": 3}, "reference must have species, mass"),
        (
            {**_elements(DRIFT), "reference": {"species": "p", "mass": 1, "charge": 1, "p0c": "1"}},
            "must be numbers, got '1'",
        ),
        (
            {**_elements(DRIFT), "reference": {"species": "p", "mass": 1, "charge": 0, "p0c": 1}},
            "reference: species charge must be finite and not zero",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path, data, message):
    with pytest.raises(LatticeFileError, match=message) as caught:
        _read(tmp_path, data)
    assert "bad.json" in str(caught.value)


def test_files_that_are_none(tmp_path):
    with pytest.raises(LatticeFileError, match=r"none\.json: cannot be read: No such file"):
        read_own(tmp_path / "none.json")
    with pytest.raises(LatticeFileError, match="cannot be read"):
        read_own(tmp_path)
    (tmp_path / "binary.json").write_bytes(bytes(range(256)))
    with pytest.raises(LatticeFileError, match="not a text file"):
        read_own(tmp_path / "binary.json")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_files_are_refused(tmp_path, proton, share):
    write_own(tmp_path / "whole.json", EVERY, proton)
    text = (tmp_path / "whole.json").read_text(encoding="utf-8")
    with pytest.raises(LatticeFileError, match=r"bad\.json:\d+: no JSON, or cut off"):
        _read(tmp_path, text[: int(share * len(text.rstrip()))])


def test_fields_that_no_file_can_hold(tmp_path):
    @dataclass(frozen=True, repr=False)
    class Odd(pj.Element):
        what: object
        abstract: ClassVar[bool] = False

    with pytest.raises(
        pj.errors.InvalidValueError, match=r"what = .* is nothing that a file can hold"
    ):
        write_own(tmp_path / "odd.json", pj.Lattice([Odd(what={1})]))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(LatticeFileError, match="Odd has no what, which it needs"):
        _read(tmp_path, _elements({"kind": "Odd"}))
    del Odd
