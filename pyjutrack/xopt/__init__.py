"""Lattices in Xopt: an evaluator whose outputs have exact slopes, and a generator that uses them.

Xopt names what varies, within which bounds, and what for (its `VOCS`). Its variables and constants
are knobs here, by their addresses; its objectives, constraints and observables are functions of the
beam. Xopt itself is loaded when one of these functions is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from torch import Tensor

from ..beam.beam import Beam
from ..collective.base import CollectiveEffect
from ..core.errors import MissingPackageError
from ..engines.protocol import Engine
from ..lattice.lattice import Lattice
from .evaluation import Evaluation, slope_column

__all__ = ["evaluator", "gradient_generator", "slope_column"]


def __dir__() -> list[str]:
    return __all__


def evaluator(
    lattice: Lattice,
    beam: Beam,
    outputs: Mapping[str, Callable[..., Tensor]],
    *,
    effects: Sequence[CollectiveEffect] = (),
    turns: int = 1,
    slopes: Sequence[str] = (),
    mode: Literal["reverse", "forward", "fd"] = "reverse",
    engine: str | Engine = "native",
    max_workers: int = 1,
    executor: Any = None,
) -> Any:
    """An `xopt.Evaluator` that tracks a beam with the knobs that Xopt's variables name.

    A table of many points is tracked in one pass (`docs/settings.md`), or in passes of as many as
    memory should hold. Where that raises, points are evaluated one after another, so that an error
    is of its own point alone: Xopt keeps it in the columns `xopt_error` and `xopt_error_str`, and
    raises unless `strict=False`.

    Args:
        lattice, beam, effects, turns, engine: as for `track`.
        outputs: by name, functions of the final beam, or of `final` and `initial`, that return a
            0-d tensor, as `gradient` takes them; usual ones are in `pyjutrack.observables`.
        slopes: names of outputs whose slopes by every variable are outputs as well, in columns
            `slope_column(output, variable)`. Each costs a `value_and_gradient`.
        mode: of these derivatives.
        max_workers: how many points Xopt asks its generator for in a step.
        executor: as in `xopt.Evaluator`. With one each point is a call of its own there.

    Raises:
        InvalidValueError: no outputs, or one that is no function of beams.
        UnknownNameError: a slope of no output.
        MissingPackageError: xopt is not installed.

    Example:
        >>> growth = pj.observables.emittance_growth("x")
        >>> evaluator = pj.xopt.evaluator(cell, beam, {"growth": growth}, slopes=["growth"])
        >>> evaluator.evaluate({"q1.k1": 29.6, "q2.k1": -29.6})["d_growth/d_q1.k1"]
    """
    evaluation = Evaluation(
        lattice, beam, dict(outputs), tuple(effects), turns, tuple(slopes), mode, engine
    )
    models = _models()
    return models.BeamEvaluator(
        function=evaluation.evaluate,
        vectorized=executor is None,
        executor=models.DummyExecutor() if executor is None else executor,
        max_workers=max_workers,
    )


def gradient_generator(vocs: Any, **options: Any) -> Any:
    """A generator of Xopt that descends by the slopes of its one objective: L-BFGS within bounds.

    It needs the columns `slope_column(objective, variable)` of every variable, from `evaluator` or
    from any other that has them. What it is at follows from the data alone, so that a search that
    was written to a file goes on from there. A point that failed, or whose value is no number, is
    a step too far. Where nothing gets better any more, `is_done` says so, and the best point is
    proposed again, so that Xopt's stopping conditions see that nothing changes.

    Args:
        vocs: of one objective, variables with bounds, and no constraints.
        options: `initial_point`, a dictionary (default: the best of the data that are there, or
            the middle of the bounds); `first_step`, the longest change of a variable in the first
            step, as a part of its range (0.1); `memory`, pairs of steps and changes of slopes that
            are remembered (10); `tolerance`, the relative gain below which the search is done
            (1e-9).

    Raises:
        MissingPackageError: xopt is not installed.

    Example:
        >>> vocs = VOCS(variables={"q1.k1": [25, 35]}, objectives={"growth": "MINIMIZE"})
        >>> search = Xopt(generator=pj.xopt.gradient_generator(vocs), evaluator=evaluator)
        >>> search.step()
    """
    return _models().GradientGenerator(vocs=vocs, **options)


def _models() -> Any:
    try:
        import xopt  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            'this needs Xopt: pip install xopt, or in a clone of pyjutrack pip install ".[xopt]"'
        ) from error
    from . import models

    return models
