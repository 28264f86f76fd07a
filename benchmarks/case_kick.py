"""One space-charge kick against the peers' on the same particles, grid, machine and threads.

For as many particles as asked for, and for a million.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pyjutrack.maps.state import State
from pyjutrack.tracking.end import state_of

from . import peer_cheetah, peer_gridless, peer_xfields
from .clock import in_turns
from .peer import Array, PeerKick, PeerMissing
from .report import Row, Table
from .setup import HERE, Setup, paper_cell

_PEERS = {"xfields": peer_xfields, "cheetah": peer_cheetah}
#: a peer whose kick differs by more than this does something else, and is not compared
_SAME = 0.05
#: what was asked of the fastest of a kind
_ASKED = {"xfields": ">= 10", "cheetah": ">= 30"}
_LARGE = 1_000_000


def run(particles: int, repeats: int, threads: int) -> Table:
    some = _measure(particles, repeats, threads)
    many = _measure(_LARGE, max(3, repeats // 5), threads)
    rows = [
        replace(row, name=f"{count} particles: {row.name}")
        for count, (found, _) in ((particles, some), (_LARGE, many))
        for row in found
    ]
    grid = paper_cell(1000).kick.potential.mesh.grid
    name = f"One space-charge kick, {grid.shape[0]} x {grid.shape[1]} grid"
    return Table(name, "time of the peer / time of pyjutrack", rows, some[1])


def _measure(particles: int, repeats: int, threads: int) -> tuple[list[Row], list[str]]:
    setup = paper_cell(particles)
    state = state_of(setup.beam.coordinates, setup.beam.alive)

    def ours() -> State:
        return setup.kick.apply(state, setup.kick.field(setup.beam, state, HERE), HERE)

    alone = in_turns({"pyjutrack": ours}, repeats)["pyjutrack"]
    peers, remarks = _same_physics(setup, state, threads)
    contenders: dict[str, Callable[[], object]] = {"pyjutrack": ours}
    contenders |= {peer.name: peer.call for peer, _ in peers}
    summed = f"compiled gridless sum, {peer_gridless.MODES} x {peer_gridless.MODES} modes"
    contenders[summed] = peer_gridless.kick(setup)
    samples = in_turns(contenders, repeats)
    rows = [Row("pyjutrack", samples["pyjutrack"], 1.0)]
    # idle OpenMP threads of one library may spin on the cores that another wants
    remarks.append(
        f"pyjutrack before any peer was loaded: median {alone.median * 1e3:.3f} ms, "
        f"min {alone.min * 1e3:.3f} ms; where that is much less, the peers disturb it"
    )
    for family in _PEERS:
        of_family = [(p, d) for p, d in peers if p.name.startswith(family)]
        of_family.sort(key=lambda both: samples[both[0].name].median)
        for place, (peer, difference) in enumerate(of_family):
            ratio = samples[peer.name].over(samples["pyjutrack"])
            note = f"agrees to {difference:.1%}" + ("" if place else "; fastest of its kind")
            asked = "" if place else _ASKED[family]
            rows.append(Row(peer.name, samples[peer.name], ratio, asked, note))
    ratio = samples[summed].over(samples["pyjutrack"])
    note = "the algorithm of JuTrack, one thread"
    return [*rows, Row(summed, samples[summed], ratio, ">= 100", note)], remarks


def _same_physics(
    setup: Setup, state: State, threads: int
) -> tuple[list[tuple[PeerKick, float]], list[str]]:
    """Peers that compute our kick, with the relative rms difference; and why others do not."""
    same = []
    remarks = [
        "agreement: rms difference of the kicks (px, py) over their rms. Ours: cubic B-splines,",
        "conducting walls; the peers': clouds in cells, central differences, free space.",
    ]
    for family, module in _PEERS.items():
        try:
            for peer in module.kicks(setup, threads):
                difference = _difference(setup, state, peer)
                if difference <= _SAME:
                    same.append((peer, difference))
                else:
                    remarks.append(f"left out: {peer.name} differs by {difference:.1%}")
        except PeerMissing as missing:
            remarks.append(f"skipped: {family} ({missing})")
    return same, remarks


def _difference(setup: Setup, state: State, peer: PeerKick) -> float:
    ours = _our_kicks(setup, state, peer.shift)[:, peer.flat]
    theirs = peer.kicks[:, peer.flat]
    return float(np.linalg.norm(theirs - ours) / np.linalg.norm(ours))


def _our_kicks(setup: Setup, state: State, shift: tuple[float, float]) -> Array:
    """px and py that our kick gives at the particles, or a little beside them."""
    field = setup.kick.field(setup.beam, state, HERE)
    x, px, y, py, z, delta = state.coordinates
    beside = State((x + shift[0], px, y + shift[1], py, z, delta), state.alive)
    kicked = setup.kick.apply(beside, field, HERE).coordinates
    return np.stack([(kicked[1] - px).numpy(), (kicked[3] - py).numpy()])
