"""Docstrings of what is public name all that a call takes."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pyjutrack as pj

sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))
from reference_pages import public_modules, public_names

sys.path.pop(0)


def documented() -> Iterator[tuple[str, Any, str]]:
    """What can be called under a public name, and what is said of it, of its bases too."""
    seen: set[int] = set()
    for name, module in public_modules().items():
        for each, thing in public_names(module):
            if id(thing) in seen:
                continue
            seen.add(id(thing))
            if inspect.isfunction(thing):
                yield f"{name}.{each}", thing, inspect.getdoc(thing) or ""
            elif inspect.isclass(thing):
                yield from of_class(f"{name}.{each}", thing)


def of_class(name: str, kind: type) -> Iterator[tuple[str, Any, str]]:
    bases = [base for base in kind.__mro__ if base is not object]
    if not getattr(kind, "_is_protocol", False):
        yield name, kind, " ".join(base.__doc__ or "" for base in bases)
    for method, found in vars(kind).items():
        call = getattr(found, "__func__", found)
        if not method.startswith("_") and inspect.isfunction(call):
            said = (getattr(base, method, None) for base in bases)
            yield f"{name}.{method}", call, " ".join(each.__doc__ or "" for each in said if each)


@pytest.mark.parametrize(
    ("call", "said"), [pytest.param(c, said, id=name) for name, c, said in documented()]
)
def test_every_argument_is_named(call: Any, said: str) -> None:
    try:
        taken = inspect.signature(call).parameters
    except ValueError:
        pytest.skip("has no signature")
    missing = [n for n in taken if n not in ("self", "cls") and not re.search(rf"\b{n}\b", said)]
    assert said.strip()
    assert not missing


def calls_of(said: str) -> Iterator[ast.Call]:
    """Calls in the examples of a docstring, those within others too."""
    lines = re.findall(r"^\s*(>>>|\.\.\.) ?(.*)$", said, re.MULTILINE)
    text = "\n".join(line for _, line in lines)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            yield node


def resolve(node: ast.expr, names: dict[str, Any]) -> Any:
    """What a dotted name stands for, None where it is one of the example's own."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        return getattr(resolve(node.value, names), node.attr, None)
    return None


@pytest.mark.parametrize(
    ("name", "said"),
    [pytest.param(n, said, id=n) for n, _, said in documented() if ">>>" in said],
)
def test_examples_call_with_what_is_taken(name: str, said: str) -> None:
    module = sys.modules.get(name.rpartition(".")[0], pj)
    names = {**vars(pj), **vars(module), "pj": pj}
    for call in calls_of(said):
        found = resolve(call.func, names)
        assert found is not None or not re.fullmatch(r"pj(\.\w+)+", ast.unparse(call.func))
        starred = any(isinstance(a, ast.Starred) for a in call.args)
        if not callable(found) or starred or any(k.arg is None for k in call.keywords):
            continue
        try:
            taken = inspect.signature(found)
        except ValueError:
            continue
        taken.bind(*call.args, **{str(k.arg): k.value for k in call.keywords})
