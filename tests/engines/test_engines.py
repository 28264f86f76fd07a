"""Choosing engines, and what is said where there is no Julia."""

import pytest

import pyjutrack as pj
from pyjutrack.engines import ENGINES, Engine, engine_of
from pyjutrack.engines.native import Native


def test_engines_by_name_and_as_they_are():
    assert isinstance(engine_of("native"), Native)
    assert isinstance(Native(), Engine)
    mine = Native("mine")
    assert engine_of(mine) is mine
    assert ENGINES[0] == "native"
    with pytest.raises(pj.errors.UnknownNameError, match="'julia'"):
        engine_of("julai")


def test_the_default_is_native(cell, make_beam):
    beam = make_beam(100)
    ours, named = (pj.track(cell, beam, **o) for o in ({}, {"engine": "native"}))
    assert (ours.coordinates == named.coordinates).all()


def test_an_engine_of_the_user(cell, make_beam):
    calls = []

    class Counting(Native):
        def track(self, task):
            calls.append(task.plan.slices())
            return super().track(task)

    pj.track(cell, make_beam(10), engine=Counting())
    assert calls == [(0,) * 5]


@pytest.mark.parametrize("adjoint", ["store", "checkpoint"])
def test_the_backward_pass_of_julia_is_its_own(cell, make_beam, adjoint) -> None:
    from pyjutrack.engines.julia import border
    from pyjutrack.tracking.task import task_of

    border.check(task_of(cell, make_beam(5), [], 1))
    with pytest.raises(pj.errors.InvalidValueError, match=f"{adjoint}.*back along the beam"):
        border.check(task_of(cell, make_beam(5), [], 1, adjoint))
