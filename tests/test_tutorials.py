"""Tutorials as they stand in files; the build of the site executes them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(p for p in (DOCS / "tutorials").glob("*.md") if p.stem != "index")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)


def cells(page: Path) -> list[str]:
    """Code of the cells, without their options."""
    found = re.findall(r"^```\{code-cell\} ipython3\n(.*?)^```", page.read_text(), re.M | re.S)
    return [re.sub(r"^:.*\n", "", code, flags=re.M) for code in found]


@each_page
def test_it_names_its_kernel(page: Path) -> None:
    header = yaml.safe_load(page.read_text().split("---\n")[1])
    assert header["kernelspec"]["name"] == "python3"
    assert header["jupytext"]["text_representation"]["format_name"] == "myst"


@each_page
def test_it_is_listed(page: Path) -> None:
    assert f"]({page.name})" in (DOCS / "tutorials" / "index.md").read_text()
    assert f"\ntutorials/{page.stem}\n" in (DOCS / "index.md").read_text()


@each_page
def test_what_is_drawn_at_random_is_seeded(page: Path) -> None:
    code = "\n".join(cells(page))
    assert "np.random." not in code.replace("np.random.default_rng(", "")
    assert "default_rng()" not in code
    for call in re.findall(r"distributions\.\w+\((.*?)\)\n", code + "\n", re.S):
        assert "seed=" in call, call
    for made in ("torch.randn(", "torch.rand(", "torch.randint(", "torch.randperm("):
        assert made not in code or "manual_seed(" in code, made


@each_page
def test_it_ends_in_a_picture(page: Path) -> None:
    last = cells(page)[-1].rstrip().splitlines()[-1]
    assert re.fullmatch(r"fig\w*|\S.*\.figure", last), last


@pytest.fixture
def executed_pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(DOCS))
    yield
    sys.modules.pop("executed_pages", None)


def test_a_changed_package_is_executed_anew(
    executed_pages: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import executed_pages as made

    env = SimpleNamespace(found_docs={"start", "tutorials/index", "tutorials/ring"})
    monkeypatch.setattr(made, "package_digest", lambda: "of one")
    assert sorted(made.find_outdated(None, env, set(), set(), set())) == [
        "tutorials/index",
        "tutorials/ring",
    ]
    assert made.find_outdated(None, env, set(), set(), set()) == []
    monkeypatch.setattr(made, "package_digest", lambda: "of another")
    assert len(made.find_outdated(None, env, set(), set(), set())) == 2


@pytest.mark.parametrize("others", [0, 3, 50])
def test_tutorials_are_spread_and_no_page_is_lost(executed_pages: None, others: int) -> None:
    from executed_pages import spread

    names = [*(f"a{i}" for i in range(others)), *(f"tutorials/{i}" for i in range(7))]
    ordered = list(names)
    spread(None, None, ordered)
    assert sorted(ordered) == sorted(names)
    half = ordered[: len(ordered) // 2]
    assert sum(name.startswith("tutorials/") for name in half) in (3, 4)
