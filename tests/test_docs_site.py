"""The pages that the site's build makes: all public names, and links that lead somewhere."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import pyjutrack as pj

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(DOCS))
    yield
    for name in ("copied_pages", "plain_docstrings", "reference_pages"):
        sys.modules.pop(name, None)


@pytest.fixture
def pages(site: None, tmp_path: Path) -> dict[str, str]:
    from reference_pages import write_pages

    write_pages(tmp_path)
    return {file.stem: file.read_text() for file in tmp_path.iterdir()}


def test_every_public_name_is_in_the_reference_once(pages: dict[str, str]) -> None:
    described = re.findall(r"^\.\. auto(?:class|data|exception|function):: (\S+)$",
                           "\n".join(pages.values()), re.MULTILINE)  # fmt: skip
    assert len(set(described)) == len(described)
    assert {f"pyjutrack.{name}" for name in pj.__all__} <= set(described) | set(pages)
    for module in (pj.collective, pj.diagnostics, pj.elements, pj.errors, pj.optics, pj.plotting):
        page = pages[module.__name__]
        for name in module.__all__:
            thing = getattr(module, name)
            shown = f"{module.__name__}.{name}\n" in page or f"`{name} <" in page
            assert shown or isinstance(thing, ModuleType), f"{module.__name__}.{name}"


def test_pages_of_names_that_are_gone_are_removed(site: None, tmp_path: Path) -> None:
    from reference_pages import write_pages

    (tmp_path / "pyjutrack.old.rst").write_text("old")
    write_pages(tmp_path)
    assert not (tmp_path / "pyjutrack.old.rst").exists()
    assert "pyjutrack.optics" in (tmp_path / "index.rst").read_text()


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("[a](examples/rings/README.md)", "[a](example_rings.md)"),
        ("[a](docs/files.md#formats)", "[a](../files.md#formats)"),
        ("![a](docs/figure3.png)", "![a](../figure3.png)"),
        ("[a](https://example.org/README.md)", "[a](https://example.org/README.md)"),
        ("[a](nowhere.md)", "[a](nowhere.md)"),
    ],
)
def test_links_of_what_is_copied_lead_to_the_same(site: None, text: str, moved: str) -> None:
    from copied_pages import relink

    assert relink(text, Path(), Path("docs/copied")) == moved


def test_the_page_of_examples_names_each() -> None:
    examples = DOCS.parent / "examples"
    text = (examples / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([^)]+)\)", text))
    folders = {f"{path.parent.name}/README.md" for path in examples.glob("*/README.md")}
    assert linked == folders | {path.name for path in examples.glob("*.py")}


def test_docstrings_are_plain_text(site: None) -> None:
    from plain_docstrings import escape_lines

    def escaped(*lines: str) -> list[str]:
        given: list[Any] = list(lines)
        escape_lines(None, "function", "f", None, None, given)
        return given

    assert escaped("of a*b and |c|, `d*e", "f*g` too") == [
        r"of a\*b and \|c\|, `d*e",
        "f*g` too",
    ]
    assert escaped("`Target`s of x_ and p_x") == [r"`Target`\ s of x\_ and p_x"]
