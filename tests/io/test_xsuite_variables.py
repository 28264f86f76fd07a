"""Variables of Xsuite's files are knobs, and expressions what follows them."""

from __future__ import annotations

import json
import math
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from xsuite_lines import PARTICLE, edit, track_here, track_there, xt

import pyjutrack as pj
from pyjutrack.errors import LatticeWarning

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def _environment() -> Any:
    """A cell with knobs in all that xtrack lets follow them."""
    env = xt.Environment()
    env["kq"], env["ang"], env["lq"], env["n"] = 0.9, 0.12, 0.4, 2
    env["pi"] = math.pi
    env["kf"] = "kq * (1 + 0.1*sin(kq))"
    env["kd"] = "-(kf**n) / 2**-1 * 0.6 + (kq - 1)**3**2"
    env["roll"] = "atan2(kq, 30) - 0.02"
    env.new("qf", xt.Quadrupole, length="lq", k1="kf", rot_s_rad="roll", shift_x="1e-4*kq")
    env.new("qd", xt.Quadrupole, length="lq", k1="kd", knl=[0, 0, "0.1*kf"])
    env.new("b", xt.Bend, length=1.2, angle="ang", k0="ang/1.2*(1 + 1e-4*kq)", k1="0.01*kq")
    env.new("r", xt.RBend, length_straight="2*lq", angle="-ang", edge_entry_angle="0.1*ang")
    env.new("m", xt.Multipole, knl=["1e-4*kq", "0.01*kf", 0.3], ksl=[0, "0.01*kd"])
    env.new("s", xt.Sextupole, length=0.2, k2="3*kq")
    env.new("c", xt.Cavity, voltage="1e5*kq", frequency=4e8, phase="pi - 0.1*kq")
    for model in ("b", "r"):
        env[model].model, env[model].num_multipole_kicks = "bend-kick-bend", 140
    env.new("d", xt.Drift, length="1 - lq/2", model="exact")
    components = ["qf", "d", "b", "m", "d", "qd", "s", "d", "r", "c", "d"]
    line = env.new_line(name="ring", components=components)
    line.particle_ref = xt.Particles(**PARTICLE)
    return env


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "env.json"


def test_variables_and_expressions_are_kept(path: Path) -> None:
    env = _environment()
    env.to_json(str(path))
    found = pj.read_lattice(path, strict=True)
    assert {"kq", "ang", "lq", "n", "kf", "kd", "roll"} == set(found.lattice.variables)
    for name, value in found.lattice.variables.items():
        assert value == pytest.approx(env[name], rel=1e-15)
    follows = {"qf.k1", "qf.tilt", "qf.dx", "qd.knl[2]", "b.dk0", "r.length", "r.e1", "m.ksl[1]"}
    assert follows | {"kf", "kd", "c.voltage", "c.phase", "d.length"} <= {
        *found.lattice.expressions
    }
    np.testing.assert_allclose(track_here(found), track_there(env["ring"]), rtol=0, atol=3e-10)


@pytest.mark.parametrize("name", ["kq", "ang", "lq"])
def test_a_variable_moves_all_that_follows_it_as_there(name: str, path: Path) -> None:
    env = _environment()
    env.to_json(str(path))
    found = pj.read_lattice(path, strict=True)
    before = track_here(found)
    env[name] = env[name] * 1.05
    moved = pj.io.LatticeFile(
        found.lattice.with_values({name: env[name]}), found.reference, found.notes
    )
    expected = track_there(env["ring"])
    np.testing.assert_allclose(track_here(moved), expected, rtol=0, atol=3e-10)
    assert np.abs(before - expected).max() > 1e-7


@pytest.mark.parametrize("name", ["kq", "ang", "lq"])
def test_slopes_of_tunes_are_those_of_differences_there(name: str, path: Path) -> None:
    env = _environment()
    env["c"].voltage = 0
    env.to_json(str(path))
    found = pj.read_lattice(path, strict=True)

    def tunes(table: Any) -> Any:
        return torch.stack([table.tune_x, table.tune_y])

    _, slopes = pj.optics.optics_gradient(tunes, found.lattice, found.reference, wrt=[name])
    at = env[name]

    def there(step: float) -> Any:
        env[name] = at + step
        table = env["ring"].twiss4d()
        return np.array([table.qx, table.qy])

    step = 1e-4
    first, second = (there(n * step) - there(-n * step) for n in (1, 2))
    expected = (8 * first - second) / (12 * step)
    np.testing.assert_allclose(slopes[:, 0], expected, rtol=1e-5, atol=1e-5 * abs(expected).max())


