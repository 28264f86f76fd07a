"""The battery covers all there is: what is new and in no table of it fails here, by name."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import battery_cases as cases
import pytest
import torch
from battery_effects import effects
from battery_figures import OBSERVABLES
from battery_oracle import by_differences, check
from battery_setup import BEAM_UNITS, Setup
from test_battery_effects import WAYS
from test_battery_twin import INSTRUMENTS

import pyjutrack as pj
from pyjutrack import diagnostics
from pyjutrack.beam import initial_moments, observables
from pyjutrack.collective import BSPLINE, CATMULL_ROM, CIC, QUADRATIC, Correction
from pyjutrack.diagnostics.instrument import Instrument
from pyjutrack.elements import Element, potentials
from pyjutrack.lattice import knobs
from pyjutrack.mesh.shapes import Shape
from pyjutrack.tracking.adjoints import ADJOINTS

#: attributes of effects that are options, and where the battery tries them
OPTIONS = {
    "SpaceCharge": {"potential", "max_step", "response"},
    "SpectralPoisson": {"size", "shape", "assignment", "modes", "damping"},
    "ImageCharges": {"solver", "order", "radius"},
    "ResidualNetwork": {"solver", "network", "block"},
    "Surrogate": {"network", "mesh", "domain", "outside", "about"},
}
#: CIC has no derivative, and is refused
SHAPES = {BSPLINE.name, QUADRATIC.name, CATMULL_ROM.name, CIC.name}


def own(kind: type) -> list[type]:
    """The package's classes below a class."""
    found = [k for k in kind.__subclasses__() if k.__module__.startswith("pyjutrack.")]
    return [*found, *(k for below in found for k in own(below))]


def parts_of(thing: Any) -> list[Any]:
    """An effect, its potential, and what that is made of."""
    inner = getattr(thing, "potential", None) or getattr(thing, "solver", None)
    return [thing, *([] if inner is None else parts_of(inner))]


def fields(kind: type) -> set[str]:
    return {f.name for f in dataclasses.fields(kind)}


@pytest.mark.parametrize("name", sorted(cases.own_kinds()))
def test_kinds_of_elements(name: str) -> None:
    """Every field is a knob with a usual value, or an option with its values."""
    kind = cases.own_kinds()[name]
    assert name in cases.USUAL
    assert name in {k for g in cases.GROUPS.values() for k in g}
    usual = {a.partition("[")[0] for a in cases.usual(name)}
    own_knobs = {*kind.knobs, *kind.placement, *kind.vectors}
    assert usual == own_knobs
    thin, series = {"length"} - own_knobs, set(getattr(kind, "series", ())) - own_knobs
    known = own_knobs | thin | series | set(kind.choices) | set(cases.OPTIONS) | {"name"}
    assert fields(kind) <= known
    assert set(cases.PLACEMENT) == set(kind.placement)


def test_tables_name_only_what_there_is() -> None:
    assert set(cases.USUAL) == set(cases.own_kinds())
    every = set().union(*(fields(k) for k in cases.own_kinds().values()))
    assert set(cases.OPTIONS) <= every


def test_choices_are_all_tried() -> None:
    for name, kind in cases.own_kinds().items():
        tried = list(cases.option_sets(kind))
        defaults = {f.name: f.default for f in dataclasses.fields(kind)}
        for option, allowed in kind.choices.items():
            seen = {s.get(option, defaults[option]) for s in tried}
            assert seen == set(allowed), (name, option)


def test_knobs_of_the_beam() -> None:
    assert set(BEAM_UNITS) == {knobs.CURRENT, *initial_moments.KNOBS}


def test_observables() -> None:
    functions = inspect.getmembers(observables, inspect.isfunction)
    found = {n for n, f in functions if f.__module__ == observables.__name__ and n[0] != "_"}
    assert found == OBSERVABLES


#: effects that other tests put through `pyjutrack.testing`
ELSEWHERE = {
    pj.collective.BeamBeam,
    pj.collective.BeamBeam2D,
    pj.collective.CSR,
    pj.collective.FrozenGaussian,
    pj.collective.NeuralWake,
    pj.collective.Radiation,
    pj.collective.SpaceCharge2p5D,
    pj.collective.SpaceCharge3D,
    pj.collective.Wake,
    pj.surrogate.WakeSurrogate,
}


