"""Examples of the README, docs/start.md and docs/corrections.md run and print what they say."""

import re
from pathlib import Path

from pages import blocks, run

README = Path(__file__).parents[1] / "README.md"


def _block(marker, text):
    return re.search(rf"<!-- {marker} -->\n```\w*\n(.*?)```", text, re.S)[1]


def _numbers(text):
    return [float(n) for n in re.findall(r"-?\d+\.?\d*(?:e[-+]?\d+)?", text)]


def test_the_example_prints_its_output():
    text = README.read_text()
    shown, found = _block("output", text), run(_block("example", text))
    assert re.sub(r"[-\d.e+]+", "#", shown) == re.sub(r"[-\d.e+]+", "#", found)
    for a, b in zip(_numbers(shown), _numbers(found), strict=True):
        assert abs(a - b) <= 1e-6 * abs(a)


def test_it_fits_one_screen_or_two():
    """What it is, a picture, two commands, ten lines, links; the rest is on pages of its own."""
    assert len(README.read_text().splitlines()) <= 90


def test_the_page_to_start_from():
    assert "0 lost" in run("\n".join(blocks("docs/index.md")))
    said = run("\n".join(blocks("docs/start.md")))
    assert said.startswith("3.2797")
    assert "Beam(1000 macroparticles, 0 lost" in said


def test_the_example_of_learned_walls():
    text = (README.parent / "docs" / "corrections.md").read_text()
    shown = _block("corrections output", text)
    found = run(_block("corrections example", text))
    assert re.sub(r"[-\d.e+]+", "#", shown) == re.sub(r"[-\d.e+]+", "#", found)
    # where an optimiser stops is a matter of rounding
    for a, b in zip(_numbers(shown), _numbers(found), strict=True):
        assert abs(a - b) <= 0.02
    believed, learned = _numbers(found)[:2]
    assert learned < believed / 10


def test_the_example_of_a_network_on_top():
    text = (README.parent / "docs" / "corrections.md").read_text()
    assert f"\nprints {run(_block('residual example', text)).strip()}.\n" in text
