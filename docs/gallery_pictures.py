"""Pictures of the gallery: the figures that a script has made, which belong to no window."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst


def scrape(block: Any, names: dict[str, Any], conf: dict[str, Any]) -> str:
    """Save the figures among a script's names, and return how a page shows them."""
    figures = [thing for thing in names["example_globals"].values() if isinstance(thing, Figure)]
    paths = []
    for figure, path in zip(figures, names["image_path_iterator"], strict=False):
        figure.savefig(path, dpi=160)
        paths.append(path)
    return figure_rst(paths, conf["src_dir"])
