"""Links of the built site: broken ones are named, sound ones are not."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(autouse=True)
def _site(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(DOCS))
    yield
    for name in ("inventories", "link_check", "source_links"):
        sys.modules.pop(name, None)


def built(folder: Path, link: str) -> list[str]:
    """What is found in a site of two pages, one of which has the link."""
    from link_check import faults

    (folder / "sub").mkdir(exist_ok=True)
    (folder / "index.html").write_text(f'<p id="here"><a href="{link}">a</a></p>')
    (folder / "sub" / "b.html").write_text('<h2 id="two-words">b</h2>')
    return faults(folder)


@pytest.mark.parametrize(
    "link",
    [
        "#here",
        "sub/b.html",
        "sub/b.html#two-words",
        "https://example.org/a#b",
        "mailto:a@b.org",
        "",
    ],
)
def test_sound_links(link: str, tmp_path: Path) -> None:
    assert built(tmp_path, link) == []


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("#there", "no such place"),
        ("sub/b.html#other", "no such place"),
        ("sub/c.html", "no such file"),
        ("../outside.html", "no such file"),
        ("https://", "no sound address"),
        ("htp://example.org", "no sound address"),
        ("http://localhost/a b", "no sound address"),
    ],
)
def test_broken_links_are_named(link: str, why: str, tmp_path: Path) -> None:
    (tmp_path.parent / "outside.html").write_text("")
    (fault,) = built(tmp_path, link)
    assert fault.startswith(f"index.html: {link}: ")
    assert why in fault


def test_a_build_with_a_broken_link_fails(tmp_path: Path) -> None:
    errors: Any = pytest.importorskip("sphinx.errors")
    from link_check import check_links

    class App:
        outdir = str(tmp_path)

        class builder:
            name = "html"

    built(tmp_path, "sub/c.html")
    with pytest.raises(errors.ExtensionError, match=r"1 links.*\n.*sub/c\.html"):
        check_links(App, None)
    built(tmp_path, "sub/b.html")
    check_links(App, None)


def test_names_of_other_packages_can_be_read_by_sphinx(tmp_path: Path) -> None:
    from inventories import SITES, write_inventories

    mapping = write_inventories(tmp_path)
    assert set(mapping) == set(SITES)
    for package, (site, file) in mapping.items():
        content = Path(file).read_bytes()
        assert site.startswith("https://")
        assert content.startswith(b"# Sphinx inventory version 2\n# Project: ")
        names = zlib.decompress(content.split(b"zlib.\n", 1)[1]).decode().splitlines()
        assert len(names) == len(SITES[package][1])


def test_links_of_sources_lead_to_the_place_that_is_meant(tmp_path: Path) -> None:
    from source_links import mend

    (tmp_path / "_modules").mkdir()
    page, back = tmp_path / "_modules" / "a.html", '<a class="viewcode-back" href="../r.html#{}">'
    (tmp_path / "r.html").write_text('<p id="pyjutrack.optics.Target"><p id="pyjutrack.twiss">')
    for given, mended in (
        ("pyjutrack.Target", "pyjutrack.optics.Target"),
        ("pyjutrack.twiss", "pyjutrack.twiss"),
        ("pyjutrack.nothing", "pyjutrack.nothing"),
    ):
        page.write_text(back.format(given))
        mend(tmp_path)
        assert page.read_text() == back.format(mended)
