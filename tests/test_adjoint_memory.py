"""What a backward pass holds of the beam, and what adjoint="auto" takes for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack.tracking.adjoints import Auto


def held(line: pj.Lattice, beam: pj.Beam, kick: pj.SpaceCharge, turns: int, how: str) -> int:
    """Bytes of tensors that wait for a reverse pass."""
    leaf = torch.tensor(29.6, dtype=torch.float64, requires_grad=True)
    kept: list[torch.Tensor] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor)
        return tensor

    knobbed = line.with_values({"q1.k1": leaf})
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        end = pj.track(knobbed, beam, effects=[kick], turns=turns, adjoint=how)
    for node in nodes(end):
        if hasattr(node, "tape"):
            kept += [c for columns in node.tape.record.saved.values() for c in columns]
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in kept}
    return sum(storages.values())


def nodes(end: pj.Beam) -> list[Any]:
    """Walk the graph back from a beam, along the first input of every operation."""
    found, node = [], end.coordinates.grad_fn
    while node is not None:
        found.append(node)
        node = node.next_functions[0][0] if node.next_functions else None
    return found


def test_what_is_held_does_not_grow(cell, kick, make_beam) -> None:
    beam = make_beam(2000)
    short, long = (held(cell, beam, kick, turns, "reversible") for turns in (2, 20))
    assert short > 2000 * 6 * 8
    assert long <= 1.01 * short
    root, more = (held(cell, beam, kick, turns, "checkpoint") for turns in (4, 16))
    assert root < more < 2.2 * root
    stored = held(cell, beam, kick, 20, "store")
    assert stored > 20 * long


def test_what_auto_takes(cell, kick, make_beam) -> None:
    def name(end: pj.Beam) -> str:
        return "little" if any(hasattr(node, "tape") for node in nodes(end)) else "store"

    beam = make_beam(200)
    leaf = cell.with_values({"q1.k1": torch.tensor(29.6, dtype=torch.float64, requires_grad=True)})
    assert name(pj.track(leaf, beam, effects=[kick])) == "store"
    assert name(pj.track(leaf, beam, effects=[kick], adjoint=Auto(memory=1000))) == "little"
    assert pj.track(cell, beam, effects=[kick]).coordinates.grad_fn is None
    forward = pj.gradient(
        pj.observables.emittance_growth("x"),
        cell,
        beam,
        wrt=["q1.k1"],
        effects=[kick],
        mode="forward",
    )
    reverse = pj.gradient(
        pj.observables.emittance_growth("x"), cell, beam, wrt=["q1.k1"], effects=[kick]
    )
    np.testing.assert_allclose(forward, reverse, rtol=1e-9)
