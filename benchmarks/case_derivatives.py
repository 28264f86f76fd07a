"""Derivatives of the paper's cell, in units of plain tracking."""

from __future__ import annotations

from typing import Any

import numpy as np

import pyjutrack as pj

from .clock import in_turns
from .report import Row, Table
from .setup import KNOBS, paper_cell

_FORWARD = f"forward: {len(KNOBS)} knobs together"
_REVERSE = f"reverse: {len(KNOBS)} knobs in one pass"
_JACOBIAN = "jacobian (6 x 6, test particle)"
#: what was asked of the ratios to plain tracking
_ASKED = {_FORWARD: "<= 5", _REVERSE: "<= 5"}


def run(particles: int, repeats: int, threads: int) -> Table:
    setup = paper_cell(particles)
    growth = pj.observables.emittance_growth("x")
    common: dict[str, Any] = {"effects": [setup.kick]}

    def gradient(mode: Any) -> Any:
        lattice, beam = setup.lattice, setup.beam
        return pj.gradient(growth, lattice, beam, wrt=KNOBS, mode=mode, **common)

    contenders = {
        "plain tracking": lambda: pj.track(setup.lattice, setup.beam, **common),
        _FORWARD: lambda: gradient("forward"),
        _REVERSE: lambda: gradient("reverse"),
        _JACOBIAN: lambda: pj.jacobian(setup.lattice, setup.beam, **common),
    }
    forward, reverse = gradient("forward"), gradient("reverse")
    difference = np.linalg.norm(forward - reverse) / np.linalg.norm(reverse)
    samples = in_turns(contenders, repeats)
    plain = samples["plain tracking"]
    rows = [
        Row(name, found, found.over(plain), _ASKED.get(name, "")) for name, found in samples.items()
    ]
    return Table(
        f"Derivatives through the paper's cell with space charge, {particles} particles",
        "time / time of plain tracking",
        rows,
        [f"forward and reverse gradients agree to {difference:.1e}"],
    )
