"""JuTrack's elements that Julia holds: equal ones are made once in a process."""

from __future__ import annotations

import numpy as np
import pytest

import pyjutrack as pj
from pyjutrack.engines.julia import pieces

LINE = pj.Lattice([pj.Drift(0.1234), pj.Sextupole(0.2, k2=1.234, name="s"), pj.Drift(0.1234)])
KICKED = pj.julia.Element("KQUAD", length=0.2, k1=1.234, KickAngle=[1e-4, 0.0], name="s")


@pytest.fixture
def made(julia, monkeypatch):
    """The kinds of what Julia makes, a list a call."""
    found, call = [], julia.session.call

    def told(name, *arguments, **options):
        if name == "pieces":
            found.append(list(arguments[0]))
        return call(name, *arguments, **options)

    monkeypatch.setattr(julia.session, "call", told)
    monkeypatch.setattr(julia.session, "pieces", {})
    monkeypatch.setattr(julia.session, "store", None)
    return found


def test_what_is_held_is_not_made_again(julia, made, make_beam):
    beam = make_beam(10)
    for k2 in (1.234, 1.234, 2.0, 1.234):
        line = LINE.with_values({"s.k2": k2})
        found, expected = (pj.track(line, beam, engine=e).coordinates for e in (julia, "native"))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert made == [["DRIFT", "KSEXT"], ["KSEXT"]]


def test_no_more_are_held_than_so_many(julia, made, make_beam, monkeypatch):
    monkeypatch.setattr(pieces, "_MOST", 3)
    beam, held = make_beam(10), julia.session.pieces
    for k2 in (1.0, 2.0, 3.0):
        line = LINE.with_values({"s.k2": k2})
        found, expected = (pj.track(line, beam, engine=e).coordinates for e in (julia, "native"))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
        assert len(held) <= 3
    assert made == [["DRIFT", "KSEXT"]] * 3


def test_what_works_in_itself_is_of_one_study(julia, make_beam):
    """JuTrack writes the kicks into the element while it passes particles."""
    beam = make_beam(10)
    first, again = (pj.track(pj.Lattice([KICKED]), beam, engine=julia) for _ in range(2))
    np.testing.assert_array_equal(first.coordinates, again.coordinates)
    own = julia.session.main.seval(
        """
        map(([0.0, 0.0], [1e-4, 0.0])) do kicks
            p = only(PyJuTrack.pieces(["KQUAD"], [Dict("KickAngle" => kicks)], [0.0]))
            PyJuTrack.own_piece(p) === p
        end
        """
    )
    assert [bool(b) for b in own] == [True, False]
