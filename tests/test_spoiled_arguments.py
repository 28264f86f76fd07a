"""Every public call with one argument spoiled: refused in the package's own words, or meant.

A call may refuse (an exception of the package's family), or take what can be meant; never end in a
raw error, run without end, or take what cannot be meant.
"""

from __future__ import annotations

import inspect
import math
import os
import re
import signal
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from public_calls import ELSEWHERE, RETURNED, calls, public

import pyjutrack as pj
from pyjutrack.elements import kinds

HUGE = 10**40
BAD: dict[str, Any] = {
    "None": None,
    "nan": math.nan,
    "inf": math.inf,
    "-1": -1,
    "0": 0,
    "True": True,
    "huge": HUGE,
    "complex": 1j,
    "empty text": "",
    "text": "x",
    "bytes": b"x",
    "[]": [],
    "()": (),
    "{}": {},
    "[nan]": [math.nan],
    "object": object(),
    "class": int,
    "module": os,
    "nan tensor": torch.tensor(math.nan),
    "tensor": torch.zeros(2, 3),
    "empty tensor": torch.zeros(0),
}
#: the work is as long as what is asked for
LONG = {("turns", "huge"), ("times", "huge")}
#: arguments that may hold many settings, a tensor (2, 3) say
MANY = ("current", "charge", "perveance_scale")
#: of effects and wakes, with numbers that may
KINDS = [kind for kind in vars(pj.collective).values() if hasattr(kind, "one_by_one")]
#: what looks spoiled, and can be meant
MEANT = {
    # many settings of a parameter
    *((e.__name__, k, "tensor") for e in kinds().values() for k in (*e.knobs, *e.placement)),
    *((kind.__name__, k, "tensor") for kind in KINDS for k in kind.one_by_one),
    ("Lattice.with_values one", "k1", "tensor"),
    *(("scan", "points", v) for v in ("[nan]", "tensor")),
    *(("Target", "at", v) for v in ("-1", "0", "huge")),
    *(("Lattice[]", "key", v) for v in ("-1", "0")),
    *(("TwissTable[]", "place", v) for v in ("-1", "0")),
    *((name, axis, "nan tensor") for name in ("bassetti_erskine",) for axis in "xy"),
    *(("read_profiles", "needs", v) for v in ("[]", "()", "{}")),
    *(("calibrate", "held_out", v) for v in ("[]", "()")),
    ("SpaceCharge steps", "max_step", "huge"),
    ("Profiles", "labels", "text"),  # one axis may have any name
    ("Domain", "aspect", "inf"),  # no limit
}
_SECONDS = 120


class Fault(NamedTuple):
    call: str
    argument: str
    value: str
    said: str

    def __str__(self) -> str:
        return f"{self.call}({self.argument}={self.value}): {self.said}"


def meant(example: Any, default: Any, value: Any) -> bool:
    """Return whether a spoiled argument can be meant, by its value in a valid call."""
    if value is None:
        return default is None or (default is inspect.Parameter.empty and example is None)
    if isinstance(value, float) and math.isnan(value):
        return isinstance(default, float) and math.isnan(default)
    if isinstance(value, bool):
        return isinstance(example, bool)
    if isinstance(value, (int, float)):
        number = isinstance(example, (int, float)) and not isinstance(example, bool)
        infinite = isinstance(default, float) and math.isinf(default)
        return (number or example is None) and (math.isfinite(value) or infinite)
    if isinstance(value, str):
        return isinstance(example, (str, os.PathLike)) or example is None
    if isinstance(value, (list, tuple, dict, torch.Tensor)):
        return not len(value) and (
            example is None or (hasattr(example, "__len__") and not isinstance(example, str))
        )
    return False


@contextmanager
def _alarm(seconds: int) -> Iterator[None]:
    """TimeoutError after some seconds, where there are signals."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def ring(*_: object) -> None:
        raise TimeoutError(f"did not end in {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def fault(function: Callable[..., Any], arguments: dict[str, Any], argument: str, bad: str) -> Any:
    """Find what is wrong with how a function takes a spoiled argument, or None."""
    value, example = BAD[bad], arguments[argument]
    default = _defaults(function).get(argument, inspect.Parameter.empty)
    try:
        with _alarm(_SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(**{**arguments, argument: value})
    except pj.PyJuTrackError as error:
        return None if str(error) else "says nothing"
    except OSError as error:
        path = isinstance(example, os.PathLike) and isinstance(value, str)
        return None if path else f"raw {type(error).__name__}: {error}"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"raw {type(error).__name__}: {str(error)[:120]}"
    return None if meant(example, default, value) else "accepted"


def _defaults(function: Callable[..., Any]) -> dict[str, Any]:
    return {n: p.default for n, p in inspect.signature(function).parameters.items()}


def faults(folder: Path, bad: Iterable[str]) -> list[Fault]:
    """Find what is wrong with calls of all functions."""
    found = []
    for name, (function, arguments) in calls(folder).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(**arguments)  # and compiles what it needs
        for argument in arguments:
            for value in bad:
                if (argument, value) in LONG or (name, argument, value) in MEANT:
                    continue
                if argument in MANY and value == "tensor":
                    continue
                said = fault(function, arguments, argument, value)
                if said is not None:
                    found.append(Fault(name, argument, value, said))
    return found


def test_every_public_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not [*map(str, faults(tmp_path, BAD))]


def test_every_public_function_has_an_example(tmp_path: Path) -> None:
    tried = {re.split(r"[ \[]", name)[0].split(".")[-1] for name in calls(tmp_path)}
    tried |= {name.split(".")[0] for name in calls(tmp_path)}
    assert not public() - tried - RETURNED - ELSEWHERE
