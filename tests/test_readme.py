"""The examples of the README and of docs/corrections.md run as written and print what they say."""

import re
from pathlib import Path

from pages import run

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
