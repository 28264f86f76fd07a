"""Overlays of Bmad that go through knots, as NumPy interpolates and fits them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bmad_text import START
from lattice_text import reader

from pyjutrack.errors import LatticeFileError, LatticeWarning


@pytest.fixture
def read(tmp_path: Path):
    return reader(tmp_path, "a.bmad", START)


@pytest.mark.parametrize(
    ("told", "curve"),
    [
        ("interpolation = linear, x_knot = {-1, 0.5, 1, 3}", None),
        ("x_knot = {-1, 2}", None),
        ("x_knot = {-1, 0.5, 2}", 2),
    ],
)
def test_overlays_follow_their_knots(read, told: str, curve: int | None) -> None:
    """Straight pieces by NumPy, and the parabola through three knots by a fit of it."""
    places = [float(t) for t in told[told.index("{") + 1 : -1].split(",")]
    values = [0.3, -0.4, 1.1, 0.7][: len(places)]
    listed = ", ".join(map(str, values))
    found = read(
        "q: quadrupole, l = 0.6; s: quadrupole, l = 0.1; r: line = (q, s)\n"
        f"o: overlay = {{q[k1]:{{{listed}}}, s[k1]}}, var = {{t}}, {told}, t = 0.2\n"
    ).lattice
    for t in (-0.9, 0.2, 0.5, 1.7):
        ring = found if t == 0.2 else found.with_values({"o.t": t})
        if curve is None:
            wanted = np.interp(t, places, values)
        else:
            wanted = np.polyval(np.polyfit(places, values, curve), t)
        assert ring["q"].k1 == pytest.approx(wanted, abs=1e-12)
        assert ring["s"].k1 == pytest.approx(wanted, abs=1e-12)
    last = found.with_values({"o.t": places[-1] + 1.0})["q"].k1
    if curve is None:  # extrapolated by the last piece
        slope = (values[-1] - values[-2]) / (places[-1] - places[-2])
        assert last == pytest.approx(values[-1] + slope, abs=1e-12)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("x_knot = {0, 0}, interpolation = linear", "each above the one before"),
        ("x_knot = {0, 1, 2}, interpolation = linear", "2 values stand for 3 knots"),
    ],
)
def test_knots_that_are_none(read, told: str, said: str) -> None:
    controls = f"o: overlay = {{q[k1]:{{1, 2}}}}, var = {{t}}, {told}\n"
    with pytest.raises(LatticeFileError, match=said):
        read("q: quadrupole, l = 1; r: line = (q)\n" + controls)


def test_what_is_controlled_by_cubic_knots_is_noted(read) -> None:
    text = (
        "q: quadrupole, l = 1; r: line = (q)\n"
        "o: overlay = {q[k1]:{1, 2, 4, 3}}, var = {t}, x_knot = {0, 1, 2, 3}\n"
    )
    with pytest.warns(LatticeWarning, match="cubic between more than three knots"):
        read(text)
    with pytest.warns(LatticeWarning, match=r"o\[x_knot\(2\)\] = 0.5"):
        read(text.replace("4, 3", "4").replace("2, 3}", "2}") + "o[x_knot(2)] = 0.5\n")
