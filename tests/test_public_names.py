"""The names of `dir(pyjutrack)`: everyday names, and namespaces that are the field's nouns."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys

import pytest

import pyjutrack as pj
import pyjutrack.core.errors
import pyjutrack.io.errors

NAMESPACES = {
    *("adjoints", "collective", "diagnostics", "distributed", "distributions", "elements"),
    "julia",
    *("errors", "io", "moments", "observables", "optics", "plotting", "surrogate", "testing"),
    "twin",
    "xopt",
}
#: what registers itself in a namespace that is loaded late, each asked for first of all
FIRST = {
    "html": "import pyjutrack as pj; assert '<' in pj.Lattice([pj.Drift(1.0)])._repr_html_()",
    "networks": "from pyjutrack.interop import networks; networks.read('linear')",
}
LATE = """
import sys
import pyjutrack as pj
assert "plotting" in dir(pj)
assert "matplotlib" not in sys.modules
assert "mpi4py" not in sys.modules
pj.plotting.figure
assert "matplotlib" in sys.modules
"""


def test_there_are_about_45_everyday_names_and_the_namespaces() -> None:
    shown = {n for n in dir(pj) if not n.startswith("_")}
    modules = {n for n in shown if inspect.ismodule(getattr(pj, n))}
    assert modules == NAMESPACES
    assert len(shown - modules) <= 50
    assert shown == {*pj.__all__, "plotting"}


def test_late_names_agree() -> None:
    """Those loaded when they are asked for, those that type checkers see, and those listed."""
    tree = ast.parse(inspect.getsource(pj))
    (checked,) = (
        node.body
        for node in tree.body
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
    )
    seen = {
        alias.name: (node.module or alias.name).split(".")[0]
        for node in checked
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == pj._LATE
    assert set(pj._LATE) - {"plotting"} <= set(pj.__all__)
    assert set(pj._LATE) <= set(dir(pj))
    for name, namespace in pj._LATE.items():
        room = importlib.import_module(f"pyjutrack.{namespace}")
        assert getattr(pj, name) is (room if name == namespace else getattr(room, name))


@pytest.mark.parametrize("namespace", sorted(NAMESPACES))
def test_namespaces_show_their_public_names_alone(namespace: str) -> None:
    """No helpers, no imports, and of modules within only those that users take things from."""
    module = getattr(pj, namespace)
    shown = dir(module)
    assert set(shown) == {*module.__all__, *(["potentials"] if namespace == "elements" else [])}
    assert not any(name.startswith("_") for name in shown)
    for name in shown:
        found = getattr(module, name)
        assert getattr(found, "__module__", "pyjutrack.").startswith("pyjutrack.")


def test_every_kind_of_element_is_at_the_top() -> None:
    assert set(pj.elements.__all__) <= set(pj.__all__)


def test_errors_are_all_in_their_namespace() -> None:
    found = {
        name
        for room in (pyjutrack.core.errors, pyjutrack.io.errors)
        for name, kind in inspect.getmembers(room, inspect.isclass)
        if issubclass(kind, Exception) and kind.__module__ == room.__name__
    }
    assert found == set(pj.errors.__all__)


@pytest.mark.parametrize("code", FIRST.values(), ids=FIRST)
def test_nothing_depends_on_an_earlier_access_of_a_namespace(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_plotting_loads_matplotlib_when_it_is_asked_for() -> None:
    subprocess.run([sys.executable, "-c", LATE], check=True, timeout=120)
