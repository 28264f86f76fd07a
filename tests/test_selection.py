"""Elements by kind, by name and by range; names of their own for elements that share one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.errors import InvalidValueError, UnknownNameError

PROTON = pj.Reference.from_kinetic("proton", 1e9)


def cell() -> pj.Lattice:
    return pj.Lattice(
        [
            pj.Drift(0.7, name="d"),
            pj.Quadrupole(0.3, name="qf"),
            pj.SBend(0.7, 0.1, name="b"),
            pj.Drift(0.2),
            pj.RBend(0.7, 0.1, name="r"),
            pj.Quadrupole(0.3, name="qd"),
            pj.Multipole(knl=(0.0, 0.0, 0.5), name="m"),
        ],
        variables={"kq": 0.9, "kd": "-kq*1.1"},
        expressions={
            "qf.k1": "kq",
            "qd.k1": "kd - 0.01*qf.k1",
            "m.knl[2]": "0.5*m.knl[0] + d.length",
        },
    )


def test_elements_by_kind_and_name() -> None:
    ring = 2 * cell()
    assert ring.select() == list(range(14))
    assert ring.select(pj.Quadrupole) == [1, 5, 8, 12]
    assert ring.select(pj.Quadrupole, "qf*") == [1, 8]
    assert ring.select(name="?") == [0, 2, 4, 6, 7, 9, 11, 13]
    assert ring.select((pj.SBend, pj.RBend)) == [2, 4, 9, 11]
    assert ring.select(pj.Drift) == [0, 3, 7, 10]
    assert ring.select(pj.Drift, "") == [3, 10]
    for found, said in (
        (lambda: ring.select(pj.Quadrupole, "d*"), r"no Quadrupole whose name fits 'd\*'"),
        (lambda: ring.select((pj.Sextupole, pj.Octupole)), "no Sextupole or Octupole in this"),
        (lambda: ring.select(name="x"), "no element whose name fits 'x'"),
    ):
        with pytest.raises(UnknownNameError, match=said):
            found()
    for kind in ("Quadrupole", int, (), pj.Quadrupole(0.1)):
        with pytest.raises(InvalidValueError, match="kind must be a kind of elements"):
            ring.select(kind)  # type: ignore[arg-type]


def test_a_kind_takes_what_derives_from_it() -> None:
    class Warm(pj.Quadrupole):
        pass

    line = pj.Lattice([pj.Quadrupole(0.1, name="a"), Warm(0.1, name="b")])
    assert line.select(pj.Quadrupole) == [0, 1]
    assert line.select(Warm) == [1]


def test_knobs_by_kind() -> None:
    ring = cell()
    assert ring.knobs("*.k1", pj.Quadrupole) == ["qf.k1", "qd.k1"]
    assert ring.knobs("*.k1") == ["qf.k1", "b.k1", "r.k1", "qd.k1"]
    assert ring.knobs("k*") == ["kq", "kd"]
    with pytest.raises(UnknownNameError, match="no knob of Quadrupole fits the pattern"):
        ring.knobs("k*", pj.Quadrupole)
    assert ring.knobs("*.dx", (pj.Quadrupole, pj.Multipole)) == ["qf.dx", "qd.dx", "m.dx"]
    assert not [address for address in ring.knobs() if address.endswith(".dx")]
    with pytest.raises(InvalidValueError, match="kind must be a kind of elements"):
        ring.knobs("*", "Quadrupole")  # type: ignore[arg-type]


def test_patterns_of_displacements_stand_for_all_of_them() -> None:
    """By differences of the orbit of lattices that are built anew."""
    beam = pj.Beam(PROTON, torch.zeros(1, 6, dtype=torch.float64))

    def x(final: pj.Beam) -> torch.Tensor:
        return final.coordinates[0, 0]

    found = pj.gradient(x, cell(), beam, wrt=["q*.dx"])
    for n, name in enumerate(("qf", "qd")):
        ends = [pj.track(cell().with_values({f"{name}.dx": s}), beam) for s in (-1e-4, 1e-4)]
        difference = (ends[1].coordinates[0, 0] - ends[0].coordinates[0, 0]) / 2e-4
        assert found[n] == pytest.approx(float(difference), rel=1e-6)


def test_ranges_of_names_have_both_ends() -> None:
    line = cell()
    assert line["qf":"r"].elements == line.elements[1:5]
    assert line["r":].elements == line.elements[4:]
    assert line[:"qf"].elements == line.elements[:2]
    assert line["b":"b"].elements == line.elements[2:3]
    assert line["b":6].elements == line.elements[2:6]
    assert line[1:"b"].elements == line.elements[1:3]
    assert dict(line["qf":"r"].variables) == dict(line.variables)
    assert set(line["qf":"r"].expressions) == {"kd", "qf.k1"}
    assert line["qf":"r"].with_values(kq=0.4).value("qf.k1") == 0.4
    around = line["qd":] + line[:"qf"]
    assert [e.name for e in around] == ["qd", "m", "d", "qf"]


def test_ranges_that_are_none() -> None:
    line = cell()
    with pytest.raises(UnknownNameError, match=r"no element named 'qg'.*did you mean"):
        line["qg":]
    with pytest.raises(
        InvalidValueError, match=r"'qf' stands before 'qd'.*ring\['qd':\] \+ ring\[:'qf'\]"
    ):
        line["qd":"qf"]
    with pytest.raises(InvalidValueError, match="takes every element, got the step 2"):
        line["qf":"qd":2]
    with pytest.raises(InvalidValueError, match=r"'qf' names 6 elements, at 1, 8, 15, 22, \.\.\."):
        (6 * line)["qf":]
    with pytest.raises(InvalidValueError, match="holds no element"):
        line["m":2]


def test_elements_that_share_a_name_get_their_own() -> None:
    ring = 2 * cell()
    own = ring.with_unique_names()
    assert [e.name for e in own] == [
        *("d_1", "qf_1", "b_1", "", "r_1", "qd_1", "m_1"),
        *("d_2", "qf_2", "b_2", "", "r_2", "qd_2", "m_2"),
    ]
    assert [e.name for e in ring][:2] == ["d", "qf"]  # which was left as it is
    assert cell().with_unique_names() == cell()
    assert own.with_unique_names() == own
    for mine, theirs in zip(own, ring, strict=True):
        assert mine == type(theirs)(**{**vars(theirs), "name": mine.name})
    taken = pj.Lattice([pj.Drift(1.0, name=n) for n in ("a", "a_2", "a", "a", "a_1")])
    assert [e.name for e in taken.with_unique_names()] == ["a_3", "a_2", "a_4", "a_5", "a_1"]


def test_each_of_them_follows_what_all_followed() -> None:
    """Whatever is set, both lattices hold the same values, element by element."""
    ring = 2 * cell()
    own = ring.with_unique_names()
    assert [str(own.expressions[a]) for a in ("qf.k1", "qf_1.k1", "qf_2.k1")] == [
        "kq",
        *["qf.k1"] * 2,
    ]
    assert str(own.expressions["qd_2.k1"]) == "kd - 0.01*qf.k1"
    assert {"qf.k1", "d.length", "m.knl[0]"} <= set(own.variables)
    for changes in ({"kq": 0.5}, {"qf.k1": 0.7, "kq": 0.1}, {"d.length": 0.9}, {"m.knl[0]": 3.0}):
        for mine, theirs in zip(own.with_values(changes), ring.with_values(changes), strict=True):
            assert mine == type(theirs)(**{**vars(theirs), "name": mine.name})
    alone = own.with_values({"qf_1.k1": 2.0, "kq": 0.5})
    assert [alone.value(f"qf_{n}.k1") for n in (1, 2)] == [2.0, 0.5]
    assert [alone.value(f"qd_{n}.k1") for n in (1, 2)] == [-0.555, -0.555]


def test_gradients_by_each_add_up_to_that_of_all() -> None:
    ring = pj.Lattice([pj.Quadrupole(0.3, 1.2, name="q"), pj.Drift(1.0), pj.Quadrupole(0.3, -1.1)])
    beam = pj.Beam(PROTON, 1e-3 * torch.ones(3, 6, dtype=torch.float64))

    def figure(final: pj.Beam) -> torch.Tensor:
        return final.coordinates.pow(2).sum()

    together = pj.gradient(figure, 4 * ring, beam, wrt=["q.k1"])
    each = pj.gradient(figure, (4 * ring).with_unique_names(), beam, wrt=["q_*.k1"])
    assert len(each) == 4
    assert len(set(each.tolist())) == 4
    assert sum(each) == pytest.approx(together[0], rel=1e-12)


def test_names_of_elements_that_differ() -> None:
    """Which are no one knob, and become four."""
    line = pj.Lattice([pj.Quadrupole(0.1, k, name="q") for k in (1.0, 2.0)] + [pj.Drift(1.0)])
    with pytest.raises(InvalidValueError, match="not one knob"):
        line.value("q.k1")
    assert line.with_unique_names().value("q_2.k1") == 2.0


@pytest.mark.parametrize("name", ["a.json", "a.yaml", "a.madx", "x.json"])
def test_files_keep_the_names(tmp_path: Path, name: str) -> None:
    """The same tune, and the same change of it by one of them, after a file."""
    quarter = pj.Lattice(
        [
            pj.Quadrupole(0.3, name="qf"),
            pj.Drift(1.0, name="d"),
            pj.Quadrupole(0.3, name="qd"),
            pj.Drift(1.0, name="e"),
        ],
        variables={"kq": 0.9},
        expressions={"qf.k1": "kq", "qd.k1": "-qf.k1"},
    )
    own = (2 * quarter).with_unique_names()
    path = tmp_path / name
    pj.io.write_lattice(path, own, PROTON, format="xsuite" if name[0] == "x" else None)
    back = pj.io.read_lattice(path).lattice
    for changes in ({}, {"kq": 0.8}, {"qf_2.k1": 0.88}, {"qf.k1": 0.85}):
        tunes = [pj.optics.twiss_table(r.with_values(changes), PROTON).tune_x for r in (own, back)]
        np.testing.assert_allclose(*tunes, rtol=0, atol=1e-12)
