"""Pages of the reference, written from the public names of the package."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = "pyjutrack"
#: public, and not among the names of the package: pictures load matplotlib, maps are for one's own
FURTHER = ("pyjutrack.plotting", "pyjutrack.maps.base")


def public_modules() -> dict[str, ModuleType]:
    """The package and the modules among its public names, and among theirs, by their names."""
    found: dict[str, ModuleType] = {}

    def visit(name: str, module: ModuleType) -> None:
        if module in found.values():
            return
        found[name] = module
        for each, thing in public_names(module):
            if inspect.ismodule(thing) and thing.__name__.startswith(f"{PACKAGE}."):
                visit(f"{name}.{each}", thing)

    for name in (PACKAGE, *FURTHER):
        visit(name, importlib.import_module(name))
    return found


def public_names(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Public names of a module, and what they stand for."""
    for name in getattr(module, "__all__", ()):
        yield name, getattr(module, name)


def write_pages(folder: Path) -> None:
    """Write a page for each public module, and one that lists them."""
    described: dict[tuple[str, str], str] = {}
    modules = public_modules()
    pages = {name: _page(name, module, described) for name, module in modules.items()}
    pages["index"] = _index(modules)
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.rst"):
        if old.stem not in pages:
            old.unlink()
    for name, text in pages.items():
        write_changed(folder / f"{name}.rst", text)


def _index(modules: dict[str, ModuleType]) -> str:
    """The modules, and what each is for."""
    listed = "\n".join(f"   {name}" for name in modules)
    rows = [(f":doc:`{name} <{name}>`", first_line(module)) for name, module in modules.items()]
    title = "Reference\n========="
    return f"{title}\n\n{_table(rows)}\n\n.. toctree::\n   :hidden:\n\n{listed}\n"


def first_line(thing: Any) -> str:
    """What a docstring says first, as plain text in a page."""
    said = (inspect.getdoc(thing) or "").partition("\n\n")[0]
    return re.sub(r"([*|\\]|_(?=\W|$))", r"\\\1", " ".join(said.split()))


def _table(rows: list[tuple[str, str]]) -> str:
    lines = [".. list-table::", "   :widths: 30 70", ""]
    for name, says in rows:
        lines += [f"   * - {name}", f"     - {says}"]
    return "\n".join(lines)


def write_changed(file: Path, text: str) -> None:
    """Write a page, if it is another: what stays as it is need not be read again."""
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def _page(name: str, module: ModuleType, described: dict[tuple[str, str], str]) -> str:
    """All that is public in a module; what is described under another name is a link to it."""
    parts: list[str] = []
    also: list[str] = []
    rows: list[tuple[str, str]] = []
    for each, thing in public_names(module):
        if inspect.ismodule(thing):
            continue
        own = f"{name}.{each}"
        known = (getattr(thing, "__module__", name), getattr(thing, "__qualname__", each))
        first = described.setdefault(known, own)
        if first == own:
            parts.append(_directive(own, thing))
            documented = inspect.isclass(thing) or inspect.isroutine(thing)
            rows.append((f":py:obj:`{each} <{own}>`", first_line(thing) if documented else ""))
        else:
            also.append(f":py:obj:`{each} <{first}>`")
    if also:
        parts.append("Also here: " + ", ".join(also) + ".")
    title = f"{name}\n{'=' * len(name)}"
    said = f".. automodule:: {name}\n   :no-members:"
    return "\n\n".join([title, said, *([_table(rows)] if len(rows) > 3 else []), *parts]) + "\n"


def _directive(name: str, thing: Any) -> str:
    if inspect.isclass(thing):
        kind = "autoexception" if issubclass(thing, BaseException) else "autoclass"
        return f".. {kind}:: {name}\n   :members:"
    return f".. {'autofunction' if callable(thing) else 'autodata'}:: {name}"
