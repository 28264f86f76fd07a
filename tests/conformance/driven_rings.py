"""A small ring with sextupoles and octupoles, and its driving terms by sums of this file."""

from __future__ import annotations

import numpy as np

import pyjutrack as pj

CELLS = 6


def ring(*, bends=True, octupole=0.0):
    """Six cells; without bends they are straight."""
    bend = pj.SBend(1.0, angle=2 * np.pi / 12, name="b") if bends else pj.Drift(1.0, name="b")
    cell = [
        pj.Marker(name="start"),
        pj.Quadrupole(0.3, k1=1.2, name="qf"),
        pj.Drift(0.2, name="d1"),
        pj.Sextupole(0.1, k2=30.0, name="sf"),
        pj.Drift(0.5, name="d2"),
        bend,
        pj.Drift(0.4, name="d3"),
        pj.Quadrupole(0.3, k1=-1.1, name="qd"),
        pj.Drift(0.2, name="d4"),
        pj.Sextupole(0.1, k2=-45.0, name="sd"),
        pj.Octupole(0.1, k3=octupole, name="oc"),
        pj.Drift(1.1, name="d5"),
    ]
    return pj.Lattice(cell * CELLS)


def electrons():
    return pj.Reference.from_kinetic(pj.Species.from_name("electron"), 3e9)


def middles(lattice, reference):
    """Optics in the middles of sextupoles and octupoles, and their strengths (kinds, ...)."""
    cut = []
    for e in lattice:
        if isinstance(e, (pj.Sextupole, pj.Octupole)):
            half = pj.Drift(e.length / 2)
            cut += [half, pj.Marker(name="middle"), half]
        else:
            cut.append(e)
    table = pj.twiss_table(pj.Lattice(cut), reference)
    return table, [n for n, e in enumerate(cut) if e.name == "middle"]


def first_order(lattice, reference):
    """h_jklm0 of sextupoles at the start, by formula, of the sign that elegant and JuTrack take.

    Source: J. Bengtsson, SLS note 9/97 (1997).
    """
    table, at = middles(lattice, reference)
    magnets = [e for e in lattice if isinstance(e, (pj.Sextupole, pj.Octupole))]
    terms = dict.fromkeys(("h21000", "h30000", "h10110", "h10020", "h10200"), 0j)
    for e, n in zip(magnets, at, strict=True):
        if not isinstance(e, pj.Sextupole):
            continue
        bx, by = table.beta_x[n], table.beta_y[n]
        phx, phy = 2 * np.pi * table.phase_x[n], 2 * np.pi * table.phase_y[n]
        k = e.k2 / 2 * e.length
        terms["h21000"] += k * bx**1.5 * np.exp(1j * phx) / 8
        terms["h30000"] += k * bx**1.5 * np.exp(3j * phx) / 24
        terms["h10110"] -= k * bx**0.5 * by * np.exp(1j * phx) / 4
        terms["h10020"] -= k * bx**0.5 * by * np.exp(1j * (phx - 2 * phy)) / 8
        terms["h10200"] -= k * bx**0.5 * by * np.exp(1j * (phx + 2 * phy)) / 8
    return terms
