"""Pictures of footprints: the tunes that were found, and resonances where they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack import plotting
from pyjutrack.diagnostics import Footprint


def _footprint(tunes: np.ndarray, planes: tuple[str, ...] = ("x", "y")) -> Footprint:
    beam = pj.Beam(pj.Reference.from_kinetic("proton", 1e9), torch.zeros(len(tunes), 6))
    return Footprint(planes, tunes, np.ones_like(tunes), 1e-6 * np.ones_like(tunes), beam)


def test_tunes_are_where_they_were_found_and_resonances_cross_there() -> None:
    tunes = np.array([[0.24, 0.32], [0.26, 0.34], [np.nan, 0.3]])
    ax = plotting.plot_footprint(plotting.figure()[1], _footprint(tunes), resonances=4)
    (points,) = ax.collections
    np.testing.assert_array_equal(points.get_offsets(), tunes[:2])
    np.testing.assert_allclose(points.get_array(), np.log10(np.sqrt(2e-12)))
    # of up to fourth order: 4 Qx = 1, 3 Qy = 1, and 2 Qx + 2 Qy, 2 Qx + Qy, Qx + 3 Qy, ... where
    # they pass the frame
    (low, high), (left, right) = ax.get_ylim(), ax.get_xlim()
    assert left < 0.24 < 0.26 < right
    found = set()
    for line in ax.lines:
        (u0, u1), (v0, v1) = line.get_data()
        if u0 == u1:
            found.add(("x", round(u0, 6)))
        elif v0 == v1:
            found.add(("y", round(v0, 6)))
    assert found == {("x", 0.25), ("y", round(1 / 3, 6))}
    assert low < 1 / 3 < high


def test_lines_are_labelled_apart_and_told_by_their_dashes() -> None:
    tunes = np.array([[0.21, 0.28], [0.29, 0.36]])
    ax = plotting.plot_footprint(plotting.figure()[1], _footprint(tunes), resonances=4, labels=True)
    written = [(text.get_text(), np.array(text.xy)) for text in ax.texts]
    words = {words for words, _ in written}
    assert {"(4, 0)", "(0, 3)"} <= words
    assert not {"(2, 0)", "(0, 2)", "(1, 1)"} & words  # far away
    for n, (_, at) in enumerate(written):
        assert ((at > 0) & (at < 1)).all()
        assert all(np.abs(at - other).max() > 0.05 for _, other in written[:n])
    dashes = {}
    for line in ax.lines:
        (u0, u1), (v0, v1) = line.get_data()
        dashes[u0 == u1, v0 == v1] = line.get_linestyle()
    assert dashes[True, False] == "-"  # 4 Qx = 1
    assert dashes[False, True] == "--"  # 3 Qy = 1


def test_what_cannot_be_drawn_is_refused() -> None:
    ax = plotting.figure()[1]
    with pytest.raises(pj.errors.InvalidValueError, match="two planes"):
        plotting.plot_footprint(ax, _footprint(np.zeros((2, 1)), ("x",)))
    with pytest.raises(pj.errors.InvalidValueError, match="no particle has tunes"):
        plotting.plot_footprint(ax, _footprint(np.full((2, 2), np.nan)))
