"""Kicks of effects that leave particles no momentum are told of: what kind of loss, and of whom."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import pyjutrack as pj
from pyjutrack.errors import AccuracyWarning, LossWarning
from pyjutrack.maps.state import State

PROTON = pj.Reference.from_kinetic("proton", 1e9)
LINE = pj.Lattice([pj.Drift(0.2), pj.Marker(name="tank"), pj.Drift(0.3), pj.Marker(name="end")])


@dataclass(frozen=True)
class Push(pj.CollectiveEffect):
    """Adds to a momentum of the particles with x > 0."""

    column: int
    size: Any
    at: str = "tank"
    lumped = reversible = weighted = True

    def slices(self, element: pj.Element) -> int:
        return int(element.name == self.at)

    def field(self, beam: pj.Beam, state: State, place: Any, memory: Any) -> Tensor:
        return torch.as_tensor(self.size)

    def apply(self, state: State, field: Tensor, place: Any) -> State:
        columns = list(state.coordinates)
        kicked = state.alive & (columns[0] > 0)
        columns[self.column] = torch.where(
            kicked, columns[self.column] + field, columns[self.column]
        )
        return state._replace(coordinates=tuple(columns))


def bunch(count: int = 12, kicked: int = 5) -> pj.Beam:
    rows = np.zeros((count, 6))
    rows[:, 0] = -1e-3
    rows[:kicked, 0] = 1e-3
    return pj.Beam(PROTON, rows, charge=1e-9)


def square(final: pj.Beam) -> Tensor:
    return torch.where(final.alive, final.coordinate("x") ** 2, 0.0).sum()


CALLS: dict[str, Any] = {
    "track": lambda **o: pj.track(LINE, bunch(), **o),
    "turns": lambda **o: pj.track(LINE, bunch(), turns=3, **o),
    "store": lambda **o: pj.track(LINE, bunch(), adjoint="store", **o),
    "batch": lambda **o: pj.track(
        LINE,
        bunch().replace(coordinates=torch.stack([bunch().coordinates] * 2), alive=None),
        **o,
    ),
    "weights": lambda **o: pj.track(LINE, bunch().replace(weights=torch.ones(12).double()), **o),
    "single": lambda **o: pj.track(LINE, bunch().to(torch.float32), **o),
    "gradient": lambda **o: pj.gradient(square, LINE, bunch(), wrt=["effects[0].size"], **o),
    "forward": lambda **o: pj.gradient(
        square, LINE, bunch(), wrt=["effects[0].size"], mode="forward", **o
    ),
    "fd": lambda **o: pj.gradient(square, LINE, bunch(), wrt=["effects[0].size"], mode="fd", **o),
    "beams_at": lambda **o: pj.beams_at(LINE, bunch(), ["end", "tank"], **o),
    "track_turns": lambda **o: pj.diagnostics.track_turns(
        LINE, bunch(), {"lost": lambda b: b.lost}, turns=3, **o
    ),
    "vmap": lambda effects: torch.func.vmap(
        lambda size: pj.track(LINE, bunch(), effects=[Push(effects[0].column, size)]).coordinates
    )(effects[0].size * torch.ones(2).double()),
}


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("column", "size"), [(5, -30.0), (1, 30.0), (3, -30.0)])
def test_a_kick_beyond_the_momentum_is_told_once(call: str, column: int, size: float) -> None:
    message = (
        "5 of 12 particles are left without momentum, not lost at apertures: their delta is -1 or "
        "less, or px and py are more than what is left of it, up to 30 times the momentum of the "
        "reference; the next element cannot move them. What kicks them: effects[0] (Push at 'tank')"
    )
    with pytest.warns(AccuracyWarning, match=re.escape(message)) as said:
        CALLS[call](effects=[Push(column, size)])
    assert sum("without momentum" in str(one.message) for one in said) == 1


def test_also_in_the_last_element() -> None:
    with pytest.warns(AccuracyWarning, match="^5 of 12 particles are left without momentum"):
        end = pj.track(LINE[:2], bunch(), effects=[Push(5, -2.0)])
    assert float(end.coordinate("delta").min()) == -2.0


def test_two_effects_are_both_named() -> None:
    wake = pj.collective.Wake(pj.collective.Resonator(1e9, 1.0), "tank", cells=8)
    long = bunch().replace(
        coordinates=bunch().coordinates + 0.1 * torch.eye(6)[4] * torch.randn(12, 1)
    )
    message = r"effects\[0\] \(Wake at 'tank'\), effects\[1\] \(Push at 'tank'\); check charge"
    with pytest.warns(AccuracyWarning, match=message):
        pj.track(LINE, long, effects=[wake, Push(5, -2.0)])


def test_what_is_no_such_loss() -> None:
    """Warnings would be errors: kicks that leave some, apertures, and what was lost before."""
    slit = pj.Lattice([pj.Aperture(half_width=5e-4, half_height=1.0), *LINE])
    assert pj.track(slit, bunch(), effects=[Push(5, -0.9)]).lost == 12
    assert pj.track(LINE, bunch(), effects=[Push(5, -0.9), Push(3, 0.05)]).lost == 0
    assert pj.track(LINE, bunch(), effects=[Push(5, 30.0), Push(1, 20.0)]).lost == 0
    rows = bunch().coordinates.clone()
    rows[7, 5] = -1.5
    end = pj.track(LINE, bunch().replace(coordinates=rows), effects=[Push(5, -0.1)])
    assert end.lost == 1
    dead = bunch().replace(alive=bunch().coordinates[:, 0] < 0)
    assert pj.track(LINE, dead, effects=[Push(5, -30.0)]).lost == 5


def test_a_wake_in_other_units() -> None:
    """A shunt impedance a million times too large."""
    mode = pj.collective.Resonator(1e9, 1e13)
    rows = np.random.default_rng(1).normal(size=(500, 6)) * [1e-3, 0, 1e-3, 0, 0.05, 0]
    beam = pj.Beam(PROTON, rows, charge=1e-9)
    wake = pj.collective.Wake(mode, "tank", cells=40)
    with pytest.warns(AccuracyWarning, match=r"effects\[0\] \(Wake at 'tank'\)") as said:
        end = pj.track(LINE, beam, effects=[wake])
    delta = end.coordinates[:, 5]
    count = int((delta <= -1).sum())
    assert str(said[0].message).startswith(f"{count} of 500 particles are left without")
    assert end.lost == count > 100
    quiet = dataclasses.replace(wake, scale=1e-6)
    assert pj.track(LINE, beam, effects=[quiet]).lost == 0


def test_derivatives_tell_of_both() -> None:
    with pytest.warns(AccuracyWarning, match="without momentum"), pytest.warns(LossWarning):
        pj.gradient(square, LINE, bunch(), wrt=["effects[0].size"], effects=[Push(5, -3.0)])


ELECTRON = pj.Reference.from_total("electron", 2e9)


def scan(size: float = 0.6) -> tuple[pj.Lattice, pj.Beam]:
    """A ring with sextupoles and no aperture, and particles far beyond its dynamic aperture."""
    focus = [pj.Quadrupole(0.3, 1.7), pj.Multipole(knl=(0, 0, 8.0)), pj.Drift(0.6)]
    bend = pj.SBend(1.5, math.pi / 8, model="linear")
    defocus = [pj.Quadrupole(0.2, -1.3), pj.Multipole(knl=(0, 0, -8.0)), pj.Drift(0.6)]
    other = dataclasses.replace(bend, k1=-0.05)
    cell = [*focus, bend, pj.Drift(0.5), *defocus, other, pj.Drift(0.6)]
    rows = np.zeros((60, 6))
    rows[:, 0], rows[:, 2] = np.linspace(0, size, 60), 1e-4
    tank = pj.Marker(name="tank")
    return pj.Lattice([*cell * 8, tank]), pj.Beam(ELECTRON, rows)


@pytest.mark.parametrize("thick", [False, True])
def test_a_scan_of_the_dynamic_aperture_is_silent(thick: bool) -> None:
    """Warnings would be errors: the sextupoles lose as many without radiation."""
    ring, beam = scan()
    if thick:
        ring = pj.Lattice(
            [pj.Sextupole(0.1, e.knl[2] / 0.1) if isinstance(e, pj.Multipole) else e for e in ring]
        )
    radiation = pj.collective.Radiation()
    lost = [
        pj.track(ring, beam, turns=30, effects=e).lost for e in ([], [radiation], [Push(5, -1e-6)])
    ]
    assert min(lost) > 50
    assert max(lost) < 60
    history = pj.diagnostics.track_turns(
        ring, beam, {"lost": lambda b: b.lost}, turns=30, effects=[radiation]
    )
    assert history.beam.lost == lost[1]


def test_a_kick_is_told_where_the_lattice_loses_others() -> None:
    ring, beam = scan(0.02)
    for turns in (1, 2, 3):
        assert 10 < pj.track(ring, beam, turns=turns).lost < 55
        with pytest.warns(AccuracyWarning, match="particles are left without momentum") as said:
            end = pj.track(ring, beam, turns=turns, effects=[Push(5, -1.5)])
        told = int(str(said[0].message).split(" of 60")[0])
        assert told >= int((end.coordinate("delta") <= -1).sum()) > 10
