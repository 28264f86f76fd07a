"""The package as a whole: a light and silent import, documented names, one family of errors."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import pyjutrack as pj
from pyjutrack.core import errors

PROBE = """
import sys
import torch
before = set(sys.modules)
import pyjutrack
heavy = ("numba", "llvmlite", "scipy", "numpy.f2py", "numpy.testing", "matplotlib", "pandas",
         "yaml", "tqdm", "onnx", "onnxruntime", "h5py", "juliacall", "juliapkg", "torch._dynamo",
         "torch.onnx", "gpytorch")
new = sorted(
    m for m in set(sys.modules) - before if any(m == h or m.startswith(h + ".") for h in heavy)
)
assert not new, new
"""


def test_import_is_silent_and_light() -> None:
    """What takes long to load is loaded where it is needed, Numba at the first call."""
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:pyjutrack", "-c", PROBE],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr == ""


@pytest.mark.parametrize("name", pj.__all__)
def test_every_public_name_exists_and_is_documented(name: str) -> None:
    thing = getattr(pj, name)
    doc = vars(thing).get("__doc__") if inspect.isclass(thing) else thing.__doc__
    assert doc, name
    assert len(doc.strip()) >= 15
    assert not doc.startswith(f"{name}("), "the signature that dataclass writes is no docstring"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Target", "; there is pyjutrack.optics.Target"),
        ("sizes", "; there is pyjutrack.moments.sizes"),
        ("plot_optics", "; there is pyjutrack.plotting.plot_optics"),
        ("Tracker", ""),
    ],
)
def test_a_name_that_stands_elsewhere_says_where(name: str, said: str) -> None:
    with pytest.raises(AttributeError) as found:
        getattr(pj, name)
    assert str(found.value) == f"module 'pyjutrack' has no attribute {name!r}{said}"


def test_public_names_are_sorted_and_once() -> None:
    assert sorted(set(pj.__all__)) == list(pj.__all__)


def test_public_functions_of_public_modules_are_documented() -> None:
    for module in (pj.distributions, pj.moments, pj.observables):
        for name, thing in inspect.getmembers(module, inspect.isfunction):
            if not name.startswith("_"):
                assert thing.__doc__, f"{module.__name__}.{name}"


@pytest.mark.parametrize(
    "error",
    [e for _, e in inspect.getmembers(errors, inspect.isclass) if issubclass(e, Exception)],
    ids=lambda e: e.__name__,
)
def test_every_exception_is_of_the_family(error: type[Exception]) -> None:
    assert error.__module__ == "pyjutrack.core.errors"
    assert issubclass(error, Warning) or issubclass(error, pj.PyJuTrackError)


def test_errors_are_also_what_python_programmers_expect() -> None:
    assert issubclass(pj.errors.InvalidValueError, ValueError)
    assert issubclass(pj.errors.UnknownNameError, LookupError)
    assert issubclass(pj.errors.ResolutionWarning, UserWarning)


def test_no_text_takes_the_package_from_an_index() -> None:
    """It is on none: `pip install ".[extra]"` in a clone."""
    root = Path(__file__).parents[1]
    texts = [root / "README.md"]
    for place in ("docs/*.md", "examples/**/*.md", "benchmarks/*.py"):
        texts += root.glob(place)
    texts += Path(pj.__file__).parent.rglob("*.py")
    assert len(texts) > 100
    assert not [t for t in texts if 'pip install "pyjutrack' in t.read_text(encoding="utf-8")]