def test_effects_and_potentials() -> None:
    """Every potential of the package, with every number of it that may be a knob."""
    kinds = {type(p) for e in effects().values() for p in parts_of(e.make(e.usual))}
    public = [getattr(pj.collective, n) for n in pj.collective.__all__]
    public += [getattr(pj.surrogate, n) for n in pj.surrogate.__all__]
    there = {
        k
        for k in (*public, *own(Correction))
        if inspect.isclass(k)
        and dataclasses.is_dataclass(k)
        and (callable(getattr(k, "solve", None)) or callable(getattr(k, "apply", None)))
    }
    assert there - ELSEWHERE <= kinds
    addresses = {a for e in effects().values() for a in e.usual}
    for kind in there - ELSEWHERE:
        left = fields(kind) - OPTIONS[kind.__name__]
        assert left <= {a.rpartition(".")[2] for a in addresses}, kind


def test_shapes() -> None:
    from pyjutrack.mesh import shapes

    assert {s.name for s in vars(shapes).values() if isinstance(s, Shape)} == SHAPES


def test_forms_of_potentials() -> None:
    found = {getattr(potentials, n) for n in potentials.__all__}
    forms = {k for k in found if inspect.isclass(k) and dataclasses.is_dataclass(k)}
    assert forms == {type(f) for f in cases.FORMS}


def test_instruments() -> None:
    found = {k for k in own(Instrument) if k.__name__ in diagnostics.__all__}
    assert found == {type(i) for i in INSTRUMENTS}


def test_modes() -> None:
    """Those of `gradient`, beside differences, which are no derivative."""
    adjoints = {o["adjoint"] for o in WAYS.values() if "adjoint" in o}
    assert adjoints | {"auto"} == set(ADJOINTS)
    text = str(inspect.signature(pj.gradient).parameters["mode"].annotation)
    found = set(text.partition("[")[2].rstrip("]").replace('"', "").replace("'", "").split(", "))
    assert found == {"reverse", "fd"} | {o["mode"] for o in WAYS.values() if "mode" in o}


def test_a_new_kind_fails_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables are no list of what is there, so that a guest among the kinds is missed."""

    def guests() -> dict[str, type[Element]]:
        return {**cases.kinds(), "Wiggler": pj.Quadrupole}

    monkeypatch.setattr(cases, "own_kinds", guests)
    with pytest.raises(AssertionError, match="Wiggler"):
        test_kinds_of_elements("Wiggler")


LINE = (cases.Part("Quadrupole", "q", {"length": 0.2, "k1": 2.0}, {}),)


def test_the_oracle_can_fail() -> None:
    """A slope off by a part in a million fails, and so does a difference that tells nothing."""
    setup = Setup(LINE)

    def cube(of: Setup, _: str) -> dict[str, Any]:
        return {"cube": of.value("q.k1") ** 3}

    rounding = {"cube": 1e-15}
    right = by_differences(cube, setup, ["q.k1"], rounding)
    check([12.0], right, "cube", ["q.k1"])
    for factor in (1 - 1e-6, 1 + 1e-6, 0.0, float("nan")):
        with pytest.raises(AssertionError, match=r"slopes are off.*\n.*q.k1"):
            check([12.0 * factor], right, "cube", ["q.k1"])
    coarse = by_differences(cube, setup, ["q.k1"], rounding, 0.1)
    with pytest.raises(AssertionError, match="too coarse"):
        check([12.0], coarse, "cube", ["q.k1"])


@pytest.mark.parametrize("place", torch.linspace(-3.0, 3.0, 25).tolist())
def test_the_error_holds_where_a_second_derivative_jumps(place: float) -> None:
    """Of (u - s)^2 beyond s, whose slope at u is exact, for jumps all over the steps."""
    setup, step = Setup(LINE), 1e-4
    value, unit = setup.value("q.k1"), setup.unit("q.k1")
    jump = value + place * step * unit

    def bent(of: Setup, _: str) -> dict[str, Any]:
        return {"bent": max(of.value("q.k1") - jump, 0.0) ** 2 + 1.0}

    right = by_differences(bent, setup, ["q.k1"], {"bent": 1e-15}, step)
    found = 2 * max(value - jump, 0.0)
    assert abs(right.slopes["bent"][0] - found) <= right.errors["bent"][0]
