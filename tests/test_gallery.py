"""Scripts of the gallery: seeded, short, and the quick ones run; the site's build runs all."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from matplotlib.figure import Figure

SCRIPTS = sorted((Path(__file__).parents[1] / "examples" / "gallery").glob("plot_*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_has_a_title_and_seeds(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    compile(text, script.name, "exec")
    title, rule = text.splitlines()[1:3]
    assert rule == "=" * len(title)
    assert len(text.splitlines()) <= 55
    drawn = re.findall(r"(?:default_rng|gaussian|with_errors|waterbag)\(", text)
    assert len(drawn) <= len(re.findall(r"seed=|default_rng\(\d|quiet=True", text))


@pytest.mark.parametrize("name", ["plot_envelopes", "plot_optics"])
def test_a_script_makes_a_figure(name: str) -> None:
    (script,) = (path for path in SCRIPTS if path.stem == name)
    assert any(isinstance(thing, Figure) for thing in runpy.run_path(str(script)).values())
