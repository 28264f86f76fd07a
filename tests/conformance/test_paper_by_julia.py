"""The paper's study by the julia engine: the same numbers, and JuTrack's own field."""

import pytest

from pyjutrack.cli.paper import fodo, study

PARTICLES = 2000


def run(engine, solver="unet"):
    return study.run((1, 2, 3), (), PARTICLES, 1, engine=engine, solver=solver)


def numbers(found, name=""):
    """All numbers of nested results, by where they stand."""
    if isinstance(found, dict):
        for key, value in found.items():
            if "fd" not in key and "difference" not in key:  # the noise of differences
                yield from numbers(value, f"{name}/{key}")
    elif isinstance(found, list):
        for n, value in enumerate(found):
            yield from numbers(value, f"{name}/{n}")
    elif isinstance(found, float):
        yield name, found


def test_tables_are_those_of_the_native_engine(julia):
    ours, theirs = (run(engine) for engine in ("native", julia))
    assert theirs["engine"] == "julia"
    for part in fodo.CONVENTIONS:
        expected, found = (dict(numbers(results[part])) for results in (ours, theirs))
        assert expected.keys() == found.keys()
        assert len(found) > 30
        for name, value in found.items():
            single = "float32" in name
            near = pytest.approx(expected[name], rel=1e-9, abs=1e-5 if single else 1e-12)
            assert value == near, name


def test_the_field_of_jutrack(julia):
    """Automatic and finite differences of it, and both modes."""
    found = run(julia, "jutrack")
    for convention in fodo.CONVENTIONS:
        gridless = found[convention]["jutrack"]
        assert gridless["forward_reverse_difference_largest"] < 1e-9
        assert gridless["jacobian_difference_largest"] < 1e-5
        assert gridless["gradient_difference_largest"] < 1e-3
