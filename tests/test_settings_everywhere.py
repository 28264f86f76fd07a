"""Many settings in every public call that takes a lattice: as of each, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from settings_of_calls import check_public_calls

import pyjutrack as pj

FACTORS = torch.tensor([1.0, 1.001, 0.999], dtype=torch.float64)
#: what says that it takes one setting alone; the rest answers for all
REFUSED = {
    "loss_map",
    "match",
    "match limits",
    "plotting.plot_lattice",
    "plotting.plot_optics",
    "taper",
    "write_lattice",
}
#: holds the lattice that it is given, and computes nothing of it; or has turns before settings
ELSEWHERE = {"Twin", "Lattice + other", "track_turns"}


def vary(lattice: pj.Lattice) -> tuple[pj.Lattice, list[pj.Lattice]]:
    knob = (lattice.knobs("*.k1") or lattice.knobs("*"))[0]
    values = float(lattice.value(knob)) * FACTORS
    each = [lattice.with_values({knob: value}) for value in values.tolist()]
    return lattice.with_values({knob: values}), each


@pytest.mark.filterwarnings("ignore")
def test_every_public_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert check_public_calls(tmp_path, pj.Lattice, vary, REFUSED, ELSEWHERE) > 20
