"""Links of the built site: those within it lead to a page and a place, others have a sound form."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


class Links(HTMLParser):
    """Of one page: what it links to and shows, and the places that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" or (tag == "a" and name == "name"):
                self.places.add(value or "")
            elif value and (tag, name) in {("a", "href"), ("img", "src"), ("link", "href")}:
                self.targets.append(value)


def faults(folder: Path) -> list[str]:
    """Links that lead nowhere, a line each."""
    pages = {p.resolve(): Links(p.read_text(encoding="utf-8")) for p in folder.rglob("*.html")}
    return [
        f"{page.relative_to(folder.resolve())}: {target}: {why}"
        for page, links in sorted(pages.items())
        for target in dict.fromkeys(links.targets)
        for why in _why(page, target, pages, folder.resolve())
    ]


def _why(page: Path, target: str, pages: dict[Path, Links], root: Path) -> Iterator[str]:
    """What is wrong with a link of a page, if anything."""
    link = urlsplit(target)
    if link.scheme or link.netloc:
        named = "." in link.netloc and not set(target) & set(' "<>')
        if not (link.scheme in ("mailto", "data") or (link.scheme in ("http", "https") and named)):
            yield "no sound address"
        return
    path = (page.parent / unquote(link.path)).resolve() if link.path else page
    path = path / "index.html" if path.is_dir() else path
    if not path.is_file() or root not in path.parents:
        yield "no such file in the site"
    elif link.fragment and path in pages and unquote(link.fragment) not in pages[path].places:
        yield "no such place on that page"


def check_links(app: Any, error: Exception | None) -> None:
    """Fail the build of HTML pages with broken links: a listener of Sphinx."""
    if error or app.builder.name != "html":
        return
    found = faults(Path(app.outdir))
    if found:
        from sphinx.errors import ExtensionError

        lines = "\n".join(found)
        raise ExtensionError(f"{len(found)} links of the site lead nowhere:\n{lines}")