def test_an_older_file_of_lines_with_elements_of_their_own(path: Path) -> None:
    """References there name the line first."""
    env = _environment()
    env.to_json(str(path))
    expected = pj.read_lattice(path)

    def older(data: Any) -> None:
        ring = data["lines"].pop("ring")
        data["lines"]["b1"] = {
            **{"elements": data.pop("elements"), "element_names": ring["element_names"]},
            "particle_ref": ring["particle_ref"],
        }
        data["_var_manager"] = [
            [target.replace("element_refs[", "eref['b1']["), text]
            for target, text in data["_var_manager"]
        ]
        data["_var_manager"].append(["eref['b2']['q'].k1", "vars['kq']"])

    edit(path, older)
    found = pj.read_lattice(path, strict=True)
    assert found.lattice.expressions == expected.lattice.expressions
    assert found.lattice.variables == expected.lattice.variables


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "vars['a'].__class__",
        "f.sin.__globals__",
        "element_refs['q'].__class__['x']",
        "vars['a'] if 1 else 2",
        "[vars['a']]",
        "lambda: 1",
        "vars[vars['a']]",
        "vars['a'](1)",
        "f.open('x')",
    ],
)
def test_nothing_else_is_understood(text: str, path: Path) -> None:
    """What no expression is keeps its value, and is noted."""
    _environment().to_json(str(path))

    def hostile(data: Any) -> None:
        for pair in data["_var_manager"]:
            if pair[0] == "element_refs['qf'].k1":
                pair[1] = text

    edit(path, hostile)
    with pytest.warns(LatticeWarning, match="Quadrupole qf: k1 keeps its value"):
        found = pj.read_lattice(path)
    assert "qf.k1" not in found.lattice.expressions
    assert found.lattice["qf"].k1 == pytest.approx(_environment()["qf"].k1)


def test_expressions_that_need_each_other(path: Path) -> None:
    _environment().to_json(str(path))

    def circle(data: Any) -> None:
        data["_var_manager"] += [
            ["element_refs['s'].k2s", "(element_refs['qf'].k1s + 1)"],
            ["element_refs['qf'].k1s", "element_refs['s'].k2s"],
        ]

    edit(path, circle)
    with pytest.warns(LatticeWarning, match="it needs its own value"):
        pj.read_lattice(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(element_refs['{}'].k1s + element_refs['{}'].k1s)", "longer than 10,000 operations"),
        ("element_refs['{}'].k1s", "above the limit of 30 deep"),
    ],
)
def test_expressions_that_grow_are_limited(text: str, said: str, path: Path) -> None:
    _environment().to_json(str(path))
    count = 80

    def grow(data: Any) -> None:
        for n in range(count):
            data["elements"][f"q{n}"] = {"__class__": "Quadrupole", "length": 1.0, "k1s": 1e-3}
            named = text.format(f"q{n + 1}", f"q{n + 1}") if n < count - 1 else "vars['kq']"
            data["_var_manager"].append([f"element_refs['q{n}'].k1s", named])
        names = [f"q{n}" for n in range(count)]
        data["lines"]["ring"]["element_names"] = names[::-1] if "+" in text else names

    edit(path, grow)
    start = time.process_time()
    with pytest.warns(LatticeWarning):
        found = pj.read_lattice(path)
    assert time.process_time() - start < 5
    assert any(said in str(note) for note in found.notes)


def test_an_attribute_follows_what_another_one_follows(path: Path) -> None:
    env = _environment()
    env["ring"].element_refs["s"].k2s = env["ring"].element_refs["qf"].k1 * 2
    env.to_json(str(path))
    found = pj.read_lattice(path, strict=True)
    assert str(found.lattice.expressions["s.k2s"]) == "kf*2"


def test_an_attribute_that_is_named_and_is_a_number_is_noted(path: Path) -> None:
    env = _environment()
    env["ring"].element_refs["s"].k2s = env["ring"].element_refs["s"].length * 2
    env.to_json(str(path))
    with pytest.warns(LatticeWarning, match=r"s.length is a parameter .* take its value, 0.2"):
        found = pj.read_lattice(path)
    assert found.lattice["s"].k2s == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["elements"]["qf"].update(k1=0.5), r"qf: k1 is 0.5, and its expression kf "),
        (
            lambda d: d["_var_management_data"]["var_values"].update(kf=0.5),
            "variable kf is 0.5, and its expression .* which is taken",
        ),
        (
            lambda d: d["_var_management_data"]["var_values"].pop("kq"),
            "variable kf has no value: no variable named 'kq'",
        ),
        (
            lambda d: d["_var_management_data"]["var_values"].update(word="x"),
            "variable word = 'x' is no number",
        ),
        (
            lambda d: d["_var_manager"].append(["particles['p'].p0c", "vars['kq']"]),
            r"particles\['p'\].p0c = vars\['kq'\] is left out",
        ),
        (
            lambda d: d["_var_manager"].append(["vars['kq']", "f.ramp(vars['t_turn_s'])"]),
            "variable kq keeps its value: .* there is no function 'f.ramp'",
        ),
    ],
)
def test_what_does_not_fit_is_noted(change: Any, said: str, path: Path) -> None:
    _environment().to_json(str(path))
    edit(path, change)
    with pytest.warns(LatticeWarning):
        found = pj.read_lattice(path)
    assert any(re.search(said, str(note)) for note in found.notes), found.notes


def test_variables_may_have_any_name(path: Path) -> None:
    """Those that no lattice may have are numbers; time, which none follows, is left out."""
    env = _environment()
    env["on_x1"], env["a-b'c"] = 1.0, 3.0
    env["s"].k2 = "3*pi"
    env.to_json(str(path))
    data = json.loads(path.read_text())
    assert {"pi", "t_turn_s"} <= set(data["_var_management_data"]["var_values"])
    found = pj.read_lattice(path, strict=True)
    assert {"on_x1", "a-b'c"} <= set(found.lattice.variables)
    assert not {"pi", "t_turn_s"} & set(found.lattice.variables)
    assert found.lattice["s"].k2 == pytest.approx(3 * math.pi)
