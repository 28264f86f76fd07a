"""Variables of a lattice, and what follows them: values, derivatives, and what is refused."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.errors import InvalidValueError, LatticeFileError, UnknownNameError

PROTON = pj.Reference.from_kinetic("proton", 1e9)
CELL = (
    pj.Drift(0.7, name="d"),
    pj.Quadrupole(0.3, name="qf"),
    pj.SBend(0.7, 0.1, name="b"),
    pj.Quadrupole(0.3, name="qd"),
    pj.Multipole(knl=(0.0, 0.0, 0.0), name="m"),
)
VARIABLES = {"kq": 0.9, "kd": "-kq*1.1", "size": 0.7, "ks": 0.2}
EXPRESSIONS = {"qf.k1": "kq", "qd.k1": "kd - 0.01*qf.k1", "d.length": "size", "m.knl[2]": "ks^2"}


def cell() -> pj.Lattice:
    return pj.Lattice(CELL, variables=VARIABLES, expressions=EXPRESSIONS)


def rebuilt(kq: float = 0.9, size: float = 0.7, ks: float = 0.2) -> pj.Lattice:
    """The same by hand."""
    return pj.Lattice(
        [
            pj.Drift(size, name="d"),
            pj.Quadrupole(0.3, kq, name="qf"),
            pj.SBend(0.7, 0.1, name="b"),
            pj.Quadrupole(0.3, -1.1 * kq - 0.01 * kq, name="qd"),
            pj.Multipole(knl=(0.0, 0.0, ks * ks), name="m"),
        ]
    )


def test_parameters_follow_variables() -> None:
    lattice = cell()
    assert lattice.elements == rebuilt().elements
    assert dict(lattice.variables) == {"kq": 0.9, "kd": -0.9 * 1.1, "size": 0.7, "ks": 0.2}
    moved = lattice.with_values(kq=1.0, size=0.8)
    assert moved.variables["kd"] == -1.1
    for found, wanted in zip(moved, rebuilt(1.0, 0.8), strict=True):
        assert found == wanted or found.k1 == pytest.approx(wanted.k1, rel=1e-15)
    assert lattice == cell()  # which was left as it is


def test_what_is_set_is_computed_no_more() -> None:
    held = cell().with_values({"qf.k1": 0.5, "kd": -0.8})
    assert (held.value("qf.k1"), held.value("qd.k1")) == (0.5, -0.8 - 0.01 * 0.5)
    assert set(held.expressions) == {"qd.k1", "d.length", "m.knl[2]"}
    assert held.with_values(kq=7.0).value("qf.k1") == 0.5
    bound = held.with_values({"qf.k1": "2*kq"})
    assert bound.with_values(kq=0.1).value("qf.k1") == 0.2


def test_repetition_slices_and_sums_keep_them() -> None:
    ring = 3 * cell()
    assert [e.k1 for e in ring.with_values(kq=0.5) if e.name == "qf"] == [0.5] * 3
    part = ring[0:2]
    assert set(part.expressions) == {"kd", "qf.k1", "d.length"}  # qd is not in it
    assert part.with_values(kq=0.4)["qf"].k1 == 0.4
    both = part + pj.Lattice([pj.Quadrupole(0.1, name="q3")], variables={"k3": 2.0})
    assert both.with_values({"q3.k1": "k3*kq"})["q3"].k1 == 1.8
    with pytest.raises(InvalidValueError, match=r"differ in the variable 'kq': 0\.9 and 0\.5"):
        ring + ring.with_values(kq=0.5)
    with pytest.raises(InvalidValueError, match=r"'qf\.k1' is not one knob"):
        cell() + pj.Lattice([pj.Quadrupole(0.3, 0.2, name="qf")])


def test_copies_and_files(tmp_path: Path) -> None:
    lattice = cell()
    assert pickle.loads(pickle.dumps(lattice)) == lattice
    assert lattice.detach() == lattice
    for name in ("a.json",):
        pj.io.write_lattice(tmp_path / name, lattice, PROTON)
        back = pj.io.read_lattice(tmp_path / name).lattice
        assert back == lattice
        assert back.with_values(kq=0.3) == lattice.with_values(kq=0.3)
    text = (tmp_path / "a.json").read_text()
    for old, new, said in [
        ('"-kq*1.1"', '"-kz*1.1"', "kd = -kz.1.1: no variable or parameter named 'kz'"),
        ('"-kq*1.1"', '"-kq*"', "the expression '-kq.' cannot be read"),
        ('"-kq*1.1"', "null", "variables: 'kd' must be a number or a text"),
    ]:
        assert old in text
        (tmp_path / "bad.json").write_text(text.replace(old, new))
        with pytest.raises(LatticeFileError, match=f"bad.json: {said}"):
            pj.io.read_lattice(tmp_path / "bad.json")


@pytest.mark.parametrize(
    ("mode", "adjoint"),
    [("reverse", a) for a in ("store", "checkpoint", "reversible")] + [("forward", "store")],
)
@pytest.mark.parametrize("current", [0.0, 5.0])
def test_gradients_are_differences_of_rebuilt_lattices(
    mode: str, adjoint: str, current: float
) -> None:
    """Through a chain of variables, a parameter that follows another one, and a power."""
    solver = pj.SpectralPoisson(size=(0.1, 0.1), shape=(64, 64))
    effects = [pj.SpaceCharge(solver, max_step=0.35)] if current else []
    beam = pj.distributions.gaussian(
        PROTON,
        500,
        twiss=pj.twiss(rebuilt(), PROTON),
        current=current or 1.0,
        normalized_emittance=(1e-5, 1e-5),
        seed=1,
    )
    figure = pj.observables.size("x")
    knobs = {"kq": 0.9, "size": 0.7, "ks": 0.2}

    def value(**changed: float) -> float:
        return float(figure(pj.track(rebuilt(**{**knobs, **changed}), beam, effects=effects)))

    found = pj.gradient(
        figure, cell(), beam, effects=effects, wrt=list(knobs), mode=mode, adjoint=adjoint
    )
    for slope, (name, at) in zip(found, knobs.items(), strict=True):
        h = 1e-4
        ends = [value(**{name: at + s * h}) for s in (1, -1, 2, -2)]
        wanted = (8 * (ends[0] - ends[1]) - (ends[2] - ends[3])) / (12 * h)
        assert slope == pytest.approx(wanted, rel=1e-6, abs=1e-9), name


def test_optics_matching_and_second_derivatives_take_variables() -> None:
    def tunes(table: pj.TwissTable) -> torch.Tensor:
        return torch.stack([table.tune_x, table.tune_y])

    ring = cell()
    _, slopes = pj.optics.optics_gradient(tunes, ring, PROTON, ["kq", "size"])
    for column, name in enumerate(("kq", "size")):
        h = 1e-5
        tables = [
            pj.optics.twiss_table(rebuilt(**{name: ring.variables[name] + s * h}), PROTON)
            for s in (1, -1)
        ]
        wanted = [
            (float(getattr(tables[0], t)) - float(getattr(tables[1], t))) / (2 * h)
            for t in ("tune_x", "tune_y")
        ]
        assert slopes[:, column] == pytest.approx(wanted, abs=1e-8)
    q = torch.tensor(0.9, dtype=torch.float64, requires_grad=True)
    k = ring.with_values(ks=q).value("m.knl[2]")
    (first,) = torch.autograd.grad(k, q, create_graph=True)
    (second,) = torch.autograd.grad(first, q)
    assert (float(first.detach()), float(second)) == pytest.approx((1.8, 2.0))


@pytest.mark.parametrize(
    ("variables", "expressions", "said"),
    [
        ({"a": "b", "b": "c", "c": "a"}, {}, "need their own values: a -> b -> c -> a"),
        ({}, {"qf.k1": "2*qf.k1"}, "need their own values: qf.k1 -> qf.k1"),
        ({"a": "kqq + 1"}, {}, "a = kqq . 1: no variable or parameter named 'kqq'"),
        ({"kq": 1.0}, {"qf.k1": "kz"}, "qf.k1 = kz: .* did you mean 'kq'"),
        ({"kq": 1.0}, {"qf.k9": "kq"}, "no knob named 'qf.k9'"),
        ({"kq": 0.0}, {"qf.k1": "1/kq"}, r"qf.k1 = 1/kq: 1/0 is no real number"),
        ({"kq": -1.0}, {"qf.k1": "sqrt(kq)"}, r"sqrt\(-1\) is no real number"),
        ({"kq": 800.0}, {"qf.k1": "exp(kq)"}, "beyond double precision"),
        ({"kq": 1.0}, {"qf.k1": "kq*(2"}, "stands where"),
        ({"kq": 1.0}, {"qf.k1": "__import__(kq)"}, "there is no function '__import__'"),
        ({"kq": 1.0}, {"qf.k1": "sin(kq, 2)"}, "sin takes 1 values, not 2"),
        ({"kq": 1.0}, {"qf.length": "-kq"}, "qf.length would be -1 m: at these values"),
        ({"kq": 1.0}, {"d.length": "0.5 - kq"}, "d.length would be -0.5 m: at these values"),
        ({"kq": math.nan}, {}, "variable 'kq' must be a finite number"),
        ({"kq": None}, {}, "variable 'kq' must be a finite number"),
        ({"pi": 3.0}, {}, "a name of its own"),
        ({"k`": 3.0}, {}, "a name of its own"),
    ],
)
def test_bad_variables_are_refused(variables: dict, expressions: dict, said: str) -> None:
    with pytest.raises((InvalidValueError, UnknownNameError), match=said):
        pj.Lattice(CELL, variables=variables, expressions=expressions)


def test_knobs_that_follow_one_another_are_refused_together() -> None:
    beam = pj.Beam(PROTON, torch.zeros(3, 6, dtype=torch.float64))
    with pytest.raises(InvalidValueError, match=r"'qf\.k1' follows 'kq' \(qf\.k1 = kq\)"):
        pj.gradient(lambda b: b.coordinates.sum(), cell(), beam, wrt=["kq", "qf.k1"])
    with pytest.raises(UnknownNameError, match="did you mean 'kq'"):
        cell().with_values(kqq=1.0)
    both = pj.Lattice(CELL, variables={"qf.k1": 0.3})
    with pytest.raises(InvalidValueError, match="both a variable and a parameter"):
        both.with_values({"qf.k1": 0.4})


def test_patterns_stand_for_all_knobs_that_they_fit() -> None:
    plain = rebuilt()
    _, all_of_them = pj.optics.optics_gradient(lambda t: t.tune_x, plain, PROTON, ["q*.k1"])
    _, one_by_one = pj.optics.optics_gradient(lambda t: t.tune_x, plain, PROTON, ["qf.k1", "qd.k1"])
    assert all_of_them.tolist() == one_by_one.tolist()
    beam = pj.Beam(PROTON, 1e-3 * torch.ones(3, 6, dtype=torch.float64))

    def figure(final: pj.Beam) -> torch.Tensor:
        return final.coordinates.pow(2).sum()

    wanted = pj.gradient(figure, plain, beam, wrt=["beam.current", "qf.k1", "qd.k1"])
    found = pj.gradient(figure, plain, beam, wrt=["beam.current", "q?.k1"])
    assert found.tolist() == wanted.tolist()
    with pytest.raises(UnknownNameError, match=r"no knob fits the pattern 'x\*\.k1'"):
        pj.gradient(figure, plain, beam, wrt=["x*.k1"])


def test_patterns_list_knobs() -> None:
    assert cell().knobs("k?") == ["kq", "kd", "ks"]
    assert cell().knobs("q*.k1") == ["qf.k1", "qd.k1"]
    assert cell().knobs("m.knl[*]") == ["m.knl[0]", "m.knl[1]", "m.knl[2]"]


def test_long_expressions_take_no_depth() -> None:
    many = "+".join(["kq"] * 5000)
    lattice = pj.Lattice(CELL, variables={"kq": 1e-4}, expressions={"qf.k1": many})
    assert lattice["qf"].k1 == pytest.approx(0.5)
    with pytest.raises(InvalidValueError, match="nested too deeply"):
        pj.Lattice(CELL, variables={"kq": "(" * 500 + "1" + ")" * 500})
    chain = {f"v{i}": f"v{i - 1}" for i in range(1, 5000)} | {"v0": 0.25}
    assert pj.Lattice(CELL, variables=chain).variables["v4999"] == 0.25
    assert np.isfinite(float(lattice.length))


def test_match_moves_variables() -> None:
    lattice = cell()
    wanted = pj.twiss_table(rebuilt(kq=0.95), PROTON).tune_x
    found = pj.match(
        lattice, PROTON, variables=["kq"], targets=[pj.optics.Target("tune_x", float(wanted))]
    )
    assert found.lattice.variables["kq"] == pytest.approx(0.95, abs=1e-9)
    assert found.lattice.value("qd.k1") == pytest.approx(-1.1 * 0.95 - 0.0095, abs=1e-9)


def test_a_name_is_a_variable_or_a_parameter() -> None:
    quadrupole = pj.Quadrupole(0.3, 0.5, name="q")
    with pytest.raises(InvalidValueError, match=r"'q.k1' is both a variable and a parameter"):
        pj.Lattice([quadrupole], variables={"q.k1": 0.3}, expressions={"q.k1": "2*0.4"})
    one = pj.Lattice([pj.Drift(1.0)], variables={"q.k1": 0.3})
    other = pj.Lattice([quadrupole], variables={"a": 0.3}, expressions={"q.k1": "2*a"})
    for both in ([one, other], [other, one]):
        with pytest.raises(InvalidValueError, match=r"'q.k1' is both a variable and a parameter"):
            pj.Lattice(both)


def test_a_lattice_is_rebuilt_of_what_it_shows():
    lattice = pj.Lattice(
        [pj.Quadrupole(0.5, name="q"), pj.Drift(1.0, name="d")],
        variables={"a": 0.3, "kq": "2*a"},
        expressions={"q.k1": "kq"},
    )
    parts = {"variables": dict(lattice.variables), "expressions": dict(lattice.expressions)}
    again = pj.Lattice(lattice.elements, **parts)
    assert again == lattice
    assert again.with_values(a=0.5).value("q.k1") == 1.0
    parts["variables"]["kq"] = 0.7
    with pytest.raises(InvalidValueError, match=r"'kq' is 0\.7, and its expression is worth 0\.6"):
        pj.Lattice(lattice.elements, **parts)


def test_a_pattern_that_fits_nothing_is_an_error():
    lattice = pj.Lattice([pj.Quadrupole(0.5, name="q")])
    for call in (lattice.knobs, lambda p: lattice.knobs(p, pj.Quadrupole)):
        with pytest.raises(pj.errors.UnknownNameError, match="zz"):
            call("zz*")
