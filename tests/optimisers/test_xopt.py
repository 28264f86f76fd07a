"""The evaluator and the generator in Xopt itself, where it is installed."""

from __future__ import annotations

import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from examples_loader import load_example
from scipy.optimize import minimize, rosen, rosen_der
from xopt_cases import OUTPUTS, POINT, beam, by_hand, cell, effects

import pyjutrack as pj
from pyjutrack.xopt import slope_column

pytest.importorskip("xopt", reason="needs Xopt")
# its own imports, and what it does with pandas, warn in some versions
pytestmark = pytest.mark.filterwarnings("default")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from xopt import VOCS, Evaluator, Xopt
    from xopt.errors import SeqGeneratorError, VOCSError, XoptError
    from xopt.stopping_conditions import ConvergenceCondition

BOUNDS = {"q1.k1": [26.0, 33.0], "q2.k1": [-33.0, -26.0]}
LEAST = VOCS(variables=BOUNDS, objectives={"growth": "MINIMIZE"})


def evaluator(**options: Any) -> Any:
    return pj.xopt.evaluator(cell(), beam(), OUTPUTS, effects=effects(), **options)


def valley(most: bool = False, fails_beyond: float = np.inf) -> tuple[Any, Any]:
    """Rosenbrock's function in Xopt, evaluated without a beam, and its generator."""
    sign = -1 if most else 1

    def function(inputs: dict[str, float]) -> dict[str, float]:
        point = np.array([inputs["a"], inputs["b"]])
        if point[0] > fails_beyond:
            raise ValueError("too far")
        slopes = sign * rosen_der(point)
        names = [slope_column("height", name) for name in ("a", "b")]
        return {"height": sign * rosen(point), **dict(zip(names, slopes, strict=True))}

    vocs = VOCS(
        variables={"a": [-1.5, 2.0], "b": [-1.5, 2.0]},
        objectives={"height": "MAXIMIZE" if most else "MINIMIZE"},
    )
    return vocs, Evaluator(function=function)


def run(search: Any, most: int = 150) -> Any:
    """Step to the end of a search."""
    while not search.generator.is_done:
        search.step()
        assert len(search.data) < most
    return search.data


def test_points_of_a_table_and_one_alone() -> None:
    made = evaluator(slopes=["growth"])
    search = Xopt(generator=pj.xopt.gradient_generator(LEAST), evaluator=made)
    data = search.random_evaluate(3, seed=1)
    for _, row in data.iterrows():
        point = row[list(BOUNDS)].to_dict()
        assert (row["growth"], row["size"]) == pytest.approx(by_hand(point), rel=1e-9)
    one = made.evaluate(POINT)
    assert one["growth"] == pytest.approx(by_hand(POINT)[0], rel=1e-9)
    assert "function: pyjutrack.xopt" in repr(search)


def test_an_error_is_of_its_own_point() -> None:
    """The beam leaves the box at the second; the others are as if it were not there."""
    constants = {"q1.k1": [29.0, 1e4, 30.0], "q2.k1": [-30.0] * 3}
    found = evaluator().evaluate_data(constants)
    assert found["xopt_error"].tolist() == [False, True, False]
    assert "InvalidValueError" in found["xopt_error_str"][1] or "Lost" in found["xopt_error_str"][1]
    assert np.isnan(found["growth"][1])
    for n in (0, 2):
        point = {name: values[n] for name, values in constants.items()}
        assert found["growth"][n] == pytest.approx(by_hand(point)[0], rel=1e-9)
    with pytest.raises(XoptError, match="q9"):
        Xopt(
            generator=pj.xopt.gradient_generator(
                VOCS(variables={"q9.k1": [0, 1]}, objectives={"growth": "MINIMIZE"})
            ),
            evaluator=evaluator(),
        ).random_evaluate(2)


def test_an_executor_has_each_point_by_itself() -> None:
    points = {name: [value, 1.02 * value] for name, value in POINT.items()}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = evaluator(executor=pool).evaluate_data(points)
    here = evaluator().evaluate_data(points)
    np.testing.assert_allclose(there["growth"], here["growth"], rtol=1e-9)


@pytest.mark.parametrize("most", [False, True])
def test_a_search_ends_where_scipys_does(most: bool) -> None:
    vocs, made = valley(most)
    search = Xopt(generator=pj.xopt.gradient_generator(vocs), evaluator=made)
    data = run(search)
    best = data.iloc[data["height"].abs().idxmin()]
    np.testing.assert_allclose(best[["a", "b"]].to_numpy(float), 1.0, atol=1e-4)
    theirs = minimize(rosen, [0.25, 0.25], jac=rosen_der, bounds=[(-1.5, 2.0)] * 2)
    assert len(data) < 2.5 * theirs.nfev


