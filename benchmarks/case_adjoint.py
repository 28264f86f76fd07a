"""Memory and time of reverse mode through many kicks."""

from __future__ import annotations

from typing import Any

import pyjutrack as pj

from .child import measure, megabytes
from .clock import in_turns
from .report import Row, Table
from .setup import KNOBS, apart, paper_cell

#: turns of the paper's cell, 24 kicks each
SHORT, LONG = 4, 417
_WRT = [*KNOBS, "beam.current"]


def run(particles: int, repeats: int, threads: int) -> Table:
    setup = paper_cell(particles)
    growth = pj.observables.emittance_growth("x")
    common: dict[str, Any] = {"effects": [setup.kick], "turns": SHORT}

    def gradient(adjoint: str) -> Any:
        lattice, beam = setup.lattice, setup.beam
        return pj.gradient(growth, lattice, beam, wrt=_WRT, adjoint=adjoint, **common)

    contenders = {
        "plain tracking": lambda: pj.track(setup.lattice, setup.beam, **common),
        **{a: (lambda a=a: gradient(a)) for a in ("store", "checkpoint", "reversible")},
    }
    samples = in_turns(contenders, max(3, repeats // 3))
    plain = samples["plain tracking"]
    stored = gradient("store")
    rows = []
    for name, found in samples.items():
        note = ""
        if name in ("checkpoint", "reversible"):
            note = f"agrees with store to {apart(gradient(name), stored):.1e}"
        asked = "<= 4" if name == "reversible" else ""
        rows.append(Row(f"{name}, {24 * SHORT} kicks", found, found.over(plain), asked, note))
    short = measure("adjoint_child", particles, SHORT, threads, "")
    long = measure("adjoint_child", particles, LONG, threads, "checkpoint")
    rows += [
        Row(
            f"memory: reversible, {24 * LONG} kicks over {24 * SHORT}",
            measured=long["peak"] / short["peak"],
            asked="<= 1.3",
            note=f"{megabytes(long['peak'])} over {megabytes(short['peak'])} above the process "
            f"before; whole processes {megabytes(long['resident'])} over "
            f"{megabytes(short['resident'])}",
        ),
        Row(
            f"time: reversible, {24 * LONG} kicks, over plain tracking of them",
            measured=long["seconds"] / long["plain"],
            asked="<= 4",
            note=f"{long['seconds']:.1f} s over {long['plain']:.1f} s",
        ),
        Row(
            f"{24 * LONG} kicks: gradient of reversible from that of checkpoint",
            measured=long["apart"],
            asked="<= 1e-9",
            note="through the same beam, largest difference over largest entry; storing them "
            f"would take {24 * LONG * particles * 128 / 2**30:.0f} GiB",
        ),
        Row(
            "the same, the forward pass of one fused and of the other step by step",
            measured=long["rounding"],
            note="how far rounding alone drives gradients apart in so many kicks",
        ),
    ]
    return Table(
        f"Reverse mode through the paper's cell, {particles} particles, {len(_WRT)} knobs",
        "time / time of plain tracking, unless it says otherwise",
        rows,
        ["memory: largest resident set of a process of its own, less that before the reverse pass"],
    )