def test_a_search_of_a_lattice_goes_below_what_values_alone_find() -> None:
    made = evaluator(slopes=["growth"])
    search = Xopt(generator=pj.xopt.gradient_generator(LEAST), evaluator=made)
    best = search.random_evaluate(4, seed=1)["growth"].min()
    data = run(search, 40)
    last = data.iloc[data["growth"].idxmin()]
    assert last["growth"] < best

    def function(knobs: Any) -> float:
        return by_hand(dict(zip(BOUNDS, map(float, knobs), strict=True)))[0]

    theirs = minimize(
        function,
        last[list(BOUNDS)].to_numpy(float),
        method="Nelder-Mead",
        bounds=list(BOUNDS.values()),
        options={"maxfev": 40},
    )
    assert theirs.fun > last["growth"] - 1e-6


def test_a_failed_point_is_gone_back_from() -> None:
    vocs, made = valley(fails_beyond=1.001)
    first = pj.xopt.gradient_generator(vocs, initial_point={"a": 0.9, "b": 0.2}, first_step=0.5)
    data = run(Xopt(generator=first, evaluator=made, strict=False))
    assert data["xopt_error"].any()
    np.testing.assert_allclose(data[["a", "b"]].loc[data["height"].idxmin()], 1.0, atol=1e-4)
    lost = pj.xopt.gradient_generator(vocs, initial_point={"a": 1.5, "b": 1.0})
    nowhere = Xopt(generator=lost, evaluator=made, strict=False)
    nowhere.step()
    with pytest.raises(pj.errors.InvalidValueError, match="cannot begin"):
        nowhere.step()


def test_a_search_goes_on_from_what_was_written(tmp_path: Path) -> None:
    vocs, made = valley()
    whole = Xopt(generator=pj.xopt.gradient_generator(vocs), evaluator=made)
    whole.random_evaluate(3, seed=2)
    for _ in range(20):
        whole.step()
    part = Xopt(generator=pj.xopt.gradient_generator(vocs), evaluator=made)
    part.random_evaluate(3, seed=2)
    for _ in range(8):
        part.step()
    part.dump(str(tmp_path / "search.yaml"))
    kept = yaml.safe_load((tmp_path / "search.yaml").read_text())
    again = Xopt(**(kept | {"evaluator": made}))
    for _ in range(12):
        again.step()
    names = ["a", "b", "height"]
    # Xopt writes ten digits
    np.testing.assert_allclose(again.data[names], whole.data[names], rtol=1e-4, atol=1e-6)


def test_conditions_of_xopt_see_its_end() -> None:
    vocs, made = valley()
    search = Xopt(
        generator=pj.xopt.gradient_generator(vocs),
        evaluator=made,
        stopping_condition=ConvergenceCondition(
            objective_name="height", improvement_threshold=1e-8, patience=6
        ),
    )
    search.run()
    assert search.data["height"].min() < 1e-4


def test_what_the_generator_refuses() -> None:
    vocs, made = valley()
    search = Xopt(generator=pj.xopt.gradient_generator(vocs), evaluator=made)
    search.step()
    with pytest.raises(SeqGeneratorError):
        search.random_evaluate(1)
    without = Xopt(generator=pj.xopt.gradient_generator(LEAST), evaluator=evaluator())
    without.random_evaluate(1)
    with pytest.raises(pj.errors.InvalidValueError, match=r'd_growth/d_q1.k1.*slopes=\["growth"\]'):
        without.step()
    for point, message in (({"a": 1.0}, "variables are"), ({"a": 1.0, "b": 3.0}, "outside")):
        outside = pj.xopt.gradient_generator(vocs, initial_point=point)
        with pytest.raises(pj.errors.InvalidValueError, match=message):
            outside.suggest(1)
    two = VOCS(variables=BOUNDS, objectives={"growth": "MINIMIZE", "size": "MINIMIZE"})
    with pytest.raises((VOCSError, ValueError), match="multi-objective"):
        pj.xopt.gradient_generator(two)


def test_the_example() -> None:
    example = load_example("xopt_search")
    best = example.main(["--particles=300", "--cells=1", "--start=3", "--steps=4"])
    assert best["gradients"] < best["random"]
